"""Measures a training step against the reference's: `python -m gradnet_tf.bench.training`.

For every batch the reference runs its graph three times (`main` of its train.py): for the score,
for the training, and for both losses and the gradient that it logs. Each run computes f_x twice,
for the two places where its graph needs the search features have placeholders of their own. The row
"reference's way" does the same work with this project's layers. This project computes everything
once. Further rows are steps of the presets "short", from images and with kept features, and
"tracking", with kept features. All rows are measured in turns in one run, with one batch, without
the time of the pipeline (`gradnet_tf.bench.data`). The processor's time stands beside that on the
clock, for it tells more on a machine that is shared.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

from absl import flags

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when TensorFlow is loaded, just below.

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from gradnet_tf import command_line  # noqa: E402
from gradnet_tf.bench import report, timing  # noqa: E402
from gradnet_tf.files import disk  # noqa: E402
from gradnet_tf.network import architecture, layers  # noqa: E402
from gradnet_tf.network.gradnet import GradNet  # noqa: E402
from gradnet_tf.training import presets  # noqa: E402
from gradnet_tf.training.config import TrainConfig  # noqa: E402
from gradnet_tf.training.step import TrainStep  # noqa: E402

_REFERENCE = "reference's way, three runs"
GOAL = 2.5  # Times its rate.
_SHORT = "preset short, from images"
CACHED_GOAL = 3.0  # Times the rate of that one in the first precision, with kept features.


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_integer("steps", 10, "Steps to measure.", 1, flag_values=values)
    flags.DEFINE_list(
        "precisions", ["float32", "mixed_bfloat16"], "As --precision of the training.", values
    )
    flags.DEFINE_bool("xla", False, "Whether to measure the steps that XLA compiles, too.", values)
    flags.DEFINE_string("json", "", "File for the numbers.", values)


def three_runs(network: GradNet, train_step: TrainStep) -> Callable:
    """Makes the reference's three runs on a batch, a function of (exemplars, instances)."""

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


def _presets(precisions, batch) -> dict[str, Callable]:
    """Makes steps of the presets for short trainings, by name of the row."""
    random, functions = np.random.default_rng(1), {}

    def step(preset, precision, exemplars, instances, task=()):
        config = presets.preset(preset, precision=precision)
        made = TrainStep(GradNet(seed=1), config)
        return lambda: made(exemplars, instances, 0, task=task)["loss"].numpy()

    def kept(config) -> tuple[tf.Tensor, tf.Tensor]:
        features = random.normal(0, 1, (config.instances, 20, 20, 256))
        return batch[0][: config.exemplars], tf.constant(features.astype(np.float16))

    short, tracking = presets.preset("short"), presets.preset("tracking")
    count, updates = tracking.instances, tracking.updates
    shares = tf.fill([updates, count], 1 / count)
    sequence = tf.zeros([1, count, 2], tf.int32), shares[tf.newaxis], shares[:1]
    for name in precisions:
        functions[f"{_SHORT}, {name}"] = step("short", name, *batch)
        functions[f"preset short, kept features, {name}"] = step("short", name, *kept(short))
        row = f"preset tracking, {updates} updates, kept features, {name}"
        functions[row] = step("tracking", name, *kept(tracking), sequence)
    return functions


def measure(values: flags.FlagValues) -> dict[str, dict[str, float]]:
    """Measures and prints the table, and returns what --json writes: numbers by name of the row.

    Raises:
        OSError: If the JSON file cannot be written.
        ValueError: If a precision is none of a training's.
    """
    tf.get_logger().setLevel("ERROR")  # It takes several steps for one that is traced again.
    if values.json:
        disk.check_target(values.json)
    if not values.precisions:
        raise ValueError("precisions is empty; expected one or more")

    def config(precision="float32"):
        return TrainConfig(
            precision=precision, schedule="constant", learning_rate=1e-6, final_learning_rate=1e-6
        )

    settings = {name: config(name) for name in values.precisions}
    pairs = config().batch
    random = np.random.default_rng(0)
    batch = [
        tf.constant(random.uniform(0, 255, (pairs, size, size, 3)).astype(np.float32))
        for size in (architecture.EXEMPLAR_SIZE, architecture.TRAINING_INSTANCE_SIZE)
    ]

    def ours(setting, jit_compile=False):
        step = TrainStep(GradNet(seed=1), setting, jit_compile=jit_compile)
        return lambda: step(batch[0], batch[1], 0)["loss"].numpy()

    network = GradNet(seed=1)
    theirs = three_runs(network, TrainStep(network, config()))
    functions = {_REFERENCE: lambda: theirs(*batch), **_presets(values.precisions, batch)}
    for name, setting in settings.items():
        functions[f"one step, {name}"] = ours(setting)
        if values.xla:
            functions[f"one step, {name}, XLA"] = ours(setting, jit_compile=True)
    processor: dict[str, list[float]] = {name: [] for name in functions}

    def measured(name, function):
        def call(_):
            start = time.process_time()
            function()
            processor[name].append(time.process_time() - start)

        return call

    calls = {name: measured(name, function) for name, function in functions.items()}
    seconds = timing.in_turns(calls, values.steps, warm_up=2, turn=1)  # Traces and compiles.
    for name, value in report.environment().items():
        print(f"{name}: {value}")
    print(f"k = {pairs} pairs, {values.steps} steps of each row in turns\n")
    base = f"{_SHORT}, {values.precisions[0]}"
    found = {name: timing.summarize(times, period=1) for name, times in seconds.items()}
    results = {
        name: {
            "median": own.median,
            "high": own.high,
            "processor": float(np.median(processor[name][-values.steps :])),
            "ratio": found[_REFERENCE].median / own.median,
            "ratio_to_short": found[base].median / own.median,
        }
        for name, own in found.items()
    }
    print(_tables(results, base))
    if values.json:
        disk.write_bytes(values.json, json.dumps(results, indent=1).encode())
    return results


def _tables(results: dict[str, dict[str, float]], base: str) -> str:
    head = ["training step", "ms", "95%, ms", "processor ms", "steps a second"]
    rows = [[*head, f"times the {_REFERENCE}", f"times {base}"]]
    for name, row in results.items():
        milliseconds = [f"{1e3 * row[key]:.0f}" for key in ("median", "high", "processor")]
        ratios = [f"{row[key]:.2f}" for key in ("ratio", "ratio_to_short")]
        rows.append([name, *milliseconds, f"{1 / row['median']:.2f}", *ratios])
    lines = [report.markdown(rows)]
    steps = [name for name in results if name.startswith("one step")]
    best = max(steps, key=lambda name: results[name]["ratio"])
    for name in dict.fromkeys((steps[0], best)):
        lines.append(f"{name}: {results[name]['ratio']:.2f} times the {_REFERENCE} (goal: {GOAL})")
    for name in results:
        if name.startswith("preset short, kept"):
            by_processor = results[base]["processor"] / results[name]["processor"]
            lines.append(
                f"{name}: {results[name]['ratio_to_short']:.2f} times {base} (goal: "
                f"{CACHED_GOAL:g}), by the processor's time {by_processor:.2f}"
            )
    return "\n\n".join(lines)


run = command_line.flags_alone(measure)

if __name__ == "__main__":
    command_line.main(define_flags, run)
