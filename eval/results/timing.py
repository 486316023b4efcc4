"""How long a tracker took: initialisation, tracking, decoding and warm-up apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Optional

import numpy as np

from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.eval.results.sequence_result import SequenceResult


@dataclasses.dataclass(frozen=True)
class Timing:
    """Times of some results, in seconds.

    Attributes:
        frames: Frames that the tracker was given by `update`.
        initialization: Of all calls of `init` that count.
        tracking: Of all calls of `update` that count.
        decoding: Of reading the images.
        warm_up: Of the calls on the first frame before the clock started.
        median: Of one `update`; None without any.
        p95: 95th percentile of one `update` (linear between two); None without any.
    """

    frames: int
    initialization: float
    tracking: float
    decoding: float
    warm_up: float
    median: Optional[float]
    p95: Optional[float]

    @property
    def fps(self) -> float:
        """Frames a second of tracking alone; NaN where nothing was measured."""
        return self.frames / self.tracking if self.tracking > 0 else float("nan")


def tracked_seconds(result: SequenceResult) -> np.ndarray:
    """Returns the seconds of each `update` [m] that was called."""
    return result.seconds[~_starts(result) & np.isfinite(result.seconds)]


def measure(results: Iterable[SequenceResult]) -> Timing:
    """Sums up the times of results: repetitions of a sequence, or several sequences."""
    results = list(results)
    parts = [tracked_seconds(result) for result in results]
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
