"""Measures whether the pipeline feeds training: ``python -m gradnet_tf.data.bench --data=GLOB``.

Prints how many batches a second the pipeline makes, how many steps a second training takes, both
measured in this run, and how long training waits for data when the two run together.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from absl import app, flags


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the binary."""
    flags.DEFINE_list("data", [], "Patterns of shards, one a data set.", values)
    flags.DEFINE_integer("batch", 8, "Pairs of a group.", 1, flag_values=values)
    flags.DEFINE_integer("groups", 1, "Groups of a batch.", 1, flag_values=values)
    flags.DEFINE_enum(
        "augment", "reference", ["reference", "strong", "none"], "Augmentation.", flag_values=values
    )
    flags.DEFINE_integer("batches", 60, "Batches to measure.", 5, flag_values=values)
    flags.DEFINE_integer("threads", 0, "Threads of the pipeline, 0 for all.", 0, flag_values=values)
    flags.DEFINE_float(
        "train_step_seconds",
        0.0,
        "Duration of a training step to compare with; by default GradNet's is measured.",
        0.0,
        flag_values=values,
    )


def _seconds(function: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - start) / count


def _training_step(values: flags.FlagValues) -> Callable:
    """The step of the preset "reference" on a network with random weights."""
    import tensorflow as tf

    from gradnet_tf import gradnet
    from gradnet_tf.training import config, step

    network = gradnet.GradNet(seed=0)
    network((tf.zeros([1, 127, 127, 3]), tf.zeros([1, 239, 239, 3])))
    settings = config.TrainConfig(batch=values.batch, groups=values.groups)
    train = step.TrainStep(network, settings)
    return lambda batch: train(*batch, 0)["loss"].numpy()


def run(values: flags.FlagValues) -> float:
    """Measures and prints.

    Returns:
        Rate of the pipeline divided by the rate of training.

    Raises:
        OSError: If the data cannot be read.
        ValueError: If they do not suffice.
    """
    import tensorflow as tf

    from gradnet_tf.data import pairs

    config = pairs.PairConfig(
        batch=values.batch, groups=values.groups, augment=values.augment, threads=values.threads
    )
    source = pairs.open_pairs(values.data, None, config)
    print(
        f"TensorFlow {tf.__version__}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
        f"{source.training.count} videos, {values.groups} x {values.batch} pairs, {values.augment}"
    )
    batches = iter(source.train())
    next(batches)
    data_seconds = _seconds(lambda: next(batches), values.batches)
    print(
        f"pipeline alone:  {1e3 * data_seconds:8.1f} ms a batch {1 / data_seconds:10.1f} a second"
    )

    step_seconds = values.train_step_seconds
    if not step_seconds:
        step, batch = _training_step(values), next(batches)
        count = max(values.batches // 6, 5)
        step(batch)
        step_seconds = _seconds(lambda: step(batch), count)
        waited = 0.0
        start = time.perf_counter()
        for _ in range(count):
            before = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - before
            step(batch)
        together = (time.perf_counter() - start) / count
    print(
        f"training step:   {1e3 * step_seconds:8.1f} ms a batch {1 / step_seconds:10.1f} a second"
    )
    if not values.train_step_seconds:
        print(
            f"both together:   {1e3 * together:8.1f} ms a batch {1 / together:10.1f} a second, "
            f"{100 * waited / count / together:.1f} % of the time waiting for data"
        )
    ratio = step_seconds / data_seconds
    print(f"The pipeline makes {ratio:.1f} batches in the time of a training step.")
    return ratio


def main(argv: list[str]) -> None:
    """Entry point of absl."""
    try:
        if len(argv) > 1:
            raise ValueError(f"unexpected argument {argv[1]!r}")
        run(flags.FLAGS)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    define_flags()
    app.run(main)
