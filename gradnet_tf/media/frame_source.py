"""What yields frames, decoded in the background; `gradnet_tf.media.frames` makes it."""

from __future__ import annotations

import dataclasses
import fractions
import itertools
import weakref
from collections.abc import Generator, Iterator
from typing import Any, Callable, Optional, Union

import numpy as np
from absl import logging

from gradnet_tf.media import prefetching
from gradnet_tf.media.images import as_rgb, deep_range, float_scale, unwrapped

# The frame's name, what `as_rgb` takes (or an exception to raise), and, where frames have a time of
# their own, the seconds for which it is shown (or None).
Entry = tuple[Any, ...]


class FrameError(ValueError):
    """A frame, of the number `index` and the file or place `name`, that cannot be used."""

    def __init__(self, index: int, name: str, reason: str):
        place = f"frame {index}"
        super().__init__(f"{place}: {reason}" if name == place else f"{place} ({name}): {reason}")
        self.index = index
        self.name = name


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a source."""

    index: int  # Number of the frame, from 0.
    image: Optional[np.ndarray]  # uint8 [h, w, 3] RGB; None if the frame is bad.
    name: str  # Its file, or its place in the source.
    error: Optional[str] = None  # What is wrong with a bad frame; None if the frame is good.
    # Seconds for which a video shows the frame; None if there is no telling.
    duration: Optional[float] = None

    @property
    def ok(self) -> bool:
        """Whether there is an image."""
        return self.error is None


class FrameSource:
    """Yields the frames of a source in order; made by `open_frames`.

    A thread of its own decodes a few frames ahead for every iteration. It ends with the iteration,
    also if that is given up early, and at the latest with `close` (or the ``with`` block).

    Attributes:
        description: The folder, file or kind of source, for messages.
        length: Number of frames if known beforehand, else None. A video's is what its header says.
        start_frame: Number of the first frame that is yielded.
        reiterable: Whether the frames can be had a second time.
        pixel_aspect: Width over height of a pixel, 1 but for some videos.
        on_bad_frame: "stop" or "hold", see `open_frames`.
    """

    def __init__(
        self,
        entries: Callable[[], Iterator[Entry]],
        *,
        description: str,
        length: Optional[int] = None,
        fps: Union[None, float, Callable[[], Optional[float]]] = None,
        reiterable: bool = True,
        pixel_aspect: fractions.Fraction = fractions.Fraction(1),
        copy: bool = False,
        on_bad_frame: str = "stop",
        prefetch: int = 8,
        start_frame: int = 0,
        end_frame: Optional[int] = None,
    ):
        self.description = description
        self.start_frame = start_frame
        self._stop = None if end_frame is None else end_frame + 1
        self.length = length
        if length is not None:
            self.length = max(0, min(length, self._stop or length) - start_frame)
        self._fps = fps
        self.reiterable = reiterable
        self.pixel_aspect = pixel_aspect
        self.on_bad_frame = on_bad_frame
        self._entries = entries
        self._copy = copy
        self._prefetch = prefetch
        self._started = False
        self._deep_range: Optional[tuple[float, float]] = None
        self._running: weakref.WeakSet[prefetching.Prefetcher] = weakref.WeakSet()

    @property
    def fps(self) -> Optional[float]:
        """Frames per second of a video or an animated image, else None."""
        return self._fps() if callable(self._fps) else self._fps

    def __iter__(self) -> Iterator[Frame]:
        if self._started and not self.reiterable:
            raise ValueError(f"{self.description} can be read only once, and has been")
        self._started = True
        if not self._prefetch:
            return self._frames()
        frames = prefetching.Prefetcher(self._frames(), self._prefetch)
        self._running.add(frames)
        return frames

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError(f"the number of frames of {self.description} is not known beforehand")
        return self.length

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads of iterations that are still running."""
        for frames in list(self._running):
            frames.close()

    def _frames(self) -> Generator[Frame, None, None]:
        scale = None
        index: Optional[int] = None
        entries = itertools.islice(self._entries(), self.start_frame, self._stop)
        for index, (name, item, *timing) in enumerate(entries, self.start_frame):
            duration = timing[0] if timing else None
            try:
                if isinstance(item, Exception):
                    raise item
                item = unwrapped(item)
                # Fixed by the first float image that tells: a dark frame must not be scaled anew.
                scale = scale or float_scale(item)
                if index == self.start_frame and self._deep_range is None:
                    self._deep_range = deep_range(item)
                    if self._deep_range is not None:
                        logging.warning(
                            "%s: the images have 16 bits; values of %g to %g become 0 to 255",
                            *(self.description, *self._deep_range),
                        )
                image = as_rgb(item, float_range=scale, deep_range=self._deep_range)
            except (OSError, TypeError, ValueError) as error:
                is_first = index == self.start_frame
                if is_first or self.on_bad_frame == "stop":
                    raise bad_frame(index, name, error, is_first) from error
                yield Frame(index, None, name, str(error), duration)
            else:
                # The caller may fill the same buffer again while this frame waits its turn.
                image = image.copy() if self._copy else image
                yield Frame(index, image, name, duration=duration)
        if index is None:
            where = f" from frame {self.start_frame} on" if self.start_frame else ""
            raise ValueError(f"no frames in {self.description}{where}")


def bad_frame(index: int, name: str, error: Exception, is_first: bool = False) -> FrameError:
    """Makes the error of a frame, which says what could be done."""
    hint = "" if is_first else " (on_bad_frame='hold' would repeat the last box)"
    return FrameError(index, name, f"{error}{hint}")
