"""Reads LaSOT (Fan et al., CVPR 2019) and its extension (Fan et al., IJCV 2021).

    ROOT/airplane/airplane-1/img/00000001.jpg ...
                             groundtruth.txt      one line 'x,y,width,height' a frame, 1-based
                             full_occlusion.txt   0,0,1,...: 1 = wholly occluded
                             out_of_view.txt      the same: 1 = out of view
    ROOT/annos/att/airplane-1.txt                 optional, from the authors' toolkit: attributes,
                                                  0 or 1 each

The folders of the classes may be missing (``ROOT/airplane-1``), and ROOT may be one of them, or one
sequence. That boxes are 1-based the authors say in issue 14 of their toolkit. Tests are run on the
280 sequences of protocol II, or on the 150 of the extension (15 other classes); training takes the
other 1,120, and passes over frames with either flag, whose boxes mean nothing.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Collection
from typing import Optional

import numpy as np

from gradnet_tf.datasets import common, tracks
from gradnet_tf.datasets.sequences import Dataset, shorten
from gradnet_tf.files import folder, textfiles

TRUTH_NAME = "groundtruth.txt"
# In the order of the authors' files of flags.
ATTRIBUTES = "IV POC DEF MB CM ROT BC VC SV FOC FM OV LR ARC".split()
_FLAGS = {"full_occlusion.txt": "wholly occluded", "out_of_view.txt": "out of view"}
# The annotation ends before the images; results are cut to it.
_LONGER = frozenset({"monkey-17"})
_DEPTH = 3
TEST_SET = tuple(
    f"{category}-{number}"
    for category, *numbers in common.load_table("lasot")
    for number in numbers
)
_NEW_CLASSES = (
    "atv badminton cosplay dancingshoe footbag frisbee jianzi lantern misc opossum paddle raccoon "
    "rhino skatingshoe wingsuit"
).split()
EXTENSION = tuple(f"{category}-{number}" for category in _NEW_CLASSES for number in range(1, 11))
_BY_LOWER = {name.lower(): name for name in (*TEST_SET, *EXTENSION)}


def read(root: str, names: Optional[Collection[str]] = None, *, extension: bool = False) -> Dataset:
    """Reads what there is of the test set, of protocol II or of the extension."""
    base = folder.check_root(root)
    paths, remarks = folder.find_folders(base, re.escape(TRUTH_NAME), _DEPTH, ("img",))
    wanted = EXTENSION if extension else TEST_SET
    readers = common.make_readers(
        common.by_name(paths, _name), functools.partial(_read_sequence, base=base)
    )
    others = [os.path.basename(path) for path in paths if _name(path) not in wanted]
    if others:
        remarks.append(f"{shorten(others)}: not of the test set")
    if names is not None and not isinstance(names, str):
        names = [canonical(name) for name in names]
    first = wanted[0]
    looked_for = f"{first.partition('-')[0]}/{first}/{TRUTH_NAME} and img/00000001.jpg, and so on"
    fields = {"name": "lasot", "title": "LaSOT", "rule": "protocol II: sequences of the test set"}
    if extension:
        fields = {"name": "lasot_ext", "title": "LaSOText", "rule": "the extension"}
    looked_for = f"the test set: {looked_for}"
    fields["convention"] = "lasot"
    return common.collect(base, remarks, readers, names, looked_for, wanted, **fields)


def read_tracks(root: str, progress: bool = False, split: str = tracks.TRAIN) -> tracks.Reading:
    """Reads what training takes.

    A sequence is one track "0" of a video called as its folder; its category is the name without
    the number.
    """
    base = folder.check_root(root)
    flaws: list[tracks.Flaw] = []
    paths, _ = folder.find_folders(base, re.escape(TRUTH_NAME), _DEPTH)
    paths = tracks.drop_copies(paths, lambda path: len(_list_images(path)), flaws)
    paths = tracks.leave_out(paths, _part_of, split, flaws)
    looked_for = f"sequences with {TRUTH_NAME} and img/00000001.jpg in CLASS/CLASS-1/ and CLASS-1/"
    return tracks.collect(root, looked_for, paths, _read_track, flaws, progress)


def canonical(name: str) -> str:
    """Returns the name of a sequence of a test set as written here; others stay as they are."""
    return _BY_LOWER.get(re.sub("[._ ]", "-", name).lower(), name)


def _part_of(path):
    name = os.path.basename(path).lower()
    if _BY_LOWER.get(name) in TEST_SET:
        return "the test set of LaSOT"
    if name.rpartition("-")[0] in _NEW_CLASSES:
        return "LaSOT's extension, a test set"
    return None


def _list_images(path):
    return folder.list_numbered(os.path.join(path, "img"))


def _name(path):
    return canonical(os.path.basename(path))


def _read_sequence(path, base):
    name = _name(path)
    boxes = textfiles.read_boxes(os.path.join(path, TRUTH_NAME), 1)
    images = _list_images(path)
    if name in _LONGER:
        images = {number: file for number, file in images.items() if number <= len(boxes)}
    flags = [common.load_flags(os.path.join(path, file), len(boxes)) for file in _FLAGS]
    files = [os.path.join(base, at, f"{name}.txt") for at in ("annos/att", "anno/att", "att")]
    return common.make_sequence(
        *(name, images, boxes, os.path.join(path, "img"), 1),
        absent=np.any(flags, axis=0),
        attributes=common.load_attributes(files, ATTRIBUTES) or (),
    )


def _read_track(path, flaws):
    name = os.path.basename(path)
    boxes = tracks.attempt(flaws, textfiles.read_boxes, os.path.join(path, TRUTH_NAME), 1)
    if boxes is None:
        return
    absent = {
        reason: tracks.attempt(flaws, common.load_flags, os.path.join(path, file), len(boxes))
        for file, reason in _FLAGS.items()
    }
    frames = tracks.number_frames(_list_images(path), len(boxes))
    names = (name, "0", re.sub(r"-[0-9]+$", "", name))
    yield tracks.make_track(names, frames, boxes, flaws, absent)
