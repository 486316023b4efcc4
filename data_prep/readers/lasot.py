"""Reads LaSOT (Fan et al., 2019).

    ROOT/airplane/airplane-1/img/00000001.jpg ...
                             groundtruth.txt      one line 'x,y,width,height' a frame
                             full_occlusion.txt   one line of 0,0,1,...: 1 = wholly occluded
                             out_of_view.txt      the same: 1 = out of view

The folders of the classes may be missing (``ROOT/airplane-1``), and ROOT may be one of them, or one
sequence. Boxes are 1-based (the authors say so in issue 14 of their toolkit), so 1 is taken from x
and y. Frames with either flag are passed over: their boxes mean nothing. The 280 sequences of the
test set (protocol II) are left out, and so are those of the extension, which is a test set.
"""

from __future__ import annotations

import os
import re

from tqdm import tqdm

from gradnet_tf.data_prep.readers import folders, sequences, splits, tracks
from gradnet_tf.data_prep.readers.tracks import Problem

TRUTH_NAME = "groundtruth.txt"
_FLAGS = {"full_occlusion.txt": "wholly occluded", "out_of_view.txt": "out of view"}
_DEPTH = 3


def read(root: str, progress: bool = False, split: str = splits.TRAIN) -> tracks.Reading:
    """Reads the annotations of the sequences and lists their frames.

    Args:
        root: The folder, see above.
        progress: Show a progress bar.
        split: "train", or "all" for the benchmark's other sets, too.

    Returns:
        One track a sequence, named as its folder; its track is "0", its category the name without
        the number.

    Raises:
        OSError: `root` is no folder, or a folder in it cannot be listed.
        ValueError: If nothing is usable, or there is no such split.
    """
    base = folders.check_root(root)
    problems: list[Problem] = []
    paths = folders.find_folders(base, lambda names: TRUTH_NAME in names, _DEPTH)
    paths = folders.drop_copies(
        paths, lambda path: len(folders.list_files(os.path.join(path, "img"))), problems
    )
    paths = splits.leave_out(paths, splits.of_lasot, split, problems)
    bar = tqdm(paths, unit="video", disable=not progress)
    found = [_read_sequence(path, problems) for path in bar]
    looked_for = f"sequences with {TRUTH_NAME} and img/00000001.jpg in CLASS/CLASS-1/ and CLASS-1/"
    return folders.finish(root, looked_for, found, problems)


def _read_sequence(path, problems):
    name = os.path.basename(path)
    boxes = sequences.load_boxes(os.path.join(path, TRUTH_NAME), problems)
    if boxes is None:
        return None
    absent = {}
    for flag, reason in _FLAGS.items():
        flags = sequences.load_flags(os.path.join(path, flag), len(boxes), problems)
        if flags is not None:
            absent.update((int(line), reason) for line in flags.nonzero()[0])
    frames = sequences.from_one(folders.list_files(os.path.join(path, "img")), len(boxes))
    names = (name, "0", re.sub(r"-[0-9]+$", "", name))
    return sequences.make_track(names, frames, boxes, problems, absent)
