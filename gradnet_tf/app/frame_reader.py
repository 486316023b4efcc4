"""Reads any frame of a source that can only be read in order."""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterator
from typing import Optional

import numpy as np

from gradnet_tf.media.frames import Frame, FrameSource

_KEPT = 32  # Frames that are kept for steps back.


class FrameReader:
    """Gives single frames by number: forwards by going on, backwards from a few that are kept.

    What lies further back is decoded again from the first frame on, so that a number always means
    the same frame as in tracking: the source can be read again. Several threads may ask. A
    ValueError if there are no frames.
    """

    def __init__(self, source: FrameSource):
        self._source = source
        self._lock = threading.Lock()
        self._kept: collections.OrderedDict[int, np.ndarray] = collections.OrderedDict()
        self._frames: Optional[Iterator[Frame]] = None
        self._next = 0
        self._image: Optional[np.ndarray] = None
        if source.length is None:
            for frame in source:
                self.length = frame.index + 1
        else:
            # Number of frames. Of a video it is what the header says, until its end is reached.
            self.length = source.length
        self.read(0)

    def read(self, index: int) -> np.ndarray:
        """Returns a frame, uint8 [h, w, 3] RGB; for one that is damaged, the last sound one.

        Raises:
            ValueError: If there is no such frame.
        """
        with self._lock:
            if index in self._kept:
                return self._kept[index]
            if self._frames is None or index < self._next:
                self._restart()
            while self._next <= index:
                self._advance(index)
            return self._kept[index]

    def close(self) -> None:
        """Ends decoding."""
        with self._lock:
            self._kept.clear()
            self._frames = None

    def _restart(self) -> None:
        self._frames, self._next, self._image = iter(self._source), 0, None

    def _advance(self, wanted: int) -> None:
        assert self._frames is not None
        frame = next(self._frames, None)
        if frame is None:
            self.length, self._frames = self._next, None
            raise ValueError(
                f"the video has {self.length} frames, 0 to {self.length - 1}, got {wanted}"
            )
        self._image = self._image if frame.image is None else frame.image
        assert self._image is not None  # A source's first frame is sound, or it raises.
        self._kept[self._next] = self._image
        self._next += 1
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
