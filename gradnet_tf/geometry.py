"""Boxes, context and scales: the geometry of a SiamFC-like tracker.

Public boxes are (x, y, width, height), 0-based float pixels of the original frame. Inside, a target
is its centre (y, x) and its size (height, width), as in the reference, in float64.
Source: `track.py` of the reference, `run_siamesefc`, and `region_to_bbox.py`.
"""

from __future__ import annotations

from typing import Optional

import numpy as np
import tensorflow as tf


def check_box(box, frame_hw: Optional[tuple[int, int]] = None) -> np.ndarray:
    """Validates a box that a user gave.

    Args:
      box: (x, y, width, height), anything that NumPy turns into 4 numbers.
      frame_hw: height and width of the frame in which the box must lie at least partly.

    Returns:
      float64 [4].

    Raises:
      ValueError: if there are not 4 finite numbers, width or height is not positive, or the box is
        wholly outside the frame.
    """
    try:
        values = np.array(box, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"box must be 4 numbers (x, y, width, height), got {box!r}") from error
    if values.shape != (4,):
        raise ValueError(
            f"box must be 4 numbers (x, y, width, height), got {box!r} of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"box must be finite numbers (x, y, width, height), got {values.tolist()}")
    x, y, width, height = values.tolist()
    if width <= 0 or height <= 0:
        raise ValueError(
            f"box must have a positive width and height, got width {width:g}, height {height:g}"
        )
    if frame_hw is not None:
        frame_height, frame_width = frame_hw
        if x >= frame_width or y >= frame_height or x + width <= 0 or y + height <= 0:
            raise ValueError(
                f"box {values.tolist()} (x, y, width, height) lies outside the frame of "
                f"{frame_width}x{frame_height} pixels (width x height)"
            )
    return values


def has_rows(boxes) -> bool:
    """Whether a user gave boxes [k, 4], not one box; what is neither counts as one box."""
    # As objects, since rows of several lengths are no array of numbers.
    return np.ndim(np.asarray(boxes, dtype=object)) == 2


def check_boxes(boxes, frame_hw: Optional[tuple[int, int]] = None) -> np.ndarray:
    """Validates one box or several, see `check_box`.

    Args:
      boxes: (x, y, width, height), or a sequence of such.
      frame_hw: see `check_box`.

    Returns:
      float64 [4], or [boxes, 4] if a sequence was given.

    Raises:
      ValueError: if there is no box, or `check_box` refuses one; the message has its place.
    """
    if not has_rows(boxes):
        return check_box(boxes, frame_hw)
    if not len(boxes):
        raise ValueError("boxes must be at least one (x, y, width, height), got none")
    checked = []
    for place, box in enumerate(boxes):
        try:
            checked.append(check_box(box, frame_hw))
        except ValueError as error:
            raise ValueError(f"boxes[{place}]: {error}") from error
    return np.stack(checked)


def box_to_center(box):
    """(x, y, width, height) [..., 4] -> centre (y, x) [..., 2] and size (height, width) [..., 2].

    Source: `_rect` in `region_to_bbox.py`.
    """
    size = tf.stack([box[..., 3], box[..., 2]], axis=-1)
    return tf.stack([box[..., 1], box[..., 0]], axis=-1) + size / 2.0, size


def center_to_box(center, size):
    """Centre (y, x) and size (height, width) -> (x, y, width, height) [..., 4]."""
    corner = center - size / 2.0
    return tf.stack([corner[..., 1], corner[..., 0], size[..., 1], size[..., 0]], axis=-1)


def exemplar_side(size, context_amount: float):
    """Side of the square exemplar in frame pixels: the target and its context.

    sqrt((w + c (w + h)) (h + c (w + h))), c the context amount.

    Args:
      size: target size (height, width) [..., 2].
      context_amount: share of the half perimeter added to each side (0.5).
    """
    context = context_amount * tf.reduce_sum(size, axis=-1)
    return tf.sqrt((size[..., 0] + context) * (size[..., 1] + context))


def instance_side(side, exemplar_size: int, instance_size: int):
    """Side of the search region in frame pixels that goes with an exemplar of the given side.

    Args:
      side: side of the exemplar in frame pixels.
      exemplar_size: side of the exemplar in network pixels (127).
      instance_size: side of the search region in network pixels (255).
    """
    padding = (instance_size - exemplar_size) / 2 / (exemplar_size / side)
    return side + 2.0 * padding


def scale_factors(count: int, step: float) -> np.ndarray:
    """The scale pyramid: step ** (-1, 0, 1) for three scales, float64 [count], count odd."""
    return np.asarray([step**exponent for exponent in range(-(count // 2), count // 2 + 1)])
