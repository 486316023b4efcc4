"""What a damaged video has lost: images of single frames, and its end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, BinaryIO, NamedTuple, Optional, Union

import numpy as np

# Decoders that pass over damage without an error.
_SILENT = frozenset({"mpeg1video", "mpeg2video", "libdav1d", "libaom-av1", "av1"})
# Demuxers whose files say how long they are; of others FFmpeg measures or estimates it.
_ANNOUNCING = frozenset({"mov", "matroska", "avi", "flv", "asf", "mxf", "ivf"})
_INDEXED = _ANNOUNCING | {"nut", "ogg"}  # Their files begin with a key frame.
# Packets of transport streams: sizes, and places of the byte that each begins with.
_TRANSPORT_PACKETS = ((188, 0), (192, 4), (204, 0))
_SYNC = b"\x47"
_SEGMENT = b"\x18\x53\x80\x67"  # Identifier in EBML.
_PATIENCE = 4  # Number of frames that are held back for an earlier one.
_DEPENDENT = "there is no image; it is damaged, or what it was coded from is"


class Row(NamedTuple):
    """A frame of a video.

    Attributes:
        image: uint8 [h, w, 3] RGB, or the reason why there is none.
        pts: When it is shown, as a multiple of the stream's time base; None if there is no telling.
        duration: For how long its packet says, likewise.
    """

    image: Union[np.ndarray, str]
    pts: Optional[int]
    duration: int


class _Packet(NamedTuple):
    duration: int
    reason: Optional[str]  # Why there may be no frame, None if it ought to come.
    failed: bool  # There will be none.


class Order:
    """Puts what a decoder gives, and what it does not, in the order in which it is shown.

    A packet whose frame has not come when a later one does is lost. It becomes a row if decoding it
    failed, or if something between the last key frame and it failed. For in a sound stream, too,
    some packets give no frame: second fields, frames that are never shown, pictures before the
    first key frame that cannot be decoded.

    Attributes:
        skipped: Number of packets before the first key frame of a stream that begins anywhere.
        lost: Number of packets that have given no frame so far, in a stream whose packets have no
            times, so that it cannot be told which.
    """

    def __init__(self, decoder: str, demuxer: str):
        """Starts at the beginning of a stream.

        Args:
            decoder: FFmpeg's name of the decoder.
            demuxer: FFmpeg's name, or names, of the container.
        """
        self.skipped = 0
        self.lost = 0
        self._timed = False
        self._silent = decoder in _SILENT
        # Broadcasts begin anywhere: nothing before the first key frame is then a frame.
        self._begun = demuxer.split(",")[0] in _INDEXED
        self._start: Optional[int] = None  # When the first frame to be decoded is shown.
        self._waiting: dict[int, _Packet] = {}  # Packets without a frame, by the time it is shown.
        self._rows: list[Row] = []  # In order; held back while an earlier one may still come.
        self._damaged = False
        self._damaged_until: Optional[int] = None  # Frames shown before the last key frame.
        self._sparse = False  # Whether sound packets have given no frame.
        self._last: Optional[int] = None

    def sent(self, packet: Any, failure: Optional[str]) -> list[Row]:
        """Takes a packet that the decoder was given.

        Args:
            packet: The `av.Packet`.
            failure: The decoder's error.

        Returns:
            The rows that are next.
        """
        self._begun = self._begun or (packet.is_keyframe and failure is None)
        if not self._begun:
            self.skipped += 1
            return []
        if self._start is None:
            self._start = packet.pts
        if failure is not None:
            self._damaged = True
        elif packet.is_keyframe:
            self._damaged_until = packet.pts if self._damaged else None
            self._damaged = False
        if packet.is_discard:
            return []
        self._last = packet.pts
        if packet.pts is None:
            if failure is not None:
                return [*self.rest(), Row(failure, None, 0)]
            self.lost += not self._timed
            return []
        self._timed = True
        self.lost = 0
        if self._start is None or packet.pts >= self._start:
            damaged = self._silent or self._damaged or packet.pts < (self._damaged_until or 0)
            reason = failure or (_DEPENDENT if damaged else None)
            self._waiting[packet.pts] = _Packet(packet.duration or 0, reason, bool(failure))
        return []

    def came(self, image: np.ndarray, pts: Optional[int]) -> list[Row]:
        """Takes a frame that came out of the decoder.

        Args:
            image: uint8 [h, w, 3] RGB.
            pts: When it is shown, None if it does not say.

        Returns:
            The rows that are next.
        """
        self._begun = True
        if pts is None:
            self.lost -= not self._timed
            return [*self.rest(), Row(image, None, 0)]
        packet = self._waiting.pop(pts, None)
        self._rows.append(Row(image, pts, packet.duration if packet else 0))
        self._rows.sort(key=lambda row: row.pts)
        return self._next(_PATIENCE)

    def ended(self, cut: bool) -> None:
        """Notes that there are no more packets, before the decoder is asked for its last frames.

        Args:
            cut: Whether the last packet is incomplete: it is then no frame unless it was decoded.
        """
        if cut and self._last in self._waiting and self._waiting[self._last].failed:
            del self._waiting[self._last]

    def rest(self) -> list[Row]:
        """The rows that are left."""
        return [*self._next(0), *self._lost(self._waiting)]

    def _next(self, patience: int) -> list[Row]:
        found = []
        while self._rows:
            before = [pts for pts in self._waiting if pts < self._rows[0].pts]
            # A decoder that lost a picture may give the one before it late.
            if len(self._rows) <= patience and any(
                self._waiting[pts].reason and not self._waiting[pts].failed for pts in before
            ):
                break
            found += [*self._lost(before), self._rows.pop(0)]
        return found

    def _lost(self, times: Iterable[int]) -> list[Row]:
        lost = []
        for pts in sorted(times):
            packet = self._waiting.pop(pts)
            if packet.reason is None:
                self._sparse = True
            elif packet.failed or self._silent or not self._sparse:
                lost.append(Row(packet.reason, pts, packet.duration))
        return lost


class End:
    """Where a video stream ends, and where its container says that it does.

    Attributes:
        is_cut: Whether the last packet so far is incomplete.
    """

    def __init__(self, container: Any, stream: Any):
        """Starts at the beginning of a stream.

        Args:
            container: The `av.container.InputContainer`.
            stream: Its video stream.
        """
        self.is_cut = False
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
        """Tells what is missing at the end, to be called there.

        Args:
            path: The file.
            count: The number of frames.

        Returns:
            A sentence for the user, None if nothing is missing.
        """
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
        """Seconds that the stream lasts, if the container says so."""
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
        except (KeyError, ValueError):
            pass
        if len(self._container.streams) == 1 and self._container.duration:
            return self._container.duration / 1e6 - start
        return None


def announced_frames(stream: Any) -> Optional[int]:
    """Number of frames that a container says it has; None if it shows others than those, or cannot.

    Args:
        stream: The `av.VideoStream`.
    """
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
    """Whether a file is shorter than its segment, which holds everything, says."""
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
