"""Where a video ends, and where its container says that it does."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Optional

# Demuxers whose files say how long they are; of others FFmpeg measures or estimates it.
_ANNOUNCING = frozenset({"mov", "matroska", "avi", "flv", "asf", "mxf", "ivf"})
# Packets of transport streams: sizes, and places of the byte that each begins with.
_TRANSPORT_PACKETS = ((188, 0), (192, 4), (204, 0))
_SYNC = b"\x47"
_SEGMENT = b"\x18\x53\x80\x67"  # Identifier in EBML.


class End:
    """Compares where a video stream ends with where its container says that it does.

    Takes an `av.container.InputContainer`, and its video stream of which nothing was read yet.
    """

    def __init__(self, container: Any, stream: Any):
        self.is_cut = False  # Whether the last packet so far is incomplete.
        self._stream = stream
        self._container = container
        self._start: Optional[int] = None
        self._end: Optional[int] = None
        self._longest = 0  # Duration of a packet.
        self._packets = 0

    def add(self, packet: Any) -> None:
        """Notes the next `av.Packet` of the stream."""
        self._packets += 1
        self._longest = max(self._longest, packet.duration or 0)
        if packet.is_discard:
            return
        self.is_cut = packet.is_corrupt
        start = packet.dts if packet.pts is None else packet.pts
        if start is None:
            return
        self._start = start if self._start is None else min(start, self._start)
        end = start + (packet.duration or 0)
        self._end = end if self._end is None else max(end, self._end)

    def notice(self, path: str, count: int) -> Optional[str]:
        """Tells after the last of `count` frames of a file what is missing; None if nothing is."""
        there = self._seconds(self._end or 0) - self._seconds(self._start or 0)
        announced = self._announced()
        # The last frame may be announced to be shown for longer than its packet says.
        frame = max(self._seconds(self._longest), 1 / float(self._stream.guessed_rate or 25))
        short = announced is not None and announced > there + frame + 0.001
        said = f"{announced:.2f} s" if short else None
        missing = short
        if self._format == "mov":
            # With a variable rate the times of packets in the order of decoding are not exact.
            frames = announced_frames(self._stream)
            missing = frames is not None and self._packets < frames
            said = f"{frames} frames" if missing else said
        elif self._format == "matroska":
            missing = _is_cut_matroska(path) and (short or announced is None)
        elif self._format == "mpegts":
            missing = not _ends_with_transport_packet(path)
        if not missing and not self.is_cut:
            return None
        told = f"{path} is cut off: it ends after {count} frames ({there:.2f} s)"
        return told + (f", its header says {said}" if said else "")

    @property
    def _format(self) -> str:
        return self._container.format.name.split(",")[0]

    def _seconds(self, time: int) -> float:
        return float(time * self._stream.time_base)

    def _announced(self) -> Optional[float]:
        """Reads how many seconds the stream lasts, if the container says so."""
        stream = self._stream
        if self._format not in _ANNOUNCING:
            return None
        if self._format == "avi" and stream.frames and stream.average_rate:
            # FFmpeg makes the duration of a file that was cut off fit what is there.
            return float(stream.frames / stream.average_rate)
        if stream.duration:
            return self._seconds(stream.duration)
        start = self._seconds(stream.start_time or 0)
        try:
            hours, minutes, seconds = stream.metadata["DURATION"].split(":")
            return 3600 * int(hours) + 60 * int(minutes) + float(seconds) - start
        except (KeyError, ValueError):  # Only Matroska has it.
            pass
        if len(self._container.streams) == 1 and self._container.duration:
            return self._container.duration / 1e6 - start
        return None


def announced_frames(stream: Any) -> Optional[int]:
    """Reads how many frames a container says it has; None if it shows others, or is silent."""
    if not stream.frames or not stream.duration or not stream.average_rate:
        return stream.frames or None
    shown = stream.duration * stream.time_base * stream.average_rate
    return stream.frames if abs(shown - stream.frames) <= 0.5 else None


def _ends_with_transport_packet(path: str) -> bool:
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(-min(file.tell(), 1024), os.SEEK_END)
        end = file.read()
    return any(
        all(end[-n * size :][place : place + 1] == _SYNC for n in (1, 2, 3))
        for size, place in _TRANSPORT_PACKETS
    )


def _is_cut_matroska(path: str) -> bool:
    """Tells whether a file is shorter than its segment, which holds everything, says."""
    with open(path, "rb") as file:
        file.seek(4)
        file.seek(_read_size(file) or 0, os.SEEK_CUR)
        if file.read(4) != _SEGMENT:
            return False
        size = _read_size(file)
        return size is not None and file.tell() + size > os.path.getsize(path)


def _read_size(file: BinaryIO) -> Optional[int]:
    """Reads a size of EBML; None if it is said to be unknown."""
    first = file.read(1)[0]
    length = 8 - first.bit_length()  # Of the bytes that follow.
    mask = (1 << 7 * (length + 1)) - 1
    size = int.from_bytes(bytes([first]) + file.read(length), "big") & mask
    return None if size == mask else size
