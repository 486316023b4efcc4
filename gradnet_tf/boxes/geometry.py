"""Boxes, context and scales: the geometry of a SiamFC-like tracker.

Public boxes are (x, y, width, height), 0-based float pixels of the original frame. Inside, a target
is its centre (y, x) and its size (height, width), as in the reference, in float64.
Source: `track.py` of the reference, `run_siamesefc`, and `region_to_bbox.py`.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def box_to_center(box):
    """Turns (x, y, width, height) [..., 4] into centre (y, x) and size (height, width), [..., 2].

    Source: `_rect` in `region_to_bbox.py`.
    """
    size = tf.stack([box[..., 3], box[..., 2]], axis=-1)
    return tf.stack([box[..., 1], box[..., 0]], axis=-1) + size / 2.0, size


def center_to_box(center, size):
    """Turns centre (y, x) and size (height, width) into (x, y, width, height) [..., 4]."""
    corner = center - size / 2.0
    return tf.stack([corner[..., 1], corner[..., 0], size[..., 1], size[..., 0]], axis=-1)


def exemplar_side(size, context_amount: float):
    """Computes the side of the square exemplar in frame pixels: the target and its context.

    It is sqrt((w + c (w + h)) (h + c (w + h))) of a size (height, width) [..., 2] and the context
    amount c, the share of the half perimeter that is added to each side (0.5).
    """
    context = context_amount * tf.reduce_sum(size, axis=-1)
    return tf.sqrt((size[..., 0] + context) * (size[..., 1] + context))


def instance_side(side, exemplar_size: int, instance_size: int):
    """Computes the side of the search region that goes with an exemplar, in frame pixels.

    `side` is that of the exemplar in frame pixels; the sizes are in network pixels (127 and 255).
    """
    padding = (instance_size - exemplar_size) / 2 / (exemplar_size / side)
    return side + 2.0 * padding


def scale_factors(count: int, step: float) -> np.ndarray:
    """Makes the scale pyramid: step ** (-1, 0, 1) for three scales, float64 [count], count odd."""
    return np.asarray([step**exponent for exponent in range(-(count // 2), count // 2 + 1)])
