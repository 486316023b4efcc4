"""Cuts the exemplar and instance crops that Siamese trackers are trained on.

As SiamFC's curation of ILSVRC does it (Bertinetto et al., 2016, section 3.1): a square of the
target and its context is scaled to 127 x 127 px; the instance is the square around the same centre
at the same scale, 255 x 255 px. What lies outside the frame is filled with its mean colour.
"""

from __future__ import annotations

import io
from typing import Optional

import numpy as np
from PIL import Image, ImageStat

from gradnet_tf.boxes import geometry
from gradnet_tf.network.architecture import EXEMPLAR_SIZE, INSTANCE_SIZE

CONTEXT_AMOUNT = 0.5
JPEG_QUALITY = 95
_REDUCED = 4  # times the crop's size: the least that a large square is shrunk to beforehand


def cut_crops(
    frame: np.ndarray, box: np.ndarray, colour: Optional[tuple[int, ...]] = None
) -> tuple[Image.Image, Image.Image]:
    """Cuts the exemplar (127 x 127 px) and the instance (255 x 255 px) of one target, RGB.

    Args:
        frame: uint8 [h, w, 3], RGB.
        box: (x, y, width, height) of the target in px, 0-based, of positive size.
        colour: What fills the outside; by default the frame's `mean_colour`.
    """
    image = Image.fromarray(frame)
    colour = mean_colour(frame) if colour is None else colour
    exemplar, instance = (
        _cut_square(image, square, size, colour)
        for square, size in zip(_squares(box), (EXEMPLAR_SIZE, INSTANCE_SIZE))
    )
    return exemplar, instance


def mean_colour(frame: np.ndarray) -> tuple[int, ...]:
    """Computes the mean of a frame, uint8 [h, w, 3], in whole grey levels."""
    # From the histogram: exact, and many times as fast as NumPy's mean.
    return tuple(int(round(value)) for value in ImageStat.Stat(Image.fromarray(frame)).mean)


def boxes_in_crops(box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Computes where a frame's box lies in its exemplar and its instance: float64 [4], crop px."""
    exemplar, instance = (
        (np.asarray(box, np.float64) - (left, top, 0, 0)) * (size / side)
        for (left, top, side), size in zip(_squares(box), (EXEMPLAR_SIZE, INSTANCE_SIZE))
    )
    return exemplar, instance


def to_jpeg(image: Image.Image, quality: int = JPEG_QUALITY) -> bytes:
    """Encodes a crop."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _squares(box):
    """(left, top, side) of the exemplar's and of the instance's square, in whole px."""
    x, y, width, height = (float(number) for number in box)
    exemplar = float(geometry.exemplar_side(np.array([height, width]), CONTEXT_AMOUNT))
    instance = geometry.instance_side(exemplar, EXEMPLAR_SIZE, INSTANCE_SIZE)
    squares = []
    for side in (max(1, int(round(exemplar))), max(1, int(round(instance)))):
        left, top = (int(round(c - side / 2)) for c in (x + width / 2, y + height / 2))
        squares.append((left, top, side))
    return squares


def _cut_square(image, square, size, colour):
    """Cuts a square (left, top, side) and scales it to `size`.

    Scaling is bicubic and smooths when it shrinks, as MATLAB's imresize does in the original
    curation. A square of many times the crop's size is first shrunk by a whole number, which keeps
    the memory small and the result the same to the eye.
    """
    left, top, side = square
    factor = side // (_REDUCED * size)
    if factor > 1:
        image = image.reduce(factor)
        left, top, side = (int(round(length / factor)) for length in (left, top, side))
    canvas = Image.new("RGB", (side, side), colour)
    canvas.paste(image, (-left, -top))
    return canvas.resize((size, size), Image.Resampling.BICUBIC)
