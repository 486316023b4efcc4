"""Measures a training step against the reference's: `python -m gradnet_tf.training.bench`.

For every batch the reference runs its graph three times (`main` of its train.py): for the score,
for the training, and for both losses and the gradient that it logs. Each run computes f_x twice, as
the two places where its graph needs the search features have placeholders of their own. The rows
"reference's way" do the same work with this project's layers, batch norm unfolded; this project
computes everything once. All rows are measured in turns in one run. Beside the time on the clock
stands that of the processor, which tells more on a machine that is shared.
"""

from __future__ import annotations

import json
import os
import sys
import time

from absl import app, flags

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when TensorFlow is loaded, just below.

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from gradnet_tf import files, layers  # noqa: E402
from gradnet_tf.bench import report, tables, timing  # noqa: E402
from gradnet_tf.gradnet import GradNet  # noqa: E402
from gradnet_tf.training import config as configs  # noqa: E402
from gradnet_tf.training.step import TrainStep  # noqa: E402

_REFERENCE = "reference's way, three runs"
GOAL = 2.5  # Times its rate.


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the binary."""
    flags.DEFINE_integer("steps", 10, "Steps to measure.", 1, flag_values=values)
    flags.DEFINE_list(
        "precisions", ["float32", "mixed_bfloat16"], "As --precision of the training.", values
    )
    flags.DEFINE_bool("xla", False, "Whether to measure the steps that XLA compiles, too.", values)
    flags.DEFINE_string("json", "", "File for the numbers.", values)


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


def run(values: flags.FlagValues) -> dict[str, dict[str, float]]:
    """Measures and prints the table.

    Returns:
      What --json writes: seconds (median, 95th percentile, and median of the processor's) and ratio
      of each row by its name.

    Raises:
      OSError: if the JSON file cannot be written.
      ValueError: if a precision is none of a training's.
    """
    if values.json:
        files.check_target(values.json)
    constant = {"schedule": "constant", "learning_rate": 1e-6, "final_learning_rate": 1e-6}
    if not values.precisions:
        raise ValueError("precisions is empty; expected one or more")
    settings = {name: configs.TrainConfig(precision=name, **constant) for name in values.precisions}
    config = configs.TrainConfig(**constant)
    random = np.random.default_rng(0)
    batch = [
        tf.constant(random.uniform(0, 255, (config.batch, size, size, 3)).astype(np.float32))
        for size in (127, 239)
    ]

    processor: dict[str, list[float]] = {}

    def measured(name, function):
        processor[name] = []

        def call(_):
            start = time.process_time()
            function()
            processor[name].append(time.process_time() - start)

        return call

    def ours(config, jit_compile=False):
        step = TrainStep(GradNet(seed=1), config, jit_compile=jit_compile)
        return lambda: step(*batch, 0)["loss"].numpy()

    network = GradNet(seed=1)
    theirs = three_runs(network, TrainStep(network, config))
    functions = {_REFERENCE: lambda: theirs(*batch)}
    for name, setting in settings.items():
        functions[f"one step, {name}"] = ours(setting)
        if values.xla:
            functions[f"one step, {name}, XLA"] = ours(setting, jit_compile=True)
    functions = {name: measured(name, function) for name, function in functions.items()}
    seconds = timing.in_turns(functions, values.steps, warm_up=2, turn=1)  # Traces and compiles.
    for name, value in report.environment().items():
        print(f"{name}: {value}")
    print(f"k = {config.batch} pairs, {values.steps} steps of each row in turns\n")
    reference = float(np.median(seconds[_REFERENCE]))
    head = ["training step", "ms", "95%, ms", "processor ms", "steps a second"]
    rows = [[*head, f"times the {_REFERENCE}"]]
    results = {}
    for name, times in seconds.items():
        median, high = float(np.median(times)), float(np.percentile(times, 95))
        spent = float(np.median(processor[name][-values.steps :]))
        ratio = reference / median
        results[name] = {"median": median, "high": high, "processor": spent, "ratio": ratio}
        milliseconds = [f"{1e3 * value:.0f}" for value in (median, high, spent)]
        rows.append([name, *milliseconds, f"{1 / median:.2f}", f"{ratio:.2f}"])
    print(tables.markdown(rows))
    best = max(results, key=lambda name: results[name]["ratio"])
    ours = next(name for name in results if name != _REFERENCE)
    for name in dict.fromkeys((ours, best)):
        print(f"\n{name}: {results[name]['ratio']:.2f} times the {_REFERENCE} (goal: {GOAL})")
    if values.json:
        with files.replacing(values.json) as path:
            path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return results


def main(argv: list[str]) -> None:
    """Entry point of absl."""
    if len(argv) > 1:
        print(f"error: unexpected argument {argv[1]!r}", file=sys.stderr)
        sys.exit(1)
    tf.get_logger().setLevel("ERROR")  # It takes several steps for one that is traced again.
    try:
        run(flags.FLAGS)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    define_flags()
    app.run(main)
