"""The result of one run of a tracker over one sequence, in memory, and how long it took."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Optional

import numpy as np

from gradnet_tf.eval.metrics.supervised import FrameCode


@dataclasses.dataclass(frozen=True, eq=False)
class SequenceResult:
    """What a tracker answered in one run over one sequence of n frames."""

    sequence: str  # Its name.
    # float64 [n, 4], (x, y, width, height), 0-based px. NaN where there is none: in supervised runs
    # in every frame whose code is not TRACKED, in VOT's other runs in the first.
    boxes: np.ndarray
    # float64 [n], time of `init` or `update` without decoding; NaN where neither was called.
    seconds: np.ndarray
    decode_seconds: np.ndarray  # float64 [n], time of reading the image; NaN where it was not read.
    warm_up_seconds: float = 0.0  # Calls before the clock started: tracing and compiling.
    codes: Optional[np.ndarray] = None  # int64 [n], `FrameCode`; None if it never starts again.
    repetition: int = 1  # Number of the run, from 1.
    held: tuple[int, ...] = ()  # Frames that could not be read, where the last box is repeated.
    notes: tuple[str, ...] = ()  # In words, what has to be said of it, of times for example.


def blank(sequence: str, count: int, repetition: int) -> SequenceResult:
    """Makes a result of `count` frames whose arrays are NaN, to be filled in."""
    boxes, seconds, decoding = (np.full(shape, np.nan) for shape in ((count, 4), count, count))
    return SequenceResult(sequence, boxes, seconds, decoding, repetition=repetition)


@dataclasses.dataclass(frozen=True)
class Timing:
    """Times of some results, in seconds."""

    frames: int  # That the tracker was given by `update`.
    initialization: float  # All calls of `init` that count.
    tracking: float  # All calls of `update` that count.
    decoding: float  # Reading the images.
    warm_up: float  # The calls on the first frame before the clock started.
    median: Optional[float]  # Of one `update`; None without any.
    p95: Optional[float]  # 95th percentile of one `update` (linear between two).

    @property
    def fps(self) -> float:
        """Frames a second of tracking alone; NaN where nothing was measured."""
        return self.frames / self.tracking if self.tracking > 0 else float("nan")


def measure_times(results: Iterable[SequenceResult]) -> Timing:
    """Sums up the times of results: repetitions of a sequence, or several sequences."""
    results = list(results)
    parts = [r.seconds[~_starts(r) & np.isfinite(r.seconds)] for r in results]
    seconds = np.concatenate([*parts, np.zeros(0)])
    return Timing(
        frames=len(seconds),
        initialization=float(sum(np.nansum(r.seconds[_starts(r)]) for r in results)),
        tracking=float(seconds.sum()),
        decoding=float(sum(np.nansum(result.decode_seconds) for result in results)),
        warm_up=float(sum(result.warm_up_seconds for result in results)),
        median=float(np.median(seconds)) if len(seconds) else None,
        p95=float(np.percentile(seconds, 95)) if len(seconds) else None,
    )


def _starts(result: SequenceResult) -> np.ndarray:
    if result.codes is not None:
        return result.codes == FrameCode.INIT
    return np.arange(len(result.seconds)) == 0
