"""Cuts the exemplar and instance crops that Siamese trackers are trained on.

As SiamFC's curation of ILSVRC does it (Bertinetto et al., 2016, section 3.1): a square of the
target and its context is scaled to 127 x 127 px; the instance is the square around the same centre
at the same scale, 255 x 255 px. What lies outside the frame is filled with its mean colour.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from gradnet_tf import geometry

EXEMPLAR_SIZE = 127  # px
INSTANCE_SIZE = 255  # px
CONTEXT_AMOUNT = 0.5
JPEG_QUALITY = 95


def has_target(box: np.ndarray, frame: np.ndarray) -> bool:
    """Whether a box (x, y, width, height) holds numbers, has an area and touches the frame."""
    try:
        geometry.check_box(box, frame.shape[:2])
    except ValueError:
        return False
    return True


def cut_crops(frame: np.ndarray, box: np.ndarray) -> tuple[Image.Image, Image.Image]:
    """Cuts the crops of one target.

    Args:
      frame: uint8 [h, w, 3], RGB.
      box: (x, y, width, height) of the target in px, 0-based, of positive size.

    Returns:
      The exemplar (127 x 127 px) and the instance (255 x 255 px), RGB.
    """
    x, y, width, height = (float(number) for number in box)
    side = float(geometry.exemplar_side(np.array([height, width]), CONTEXT_AMOUNT))
    instance_side = geometry.instance_side(side, EXEMPLAR_SIZE, INSTANCE_SIZE)
    centre = (x + width / 2, y + height / 2)
    colour = tuple(int(round(value)) for value in frame.mean(axis=(0, 1)))
    image = Image.fromarray(frame)
    return (
        _cut_square(image, centre, side, EXEMPLAR_SIZE, colour),
        _cut_square(image, centre, instance_side, INSTANCE_SIZE, colour),
    )


def to_jpeg(image: Image.Image) -> bytes:
    """Encodes a crop."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _cut_square(image, centre, side, size, colour):
    """Cuts a square of whole px around the centre (x, y) and scales it to `size`.

    Scaling is bicubic and smooths when it shrinks, as MATLAB's imresize does in the original
    curation.
    """
    side = max(1, int(round(side)))
    left, top = (int(round(coordinate - side / 2)) for coordinate in centre)
    square = Image.new("RGB", (side, side), colour)
    square.paste(image, (-left, -top))
    return square.resize((size, size), Image.Resampling.BICUBIC)
