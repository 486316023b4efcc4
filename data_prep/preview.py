"""A contact sheet of random crops of a data set, with the boxes of their targets."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image

from gradnet_tf.data import catalog, cutting
from gradnet_tf.data_prep import curate
from gradnet_tf.files import disk
from gradnet_tf.media import drawing

FILE_NAME = "preview.png"
_PAIRS = 24
_PAIRS_IN_A_ROW = 4
_NAME_LENGTH = 22  # characters of a video's name on a crop


def contact_sheet(output: str, pairs: int = _PAIRS, seed: int = 0) -> Image.Image:
    """Draws random frames of a finished data set, chosen by `seed`: exemplar beside instance.

    There are `pairs` of them, if there are as many. An OSError if shards cannot be read.
    """
    source = catalog.load([output], need_statistics=False)
    total = len(source.columns["frames"])
    chosen = np.random.default_rng(seed).choice(total, min(pairs, total), replace=False)
    crops, boxes, labels = [], [], []
    for frame in sorted(chosen.tolist()):
        label = f"{source.video(frame)[-_NAME_LENGTH:]} {source.columns['frames'][frame]}"
        for key, box in zip("zx", curate.boxes_in_crops(source.columns["boxes"][frame])):
            crops.append(source.decode(key, frame, cutting.SOURCE_SIZES[key]).numpy())
            boxes.append(box)
            labels.append(f"{key} {label}")
    return drawing.contact_sheet(
        crops, boxes, columns=2 * _PAIRS_IN_A_ROW, labels=labels, side=curate.INSTANCE_SIZE
    )


def write(output: str) -> str:
    """Writes the contact sheet into the data set's folder, on a local disk; returns the file."""
    path = os.path.join(output, FILE_NAME)
    sheet = contact_sheet(output)
    with disk.replacing(path) as temporary, disk.naming(path):
        sheet.save(temporary)
    return path
