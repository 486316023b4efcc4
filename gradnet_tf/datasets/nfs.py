"""Reads NfS, "Need for Speed" (Kiani Galoogahi et al., ICCV 2017), at 30 or 240 frames a second.

    ROOT/airboard_1/240/airboard_1/00001.jpg ...
                        airboard_1.txt    one line a frame: 0 xmin ymin xmax ymax frame 0 0 0 "ball"
    ROOT/airboard_1/30/airboard_1/00001.jpg ...
                       airboard_1.txt     the same file as for 240

At 30 frames a second every eighth line is taken, from the first one on, if there are more lines
than images; one image or one line too many at the end is passed over. So does the got10k toolkit.
The authors do not say where coordinates begin; as the tool by which they annotated counts from 0,
so do we. Frames whose target is lost or occluded count. Measures are those of OTB.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Collection
from typing import Optional

import numpy as np

from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.files import folder, textfiles

SIZE = 100
_STEP = 8  # 240 / 30
_SLACK = 1  # images or lines


def read(root: str, names: Optional[Collection[str]] = None, *, fps: int = 30) -> Dataset:
    """Reads all sequences, or the named ones, at 30 or 240 frames a second."""
    base = folder.check_root(root)
    paths, remarks = common.find_places(base, lambda names: str(fps) in names, 1)
    readers = {
        name: {path: functools.partial(_read_sequence, name, os.path.join(path, str(fps)), fps)}
        for name, path in ((os.path.basename(path), path) for path in paths)
    }
    dataset = Dataset(
        name=f"nfs{fps}",
        title=f"NfS{fps}",
        root=base,
        remarks=tuple(remarks),
        size=SIZE,
        rule=f"{fps} frames a second",
        origin=0,
    )
    looked_for = f"airboard_1/{fps}/airboard_1.txt and airboard_1/00001.jpg, and so on"
    return common.collect(dataset, readers, names, looked_for)


def _read_sequence(name, path, fps):
    boxes = _load_boxes(os.path.join(path, f"{name}.txt"))
    place = os.path.join(path, name)
    images = folder.list_numbered(place)
    if fps == 30 and (not images or len(boxes) > len(images) + _SLACK):
        boxes = boxes[::_STEP]
    if images and 0 < abs(len(images) - len(boxes)) <= _SLACK:
        count = min(len(images), len(boxes))
        boxes, images = boxes[:count], dict(list(images.items())[:count])
    return common.make_sequence(name, images, boxes, place)


def _load_boxes(path):
    """Boxes of corners: float64 [n, 4], (x, y, width, height)."""
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
