"""Reads GOT-10k (Huang et al., TPAMI 2019).

    ROOT/train/list.txt                             one name a line
    ROOT/train/GOT-10k_Train_000001/00000001.jpg ...
                                    groundtruth.txt   one line 'x,y,width,height' a frame, 1-based
                                    absence.label     one line a frame: 1 = the target is absent
                                    cover.label       one line a frame: 0 to 8 eighths are visible
                                    meta_info.ini     resolution: (1920, 1080), object_class: bear
    ROOT/val/GOT-10k_Val_000001/      likewise
    ROOT/test/GOT-10k_Test_000001/groundtruth.txt     one line: the ground truth of the other frames
                                                      is with the authors' server; no labels

ROOT may be the folder of a split as well, and for training that of a sequence. A ``list.txt`` names
the sequences that are read, as in the authors' toolkit. That boxes are 1-based the authors say in
its issue 6. Training takes ``train`` alone, as the benchmark asks, without frames in which the
target is absent or wholly covered, which do not count in the benchmark's own measure either.
"""

from __future__ import annotations

import configparser
import functools
import os
import re
from collections.abc import Collection
from typing import Optional

from gradnet_tf.datasets import common, tracks
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.files import folder, textfiles

TRUTH_NAME = "groundtruth.txt"
SIZE = 180  # of the validation set and of the test set
_SPLITS = ("train", "val", "test")
_DEPTH = 2  # the folders of the published archives may lie between a split and its sequences
_SPLIT = re.compile(r"GOT-10k_(Train|Val|Test)_")
_RESOLUTION = re.compile(r"^\s*resolution\s*[:=]\s*\(?\s*([0-9]+)\s*,\s*([0-9]+)", re.M)


def read(root: str, names: Optional[Collection[str]] = None, *, split: str = "val") -> Dataset:
    """Reads the listed sequences of a split, "val" or "test", or the named ones."""
    base = folder.check_root(root)
    inner = os.path.join(base, split)
    if os.path.isdir(inner):
        base = inner
    elif any(os.path.isdir(os.path.join(base, other)) for other in _SPLITS):
        raise ValueError(f"no sequence in {base}: it has other splits, but no folder {split}")
    read_sequence = functools.partial(_read_sequence, split=split)
    readers, remarks = common.listed_readers(base, TRUTH_NAME, _DEPTH, read_sequence)
    looked_for = f"{split}/GOT-10k_{split.title()}_000001/{TRUTH_NAME} and 00000001.jpg, and so on"
    fields = {"name": f"got10k_{split}", "title": "GOT-10k", "rule": f"the split {split}"}
    fields |= {"convention": "got10k", "layout": "got10k"}
    return common.collect(base, remarks, readers, names, looked_for, size=SIZE, **fields)


def read_tracks(root: str, progress: bool = False, split: str = tracks.TRAIN) -> tracks.Reading:
    """Reads what training takes.

    A sequence is one track "0" of a video called as its folder; its category is `object_class`.
    """
    base = folder.check_root(root)
    parts = [path for path in (os.path.join(base, name) for name in _SPLITS) if os.path.isdir(path)]
    if split == tracks.TRAIN and parts[:1] == [os.path.join(base, "train")]:
        parts = parts[:1]
    flaws: list[tracks.Flaw] = []
    paths = []
    for part in parts or [base]:
        above = os.path.dirname(part)

        def part_of(path, above=above):
            return tracks.part_by_name(os.path.relpath(path, above).replace(os.sep, "/"))

        paths += tracks.leave_out(_list_paths(part, flaws), part_of, split, flaws)
    looked_for = f"sequences with {TRUTH_NAME} and 00000001.jpg in train/*/ and */"
    return tracks.collect(root, looked_for, paths, _read_track, flaws, progress)


def _list_paths(base, flaws):
    """Lists the folders that the list names, or all; of copies one."""
    listed, _ = common.listed_folders(base, TRUTH_NAME, _DEPTH)
    for name in (name for name, paths in listed.items() if not paths):
        detail = f"list.txt names it, but it has no {TRUTH_NAME}"
        flaws.append(tracks.Flaw(tracks.NO_ANNOTATION, os.path.join(base, name), detail))
    paths = [path for paths in listed.values() for path in paths]
    return tracks.drop_copies(paths, lambda path: len(folder.list_numbered(path)), flaws)


def _read_sequence(path, split):
    name = os.path.basename(path)
    own = _SPLIT.match(name)
    if own and own[1].lower() != split:
        raise ValueError(f"{path} is of the split {own[1].lower()}")
    boxes = textfiles.read_boxes(os.path.join(path, TRUTH_NAME), 1)
    images = folder.list_numbered(path)
    if split == "test" and len(boxes) == 1:
        boxes = common.add_withheld(boxes, images, path, 1)
    if images:
        common.match_frames(images, len(boxes), 1)  # Tells more than the labels do.
    absent = cover = None
    if split == "val":
        absent = common.load_flags(os.path.join(path, "absence.label"), len(boxes)) != 0
        cover = common.load_flags(os.path.join(path, "cover.label"), len(boxes))
        if cover.min() < 0 or cover.max() > 8:
            raise ValueError(f"{path}/cover.label has {cover.min()} to {cover.max()}, not 0 to 8")
    resolution = _load_resolution(os.path.join(path, "meta_info.ini"))
    return common.make_sequence(
        *(name, images, boxes, path, 1), absent=absent, cover=cover, resolution=resolution
    )


def _load_resolution(path):
    """Reads (width, height); None where the file or the line is missing."""
    if not os.path.isfile(path):
        return None
    match = _RESOLUTION.search("\n".join(textfiles.read_lines(path)))
    return (int(match[1]), int(match[2])) if match else None


def _read_track(path, flaws):
    boxes = tracks.attempt(flaws, textfiles.read_boxes, os.path.join(path, TRUTH_NAME), 1)
    if boxes is None:
        return
    absent = {}
    for label, value, reason in (("cover", 0, "wholly covered"), ("absence", 1, "absent")):
        file = os.path.join(path, f"{label}.label")
        flags = tracks.attempt(flaws, common.load_flags, file, len(boxes))
        absent[reason] = None if flags is None else flags == value
    frames = tracks.number_frames(folder.list_numbered(path), len(boxes))
    names = (os.path.basename(path), "0", _load_category(path, flaws))
    yield tracks.make_track(names, frames, boxes, flaws, absent)


def _load_category(path, flaws):
    file = os.path.join(path, "meta_info.ini")
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    lines = tracks.attempt(flaws, textfiles.read_lines, file) if os.path.exists(file) else []
    try:
        parser.read_file(lines or [], file)
    except configparser.Error as error:
        flaws.append(tracks.Flaw(tracks.UNREADABLE, file, " ".join(str(error).split())))
    return parser.get("METAINFO", "object_class", fallback="")
