"""Learning rates as functions of the step, which counts from 0.

A rate depends on nothing but the step, so that a resumed run goes on exactly.
"""

from __future__ import annotations

import math

import numpy as np

REFERENCE_PAIRS = 53_200
REFERENCE_VALIDATION = 0.1


def constant(step: int, *, rate: float) -> float:
    """The same learning rate at every step."""
    _check(step, rate=rate)
    return rate


def log_steps(
    step: int,
    *,
    steps_per_epoch: int,
    epochs: int = 50,
    first: float = 1e-2,
    last: float = 1e-5,
) -> float:
    """One rate for each epoch, evenly spaced in their logarithm.

    Source: `train.py`, `getOpts` of the reference: `trainLr1 = logspace(-2, -5, 50)`.

    Args:
        step: The step, from 0.
        steps_per_epoch: See `reference_steps_per_epoch`.
        epochs: How many rates there are; later steps have the last one.
        first: Rate of the first epoch.
        last: Rate of the last epoch.

    Raises:
        ValueError: If a rate or a count is not positive, or the step negative.
    """
    _check(step, first=first, last=last)
    if steps_per_epoch < 1 or epochs < 1:
        raise ValueError(
            f"steps_per_epoch and epochs must be at least 1, got {steps_per_epoch} and {epochs}"
        )
    rates = np.logspace(math.log10(first), math.log10(last), epochs)
    return float(rates[min(step // steps_per_epoch, epochs - 1)])


def cosine(
    step: int, *, steps: int, peak: float, warmup_steps: int = 0, floor: float = 0.0
) -> float:
    """Linear warm-up to the peak, then half a cosine down to the floor.

    Args:
        step: The step, from 0.
        steps: Length of the training, warm-up included; the rate is `floor` from there on.
        peak: The highest rate, of step `warmup_steps`.
        warmup_steps: Steps 0 to warmup_steps - 1 have the rates peak * (step + 1) /
            (warmup_steps + 1): none is zero.
        floor: The rate at the end.

    Raises:
        ValueError: If the peak is not positive and finite, the floor not between 0 and the peak,
            the warm-up not shorter than the training, or the step negative.
    """
    _check(step, peak=peak)
    if not 0 <= floor <= peak:
        raise ValueError(f"floor must lie between 0 and the peak {peak}, got {floor}")
    if not 0 <= warmup_steps < steps:
        raise ValueError(
            f"warmup_steps must lie between 0 and steps - 1 = {steps - 1}, got {warmup_steps}"
        )
    if step < warmup_steps:
        return peak * (step + 1) / (warmup_steps + 1)
    progress = min((step - warmup_steps) / (steps - warmup_steps), 1.0)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))


def reference_steps_per_epoch(
    pairs: int = REFERENCE_PAIRS, validation: float = REFERENCE_VALIDATION, batch: int = 8
) -> int:
    """Training steps of one epoch of the reference: 5984 with its numbers.

    Its loop ends 9 pairs before the last, so the last batch is left out.
    Source: `train.py`, `main` of the reference. Raises ValueError if there would be no step.
    """
    steps = math.ceil((pairs * (1 - validation) - 9) / batch)
    if steps < 1:
        raise ValueError(
            f"{pairs} pairs, {validation} of them for validation, give no batch of {batch}"
        )
    return steps


def _check(step: int, **rates: float) -> None:
    if step < 0:
        raise ValueError(f"a step counts from 0, got {step}")
    for name, rate in rates.items():
        if not (rate > 0 and math.isfinite(rate)):
            raise ValueError(f"{name} must be a positive learning rate, got {rate}")
