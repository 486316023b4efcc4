"""Videos that come as they are shown or sent, and can be read but once: cameras, URLs and pipes.

A live source, one that does not say how long it lasts, does not wait for who reads it: the frame
that is taken is always the newest, and those that came meanwhile are dropped. What a URL sends of a
known length, and what comes through a pipe, is read frame by frame; its sender waits.
"""

from __future__ import annotations

import contextlib
import fractions
import os
import queue
import re
import stat
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

from absl import logging

from gradnet_tf.media import video
from gradnet_tf.media.frame_source import Entry, FrameSource
from gradnet_tf.media.video_end import End

_CAMERA = re.compile(r"camera:(\d+)")
_URL = re.compile(r"(rtsps?|https?)://", re.IGNORECASE)
_STANDARD_INPUT = "pipe:0"
_TIMEOUT = 10.0  # Seconds without an answer, after which a camera or a server is given up.
_POLL = 0.1  # Seconds between two looks at whether to end.
_AHEAD = 8  # Frames that are decoded ahead where none may be dropped.
_END = object()


class _Place(NamedTuple):
    """Where `av.open` finds a source, and how; a camera is live whatever it says."""

    url: str
    options: dict[str, Any]
    is_camera: bool = False


def find(source: str) -> Optional[_Place]:
    """Tells how to open a stream; None if the source is none.

    Args:
        source: ``camera:0`` for the first camera (of video4linux), a URL of rtsp, http or https,
            ``-`` for standard input, or a named pipe.

    Raises:
        OSError: If the system has no video4linux.
    """
    camera = _CAMERA.fullmatch(source)
    waiting: dict[str, Any] = {"timeout": (_TIMEOUT, _TIMEOUT)}
    if camera:
        if not sys.platform.startswith("linux"):
            raise OSError(f"cannot open {source}: cameras are read by Linux's video4linux only")
        return _Place(f"/dev/video{camera[1]}", {"format": "v4l2", **waiting}, True)
    if _URL.match(source):
        # Over UDP, packets that get lost leave holes in the frames.
        options = {"rtsp_transport": "tcp"} if source.lower().startswith("rtsp") else {}
        return _Place(source, {"options": options, **waiting})
    if source == "-":
        return _Place(_STANDARD_INPUT, {})
    if os.path.exists(source) and stat.S_ISFIFO(os.stat(source).st_mode):
        return _Place(f"file:{source}", {})
    return None


class _Flag:
    """What a signal may set, for it takes no lock; the thread and the source share it."""

    is_set = False


class StreamSource(FrameSource):
    """The frames of a stream, of the name that the user gave; `open_frames` makes it.

    It is opened, and a live one read, from the start: what comes before the first frame is asked
    for is let go.

    Raises:
        OSError: If it cannot be opened; the message names it.
        ImportError: If PyAV is not installed.
    """

    def __init__(self, name: str, place: _Place, **options: Any):
        self._ended = _Flag()
        what = "standard input" if name == "-" else f"the stream {name}"
        with contextlib.ExitStack() as stack:
            container, stream = stack.enter_context(
                video.open_input(place.url, what, **place.options)
            )
            is_piped = not place.is_camera and not _URL.match(name)
            # Whether frames are dropped to stay current.
            self.is_live = place.is_camera or not (is_piped or container.duration)
            # Height and width of the frames, as the stream says.
            self.size = stream.codec_context.height, stream.codec_context.width
            super().__init__(
                self._take,
                description=what,
                length=None if self.is_live else stream.frames or None,
                fps=float(stream.guessed_rate) if stream.guessed_rate else None,
                reiterable=False,
                pixel_aspect=fractions.Fraction(stream.sample_aspect_ratio or 1),
                **{**options, "prefetch": 0},
            )
            frames = (_newest if self.is_live else _all)(container, stream, what)
            self._reader = _Reader(frames, self.is_live, self._ended, stack.pop_all())

    @property
    def dropped(self) -> int:
        """Number of frames so far that came while another one was worked on, and are lost."""
        return self._reader.dropped

    def end(self) -> None:
        """Ends the stream after the frame that was taken last, from any thread or a signal."""
        self._ended.is_set = True

    def close(self) -> None:
        """Ends the stream, and its thread as soon as that gets an answer."""
        self.end()

    def __del__(self) -> None:
        self._ended.is_set = True

    def _take(self) -> Iterator[Entry]:
        self._reader.start_counting()
        before: Optional[float] = None
        for number, item in enumerate(self._reader):
            if not self.is_live:
                yield item
                continue
            frame, now = item
            yield (
                f"{self.description}, frame {number}",
                video.to_rgb(frame),
                None if before is None else now - before,
            )
            before = now


class _Reader:
    """Decodes in a thread of its own, which ends with the frames, or with `ended`."""

    def __init__(
        self,
        frames: Iterator[Any],
        is_live: bool,
        ended: _Flag,
        stack: contextlib.ExitStack,
    ):
        self.dropped = 0
        self._is_live = is_live
        self._ended = ended
        self._ready: queue.Queue[Any] = queue.Queue(1 if is_live else _AHEAD)
        threading.Thread(
            target=self._run, args=(frames, stack), name="gradnet_tf-stream", daemon=True
        ).start()

    def start_counting(self) -> None:
        """Forgets what was dropped before anybody asked for a frame."""
        self.dropped = 0

    def __iter__(self) -> Iterator[Any]:
        while not self._ended.is_set:
            try:
                # Python wakes up for signals, but the wait would go on after them.
                item = self._ready.get(timeout=_POLL)
            except queue.Empty:
                continue
            if item is _END:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _run(self, frames: Iterator[Any], stack: contextlib.ExitStack) -> None:
        with stack:
            try:
                for item in frames:
                    if self._ended.is_set:
                        return
                    self._put(item)
            except BaseException as error:  # Told where the frames are taken.
                self._wait_and_put(error)
            self._wait_and_put(_END)

    def _put(self, item: Any) -> None:
        if not self._is_live:
            return self._wait_and_put(item)
        while True:
            try:
                return self._ready.put_nowait(item)
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._ready.get_nowait()
                    self.dropped += 1

    def _wait_and_put(self, item: Any) -> None:
        while not self._ended.is_set:
            with contextlib.suppress(queue.Full):
                return self._ready.put(item, timeout=_POLL)


def _all(container: Any, stream: Any, name: str) -> Iterator[Entry]:
    return video.decode(container, stream, End(container, stream), name)


def _newest(container: Any, stream: Any, name: str) -> Iterator[tuple[Any, float]]:
    """Yields the `av.VideoFrame` of a live stream and when they came, without the damaged ones."""
    errors = (video.import_av().error.FFmpegError, OSError)
    stream.thread_type = "SLICE"  # Threads for frames would keep some back.
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except errors as error:
            logging.warning("%s has ended: %s", name, video.reason(error))
            return
        if packet is None:
            return
        with contextlib.suppress(*errors):
            for frame in packet.decode():
                yield frame, time.monotonic()
