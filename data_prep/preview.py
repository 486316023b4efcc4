"""A contact sheet of random crops of a data set, with the boxes of their targets."""

from __future__ import annotations

import io
import os

import numpy as np
from PIL import Image

from gradnet_tf.data import description, records
from gradnet_tf.data_prep import curate
from gradnet_tf.files import disk, storage
from gradnet_tf.media import drawing, image_files, images

FILE_NAME = "preview.png"
_PAIRS = 24
_PAIRS_IN_A_ROW = 4
_NAME_LENGTH = 22  # characters of a video's name on a crop


def contact_sheet(output: str, pairs: int = _PAIRS, seed: int = 0) -> Image.Image:
    """Draws random frames of a finished data set: exemplar and instance side by side.

    Args:
        output: Folder of the data set.
        pairs: How many frames, if there are as many.
        seed: Chooses the frames.

    Raises:
        OSError: If there is no ``dataset.json``, or shards cannot be read.
    """
    made = description.load(output)
    ends = np.cumsum([shard.frames for shard in made.shards])
    total = int(ends[-1]) if len(ends) else 0
    chosen = np.random.default_rng(seed).choice(total, min(pairs, total), replace=False)
    crops, boxes, labels = [], [], []
    for number in sorted(chosen.tolist()):
        shard = int(np.searchsorted(ends, number, side="right"))
        place = number - int(ends[shard]) + made.shards[shard].frames
        path = os.path.join(output, made.shards[shard].name)
        index = records.open_index(path)
        track = int(np.searchsorted(np.cumsum(index.counts), place, side="right"))
        label = f"{index.videos[track][-_NAME_LENGTH:]} {int(index.columns['frames'][place])}"
        for letter, box in zip("zx", curate.boxes_in_crops(index.columns["boxes"][place])):
            start, length = (
                int(index.columns[f"{letter}_{name}"][place]) for name in ("offset", "length")
            )
            crop = io.BytesIO(storage.read_range(path, start, length))
            with image_files.opened(crop, f"of {label} in {path}") as image:
                crops.append(images.as_rgb(image))
            boxes.append(box)
            labels.append(f"{letter} {label}")
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
