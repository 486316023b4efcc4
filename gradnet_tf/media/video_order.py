"""Puts the frames of a video in order, with those that are damaged at their places."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Optional, Union

import numpy as np

# Decoders that pass over damage without an error.
_SILENT = frozenset({"mpeg1video", "mpeg2video", "libdav1d", "libaom-av1", "av1"})
# Demuxers whose files begin with a key frame.
_INDEXED = frozenset({"mov", "matroska", "avi", "flv", "asf", "mxf", "ivf", "nut", "ogg"})
_PATIENCE = 4  # Number of frames that are held back for an earlier one.
_DEPENDENT = "there is no image; it is damaged, or what it was coded from is"


class VideoFrame(NamedTuple):
    """A frame of a video."""

    image: Union[np.ndarray, str]  # uint8 [h, w, 3] RGB, or the reason why there is none.
    # When it is shown, as a multiple of the stream's time base; None if there is no telling.
    pts: Optional[int]
    duration: int  # For how long its packet says, likewise.


class _Packet(NamedTuple):
    duration: int
    reason: Optional[str]  # Why there may be no frame, None if it ought to come.
    failed: bool  # There will be none.


class Order:
    """Puts what a decoder gives, and what it does not, in the order in which it is shown.

    A packet whose frame has not come when a later one does is lost. It becomes a frame without an
    image if decoding it failed, or something between the last key frame and it. For in a sound
    stream, too, some packets give no frame: second fields, frames that are never shown, pictures
    before the first key frame that cannot be decoded.

    Args:
        decoder: FFmpeg's name of the decoder.
        demuxer: FFmpeg's name, or names, of the container.
    """

    def __init__(self, decoder: str, demuxer: str):
        # Number of packets before the first key frame of a stream that begins anywhere.
        self.skipped = 0
        # Number of packets that have given no frame so far, if the stream's packets have no times
        # to tell which.
        self.lost = 0
        self._timed = False
        self._silent = decoder in _SILENT
        # Broadcasts begin anywhere: nothing before the first key frame is then a frame.
        self._begun = demuxer.split(",")[0] in _INDEXED
        self._start: Optional[int] = None  # When the first frame to be decoded is shown.
        self._waiting: dict[int, _Packet] = {}  # Packets without a frame, by the time it is shown.
        # In order, by the time shown; held back while an earlier one may still come.
        self._rows: list[tuple[int, VideoFrame]] = []
        self._damaged = False
        self._damaged_until: Optional[int] = None  # Frames shown before the last key frame.
        self._sparse = False  # Whether sound packets have given no frame.
        self._last: Optional[int] = None

    def sent(self, packet: Any, failure: Optional[str]) -> list[VideoFrame]:
        """Takes an `av.Packet` that the decoder was given, and its error; returns what is next."""
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
                return [*self.rest(), VideoFrame(failure, None, 0)]
            self.lost += not self._timed
            return []
        self._timed = True
        self.lost = 0
        if self._start is None or packet.pts >= self._start:
            damaged = self._silent or self._damaged or packet.pts < (self._damaged_until or 0)
            reason = failure or (_DEPENDENT if damaged else None)
            self._waiting[packet.pts] = _Packet(packet.duration or 0, reason, bool(failure))
        return []

    def came(self, image: np.ndarray, pts: Optional[int]) -> list[VideoFrame]:
        """Takes a frame, uint8 [h, w, 3] RGB, that came out of the decoder; returns what is next.

        `pts` is when it is shown, None if it does not say.
        """
        self._begun = True
        if pts is None:
            self.lost -= not self._timed
            return [*self.rest(), VideoFrame(image, None, 0)]
        packet = self._waiting.pop(pts, None)
        self._rows.append((pts, VideoFrame(image, pts, packet.duration if packet else 0)))
        self._rows.sort(key=lambda item: item[0])
        return self._next(_PATIENCE)

    def ended(self, cut: bool) -> None:
        """Notes that there are no more packets, before the decoder is asked for its last frames.

        If the last packet is cut off, it is no frame unless it was decoded.
        """
        if cut and self._last in self._waiting and self._waiting[self._last].failed:
            del self._waiting[self._last]

    def rest(self) -> list[VideoFrame]:
        """Returns what is left."""
        return [*self._next(0), *self._lost(self._waiting)]

    def _next(self, patience: int) -> list[VideoFrame]:
        found = []
        while self._rows:
            before = [pts for pts in self._waiting if pts < self._rows[0][0]]
            # A decoder that lost a picture may give the one before it late.
            if len(self._rows) <= patience and any(
                self._waiting[pts].reason and not self._waiting[pts].failed for pts in before
            ):
                break
            found += [*self._lost(before), self._rows.pop(0)[1]]
        return found

    def _lost(self, times: Iterable[int]) -> list[VideoFrame]:
        lost = []
        for pts in sorted(times):
            packet = self._waiting.pop(pts)
            if packet.reason is None:
                self._sparse = True
            elif packet.failed or self._silent or not self._sparse:
                lost.append(VideoFrame(packet.reason, pts, packet.duration))
        return lost
