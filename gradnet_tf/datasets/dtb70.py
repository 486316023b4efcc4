"""Reads DTB70, videos of drones (Li and Yeung, AAAI 2017).

    ROOT/Animal1/img/00001.jpg ...
                 groundtruth_rect.txt    one line 'x,y,width,height' a frame, 1-based

Folders may lie a level deeper. Measures are those of OTB, whose toolkit the authors use.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Optional

from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.files import folder, textfiles

TRUTH_NAME = "groundtruth_rect.txt"
_DEPTH = 2


def read(root: str, names: Optional[Collection[str]] = None) -> Dataset:
    """Reads all sequences, or the named ones; `root` may be one sequence."""
    base = folder.check_root(root)
    paths, remarks = common.find_places(base, _has_truth, _DEPTH, ("img",))
    readers = common.list_folders(paths, _read_sequence)
    dataset = Dataset(name="dtb70", title="DTB70", root=base, remarks=tuple(remarks), size=70)
    looked_for = f"Animal1/{TRUTH_NAME}, Animal1/img/00001.jpg, and so on"
    return common.collect(dataset, readers, names, looked_for)


def _has_truth(names):
    return TRUTH_NAME in names


def _read_sequence(path):
    boxes = textfiles.read_boxes(os.path.join(path, TRUTH_NAME), 1)
    place = os.path.join(path, "img")
    images = folder.list_numbered(place)
    return common.make_sequence(os.path.basename(path), images, boxes, place)
