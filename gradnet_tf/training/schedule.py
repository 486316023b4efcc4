"""Learning rates as functions of the step alone, so that a resumed run goes on exactly.

Steps count from 0. `TrainConfig` checks the values.
"""

from __future__ import annotations

import math

import numpy as np


def log_steps(step: int, steps_per_epoch: int, epochs: int, first: float, last: float) -> float:
    """Returns one rate for each epoch, evenly spaced in the logarithm; later steps have the last.

    Source: `train.py`, `getOpts` of the reference: `trainLr1 = logspace(-2, -5, 50)`.
    """
    rates = np.logspace(math.log10(first), math.log10(last), epochs)
    return float(rates[min(step // steps_per_epoch, epochs - 1)])


def cosine(step: int, steps: int, peak: float, warmup_steps: int, floor: float) -> float:
    """Rises linearly to the peak, which step `warmup_steps` has, then falls by half a cosine.

    No rate of the warm-up is zero, and from step `steps` on the rate is `floor`.
    """
    if step < warmup_steps:
        return peak * (step + 1) / (warmup_steps + 1)
    progress = min((step - warmup_steps) / (steps - warmup_steps), 1.0)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))
