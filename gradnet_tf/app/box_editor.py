"""What the editor of boxes shows of a frame, and what a person's boxes in it mean.

The editor shows a picture that is the frame enlarged or shrunk. It tells boxes in whole pixels of
that picture, and each one's label: the number of its target, or nothing if it is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional

import numpy as np
from PIL import Image

_LEAST, _MOST = 640, 1280  # Pixels of the longer side of the picture.


class Drawn(NamedTuple):
    """A box that a person left or made in a frame."""

    number: Optional[int]  # Of its target; None for a new one.
    box: np.ndarray  # float64 [4], (x, y, width, height), 0-based pixels of the frame.


def picture_scale(frame_hw: Sequence[int]) -> float:
    """Returns the pixels of the picture for one of the frame."""
    side = max(frame_hw)
    return min(max(side, _LEAST), _MOST) / side


def make_picture(image: np.ndarray) -> Image.Image:
    """Makes the picture of a frame, uint8 [h, w, 3] RGB."""
    scale = picture_scale(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)


def show_boxes(
    boxes: Mapping[int, np.ndarray], scale: float, colours: Sequence[tuple[int, int, int]]
) -> list[dict[str, Any]]:
    """Makes the editor's boxes of those (x, y, width, height) in the frame, by their targets.

    The scale is that of `picture_scale`; the colours are the targets', in turn.
    """
    return [
        {
            **dict(zip(("xmin", "ymin", "xmax", "ymax"), _edges(box, scale).tolist())),
            "label": str(number),
            "color": tuple(colours[number % len(colours)]),
        }
        for number, box in boxes.items()
    ]


def read_boxes(
    edited: Sequence[Mapping[str, Any]], shown: Mapping[int, np.ndarray], scale: float
) -> list[Drawn]:
    """Reads the editor's boxes in the order in which they were made.

    The editor has the newest first. What was left where `show_boxes` has put it for the same scale
    is returned to the last digit, not as the editor rounds. A ValueError if a label is not the
    number of a target that was shown, or stands twice.
    """
    drawn: list[Drawn] = []
    known = {str(number): number for number in shown}
    for box in reversed(edited):
        edges = np.array([box[name] for name in ("xmin", "ymin", "xmax", "ymax")], np.float64)
        label = str(box.get("label") or "")
        if not label:
            drawn.append(Drawn(None, _from_edges(edges, scale)))
            continue
        number = known.pop(label, None)
        if number is None:
            raise ValueError(f"there is no target {label!r} in this frame, or it has two boxes")
        same = np.abs(edges - _edges(shown[number], scale)).max() <= 1
        drawn.append(Drawn(number, shown[number] if same else _from_edges(edges, scale)))
    return drawn


def _edges(box: np.ndarray, scale: float) -> np.ndarray:
    x, y, width, height = box
    return np.rint(np.array([x, y, x + width, y + height]) * scale).astype(int)


def _from_edges(edges: np.ndarray, scale: float) -> np.ndarray:
    left, top, right, bottom = np.round(edges / scale, 2)
    return np.round([left, top, right - left, bottom - top], 2)
