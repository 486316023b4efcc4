"""Times of functions that take turns, so that their ratios hold on a busy machine too."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from gradnet_tf.tracking import config


def period(constants: config.TrackerConfig) -> int:
    """Counts the frames after which updates and choices of the scale repeat."""
    return math.lcm(constants.update_interval, constants.scale_interval)


PERIOD = period(config.preset("reference"))
# Seconds in which threads of the function before, which wait by spinning, go to sleep.
_PAUSE = 0.05


class Summary(NamedTuple):
    """Holds the times of one thing, in seconds.

    Attributes:
        median: Of all measurements.
        high: Their 95th percentile.
        mean: Of a frame: medians of the frames with an update and of those between, weighted by how
            many there are. One frame in five costs more, which a median of all does not see; one
            disturbance in a hundred costs much more, which a plain mean does not forgive.
    """

    median: float
    high: float
    mean: float


def summarize(seconds: Iterable[float], period: int = PERIOD) -> Summary:
    """Summarizes the times of consecutive frames, whose work repeats after `period` of them."""
    times = np.fromiter(seconds, float)
    whole = times[: len(times) // period * period].reshape(-1, period)
    return Summary(
        float(np.median(times)),
        float(np.percentile(times, 95)),
        float(np.median(whole, axis=0).mean()),
    )


def in_turns(
    functions: Mapping[str, Callable[[int], object]],
    count: int,
    warm_up: int = PERIOD,
    turn: int = PERIOD,
) -> dict[str, list[float]]:
    """Measures `count` calls of each function with the number of the call, in turns.

    Args:
        functions: What to measure, by name. One that measures itself returns its seconds (a float);
            of the others the time of the call is taken.
        count: Calls to measure.
        warm_up: Calls before those.
        turn: Calls of a function before the next one's, so that most of them find in the caches
            what they find there where nothing else runs.

    Returns:
        `count` times in seconds by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for first in range(0, warm_up + count, turn):
        for name, function in functions.items():
            time.sleep(_PAUSE)
            for index in range(first, min(first + turn, warm_up + count)):
                start = time.perf_counter()
                own = function(index)
                spent = own if isinstance(own, float) else time.perf_counter() - start
                if index >= warm_up:
                    seconds[name].append(spent)
    return seconds
