"""Confidence intervals by bootstrap over sequences.

A benchmark's sequences are seen as drawn from all sequences that there might be: they are drawn
again, with replacement, and the quantiles of what the measure becomes are the interval (Efron's
percentile method). The same sequences are drawn every time, so intervals of two trackers on one
data set are made from the same draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

import numpy as np

SAMPLES = 2000
LEVEL = 0.95

_BLOCK = 4_000_000  # numbers drawn at once at most, 8 bytes each


def interval(
    values: np.ndarray,
    weights: Optional[np.ndarray] = None,
    clusters: Optional[np.ndarray] = None,
    *,
    samples: int = SAMPLES,
) -> tuple[float, float]:
    """Returns the confidence interval (low, high) of the mean of sequences' values [n].

    Args:
        values: One number a sequence, [n]; NaN is left out.
        weights: What each sequence weighs in the mean, [n]; alike by default.
        clusters: int [n]: runs over parts of one video tell less than as many runs over different
            ones, so what belongs to a cluster is drawn together.
        samples: How often n sequences are drawn.
    """
    values = np.asarray(values, np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    known = np.isfinite(values)
    if not known.any():
        return np.nan, np.nan
    values, weights = values[known], weights[known]
    if clusters is not None:
        _, places = np.unique(clusters[known], return_inverse=True)
        sums = np.bincount(places, weights * values)
        weights = np.bincount(places, weights)
        values = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)

    def weighted_mean(drawn):
        shares = weights[drawn]
        with np.errstate(invalid="ignore"):
            return np.einsum("sn,sn->s", shares, values[drawn]) / shares.sum(axis=1)

    return interval_of(weighted_mean, len(values), samples=samples)


def interval_of(
    statistic: Callable[[np.ndarray], np.ndarray],
    count: int,
    *,
    width: int = 1,
    samples: int = SAMPLES,
) -> tuple[float, float]:
    """Returns the confidence interval of anything that chosen sequences have, such as the EAO.

    Args:
        statistic: Gets indices of sequences [s, count], each row a sample, and returns [s]. Samples
            for which it is NaN are left out; the interval is NaN if none is left.
        count: How many sequences there are.
        width: Numbers that the statistic needs for each index; only to bound the memory.
        samples: As in `interval`.
    """
    drawn = np.random.default_rng(0).integers(count, size=(samples, count))
    step = max(1, _BLOCK // (count * width))
    parts = [statistic(drawn[first : first + step]) for first in range(0, samples, step)]
    estimates = np.concatenate(parts)
    estimates = estimates[~np.isnan(estimates)]
    if not len(estimates):
        return np.nan, np.nan
    low, high = np.quantile(estimates, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
