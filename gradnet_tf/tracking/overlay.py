"""Draws what was tracked on its frames, and writes them as a video."""

from __future__ import annotations

import contextlib
import fractions
from typing import Any, Optional

import numpy as np

from gradnet_tf.files import disk
from gradnet_tf.media import drawing
from gradnet_tf.media.video_writer import VideoWriter

_DEFAULT_FPS = 25.0  # Of a video made from frames that have no rate.


def frame_label(number: int, is_held: bool) -> str:
    """Returns the text for a frame's corner."""
    return f"{number} held" if is_held else str(number)


class Overlay:
    """Draws boxes on one frame after the other, all in the size of the first.

    Args:
        truth: [m, 4], boxes drawn in another colour on the first m frames.
    """

    def __init__(self, truth: Optional[np.ndarray] = None):
        self._truth = () if truth is None else truth
        self._count = 0
        self._size: Optional[tuple[int, int]] = None
        self._image: Any = None

    def draw(self, image: Optional[np.ndarray], boxes: np.ndarray, label: str) -> np.ndarray:
        """Draws on a frame.

        Args:
            image: uint8 [h, w, 3] RGB; None stands for the frame before once more.
            boxes: [4] or [targets, 4] in its pixels.
            label: Text for the corner.

        Returns:
            uint8 [h, w, 3] RGB of the first frame's size.
        """
        self._image = image = self._image if image is None else image
        self._size = self._size or (image.shape[0], image.shape[1])
        width = drawing.line_width(self._size)
        if self._count < len(self._truth):
            image = drawing.draw_box(image, self._truth[self._count], drawing.TRUTH, width)
        self._count += 1
        return drawing.fit_into(drawing.draw_targets(image, boxes, width, label), self._size)


class OverlayVideo:
    """Writes drawn frames as an MP4 video; `VideoWriter` of the first frame's size.

    Args:
        path: The file to be written.
        fps: Frames per second; None for the usual rate.
        pixel_aspect: See `VideoWriter`.
    """

    def __init__(
        self,
        path: disk.PathLike,
        fps: Optional[float],
        pixel_aspect: fractions.Fraction = fractions.Fraction(1),
    ):
        self._path, self._fps = path, fps or _DEFAULT_FPS
        self._pixel_aspect = pixel_aspect
        self._writer: Optional[VideoWriter] = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> OverlayVideo:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def write(self, image: np.ndarray, duration: Optional[float] = None) -> None:
        """Appends a frame; see `VideoWriter.write`."""
        if self._writer is None:
            size = image.shape[1], image.shape[0]
            writer = VideoWriter(self._path, self._fps, size, self._pixel_aspect)
            self._writer = self._stack.enter_context(writer)
        self._writer.write(image, duration)
