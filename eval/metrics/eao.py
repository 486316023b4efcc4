"""The expected average overlap (EAO) of VOT: how well a tracker does on a sequence of given length.

Runs are cut into fragments, each from an initialisation to the failure or the sequence's end. The
curve is the mean overlap over the first n frames of fragments, for each n; the score is the curve's
mean over the lengths that are common in the data set (Kristan et al., VOT2015). Two forms:

* vot: vot-toolkit (``EAOCurve``, ``compute_eao_curve``, ``EAOScore``).
* pysot: ``EAOBenchmark``, ``calculate_expected_overlap``, all frames (tag "all").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradnet_tf.eval.metrics import bootstrap
from gradnet_tf.eval.metrics.supervised import FrameCode, Run, group_runs, sequence_lengths

SKIP = 5  # frames from a failure to the next initialisation

# First and last length of VOT's EAO, from the lengths of the sequences of each year.
EAO_INTERVALS = {
    "vot2015": (108, 371),
    "vot2016": (108, 371),
    "vot2017": (100, 356),
    "vot2018": (100, 356),
    "vot2019": (46, 291),
}


class EaoTerms(NamedTuple):
    """What each sequence adds to the EAO curve: the curve is the ratio of both, summed.

    Attributes:
        overlaps: float64 [s, k], sum over the sequence's fragments of the mean overlap of their
            first 1, 2, ... frames after the initialisation, which is column 0.
        weights: float64 [s, k], how many fragments there are of that length.
        lengths: int64 [s], how far a curve of this sequence alone would reach.
        kind: "vot" or "pysot".
    """

    overlaps: np.ndarray
    weights: np.ndarray
    lengths: np.ndarray
    kind: str


def eao_terms(runs: Sequence[Run], kind: str = "vot") -> EaoTerms:
    """Cuts runs into fragments, from each initialisation on, and sums them for each sequence.

    A fragment that ends in a failure is overlap 0 from there on, for any length; one that reaches
    the sequence's end counts for lengths up to its own. No burn-in.

    Args:
        runs: Of all sequences, with overlaps of the convention "vot" or "pysot_eao".
        kind: "vot" starts a fragment at each initialisation. "pysot" starts it 5 frames after each
            failure; where that is beyond the sequence's end it does not see that the fragment
            before failed, so that this counts up to the end only.

    Raises:
        ValueError: If runs are malformed, or the kind is unknown.
    """
    groups = group_runs(runs)
    cutters = {"vot": _vot_fragments, "pysot": _pysot_fragments}
    if kind not in cutters:
        raise ValueError(f"{kind!r} is no EAO; there are {', '.join(cutters)}")
    fragments = [[part for run in group for part in cutters[kind](run)] for group in groups]
    lengths = sequence_lengths(groups)
    if kind == "vot":
        lengths = np.array([max(len(values) for values, *_ in parts) for parts in fragments])
    shape = (len(groups), max(lengths))
    sums, weights = np.zeros(shape), np.zeros(shape)
    counts = np.maximum(np.arange(shape[1]), 1)
    for row, parts in enumerate(fragments):
        for values, weight, failed in parts:
            reach = shape[1] if failed else len(values)
            padded = np.zeros(shape[1])
            padded[1 : len(values)] = np.nan_to_num(values[1:])
            sums[row, :reach] += weight * (np.cumsum(padded) / counts)[:reach]
            weights[row, :reach] += weight
    return EaoTerms(sums, weights, lengths, kind)


def eao_curve(runs: Sequence[Run], kind: str = "vot") -> np.ndarray:
    """Returns the expected average overlap after n frames, for each n: float64 [k].

    Entry 0 is 0 (vot) or 1 (pysot), where nothing was tracked. Arguments and errors are those of
    `eao_terms`.
    """
    terms = eao_terms(runs, kind)
    return _curves(terms, np.ones((1, len(terms.lengths))))[0]


def eao(runs: Sequence[Run], interval: tuple[int, int], kind: str = "vot") -> float:
    """Returns the expected average overlap, 0 to 1: the mean of `eao_curve` over some lengths.

    Args:
        runs: As in `eao_terms`.
        interval: First and last length, such as `EAO_INTERVALS["vot2017"]`.
        kind: "vot" takes the entries low to high of the curve, "pysot" low - 1 to high - 1. Where
            the curve is shorter, the mean is of what there is; NaN if it does not reach the
            interval.

    Raises:
        ValueError: If runs are malformed, or the kind or interval is impossible.
    """
    terms = eao_terms(runs, kind)
    return float(_scores(terms, np.ones((1, len(terms.lengths))), interval)[0])


def eao_interval(
    runs: Sequence[Run],
    interval: tuple[int, int],
    kind: str = "vot",
    *,
    samples: int = bootstrap.SAMPLES,
    level: float = bootstrap.LEVEL,
    seed: int = 0,
) -> tuple[float, float]:
    """Returns the confidence interval of the EAO, by bootstrap over sequences.

    A sequence is drawn with all its repetitions. Arguments are those of `eao` and
    `bootstrap.interval_of`.
    """
    terms = eao_terms(runs, kind)
    count, width = terms.overlaps.shape

    def statistic(drawn):
        times = np.zeros((len(drawn), count))
        np.add.at(times, (np.arange(len(drawn))[:, None], drawn), 1)
        return _scores(terms, times, interval)

    low, high = bootstrap.interval_of(
        statistic, count, width=max(1, width // count), samples=samples, level=level, seed=seed
    )
    return float(low), float(high)


def _scores(terms, times, interval):
    """Returns the EAO [r] of each row of `times` [r, s], how often each sequence is taken."""
    low, high = interval
    if not 1 <= low <= high:
        raise ValueError(f"the interval must be 1 <= low <= high, got {tuple(interval)}")
    curves = _curves(terms, times)
    if terms.kind == "pysot":
        low, high = low - 1, high - 1
    chosen = curves[:, low : high + 1]
    known = ~np.isnan(chosen)
    counts = known.sum(axis=1)
    return np.where(counts, np.where(known, chosen, 0).sum(axis=1) / np.maximum(counts, 1), np.nan)


def _curves(terms, times):
    """Returns curves [r, k] of rows of `times` [r, s]; NaN beyond the longest sequence taken."""
    weights = times @ terms.weights
    with np.errstate(invalid="ignore"):
        curves = (times @ terms.overlaps) / weights
    curves[:, 0] = 1.0 if terms.kind == "pysot" else 0.0
    reach = np.where(times > 0, terms.lengths, 0).max(axis=1)
    curves[np.arange(curves.shape[1]) >= reach[:, None]] = np.nan
    return curves


def _vot_fragments(run):
    """Yields (overlaps, weight, whether it failed) of each fragment of a run."""
    starts = np.flatnonzero(run.codes == FrameCode.INIT)
    failures = np.flatnonzero(run.codes == FrameCode.FAILED)
    for index, start in enumerate(starts):
        failed = index < len(failures)
        yield run.overlaps[start : failures[index] if failed else None], 1.0, failed


def _pysot_fragments(run):
    count = len(run.codes)
    failures = np.flatnonzero(run.codes == FrameCode.FAILED)
    starts = [0, *(failures + SKIP)[failures + SKIP <= count]]
    tracked = np.where(run.codes == FrameCode.TRACKED, run.overlaps, np.nan)
    for start, end in zip(starts, starts[1:]):
        # The weight is the share of its frames, the next start included, that the sequence has.
        weight = (min(end + 1, count) - start) / (end + 1 - start)
        yield tracked[start:end], weight, True
    if starts[-1] < count:
        yield tracked[starts[-1] :], 1.0, False
