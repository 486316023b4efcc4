"""The result of one run of a tracker over one sequence, in memory."""

from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class SequenceResult:
    """What a tracker answered in one run over one sequence of n frames.

    Attributes:
        sequence: Its name.
        boxes: float64 [n, 4], (x, y, width, height), 0-based px. NaN where there is none: in
            supervised runs in every frame whose code is not TRACKED, in VOT's other runs in the
            first.
        seconds: float64 [n], time of `init` or `update` without decoding; NaN where the tracker was
            not called.
        decode_seconds: float64 [n], time of reading the image; NaN where it was not read.
        warm_up_seconds: Calls before the clock started: tracing and compiling.
        codes: int64 [n], `supervised.FrameCode`; None in runs that never start again.
        repetition: Number of the run, from 1.
        held: Places of the frames that could not be read, where the last box is repeated.
        notes: In words, what has to be said of it: times that cannot be used, frames held.
    """

    sequence: str
    boxes: np.ndarray
    seconds: np.ndarray
    decode_seconds: np.ndarray
    warm_up_seconds: float = 0.0
    codes: Optional[np.ndarray] = None
    repetition: int = 1
    held: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def blank(sequence: str, count: int, repetition: int) -> SequenceResult:
    """Makes a result of `count` frames whose arrays are NaN, to be filled in."""
    boxes, seconds, decoding = (np.full(shape, np.nan) for shape in ((count, 4), count, count))
    return SequenceResult(sequence, boxes, seconds, decoding, repetition=repetition)
