"""Confidence intervals by bootstrap over sequences.

A benchmark's sequences are seen as drawn from all sequences that there might be: they are drawn
again, with replacement, and the quantiles of what the measure becomes are the interval (Efron's
percentile method). The same seed draws the same sequences, so intervals of two trackers on one data
set are made from the same draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional, Union

import numpy as np

SAMPLES = 2000
LEVEL = 0.95

# So many numbers are drawn at once, at most (8 bytes each).
_BLOCK = 4_000_000

Limits = tuple[Union[float, np.ndarray], Union[float, np.ndarray]]


def draw(count: int, samples: int = SAMPLES, seed: int = 0) -> np.ndarray:
    """Draws sequences with replacement: their indices, int64 [samples, count]."""
    if count < 1 or samples < 1:
        raise ValueError(f"{samples} samples of {count} sequences cannot be drawn; 1 is the least")
    return np.random.default_rng(seed).integers(count, size=(samples, count))


def interval(
    values: np.ndarray,
    statistic: Callable[..., np.ndarray] = np.mean,
    *,
    weights: Optional[np.ndarray] = None,
    samples: int = SAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Limits:
    """Returns the confidence interval (low, high) of a statistic of sequences' values.

    Args:
        values: [n], one number a sequence, or [n, k], such as curves.
        statistic: Called with samples [s, n] or [s, n, k] and axis=1, as `np.mean` is.
        weights: [n], what each sequence weighs in the mean, which then is the statistic.
        samples: How often sequences are drawn.
        level: Of confidence, between 0 and 1.
        seed: Of the draws.

    Raises:
        ValueError: If there are no values, or an argument is out of its range.
    """
    values = np.asarray(values, np.float64)
    if weights is None:
        return interval_of(
            lambda drawn: statistic(values[drawn], axis=1),
            len(values),
            width=values[:1].size,
            samples=samples,
            level=level,
            seed=seed,
        )
    if statistic is not np.mean:
        raise ValueError("weights belong to the mean; leave the statistic out")
    weights = np.asarray(weights, np.float64)
    if weights.shape != values.shape[:1]:
        raise ValueError(f"{list(weights.shape)} weights do not fit {len(values)} sequences")

    def weighted_mean(drawn):
        shares = weights[drawn]
        total = shares.sum(axis=1)
        sums = np.einsum("sn,sn...->s...", shares, values[drawn])
        with np.errstate(invalid="ignore"):
            return (sums.T / total).T

    return interval_of(
        weighted_mean,
        len(values),
        width=values[:1].size,
        samples=samples,
        level=level,
        seed=seed,
    )


def interval_of(
    statistic: Callable[[np.ndarray], np.ndarray],
    count: int,
    *,
    width: int = 1,
    samples: int = SAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Limits:
    """Returns the confidence interval of anything that chosen sequences have, such as the EAO.

    Args:
        statistic: Gets indices of sequences [s, count], each row a sample, and returns [s] or [s,
            k]. Samples for which it is NaN are left out.
        count: How many sequences there are.
        width: Numbers that the statistic needs for each index; only to bound the memory.
        samples: As in `interval`.
        level: As in `interval`.
        seed: As in `interval`.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    drawn = draw(count, samples, seed)
    step = max(1, _BLOCK // max(count * width, 1))
    parts = [statistic(drawn[first : first + step]) for first in range(0, samples, step)]
    estimates = np.concatenate(parts)
    tails = ((1 - level) / 2, (1 + level) / 2)
    if np.isnan(estimates).any():
        known = ~np.isnan(estimates.reshape(samples, -1)).any(axis=1)
        estimates = estimates[known]
        if not len(estimates):
            nothing = np.full(parts[0].shape[1:], np.nan)
            return (nothing, nothing) if nothing.ndim else (float("nan"), float("nan"))
    low, high = np.quantile(estimates, tails, axis=0)
    return (low, high) if low.ndim else (float(low), float(high))
