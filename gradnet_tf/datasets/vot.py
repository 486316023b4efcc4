"""Reads VOT2013 to VOT2022, the short-term challenges (Kristan et al.).

    ROOT/list.txt                        one name a line; without it, all sequences are taken
    ROOT/ants1/00000001.jpg ...          or color/00000001.jpg (VOT2018 and later)
               groundtruth.txt           one line a frame: 8 numbers, the corners x1,y1,...,x4,y4
                                         (from VOT2014 on); or 4, x,y,width,height; or a mask
                                         (from VOT2020 on): m, x,y,width,height, lengths of runs
               camera_motion.tag         0 or 1 a line, for each attribute; VOT2013 and 2014 have
                                         camera_motion.label. Lines that lack at the end are 0.
               sequence                  optional: width=1280 and height=720 of the frames

ROOT may be the workspace of the vot toolkit too, with ``sequences/list.txt``. Coordinates are taken
as they are, since the vot toolkit counts them from 0 as well. Masks are read as their bounding
boxes. From VOT2020 on the challenge starts trackers from anchors and compares masks; here each
sequence is run once, and numbers cannot be put beside those of the challenge.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from typing import Any, Optional

import numpy as np

from gradnet_tf.boxes.vot_regions import mask_box
from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.files import folder, textfiles

# How many sequences each challenge has.
SIZES = {
    **{2013: 16, 2014: 25, 2015: 60, 2016: 60, 2017: 60, 2018: 60, 2019: 60},
    **{2020: 60, 2021: 60, 2022: 62},
}
TRUTH_NAME = "groundtruth.txt"
_FIRST_OF_MASKS = 2020
_TAG_SUFFIXES = (".tag", ".label")
_SIZE = re.compile(r"^(width|height)\s*=\s*([0-9]+)\s*$", re.M)


def read(root: str, names: Optional[Collection[str]] = None, *, year: int = 2017) -> Dataset:
    """Reads the listed sequences, or the named ones.

    The year gives the name and the protocol; all else is told by the layout.
    """
    base = folder.check_root(root)
    inner = os.path.join(base, "sequences")
    if os.path.isfile(os.path.join(inner, "list.txt")):
        base = inner
    readers, remarks = common.listed_readers(base, TRUTH_NAME, 1, _read_sequence)
    looked_for = (
        f"list.txt, and NAME/{TRUTH_NAME} with NAME/00000001.jpg or NAME/color/00000001.jpg"
    )
    fields: dict[str, Any] = {"name": f"vot{year}", "title": f"VOT{year}", "size": SIZES[year]}
    fields |= {"convention": "vot", "layout": "vot", "origin": 0}
    if year < _FIRST_OF_MASKS:
        fields |= {"protocol": "supervised", "rule": "boxes of the regions' area and proportions"}
    else:
        fields["rule"] = "bounding boxes of the masks, one run of each sequence"
    return common.collect(base, remarks, readers, names, looked_for, **fields)


def load_regions(path: str, origin: int = 0) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Reads one region a line: 4 numbers, x, y, width, height, or 8, the corners, or a mask.

    Numbers are set apart as `textfiles` says; `origin` is what the file counts the first px as.

    Returns:
        Boxes, float64 [n, 4]: those of 4 numbers as they are, those of 8 as `equal_area_boxes`
        says, of masks the bounding boxes (NaN for an empty one). And corners, float64 [n, 8], or
        None if no line is of 8 numbers.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a line is something else, or there is none.
    """
    lines = textfiles.read_lines(path)
    if any(line.startswith("m") for line in lines):
        rows = [_read_mask(path, number, line) for number, line in enumerate(lines, 1)]
    else:
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
    """Returns upright boxes of the centre and area of rotated ones, as VOT's trackers start from.

    The enclosing upright rectangle is shrunk until its area is that of the region, and 1 px is
    added to each side (so do the reference's ``region_to_bbox`` and got10k's ``_corner2rect``).
    The centre is the mean of the corners x1, y1, ..., x4, y4, [n, 8]; the boxes are float64 [n, 4].
    """
    corners = np.asarray(regions, np.float64).reshape(-1, 4, 2)
    sides = corners.max(axis=1) - corners.min(axis=1)
    first, second = (np.linalg.norm(corners[:, i + 1] - corners[:, i], axis=1) for i in (0, 1))
    enclosing = sides.prod(axis=1)
    # A region without an area has no proportions; 1 px remains.
    scale = np.sqrt(first * second / np.where(enclosing > 0, enclosing, 1))
    sizes = scale[:, None] * sides + 1
    return np.concatenate([corners.mean(axis=1) - sizes / 2, sizes], axis=1)


def _read_mask(path, number, line):
    """The box of a line that is a mask, or 4 or 8 numbers beside masks."""
    try:
        if line.startswith("m"):
            return mask_box(np.array(line[1:].split(","), np.int64)).tolist()
        return textfiles.parse(line, {4, 8})
    except (ValueError, OverflowError) as error:
        detail = f" ({error})" if str(error) else ""
        raise ValueError(
            f"{path}, line {number}: {line[:80]!r} is no mask, nor 4 or 8 numbers{detail}"
        ) from None


def _corners(x, y, width, height):
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def _read_sequence(path):
    boxes, regions = load_regions(os.path.join(path, TRUTH_NAME))
    tags = {}
    for file in sorted(os.listdir(path)):
        stem, suffix = os.path.splitext(file)
        if suffix in _TAG_SUFFIXES and not file.startswith("."):
            tags[stem] = _load_tag(os.path.join(path, file), len(boxes))
    place = os.path.join(path, "color")
    images = folder.list_numbered(place) or folder.list_numbered(path)
    properties = os.path.join(path, "sequence")
    text = "\n".join(textfiles.read_lines(properties)) if os.path.isfile(properties) else ""
    size = dict(_SIZE.findall(text))
    resolution = (int(size["width"]), int(size["height"])) if len(size) == 2 else None
    return common.make_sequence(
        *(os.path.basename(path), images, boxes, place),
        regions=regions,
        tags=tags,
        resolution=resolution,
    )


def _load_tag(path, count):
    values = textfiles.read_integers(path)
    if not set(values) <= {0, 1}:
        raise ValueError(f"{path} is not one number 0 or 1 a line")
    if len(values) > count:
        raise ValueError(f"{path} has {len(values)} lines for {count} frames")
    return np.array([*map(bool, values), *[False] * (count - len(values))])
