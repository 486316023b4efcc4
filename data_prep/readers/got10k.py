"""Reads GOT-10k (Huang et al., 2019).

    ROOT/train/GOT-10k_Train_000001/00000001.jpg ...
                                    groundtruth.txt   one line 'x,y,width,height' a frame
                                    absence.label     one line a frame: 1 = the target is absent
                                    cover.label       one line a frame: 0 to 8 eighths are visible
                                    meta_info.ini     object_class
    ROOT/train/list.txt

ROOT may be that folder, one of a split (``ROOT/train``) or one of a sequence. The sequences of
``train`` alone are read: the benchmark asks that nothing else is trained on. Where there is a
``list.txt``, the sequences that it names are read, as the authors' toolkit does.

Boxes are 1-based (the authors say so in issue 6 of their toolkit), so 1 is taken from x and y.
Frames in which the target is absent or wholly covered (cover 0) are passed over: such frames count
neither in the benchmark's own measure.
"""

from __future__ import annotations

import configparser
import functools
import os

from tqdm import tqdm

from gradnet_tf.data_prep.readers import folders, sequences, splits, tracks
from gradnet_tf.data_prep.readers.tracks import Problem
from gradnet_tf.files import textfiles

TRUTH_NAME = "groundtruth.txt"
LIST_NAME = "list.txt"
_DEPTH = 2  # the folders of the published archives may lie between a split and its sequences


def read(root: str, progress: bool = False, split: str = splits.TRAIN) -> tracks.Reading:
    """Reads the annotations and lists the frames.

    Args:
        root: The folder, see above.
        progress: Show a progress bar.
        split: "train", or "all" for the benchmark's other sets, too.

    Returns:
        One track a sequence, named as its folder; its track is "0", its category `object_class`.

    Raises:
        OSError: `root` is no folder, or a folder in it cannot be listed.
        ValueError: If nothing is usable, or there is no such split.
    """
    base = folders.check_root(root)
    bases = [os.path.join(base, name) for name in ("train", "val", "test")]
    if split == splits.TRAIN and os.path.isdir(bases[0]):
        bases = bases[:1]
    problems: list[Problem] = []
    paths = []
    for part in [part for part in bases if os.path.isdir(part)] or [base]:
        found_paths = _sequences(part, problems)
        in_set = functools.partial(splits.by_path, base=part)
        paths += splits.leave_out(found_paths, in_set, split, problems)
    bar = tqdm(paths, unit="video", disable=not progress)
    found = [_read_sequence(path, problems) for path in bar]
    looked_for = f"sequences with {TRUTH_NAME} and 00000001.jpg in train/*/ and */"
    return folders.finish(root, looked_for, found, problems)


def _sequences(base, problems):
    found = folders.find_folders(base, lambda names: TRUTH_NAME in names, _DEPTH)
    found = folders.drop_copies(found, lambda path: len(folders.list_files(path)), problems)
    listing = os.path.join(base, LIST_NAME)
    if not os.path.isfile(listing):
        return found
    lines = textfiles.read_lines(listing)
    listed = dict.fromkeys(name for line in lines for name in line.split())
    by_name = {os.path.basename(path): path for path in found}
    for name in listed:
        if name not in by_name:
            where = os.path.join(base, name)
            detail = f"{LIST_NAME} names it, but it has no {TRUTH_NAME}"
            problems.append(Problem(tracks.NO_ANNOTATION, where, detail))
    return [by_name[name] for name in listed if name in by_name]


def _read_sequence(path, problems):
    name = os.path.basename(path)
    boxes = sequences.load_boxes(os.path.join(path, TRUTH_NAME), problems)
    if boxes is None:
        return None
    absent = {}
    for label, value, reason in (("cover", 0, "wholly covered"), ("absence", 1, "absent")):
        file = os.path.join(path, f"{label}.label")
        flags = sequences.load_flags(file, len(boxes), problems)
        if flags is not None:
            absent.update((int(line), reason) for line in (flags == value).nonzero()[0])
    frames = sequences.from_one(folders.list_files(path), len(boxes))
    names = (name, "0", _category(os.path.join(path, "meta_info.ini"), problems))
    return sequences.make_track(names, frames, boxes, problems, absent)


def _category(path, problems):
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            parser.read_file(file)
    except FileNotFoundError:
        return ""
    except (OSError, configparser.Error) as error:
        problems.append(Problem(tracks.UNREADABLE, path, " ".join(str(error).split())))
        return ""
    return parser.get("METAINFO", "object_class", fallback="")
