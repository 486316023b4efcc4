"""Reads TrackingNet (Mueller et al., ECCV 2018).

    ROOT/TEST/frames/NAME/0.jpg ...
         TEST/anno/NAME.txt          one line 'x,y,width,height': the first frame's; the others are
                                     with the authors' server
    ROOT/TRAIN_0/frames/NAME/0.jpg ...    up to TRAIN_11; some of them will do
         TRAIN_0/anno/NAME.txt            one line a frame

ROOT may be one of these chunks. The authors do not say where coordinates begin; as those of
YouTube-BoundingBoxes, from which they come, are parts of width and height, they begin at 0 here.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection
from typing import Any, Optional

from gradnet_tf.datasets import common, tracks
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.files import folder, series, textfiles

SIZE = 511
_CHUNK = re.compile(r"TRAIN_[0-9]+|TEST")


def read(root: str, names: Optional[Collection[str]] = None) -> Dataset:
    """Reads the test set."""
    base = folder.check_root(root)
    chunk = next(filter(_part_of, _chunks(base)), base)
    if os.path.basename(chunk).startswith("TRAIN_"):
        raise ValueError(f"no sequence of the test set in {chunk}: it is a chunk for training")
    readers = common.make_readers(common.by_name(_list_annotations(chunk), _name), _read_sequence)
    looked_for = "TEST/anno/NAME.txt, TEST/frames/NAME/0.jpg, and so on"
    fields: dict[str, Any] = {"name": "trackingnet", "title": "TrackingNet", "rule": "the test set"}
    return common.collect(base, (), readers, names, looked_for, size=SIZE, origin=0, **fields)


def read_tracks(root: str, progress: bool = False, split: str = tracks.TRAIN) -> tracks.Reading:
    """Reads the chunks for training; of the test set, if asked for, the first frames.

    A sequence is one track "0" of a video called as its file; its category is not known.
    """
    base = folder.check_root(root)
    flaws: list[tracks.Flaw] = []
    chunks = tracks.leave_out(_chunks(base) or [base], _part_of, split, flaws)
    paths = [path for chunk in chunks for path in _list_annotations(chunk)]
    looked_for = "TRAIN_0/anno/NAME.txt, TRAIN_0/frames/NAME/0.jpg, and so on"
    return tracks.collect(root, looked_for, paths, _read_track, flaws, progress)


def _chunks(base):
    """The folders of chunks; none if `base` is one itself."""
    names = filter(_CHUNK.fullmatch, os.listdir(base))
    return [os.path.join(base, name) for name in sorted(names, key=series.natural_key)]


def _part_of(chunk):
    return "the test set of TrackingNet" if os.path.basename(chunk) == "TEST" else None


def _list_annotations(chunk):
    return sorted(glob.glob(os.path.join(glob.escape(chunk), "anno", "*.txt")))


def _name(path):
    return os.path.splitext(os.path.basename(path))[0]


def _frames_place(path):
    return os.path.join(os.path.dirname(os.path.dirname(path)), "frames", _name(path))


def _read_sequence(path):
    boxes = textfiles.read_boxes(path)
    place = _frames_place(path)
    images = folder.list_numbered(place)
    if len(boxes) == 1:
        boxes = common.add_withheld(boxes, images, place, 0)
    return common.make_sequence(_name(path), images, boxes, place, 0)


def _read_track(path, flaws):
    boxes = tracks.attempt(flaws, textfiles.read_boxes, path)
    if boxes is not None:
        frames = tracks.number_frames(folder.list_numbered(_frames_place(path)), len(boxes), 0)
        yield tracks.make_track((_name(path), "0", ""), frames, boxes, flaws)
