"""Measures whether the pipeline feeds training: `python -m gradnet_tf.bench.data --data=GLOB`.

Prints how many batches a second the pipeline makes and how many steps a second training takes in
each precision (medians, all of one run), and how long training waits for data when it and the
pipeline run together.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable

import numpy as np
from absl import flags

from gradnet_tf import command_line

ROUNDS = 5


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_list("data", [], "Patterns of shards, one a data set.", values)
    flags.DEFINE_integer("batch", 8, "Pairs of a batch.", 1, flag_values=values)
    flags.DEFINE_integer("batches", 60, "Batches to measure.", ROUNDS, flag_values=values)
    flags.DEFINE_enum(
        "preset", "reference", ["reference", "short"], "Of the training.", flag_values=values
    )
    flags.DEFINE_list(
        "precisions", ["float32", "mixed_bfloat16"], "As --precision of the training.", values
    )


def _times(function: Callable[[], object], count: int, repeats: int = 1) -> np.ndarray:
    """Measures one of `count` batches of a call: seconds on the clock and of the processor."""
    times = []
    for _ in range(repeats):
        clock, processor = time.perf_counter(), time.process_time()
        function()
        times.append((time.perf_counter() - clock, time.process_time() - processor))
    return np.median(times, axis=0) / count


def measure(values: flags.FlagValues) -> float:
    """Measures and prints; returns the pipeline's rate over that of the fastest training.

    Raises:
        OSError: If the data cannot be read.
        ValueError: If they do not suffice, or a precision is none of a training's.
    """
    import tensorflow as tf

    from gradnet_tf.data import pairs
    from gradnet_tf.network.gradnet import GradNet
    from gradnet_tf.training import presets
    from gradnet_tf.training.step import TrainStep

    steps = {}
    for name in values.precisions:
        setting = presets.preset(values.preset, precision=name, batch=values.batch)
        steps[name] = TrainStep(GradNet(seed=0), setting)
    config = pairs.PairConfig(batch=values.batch, validation=0.0)
    source = pairs.open_pairs(values.data, None, config)
    print(
        f"TensorFlow {tf.__version__}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
        f"{source.training.count} videos, {values.batch} pairs"
    )
    batches = source.iterate(source.train())
    next(batches)
    # Means of several, for batches come in bursts.
    part = values.batches // ROUNDS
    data = _times(lambda: [next(batches) for _ in range(part)], part, ROUNDS)
    _print("pipeline alone", data)

    count = max(values.batches // 6, 5)
    ratios = []
    for name, step in steps.items():
        call = functools.partial(_train, step, next(batches))
        call()  # Traces and compiles.
        alone = _times(call, 1, count)
        _print(f"training step, {name}", alone)
        waits: list[float] = []

        def train(step=step, waits=waits):
            for _ in range(count):
                start = time.perf_counter()
                batch = next(batches)
                waits.append(time.perf_counter() - start)
                _train(step, batch)

        together = _times(train, count)
        share = sum(waits) / count / together[0]
        _print("  with the pipeline", together, f", {100 * share:.1f} % of it waiting for data")
        by_clock, by_processor = alone / data
        print(
            f"The pipeline makes {by_clock:.1f} batches in the time of a training step "
            f"({by_processor:.1f} by the processor's time)."
        )
        ratios.append(float(by_clock))
    return min(ratios)


def _train(step: Callable, batch) -> np.ndarray:
    return step(*batch, 0)["loss"].numpy()


def _print(name: str, times: np.ndarray, more: str = "") -> None:
    clock, processor = times
    print(
        f"{name + ':':36}{1e3 * clock:8.1f} ms a batch {1 / clock:8.1f} a second "
        f"{1e3 * processor:8.1f} ms of the processor{more}"
    )


run = command_line.flags_alone(measure)

if __name__ == "__main__":
    command_line.main(define_flags, run)
