"""Reads TC-128, also called Temple Color 128 or TColor128 (Liang et al., TIP 2015).

    ROOT/Airport_ce/Airport_ce_gt.txt        one line 'x,y,width,height' a frame, 1-based
                    Airport_ce_frames.txt    'first,last', the numbers of the annotated images
                    Airport_ce_att.txt       optional: attributes, such as 'OCC BC'
                    img/0001.jpg ...

Folders may lie a level deeper. Measures are those of OTB.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Optional

from gradnet_tf.datasets import common, otb
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.files import folder, textfiles

_TRUTH = "_gt.txt"
_DEPTH = 2


def read(root: str, names: Optional[Collection[str]] = None) -> Dataset:
    """Reads all sequences, or the named ones; `root` may be one sequence."""
    base = folder.check_root(root)
    paths, remarks = common.find_places(base, _has_truth, _DEPTH, ("img",))
    readers = common.list_folders(paths, _read_sequence)
    dataset = Dataset(
        name="tc128",
        title="TColor128",
        root=base,
        remarks=tuple(remarks),
        size=128,
        rule="the images of each sequence's _frames.txt",
    )
    looked_for = "Airport_ce/Airport_ce_gt.txt, Airport_ce_frames.txt, img/0001.jpg, and so on"
    return common.collect(dataset, readers, names, looked_for)


def _has_truth(names):
    return any(name.endswith(_TRUTH) for name in names)


def _read_sequence(path):
    name = os.path.basename(path)
    own = {file.lower(): os.path.join(path, file) for file in os.listdir(path)}
    truth, numbers, attributes = (
        own.get(f"{name}{ending}".lower(), os.path.join(path, f"{name}{ending}"))
        for ending in (_TRUTH, "_frames.txt", "_att.txt")
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
    codes = common.load_first_attributes([attributes], otb.ATTRIBUTES) or ()
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
