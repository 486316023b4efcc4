"""Reads and writes video files with PyAV, which is an optional dependency."""

from __future__ import annotations

import contextlib
import dataclasses
import fractions
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Optional

import numpy as np
from absl import logging

from gradnet_tf import files

# The first that PyAV's FFmpeg has; H.264 plays in browsers and notebooks.
_ENCODERS = ("libx264", "libopenh264", "mpeg4")


@dataclasses.dataclass(frozen=True)
class Header:
    """What a video says of itself.

    Attributes:
        length: Number of frames, None if it does not say. Not every file tells the truth.
        fps: Mean number of frames per second, None if it does not say.
    """

    length: Optional[int]
    fps: Optional[float]


def import_av() -> types.ModuleType:
    """Imports PyAV.

    Raises:
        ImportError: If it is not installed; the message says how to.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "video files need PyAV, which is not installed: pip install gradnet_tf[video]"
        ) from error
    return av


def read_header(path: str) -> Header:
    """Opens a video and reads its header.

    Args:
        path: The video file.

    Raises:
        OSError: If it cannot be opened or has no video stream.
        ImportError: If PyAV is not installed.
    """
    with _open_input(path) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate) if stream.average_rate else None
        return Header(stream.frames or None, fps)


def read_frames(path: str) -> Iterator[tuple[str, Any]]:
    """Decodes a video in order, rotated as its metadata says.

    Args:
        path: The video file.

    Yields:
        Pairs of a frame's place in the file and its image, uint8 [h, w, 3] RGB; where a part of the
        file cannot be decoded, an `OSError` in the image's stead.

    Raises:
        OSError: If it cannot be opened or has no video stream.
        ImportError: If PyAV is not installed.
    """
    av = import_av()
    count = 0
    with _open_input(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                decoded = packet.decode() if packet else ()
            except (av.error.FFmpegError, OSError) as error:
                yield f"{path}, frame {count}", OSError(f"cannot decode {path}: {_reason(error)}")
                count += 1
                continue  # A broken demuxer has nothing more to give and ends the loop.
            if packet is None:
                break
            for frame in decoded:
                yield f"{path}, frame {count}", _to_rgb(frame)
                count += 1
        if count < stream.frames:
            logging.warning(
                "%s ends after %d frames, its header says %d", path, count, stream.frames
            )


class VideoWriter:
    """Writes an MP4 video (H.264 where there is an encoder, else MPEG-4), used in a ``with`` block.

    The file appears under its name when the block succeeds. If it fails, nothing is left behind and
    an older file of that name is as it was.
    """

    def __init__(self, path: files.PathLike, fps: float, size: tuple[int, int]):
        """Sets up a video; the file is opened by the ``with`` block.

        Args:
            path: The file to be written.
            fps: Frames per second.
            size: Width and height in pixels. Odd ones are padded by a row or column.

        Raises:
            ValueError: If the rate or the size is not positive.
            ImportError: If PyAV is not installed.
        """
        if not 0 < fps < float("inf"):
            raise ValueError(f"fps must be positive, got {fps!r}")
        if min(size) < 1:
            raise ValueError(f"the size of a video must be positive, got {size!r}")
        self._av = import_av()
        self._path = Path(path)
        self._rate = fractions.Fraction(fps).limit_denominator(1001)
        self._size = size
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> VideoWriter:
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(files.replacing(self._path))
            with self._naming():
                # A Python file: its errors, such as a full disk, come through as they are.
                self._file = _open_output(temporary)
                stack.callback(self._discard)
                self._container = self._av.open(self._file, "w", format="mp4")
                self._stream = self._container.add_stream(self._encoder(), rate=self._rate)
            self._stream.width, self._stream.height = (side + side % 2 for side in self._size)
            self._stream.pix_fmt = "yuv420p"
            stack.push(self._finish)  # Comes first at the end, renaming or removing comes last.
            self._stack = stack.pop_all()
        return self

    def write(self, image: np.ndarray) -> None:
        """Appends a frame.

        Args:
            image: uint8 [h, w, 3] RGB of the video's size.

        Raises:
            ValueError: If it is of another size or type.
            OSError: If the file cannot be written.
        """
        width, height = self._size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise ValueError(
                f"expected frames of uint8 {(height, width, 3)}, got {image.dtype} {image.shape}"
            )
        padded = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        with self._naming():
            self._container.mux(self._stream.encode(frame))

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def _finish(self, kind: Any, error: Any, traceback: Any) -> None:
        if error is not None:
            with contextlib.suppress(Exception):  # The first error is the one to tell.
                self._container.close()
            return
        with self._naming():
            self._container.mux(self._stream.encode())
            self._container.close()
            self._file.close()  # Writes what Python still holds, so it may find the disk full.

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
        with files.naming(self._path):
            try:
                yield
            except self._av.error.FFmpegError as error:
                if isinstance(error, OSError):
                    raise
                raise OSError(_reason(error)) from error


def _open_output(path: Path) -> BinaryIO:
    return open(path, "xb")


@contextlib.contextmanager
def _open_input(path: str) -> Iterator[Any]:
    av = import_av()
    try:
        # Without its protocol FFmpeg takes what stands before a colon in a name for one.
        container = av.open(f"file:{path}")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise OSError(f"cannot open video {path}: {_reason(error)}") from error
    with container:
        if not container.streams.video:
            raise OSError(f"cannot open video {path}: it has no video stream")
        yield container


def _to_rgb(frame: Any) -> np.ndarray:
    image = frame.to_ndarray(format="rgb24")
    # Counterclockwise degrees; PyAV before 14 does not tell.
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
