"""Reads TC-128, NfS and DTB70, whose measures are those of OTB.

TC-128, also called Temple Color 128 or TColor128 (Liang et al., TIP 2015):

    ROOT/Airport_ce/Airport_ce_gt.txt        one line 'x,y,width,height' a frame, 1-based
                    Airport_ce_frames.txt    'first,last', the numbers of the annotated images
                    Airport_ce_att.txt       optional: attributes, such as 'OCC BC'
                    img/0001.jpg ...

NfS, "Need for Speed" (Kiani Galoogahi et al., ICCV 2017), at 30 or 240 frames a second:

    ROOT/airboard_1/240/airboard_1/00001.jpg ...
                        airboard_1.txt    one line a frame: 0 xmin ymin xmax ymax frame 0 0 0 "ball"
    ROOT/airboard_1/30/airboard_1/00001.jpg ...
                       airboard_1.txt     the same file as for 240

At 30 frames a second every eighth line is taken, from the first one on, if there are more lines
than images; one image or one line too many at the end is passed over. So does the got10k toolkit.
The authors do not say where coordinates begin; as the tool by which they annotated counts from 0,
so do we. Frames whose target is lost or occluded count.

DTB70, videos of drones (Li and Yeung, AAAI 2017):

    ROOT/Animal1/img/00001.jpg ...
                 groundtruth_rect.txt    one line 'x,y,width,height' a frame, 1-based
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Collection
from typing import Optional

import numpy as np

from gradnet_tf.datasets import common, otb
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.files import folder, textfiles

_DTB70_TRUTH = "groundtruth_rect.txt"
_STEP = 8  # 240 / 30
_SLACK = 1  # images or lines


def read_tc128(root: str, names: Optional[Collection[str]] = None) -> Dataset:
    """Reads TC-128; folders may lie a level deeper."""
    looked_for = "Airport_ce/Airport_ce_gt.txt, Airport_ce_frames.txt, img/0001.jpg"
    fields = {"name": "tc128", "title": "TColor128", "size": 128}
    fields["rule"] = "the images of each sequence's _frames.txt"
    return common.read_folders(root, names, r".*_gt\.txt", _read_tc128, looked_for, **fields)


def read_nfs(root: str, names: Optional[Collection[str]] = None, *, fps: int = 30) -> Dataset:
    """Reads NfS at 30 or 240 frames a second; folders may lie a level deeper."""
    read = functools.partial(_read_nfs, fps)
    looked_for = f"airboard_1/{fps}/airboard_1.txt and airboard_1/00001.jpg"
    fields = {"name": f"nfs{fps}", "title": f"NfS{fps}", "size": 100, "origin": 0}
    fields["rule"] = f"{fps} frames a second"
    return common.read_folders(root, names, str(fps), read, looked_for, **fields)


def read_dtb70(root: str, names: Optional[Collection[str]] = None) -> Dataset:
    """Reads DTB70; folders may lie a level deeper."""
    truth, looked_for = re.escape(_DTB70_TRUTH), f"Animal1/{_DTB70_TRUTH}, Animal1/img/00001.jpg"
    fields = {"name": "dtb70", "title": "DTB70", "size": 70}
    return common.read_folders(root, names, truth, _read_dtb70, looked_for, **fields)


def _read_tc128(path):
    name = os.path.basename(path)
    own = {file.lower(): os.path.join(path, file) for file in os.listdir(path)}
    truth, numbers, attributes = (
        own.get(f"{name}{ending}".lower(), os.path.join(path, f"{name}{ending}"))
        for ending in ("_gt.txt", "_frames.txt", "_att.txt")
    )
    boxes = textfiles.read_boxes(truth, 1)
    first, last = _load_range(numbers)
    if last - first + 1 != len(boxes):
        raise ValueError(
            f"{numbers} says {first} to {last}, which is {last - first + 1} frames, but {truth} "
            f"has {len(boxes)} boxes"
        )
    place = os.path.join(path, "img")
    images = common.cut_images(folder.list_numbered(place), first, last)
    codes = common.load_attributes([attributes], otb.ATTRIBUTES) or ()
    return common.make_sequence(name, images, boxes, place, first, attributes=codes)


def _load_range(path):
    text = " ".join(textfiles.read_lines(path))
    try:
        first, last = textfiles.parse(text, {2})
    except ValueError:
        first = last = 0.5
    if not first.is_integer() or not last.is_integer():
        raise ValueError(f"{path}: {text[:80]!r} is not 'first,last'")
    return int(first), int(last)


def _read_nfs(fps, path):
    name = os.path.basename(path)
    place = os.path.join(path, str(fps), name)
    boxes = _load_corners(f"{place}.txt")
    images = folder.list_numbered(place)
    if fps == 30 and (not images or len(boxes) > len(images) + _SLACK):
        boxes = boxes[::_STEP]
    if images and 0 < abs(len(images) - len(boxes)) <= _SLACK:
        count = min(len(images), len(boxes))
        boxes, images = boxes[:count], dict(list(images.items())[:count])
    return common.make_sequence(name, images, boxes, place)


def _load_corners(path):
    """Reads boxes by their corners: float64 [n, 4], (x, y, width, height)."""
    rows = []
    for number, line in enumerate(textfiles.read_lines(path), 1):
        try:
            left, top, right, bottom = map(float, line.split()[1:5])
        except ValueError:
            expected = "'id xmin ymin xmax ymax frame lost occluded generated label'"
            raise ValueError(f"{path}, line {number}: {line[:80]!r} is not {expected}") from None
        rows.append((left, top, right - left, bottom - top))
    if not rows:
        raise ValueError(f"{path} holds no boxes")
    return np.array(rows)


def _read_dtb70(path):
    boxes = textfiles.read_boxes(os.path.join(path, _DTB70_TRUTH), 1)
    place = os.path.join(path, "img")
    return common.make_sequence(os.path.basename(path), folder.list_numbered(place), boxes, place)
