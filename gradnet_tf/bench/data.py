"""Measures whether the pipeline feeds training: ``python -m gradnet_tf.bench.data --data=GLOB``.

Prints how many batches a second the pipeline makes and how many steps a second training takes in
each precision (medians, all of one run), and how long training waits for data when it and the
pipeline run together.
"""

from __future__ import annotations

import functools
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from absl import flags

from gradnet_tf import command_line

ROUNDS = 5


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the binary."""
    flags.DEFINE_list("data", [], "Patterns of shards, one a data set.", values)
    flags.DEFINE_integer("batch", 8, "Pairs of a group.", 1, flag_values=values)
    flags.DEFINE_integer("groups", 1, "Groups of a batch.", 1, flag_values=values)
    flags.DEFINE_enum(
        "augment", "reference", ["reference", "strong", "none"], "Augmentation.", flag_values=values
    )
    flags.DEFINE_integer("batches", 60, "Batches to measure.", ROUNDS, flag_values=values)
    flags.DEFINE_integer("threads", 0, "Threads of the pipeline, 0 for all.", 0, flag_values=values)
    flags.DEFINE_enum(
        "preset", "reference", ["reference", "short"], "Of the training.", flag_values=values
    )
    flags.DEFINE_list(
        "precisions", ["float32", "mixed_bfloat16"], "Of the training, as its --precision.", values
    )
    flags.DEFINE_bool("xla", False, "Whether to measure the steps that XLA compiles, too.", values)
    flags.DEFINE_float(
        "train_step_seconds",
        0.0,
        "Duration of a training step to compare with; by default GradNet's is measured.",
        0.0,
        flag_values=values,
    )


class Times(NamedTuple):
    """Seconds of one batch, on the clock and of the processor."""

    clock: float
    processor: float


def _times(function: Callable[[], object], count: int = 1) -> Times:
    """Times of one of the batches that a call of the function makes or takes."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return Times(clock / count, processor / count)


def _medians(times: Iterable[Times]) -> Times:
    return Times(*(statistics.median(values) for values in zip(*times)))


def _pipeline_times(batches: Iterator, count: int) -> Times:
    """Times of a batch: medians of five means, for batches come in bursts."""
    part = count // ROUNDS

    def read():
        for _ in range(part):
            next(batches)

    return _medians(_times(read, part) for _ in range(ROUNDS))


def _training_steps(values: flags.FlagValues) -> dict[str, Callable]:
    """By precision, the step of a preset on a network with random weights."""
    from gradnet_tf.network import gradnet
    from gradnet_tf.training import config, step

    constants = {"batch": values.batch, "groups": values.groups, "augment": values.augment}
    settings = {
        name: config.preset(values.preset, precision=name, **constants)
        for name in values.precisions
    }

    def make(setting, jit_compile=False):
        train = step.TrainStep(gradnet.GradNet(seed=0), setting, jit_compile=jit_compile)
        return lambda batch: train(*batch, 0)["loss"].numpy()

    steps = {}
    for name, setting in settings.items():
        steps[name] = make(setting)
        if values.xla:
            steps[f"{name}, XLA"] = make(setting, jit_compile=True)
    return steps


def _together(step: Callable, batches: Iterator, count: int) -> tuple[Times, float]:
    """Times of a step with a new batch, and how many seconds of it training waits for the batch."""
    waited = 0.0

    def train():
        nonlocal waited
        for _ in range(count):
            before = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - before
            step(batch)

    return _times(train, count), waited / count


def run(values: flags.FlagValues) -> float:
    """Measures and prints.

    Returns:
        Rate of the pipeline divided by that of the fastest training.

    Raises:
        OSError: If the data cannot be read.
        ValueError: If they do not suffice, or a precision is none of a training's.
    """
    import tensorflow as tf

    from gradnet_tf.data import pairs

    given = values.train_step_seconds
    steps = {"given": None} if given else _training_steps(values)
    config = pairs.PairConfig(
        batch=values.batch,
        groups=values.groups,
        augment=values.augment,
        threads=values.threads,
        validation=0.0,
    )
    source = pairs.open_pairs(values.data, None, config)
    print(
        f"TensorFlow {tf.__version__}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
        f"{source.training.count} videos, {values.groups} x {values.batch} pairs, {values.augment}"
    )
    batches = source.iterate(source.train())
    next(batches)
    data = _pipeline_times(batches, values.batches)
    _print("pipeline alone", data)

    count = max(values.batches // 6, 5)
    ratios = {}
    for name, step in steps.items():
        train = Times(given, given)
        if step is not None:
            batch = next(batches)
            call = functools.partial(step, batch)
            call()  # Traces and compiles.
            train = _medians(_times(call) for _ in range(count))
        _print(f"training step, {name}", train)
        if step is not None:
            together, waited = _together(step, batches, count)
            share = f"{100 * waited / together.clock:.1f} % of it waiting for data"
            _print("  with the pipeline", together, f", {share}")
        ratios[name] = train.clock / data.clock
        print(
            f"The pipeline makes {ratios[name]:.1f} batches in the time of a training step "
            f"({train.processor / data.processor:.1f} by the processor's time)."
        )
    return min(ratios.values())


def _print(name: str, times: Times, more: str = "") -> None:
    print(
        f"{name + ':':36}{1e3 * times.clock:8.1f} ms a batch {1 / times.clock:8.1f} a second "
        f"{1e3 * times.processor:8.1f} ms of the processor{more}"
    )


def command(values: flags.FlagValues, arguments: Sequence[str]) -> int:
    """Measures and prints, and returns the exit status."""

    def body():
        command_line.refuse(arguments)
        run(values)

    return command_line.finish(body)


if __name__ == "__main__":
    command_line.main(define_flags, command)
