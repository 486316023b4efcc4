"""Writes video files with PyAV, which is an optional dependency."""

from __future__ import annotations

import collections
import contextlib
import fractions
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Optional

import numpy as np

from gradnet_tf.files import disk
from gradnet_tf.media.video import import_av, reason

# The first that PyAV's FFmpeg has; H.264 plays in browsers and notebooks.
_ENCODERS = ("libx264", "libopenh264", "mpeg4")
_TICKS = 10_000  # Least number of units of time per second.


class VideoWriter:
    """Writes an MP4 video (H.264 where there is an encoder, else MPEG-4), used in a ``with`` block.

    The file appears under its name when the block succeeds, see `gradnet_tf.files.disk.replacing`.

    Args:
        path: The file to be written.
        fps: Frames per second.
        size: Width and height in pixels. Odd ones are padded by a row or column.
        pixel_aspect: Width over height of a pixel as players are to show it.

    Raises:
        ValueError: If the rate is not positive.
        ImportError: If PyAV is not installed.
    """

    def __init__(
        self,
        path: disk.PathLike,
        fps: float,
        size: tuple[int, int],
        pixel_aspect: fractions.Fraction = fractions.Fraction(1),
    ):
        if not 0 < fps < float("inf"):
            raise ValueError(f"fps must be positive, got {fps!r}")
        self._av = import_av()
        self._path = Path(path)
        self._rate = fractions.Fraction(fps).limit_denominator(1001)
        self._size = size
        self._pixel_aspect = pixel_aspect
        rate = self._rate.numerator
        self._tick = fractions.Fraction(1, rate * -(-_TICKS // rate))  # A frame is a whole number.
        self._time = 0.0  # Of the next frame, in seconds.
        self._durations: collections.deque[int] = collections.deque()  # In ticks.
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> VideoWriter:
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(disk.replacing(self._path))
            with self._naming():
                self._file = _Output(_open_output(temporary))
                stack.callback(self._discard)
                self._container = self._av.open(self._file, "w", format="mp4")
                self._stream = self._container.add_stream(self._encoder(), rate=self._rate)
            self._stream.width, self._stream.height = (side + side % 2 for side in self._size)
            self._stream.pix_fmt = "yuv420p"
            context = self._stream.codec_context
            context.time_base = self._tick
            context.sample_aspect_ratio = self._pixel_aspect
            # With frames in another order the file would not tell their durations exactly.
            context.max_b_frames = 0
            stack.push(self._finish)  # Comes first at the end, renaming or removing comes last.
            self._stack = stack.pop_all()
        return self

    def write(self, image: np.ndarray, duration: Optional[float] = None) -> None:
        """Appends a frame, uint8 [h, w, 3] RGB of the video's size; other ones raise a ValueError.

        It is shown for `duration` seconds, by default those of the rate.
        """
        width, height = self._size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise ValueError(
                f"expected frames of uint8 {(height, width, 3)}, got {image.dtype} {image.shape}"
            )
        padded = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        frame.pts = round(self._time / self._tick)
        frame.time_base = self._tick
        self._time += duration or 1 / float(self._rate)
        # At least one tick, for times must grow.
        self._time = max(self._time, float((frame.pts + 1) * self._tick))
        self._durations.append(round(self._time / self._tick) - frame.pts)
        with self._naming():
            self._mux(self._stream.encode(frame))

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def _finish(self, kind: Any, error: Any, traceback: Any) -> None:
        try:
            if error is None:  # Else the first error is the one to tell.
                with self._naming():
                    self._mux(self._stream.encode())
                    self._container.close()
                    self._file.check()
                    self._file.close()  # Writes what Python still holds.
        finally:
            with contextlib.suppress(Exception):
                self._container.close()

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            with contextlib.suppress(AttributeError):  # PyAV before 12.1: the last is guessed.
                packet.duration = self._durations.popleft()
            self._container.mux(packet)
        self._file.check()

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def _encoder(self) -> str:
        for name in _ENCODERS:
            try:
                return self._av.codec.Codec(name, "w").name
            except ValueError:  # Not in this build of FFmpeg.
                continue
        raise OSError(f"PyAV has none of the encoders {', '.join(_ENCODERS)}")

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        with disk.naming(self._path):
            try:
                yield
            except self._av.error.FFmpegError as error:
                if isinstance(error, OSError):
                    raise
                raise OSError(reason(error)) from error


class _Output:
    """A file that seems to take everything, and tells afterwards what it could not write.

    So errors such as a full disk come through as they are. PyAV 15 and 16 crash if they see one, or
    if a container is left open.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._error: Optional[OSError] = None

    def write(self, data: bytes) -> int:
        try:
            return len(data) if self._error else self._file.write(data)
        except OSError as error:
            self._error = error
            return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def check(self) -> None:
        """Raises the error of an earlier call."""
        if self._error is not None:
            raise self._error


def _open_output(path: Path) -> BinaryIO:
    return open(path, "xb")
