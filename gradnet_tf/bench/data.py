"""Measures whether the pipeline feeds training: `python -m gradnet_tf.bench.data --data=GLOB`.

Prints how many batches a second the pipeline makes and how many steps a second training takes in
each precision (medians, all of one run), and how long training waits for data when it and the
pipeline run together.
"""

from __future__ import annotations

import functools
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

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


class Times(NamedTuple):
    """Seconds of one batch, on the clock and of the processor."""

    clock: float
    processor: float


def _times(function: Callable[[], object], count: int = 1) -> Times:
    """Measures one of the batches that a call of the function makes or takes."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return Times(clock / count, processor / count)


def _medians(times: Iterable[Times]) -> Times:
    return Times(*(statistics.median(values) for values in zip(*times)))


def _together(step: Callable, batches: Iterator, count: int) -> tuple[Times, float]:
    """Measures a step with a new batch, and how many seconds of it training waits for the batch."""
    waited = 0.0

    def train():
        nonlocal waited
        for _ in range(count):
            before = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - before
            step(batch)

    return _times(train, count), waited / count


def measure(values: flags.FlagValues) -> float:
    """Measures and prints.

    Returns:
        Rate of the pipeline divided by that of the fastest training.

    Raises:
        OSError: If the data cannot be read.
        ValueError: If they do not suffice, or a precision is none of a training's.
    """
    import tensorflow as tf

    from gradnet_tf.data import pairs
    from gradnet_tf.network.gradnet import GradNet
    from gradnet_tf.training import config as configs
    from gradnet_tf.training.step import TrainStep

    steps = {}
    for name in values.precisions:
        setting = configs.preset(values.preset, precision=name, batch=values.batch)
        steps[name] = TrainStep(GradNet(seed=0), setting)
    config = pairs.PairConfig(batch=values.batch, validation=0.0)
    source = pairs.open_pairs(values.data, None, config)
    print(
        f"TensorFlow {tf.__version__}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
        f"{source.training.count} videos, {values.batch} pairs"
    )
    batches = source.iterate(source.train())
    next(batches)

    def read(count):
        for _ in range(count):
            next(batches)

    # Means of several, for batches come in bursts.
    part = values.batches // ROUNDS
    data = _medians(_times(functools.partial(read, part), part) for _ in range(ROUNDS))
    _print("pipeline alone", data)

    count = max(values.batches // 6, 5)
    ratios = {}
    for name, step in steps.items():

        def train(batch, step=step):
            return step(*batch, 0)["loss"].numpy()

        call = functools.partial(train, next(batches))
        call()  # Traces and compiles.
        alone = _medians(_times(call) for _ in range(count))
        _print(f"training step, {name}", alone)
        together, waited = _together(train, batches, count)
        share = f"{100 * waited / together.clock:.1f} % of it waiting for data"
        _print("  with the pipeline", together, f", {share}")
        ratios[name] = alone.clock / data.clock
        print(
            f"The pipeline makes {ratios[name]:.1f} batches in the time of a training step "
            f"({alone.processor / data.processor:.1f} by the processor's time)."
        )
    return min(ratios.values())


def _print(name: str, times: Times, more: str = "") -> None:
    print(
        f"{name + ':':36}{1e3 * times.clock:8.1f} ms a batch {1 / times.clock:8.1f} a second "
        f"{1e3 * times.processor:8.1f} ms of the processor{more}"
    )


run = command_line.flags_alone(measure)

if __name__ == "__main__":
    command_line.main(define_flags, run)
