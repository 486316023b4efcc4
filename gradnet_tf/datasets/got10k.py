"""Reads the validation and the test set of GOT-10k (Huang et al., TPAMI 2019).

    ROOT/val/list.txt                               one name a line
    ROOT/val/GOT-10k_Val_000001/00000001.jpg ...
                                groundtruth.txt     one line 'x,y,width,height' a frame, 1-based
                                absence.label       one line a frame: 1 = the target is absent
                                cover.label         one line a frame: 0 to 8 eighths are visible
                                meta_info.ini       resolution: (1920, 1080)
    ROOT/test/GOT-10k_Test_000001/groundtruth.txt   one line: the truth of the other frames is with
                                                    the authors' server, and there are no labels

ROOT may be the folder of the split as well. Without a list, all sequences are taken.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Collection
from typing import Optional

import numpy as np

from gradnet_tf.data_prep.readers import folders
from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset, Sequence

TRUTH_NAME = "groundtruth.txt"
SIZE = 180  # of each split
_DEPTH = 2  # the folders of the published archives may lie between a split and its sequences
_SPLIT = re.compile(r"GOT-10k_(Train|Val|Test)_")
_RESOLUTION = re.compile(r"^\s*resolution\s*[:=]\s*\(?\s*([0-9]+)\s*,\s*([0-9]+)", re.M)


def read(root: str, names: Optional[Collection[str]] = None, *, split: str = "val") -> Dataset:
    """Reads the listed sequences of a split, or the named ones.

    Args:
        root: The folder, see above.
        names: Which sequences; all by default.
        split: "val" or "test".

    Raises:
        OSError: `root` is no folder, or a folder or the list cannot be read.
        ValueError: If nothing is usable, or one of `names` is not there.
    """
    if split not in ("val", "test"):
        raise ValueError(f"split of GOT-10k must be val or test, got {split!r}")
    base = folders.check_root(root)
    inner = os.path.join(base, split)
    if os.path.isdir(inner):
        base = inner
    elif any(os.path.isdir(os.path.join(base, other)) for other in ("train", "val", "test")):
        raise ValueError(f"no sequence in {base}: it has other splits, but no folder {split}")
    listed, remarks = common.listed_folders(base, TRUTH_NAME, _DEPTH)
    read_sequence = functools.partial(_read_sequence, split=split)
    readers = common.list_readers(listed, base, TRUTH_NAME, read_sequence)
    looked_for = f"{split}/GOT-10k_{split.title()}_000001/{TRUTH_NAME} and 00000001.jpg, and so on"
    found = common.collect(base, readers, names, looked_for, remarks)
    return Dataset(
        name=f"got10k_{split}",
        title="GOT-10k",
        root=base,
        convention="got10k",
        layout="got10k",
        protocol="ope",
        sequences=found.sequences,
        problems=found.problems,
        remarks=found.remarks,
        size=SIZE,
        rule=f"the split {split}",
    )


def _read_sequence(name, path, split):
    own = _SPLIT.match(name)
    if own and own[1].lower() != split:
        raise ValueError(f"{path} is of the split {own[1].lower()}")
    boxes = common.load_boxes(os.path.join(path, TRUTH_NAME))
    images = common.list_images(path)
    if split == "test" and len(boxes) == 1:
        hidden = np.full((max(images) - 1, 4), np.nan)
        boxes = np.concatenate([boxes, hidden])
    frames = common.match_frames(images, len(boxes), 1)
    absent = cover = None
    if split == "val":
        absent = common.load_flags(os.path.join(path, "absence.label"), len(boxes)) != 0
        cover = common.load_flags(os.path.join(path, "cover.label"), len(boxes))
        if cover.min() < 0 or cover.max() > 8:
            raise ValueError(f"{path}/cover.label has {cover.min()} to {cover.max()}, not 0 to 8")
    resolution = _load_resolution(os.path.join(path, "meta_info.ini"))
    return Sequence(name, frames, boxes, absent=absent, cover=cover, resolution=resolution)


def _load_resolution(path):
    """(width, height), or None where the file or the line is missing."""
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        match = _RESOLUTION.search(file.read())
    return (int(match[1]), int(match[2])) if match else None
