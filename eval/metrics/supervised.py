"""VOT's accuracy and robustness of supervised runs; `eao` has the expected average overlap.

In a supervised run the tracker starts again five frames after each failure, that is, after a frame
in which its box does not overlap the ground truth within the image (`regions.vot_raster_overlap`).
They are measured as vot-toolkit does (``vot/analysis/supervised.py``, the stacks VOT2013 to
VOT2019). Several runs over the same sequence are its repetitions.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BURN_IN = 10  # frames from an initialisation on that accuracy leaves out


class FrameCode(enum.IntEnum):
    """What happened in a frame of a supervised run."""

    TRACKED = 0
    INIT = 1
    FAILED = 2
    SKIPPED = 3


class Run(NamedTuple):
    """A supervised run over a sequence of n frames, which begins with an initialisation."""

    sequence: str
    codes: np.ndarray  # int64 [n], `FrameCode`.
    overlaps: np.ndarray  # float64 [n] of 0 to 1; only those of tracked frames count.


def accuracy(runs: Sequence[Run], burn_in: int = BURN_IN) -> float:
    """Returns the mean overlap of tracked frames, without the first ones after an initialisation.

    It is the mean of each run, of its repetitions, then of the sequences by their lengths.

    Args:
        runs: The runs over all sequences.
        burn_in: Frames left out, the initialisation included; it goes on over failures.

    Returns:
        0 to 1, higher is better; a run without a frame that counts has 0.
    """
    groups = group_runs(runs)
    means = [np.mean([_mean_overlap(run, burn_in) for run in group]) for group in groups]
    return float(np.average(means, weights=_lengths(groups)))


def robustness(runs: Sequence[Run], kind: str = "vot") -> float:
    """Counts failures; lower is better.

    Args:
        runs: The runs over all sequences.
        kind: "vot": failures of a run, averaged over sequences by their lengths. "pysot": all
            failures in 100 frames of all (``AccuracyRobustnessBenchmark``); the numbers of
            GradNet's paper are on this scale.
    """
    groups = group_runs(runs)
    failures = [np.mean([np.sum(run.codes == FrameCode.FAILED) for run in g]) for g in groups]
    if kind == "pysot":
        return float(100 * sum(failures) / sum(_lengths(groups)))
    return float(np.average(failures, weights=_lengths(groups)))


def group_runs(runs: Sequence[Run]) -> list[list[Run]]:
    """Groups runs by sequence."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.sequence, []).append(run)
    return list(groups.values())


def _lengths(groups: list[list[Run]]) -> list[int]:
    return [len(group[0].codes) for group in groups]


def _mean_overlap(run: Run, burn_in: int) -> float:
    counts = (run.codes == FrameCode.TRACKED) & ~np.isnan(run.overlaps)
    for start in np.flatnonzero(run.codes == FrameCode.INIT):
        counts[start : start + burn_in] = False
    return float(run.overlaps[counts].mean()) if counts.any() else 0.0
