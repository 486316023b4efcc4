"""Reads video files with PyAV, which is an optional dependency."""

from __future__ import annotations

import contextlib
import fractions
import struct
import types
from collections.abc import Iterable, Iterator
from typing import Any, Optional

import numpy as np
from absl import logging

from gradnet_tf.media.video_end import End, announced_frames
from gradnet_tf.media.video_order import Order, VideoFrame

_ATTACHED = 0x400  # FFmpeg's dispositions: a cover picture,
_DEFAULT = 0x1  # the stream to be shown unless the user wants another.
_LOW_DELAY = 1 << 19  # Flag of FFmpeg's decoders.


def import_av() -> types.ModuleType:
    """Imports PyAV; an ImportError says how to install it."""
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "video files need PyAV, which is not installed: pip install gradnet_tf[video]"
        ) from error
    return av


def reason(error: Exception) -> str:
    """Tells what an error of PyAV says, without its number and the name of the file."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def read_header(path: str) -> dict[str, Any]:
    """Opens a video and reads what it says of itself; raises as `read_frames`.

    Those are the number of frames that are shown, `length`, which is not right in all files, and
    frames per second as ffmpeg guesses them, `fps`, both None if it does not say; and
    `pixel_aspect`, width over height of a pixel, with the frame upright.
    """
    with _open_file(path) as (container, stream):
        fps = float(stream.guessed_rate) if stream.guessed_rate else None
        aspect = fractions.Fraction(stream.sample_aspect_ratio or 1)
        length = _length(container, stream)
    upright = 1 / aspect if aspect != 1 and _is_turned(path) else aspect
    return {"length": length, "fps": fps, "pixel_aspect": upright}


def read_frames(path: str) -> Iterator[tuple[str, Any, Optional[float]]]:
    """Decodes the video stream that ffmpeg would take, turned and mirrored as its metadata says.

    Every frame of the file is yielded in the order in which they are shown. Decoding is the same on
    any number of cores. A file that is shorter than it announces is logged.

    Yields:
        A frame's place in the file; its image, uint8 [h, w, 3] RGB, or an `OSError` in the image's
        stead where the frame cannot be decoded; and the seconds for which it is shown, None if the
        file does not tell.

    Raises:
        OSError: If it cannot be opened or has no video stream.
        ImportError: If PyAV is not installed.
    """
    with _open_file(path) as (container, stream):
        end = End(container, stream)
        count = 0
        for entry in decode(container, stream, end, path):
            count += 1
            yield entry
        notice = end.notice(path, count)
        if notice:
            logging.warning("%s", notice)


def decode(
    container: Any, stream: Any, end: End, name: str
) -> Iterator[tuple[str, Any, Optional[float]]]:
    """Decodes what `open_input` opened, which need not be a file; see `read_frames`.

    Nothing was read yet of the container; `end` learns where its video stream ends.
    """
    order = Order(stream.codec_context.codec.name, container.format.name)
    rows = _rows(container, stream, order, end)
    count = 0
    for count, (row, seconds) in enumerate(_timed(rows, stream), 1):
        image: Any = row.image
        if isinstance(image, str):
            image = OSError(f"cannot decode {name}: {image}")
        yield f"{name}, frame {count - 1}", image, seconds
    if order.skipped:
        logging.warning(
            "%s begins in the middle: %d packets before its first key frame are passed over",
            *(name, order.skipped),
        )
    if order.lost > 0:
        logging.warning(
            "%s has %d more frames than the %d that were decoded, it does not tell where",
            *(name, order.lost, count),
        )


def _rows(container: Any, stream: Any, order: Order, end: End) -> Iterator[VideoFrame]:
    """Decodes a stream: every frame, or why there is none, in the order of the timestamps."""
    errors = (import_av().error.FFmpegError, OSError)
    decoder = stream.codec_context
    _choose_threads(decoder)
    packets = _packets(container, stream)
    matrix = None
    while True:
        unread = failure = None
        try:
            packet = next(packets, None)
        except errors as error:  # A broken demuxer has nothing more to give.
            packet, unread = None, reason(error)
        if packet is None:
            order.ended(end.is_cut)
        else:
            end.add(packet)
            if not packet.size:  # A frame that is left out; a decoder would take it for the end.
                continue
        try:
            frames = decoder.decode(packet)  # None asks for the frames that are left in it.
        except errors as error:
            frames, failure = [], reason(error)
        if packet is not None:
            yield from order.sent(packet, failure)
        for frame in frames:
            # Once, for asking a frame for it keeps its memory until Python collects garbage.
            matrix = matrix or _display_matrix(frame)
            yield from order.came(to_rgb(frame, matrix), frame.pts)
        if packet is None:
            yield from order.rest()
            if unread:
                yield VideoFrame(unread, None, 0)
            return


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    # Those of PyAV's own that ask the decoder for its last frames have no time.
    return (packet for packet in container.demux(stream) if packet.size or packet.dts is not None)


def _choose_threads(decoder: Any) -> None:
    """Lets a decoder use several threads where it reports the same damage as with one.

    Threads for frames lose errors, and with them the frames that are on their way; those for slices
    or tiles pass over damage that one thread finds (VP9), or hide it otherwise (H.264, HEVC).
    """
    independent = decoder.codec.intra_only or decoder.codec.name == "ffv1"
    decoder.thread_type = "SLICE" if independent else "NONE"
    if decoder.codec.name == "libdav1d":  # Has threads of its own, which are then for tiles.
        decoder.flags |= _LOW_DELAY


def _timed(rows: Iterable[VideoFrame], stream: Any) -> Iterator[tuple[VideoFrame, Optional[float]]]:
    """Adds the seconds for which frames are shown: until the next, the last as usual or longer."""
    before: Optional[VideoFrame] = None
    for row in rows:
        if before is not None:
            ticks = 0
            if row.pts is not None and before.pts is not None:
                ticks = row.pts - before.pts
            yield before, float(ticks * stream.time_base) if ticks > 0 else None
        before = row
    if before is not None:
        usual = 1 / float(stream.guessed_rate) if stream.guessed_rate else 0.0
        yield before, max(float(before.duration * stream.time_base), usual) or None


def _length(container: Any, stream: Any) -> Optional[int]:
    frames = announced_frames(stream)
    if stream.frames and frames is None:
        # An edit list leaves frames out, or the header is wrong: the packets tell.
        with contextlib.suppress(import_av().error.FFmpegError, OSError):
            return sum(not p.is_discard for p in _packets(container, stream) if p.size)
    return frames


@contextlib.contextmanager
def open_input(url: str, name: str, **options: Any) -> Iterator[tuple[Any, Any]]:
    """Opens what FFmpeg reads at a URL, with the options of `av.open`; messages call it `name`.

    Yields:
        The `av.container.InputContainer` and its video stream.

    Raises:
        OSError: If it cannot be opened or has no video stream.
        ImportError: If PyAV is not installed.
    """
    av = import_av()
    try:
        container = av.open(url, **options)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise OSError(f"cannot open {name}: {reason(error)}") from error
    with container:
        streams = [stream for stream in container.streams.video if stream.codec_context]
        if not streams:
            raise OSError(f"cannot open {name}: it has no video stream that can be decoded")
        yield container, max(streams, key=_score)


def _open_file(path: str) -> contextlib.AbstractContextManager[tuple[Any, Any]]:
    # Without its protocol FFmpeg takes what stands before a colon in a name for one.
    return open_input(f"file:{path}", f"video {path}")


def _score(stream: Any) -> int:
    """Ranks streams as the ffmpeg command does: the largest picture that is not a cover wins."""
    disposition = getattr(stream, "disposition", None)
    if disposition is None:  # PyAV before 14.1: a single picture has no rate.
        attached, default = not stream.average_rate, False
    else:
        value = getattr(disposition, "value", disposition)
        attached, default = value & _ATTACHED, value & _DEFAULT
    if attached:
        return 1
    return stream.codec_context.width * stream.codec_context.height + 5_000_000 * bool(default)


def _display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """Finds the (a, b, c, d) by which what is at (x, y) is shown at (a x + c y, b x + d y)."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
    return a, b, c, d


def to_rgb(frame: Any, matrix: Optional[tuple[int, int, int, int]] = None) -> np.ndarray:
    """Converts an `av.VideoFrame` to uint8 [h, w, 3] RGB, upright.

    `matrix` tells how it is turned and mirrored, by default the frame does.
    """
    image = frame.to_ndarray(format="rgb24")
    a, b, c, d = matrix or _display_matrix(frame)
    if abs(b) > abs(a):  # The nearest of the eight orientations.
        image = image.swapaxes(0, 1)
        a, d = c, b
    image = image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(image)


def _is_turned(path: str) -> bool:
    """Tells whether the frames are shown lying on their side."""
    errors = (import_av().error.FFmpegError, OSError)
    with _open_file(path) as (container, stream):
        for packet in _packets(container, stream):
            with contextlib.suppress(*errors):
                for frame in stream.codec_context.decode(packet if packet.size else None):
                    a, b, _, _ = _display_matrix(frame)
                    return abs(b) > abs(a)
    return False
