"""Keeps a few small frames of a sequence whose length is not known beforehand."""

from __future__ import annotations

from typing import Optional

import numpy as np

from gradnet_tf.media import drawing
from gradnet_tf.media.frames import Frame


class Thumbnails:
    """Keeps the first frame, every 1, 2, 4, ... from there as the sequence goes on, and the last.

    The memory is constant: when `limit` frames are kept, every second is dropped and the stride
    doubled.
    """

    def __init__(self, limit: int = 24, side: int = 320):
        """Starts empty; keeps up to `limit` frames, whose longer side is at most `side` px."""
        self._limit = limit
        self._side = side
        self._stride = 1
        self._first: Optional[int] = None
        self._images: dict[int, np.ndarray] = {}
        self._last: Optional[tuple[int, np.ndarray]] = None

    def add(self, frame: Frame) -> None:
        """Takes the next frame; one without an image is passed over."""
        if frame.image is None:
            return
        self._last = frame.index, frame.image  # Made small only when the sequence is over.
        self._first = frame.index if self._first is None else self._first
        if (frame.index - self._first) % self._stride:
            return
        self._images[frame.index] = drawing.resize_to(frame.image, self._side)
        if len(self._images) == self._limit:
            self._stride *= 2
            self._images = {
                index: image
                for index, image in self._images.items()
                if (index - self._first) % self._stride == 0
            }

    def images(self) -> list[tuple[int, np.ndarray]]:
        """Returns the frames' numbers and images, uint8 [h, w, 3] RGB, in order."""
        images = dict(self._images)
        if self._last is not None and self._last[0] not in images:
            index, image = self._last
            images[index] = drawing.resize_to(image, self._side)
        return sorted(images.items())
