"""The expected average overlap (EAO) of VOT: how well a tracker does on a sequence of given length.

Runs are cut into fragments, each from an initialisation to the failure or the sequence's end. The
curve is the mean overlap over the first n frames of fragments, for each n; the score is the curve's
mean over the lengths that are common in the data set (Kristan et al., VOT2015). All of it is
counted as vot-toolkit does (``EAOCurve``, ``compute_eao_curve``, ``EAOScore``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradnet_tf.eval.metrics import bootstrap
from gradnet_tf.eval.metrics.supervised import FrameCode, Run, group_runs

# First and last length of VOT's EAO, from the lengths of the sequences of each year.
EAO_INTERVALS = {
    "vot2015": (108, 371),
    "vot2016": (108, 371),
    "vot2017": (100, 356),
    "vot2018": (100, 356),
    "vot2019": (46, 291),
}


class EaoTerms(NamedTuple):
    """What each sequence adds to the EAO curve: the curve is the ratio of both sums.

    Column n stands for fragments of the initialisation and n frames.
    """

    overlaps: np.ndarray  # float64 [s, k], summed mean overlaps of the fragments' n frames.
    weights: np.ndarray  # float64 [s, k], how many fragments there are of that length.
    lengths: np.ndarray  # int64 [s], how far a curve of this sequence alone would reach.


def eao_terms(runs: Sequence[Run]) -> EaoTerms:
    """Cuts runs into fragments, from each initialisation on, and sums them for each sequence.

    A fragment that ends in a failure is overlap 0 from there on, for any length; one that reaches
    the sequence's end counts for lengths up to its own. There is no burn-in.
    """
    fragments = [[part for run in group for part in _fragments(run)] for group in group_runs(runs)]
    lengths = np.array([max(len(values) for values, _ in parts) for parts in fragments])
    shape = (len(fragments), max(lengths))
    sums, weights = np.zeros(shape), np.zeros(shape)
    counts = np.maximum(np.arange(shape[1]), 1)
    for row, parts in enumerate(fragments):
        for values, failed in parts:
            reach = shape[1] if failed else len(values)
            padded = np.zeros(shape[1])
            padded[1 : len(values)] = np.nan_to_num(values[1:])
            sums[row, :reach] += (np.cumsum(padded) / counts)[:reach]
            weights[row, :reach] += 1
    return EaoTerms(sums, weights, lengths)


def eao_curve(runs: Sequence[Run]) -> np.ndarray:
    """Returns the expected average overlap after n frames, for each n: float64 [k].

    Entry 0 is 0, where nothing was tracked.
    """
    terms = eao_terms(runs)
    return _curves(terms, np.ones((1, len(terms.lengths))))[0]


def eao(runs: Sequence[Run], interval: tuple[int, int]) -> float:
    """Returns the expected average overlap, 0 to 1: the mean of `eao_curve` over some lengths.

    The interval is the first and last length, such as `EAO_INTERVALS["vot2017"]`. Where the curve
    is shorter, the mean is of what there is; NaN if it does not reach the interval.
    """
    terms = eao_terms(runs)
    return float(_scores(terms, np.ones((1, len(terms.lengths))), interval)[0])


def eao_interval(
    runs: Sequence[Run], interval: tuple[int, int], samples: int = bootstrap.SAMPLES
) -> tuple[float, float]:
    """Returns the confidence interval of the EAO, by bootstrap over sequences.

    A sequence is drawn with all its repetitions; `interval` is of lengths, as in `eao`.
    """
    terms = eao_terms(runs)
    count, width = terms.overlaps.shape

    def statistic(drawn):
        times = np.zeros((len(drawn), count))
        np.add.at(times, (np.arange(len(drawn))[:, None], drawn), 1)
        return _scores(terms, times, interval)

    return bootstrap.interval_of(statistic, count, width=max(1, width // count), samples=samples)


def _scores(terms, times, interval):
    """Returns the EAO [r] of each row of `times` [r, s], how often each sequence is taken."""
    chosen = _curves(terms, times)[:, interval[0] : interval[1] + 1]
    with np.errstate(invalid="ignore"):  # NaN without any length.
        return np.nansum(chosen, axis=1) / np.isfinite(chosen).sum(axis=1)


def _curves(terms, times):
    """Returns curves [r, k] of rows of `times` [r, s]; NaN beyond the longest sequence taken."""
    weights = times @ terms.weights
    with np.errstate(invalid="ignore"):
        curves = (times @ terms.overlaps) / weights
    curves[:, 0] = 0
    reach = np.where(times > 0, terms.lengths, 0).max(axis=1)
    curves[np.arange(curves.shape[1]) >= reach[:, None]] = np.nan
    return curves


def _fragments(run):
    """Yields the overlaps of each fragment of a run, and whether it ended in a failure."""
    failures = np.flatnonzero(run.codes == FrameCode.FAILED)
    for index, start in enumerate(np.flatnonzero(run.codes == FrameCode.INIT)):
        failed = index < len(failures)
        yield run.overlaps[start : failures[index] if failed else None], failed
