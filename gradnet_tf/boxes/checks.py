"""Checks boxes that users give, (x, y, width, height), 0-based float pixels, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from gradnet_tf.files import textfiles


def parse_box(text: str) -> np.ndarray:
    """Reads a box as people write it: ``205,151,17,50``, ``205 151 17 50``, ``[205; 151; 17; 50]``.

    Returns float64 [4]; a ValueError if it is not four numbers, or `check_box` refuses them.
    """
    try:
        numbers = textfiles.parse(text, {4})
    except ValueError as error:
        detail = f" ({error})" if str(error) else ""
        raise ValueError(
            f"box must be four numbers x,y,width,height, got {text!r}{detail}"
        ) from error
    return check_box(numbers)


def answered_box(answer: Any, where: str = "") -> np.ndarray:
    """Reads the box that somebody's tracker answered with: float64 [4], perhaps not finite.

    A ValueError, whose message begins with `where`, if it is no box.
    """
    try:
        box = np.array(answer, np.float64)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.shape != (4,):
        raise ValueError(
            f"{where}the tracker must answer with a box (x, y, width, height), got {answer!r}"
        )
    return box


def is_known(boxes: np.ndarray) -> np.ndarray:
    """Whether each box (x, y, width, height) [n, 4] is finite and has an area: bool [n]."""
    return np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)


def check_box(box, frame_hw: Optional[Sequence[int]] = None) -> np.ndarray:
    """Validates a box that a user gave.

    Args:
        box: (x, y, width, height), anything that NumPy turns into 4 numbers.
        frame_hw: Height and width of the frame in which the box must lie at least partly.

    Returns:
        float64 [4].

    Raises:
        ValueError: If there are not 4 finite numbers, width or height is not positive, or the box
            is wholly outside the frame.
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
    """Tells whether a user gave boxes [k, 4], not one box; what is neither counts as one."""
    # As objects, since rows of several lengths are no array of numbers.
    return np.ndim(np.asarray(boxes, dtype=object)) == 2


def check_boxes(boxes, frame_hw: Optional[Sequence[int]] = None) -> np.ndarray:
    """Validates a box, or a sequence of boxes, as `check_box` does: float64 [4] or [boxes, 4].

    A ValueError if there is no box, or one is refused; the message has its place.
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
