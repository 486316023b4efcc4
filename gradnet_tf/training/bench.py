"""Measures a training step against the reference's: `python -m gradnet_tf.training.bench`.

For every batch the reference runs its graph three times (`main` of its train.py): for the score,
for the training, and for both losses and the gradient that it logs. Each run computes f_x twice, as
the two places where its graph needs the search features have placeholders of their own. The rows
"reference's way" do the same work with this project's layers, batch norm unfolded; this project
computes everything once. All rows are measured in turns in one run.
"""

from __future__ import annotations

import os
import platform
import sys
import time

from absl import app, flags

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when TensorFlow is loaded, just below.

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from gradnet_tf import bench, layers  # noqa: E402
from gradnet_tf.gradnet import GradNet  # noqa: E402
from gradnet_tf.training import config as configs  # noqa: E402
from gradnet_tf.training.step import TrainStep  # noqa: E402


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the binary."""
    flags.DEFINE_integer("steps", 10, "Steps to measure.", 1, flag_values=values)
    flags.DEFINE_bool("xla", False, "Whether to measure the step that XLA compiles, too.", values)


def three_runs(network: GradNet, train_step: TrainStep):
    """The reference's three runs on a batch: function of (exemplars, instances)."""

    def outputs(exemplars, instances):
        # A second copy of the instances, so that the second f_x is really computed.
        again = network.search_features(instances + 0.0 * exemplars[0, 0, 0, 0])
        features = network.search_features(instances)
        f2 = network.template_features(exemplars, training=True)
        update = network.update(f2, features, training=True)
        return update, network.score_map(update.template, again)

    def objective(exemplars, instances):
        update, score = outputs(exemplars, instances)
        return network.score_loss(score), update, score

    variables = train_step.objective.variables

    @tf.function(autograph=False)
    def score(exemplars, instances):
        return outputs(exemplars, instances)[1]

    @tf.function(autograph=False)
    def train(exemplars, instances):
        with layers.collecting_statistics() as statistics:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(list(variables.values()))
                loss, _, _ = objective(exemplars, instances)
            gradients = tape.gradient(loss, list(variables.values()))
        for entry in statistics:
            entry.layer.move(entry.mean, entry.variance)
        train_step.optimizer.apply(dict(zip(variables, gradients)), 1e-6, 0)

    @tf.function(autograph=False)
    def log(exemplars, instances):
        loss, update, _ = objective(exemplars, instances)
        return loss, update.loss, update.gradient

    def run(exemplars, instances):
        with layers.collecting_statistics():
            score(exemplars, instances).numpy()
        train(exemplars, instances)
        with layers.collecting_statistics():
            return [value.numpy() for value in log(exemplars, instances)]

    return run


def run(values: flags.FlagValues) -> None:
    """Measures and prints the table."""
    config = configs.TrainConfig(schedule="constant", learning_rate=1e-6, final_learning_rate=1e-6)
    random = np.random.default_rng(0)
    batch = [
        tf.constant(random.uniform(0, 255, (config.batch, size, size, 3)).astype(np.float32))
        for size in (127, 239)
    ]

    def ours(jit_compile):
        step = TrainStep(GradNet(seed=1), config, jit_compile=jit_compile)
        return lambda: step(*batch, 0)["loss"].numpy()

    network = GradNet(seed=1)
    theirs = three_runs(network, TrainStep(network, config))
    functions = {"reference's way, three runs": lambda: theirs(*batch), "one step": ours(False)}
    if values.xla:
        functions["one step, XLA"] = ours(True)
    for _ in range(2):  # Traces and compiles.
        for function in functions.values():
            function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(values.steps):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    print(f"TensorFlow {tf.__version__}, Python {platform.python_version()}, {bench.processor()}")
    print(f"k = {config.batch} pairs, medians of {values.steps} steps")
    reference = np.median(seconds["reference's way, three runs"])
    for name, times in seconds.items():
        median = np.median(times)
        print(f"{name:30}{1e3 * median:8.0f} ms{reference / median:8.2f} times as fast")


def main(argv: list[str]) -> None:
    """Entry point of absl."""
    if len(argv) > 1:
        print(f"error: unexpected argument {argv[1]!r}", file=sys.stderr)
        sys.exit(1)
    run(flags.FLAGS)


if __name__ == "__main__":
    define_flags()
    app.run(main)
