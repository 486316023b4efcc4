"""Reads VOT2013 to VOT2019, the short-term challenges (Kristan et al.).

    ROOT/list.txt                        one name a line; without it, all sequences are taken
    ROOT/ants1/00000001.jpg ...          or color/00000001.jpg (VOT2018 and later)
               groundtruth.txt           one line a frame: 8 numbers, the corners x1,y1,...,x4,y4
                                         (from VOT2014 on), or 4, x,y,width,height
               camera_motion.tag         0 or 1 a line, for each attribute; VOT2013 and 2014 have
                                         camera_motion.label. Lines that lack at the end are 0.

ROOT may be the workspace of the vot toolkit too, with ``sequences/list.txt``. Coordinates are taken
as they are, since the vot toolkit counts them from 0 as well.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Optional

import numpy as np

from gradnet_tf.data_prep.readers import folders
from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset, Sequence
from gradnet_tf.files import textfiles

# How many sequences each challenge has.
SIZES = {2013: 16, 2014: 25, 2015: 60, 2016: 60, 2017: 60, 2018: 60, 2019: 60}
TRUTH_NAME = "groundtruth.txt"
_TAG_SUFFIXES = (".tag", ".label")


def read(root: str, names: Optional[Collection[str]] = None, *, year: int = 2017) -> Dataset:
    """Reads the listed sequences, or the named ones.

    Args:
        root: The folder, see above.
        names: Which sequences; all by default.
        year: Of the challenge. The layout tells everything else, so it gives the name only.

    Raises:
        OSError: `root` is no folder, or a folder or the list cannot be read.
        ValueError: If nothing is usable, or one of `names` is not there.
    """
    if year not in SIZES:
        raise ValueError(f"year of VOT must be 2013 to 2019, got {year}")
    base = folders.check_root(root)
    inner = os.path.join(base, "sequences")
    if os.path.isfile(os.path.join(inner, "list.txt")):
        base = inner
    listed, remarks = common.listed_folders(base, TRUTH_NAME, 1)
    readers = common.list_readers(listed, base, TRUTH_NAME, _read_sequence)
    looked_for = (
        f"list.txt, and NAME/{TRUTH_NAME} with NAME/00000001.jpg or NAME/color/00000001.jpg"
    )
    found = common.collect(base, readers, names, looked_for, remarks)
    return Dataset(
        name=f"vot{year}",
        title=f"VOT{year}",
        root=base,
        convention="vot",
        layout="vot",
        protocol="supervised",
        sequences=found.sequences,
        problems=found.problems,
        remarks=found.remarks,
        size=SIZES[year],
        rule="boxes of the regions' area and proportions",
        origin=0,
    )


def load_regions(path: str, origin: int = 0) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Reads one region a line: 4 numbers, x, y, width, height, or 8, the corners.

    Args:
        path: The file; numbers are set apart as `textfiles` says.
        origin: What the file counts the first px as.

    Returns:
        Boxes, float64 [n, 4]: those of 4 numbers as they are, the others as `equal_area_boxes`
        says. And corners, float64 [n, 8], or None if all lines are of 4 numbers.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a line is something else, or there is none.
    """
    rows = [row.numbers for row in textfiles.read_rows(path, {4, 8}, "4 or 8 numbers")]
    if not rows:
        raise ValueError(f"{path} holds no regions; one line of 4 or 8 numbers a frame is needed")
    is_box = np.array([len(row) == 4 for row in rows])
    corners = np.array([_corners(*row) if len(row) == 4 else row for row in rows]) - origin
    boxes = np.empty((len(rows), 4))
    boxes[~is_box] = equal_area_boxes(corners[~is_box])
    given = np.array([row for row in rows if len(row) == 4]).reshape(-1, 4)
    boxes[is_box] = given - [origin, origin, 0, 0]
    return boxes, None if is_box.all() else corners


def equal_area_boxes(regions: np.ndarray) -> np.ndarray:
    """Upright boxes of the same centre and area as rotated ones, as VOT's trackers start from.

    The enclosing upright rectangle is shrunk until its area is that of the region, and 1 px is
    added to each side (so do the reference's ``region_to_bbox`` and got10k's ``_corner2rect``).
    The centre is the mean of the corners.

    Args:
        regions: [n, 8], corners x1, y1, ..., x4, y4 in turn.

    Returns:
        float64 [n, 4], (x, y, width, height).
    """
    corners = np.asarray(regions, np.float64).reshape(-1, 4, 2)
    sides = corners.max(axis=1) - corners.min(axis=1)
    first, second = (np.linalg.norm(corners[:, i + 1] - corners[:, i], axis=1) for i in (0, 1))
    enclosing = sides.prod(axis=1)
    # A region without an area has no proportions; 1 px remains.
    scale = np.sqrt(first * second / np.where(enclosing > 0, enclosing, 1))
    sizes = scale[:, None] * sides + 1
    return np.concatenate([corners.mean(axis=1) - sizes / 2, sizes], axis=1)


def _corners(x, y, width, height):
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def _read_sequence(name, path):
    boxes, regions = load_regions(os.path.join(path, TRUTH_NAME))
    images = common.list_images(os.path.join(path, "color"), path)
    frames = common.match_frames(images, len(boxes))
    tags = {}
    for file in sorted(os.listdir(path)):
        stem, suffix = os.path.splitext(file)
        if suffix in _TAG_SUFFIXES and not file.startswith("."):
            tags[stem] = _load_tag(os.path.join(path, file), len(frames))
    return Sequence(name, frames, boxes, regions=regions, tags=tags, first_number=min(images))


def _load_tag(path, count):
    values = textfiles.read_integers(path)
    if not set(values) <= {0, 1}:
        raise ValueError(f"{path} is not one number 0 or 1 a line")
    if len(values) > count:
        raise ValueError(f"{path} has {len(values)} lines for {count} frames")
    return np.array([*map(bool, values), *[False] * (count - len(values))])
