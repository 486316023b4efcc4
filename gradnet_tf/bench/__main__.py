"""Measures the tracker's speed: `python -m gradnet_tf.bench`, or `make bench`.

All rows are measured in turns in one run, so that their ratios hold on a busy machine too. The
weights are random unless a checkpoint is given: the arithmetic is the same.
"""

from __future__ import annotations

import os
import platform
import sys
import time

from absl import app, flags

from gradnet_tf import hardware


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the binary."""
    flags.DEFINE_string("checkpoint", "", "Converted checkpoint; random weights without.", values)
    flags.DEFINE_integer("width", 640, "Width of the frames, pixels.", 16, flag_values=values)
    flags.DEFINE_integer("height", 480, "Height of the frames, pixels.", 16, flag_values=values)
    flags.DEFINE_integer("frames", 30, "Frames to measure.", 6, flag_values=values)
    flags.DEFINE_bool("xla", True, "Whether to measure the XLA step too.", values)


def processor() -> str:
    """Name of the processor and number of its threads."""
    return f"{hardware.processor_name()} x {os.cpu_count()}"


def _functions(values: flags.FlagValues) -> dict:
    """What is measured: name -> function of the frame's index."""
    import numpy as np
    import tensorflow as tf

    from gradnet_tf import backbone, weights
    from gradnet_tf.gradnet import GradNet
    from gradnet_tf.tracking import config
    from gradnet_tf.tracking.compiled import CompiledStep

    if values.checkpoint:
        loaded = weights.load(values.checkpoint)
        network = GradNet(loaded.variant)
        network.assign_weights(loaded.arrays)
    else:
        network = GradNet()
    random = np.random.default_rng(0)
    shape = (values.height, values.width, 3)
    frames = [random.integers(0, 256, shape, dtype=np.uint8) for _ in range(4)]
    side = min(values.height, values.width) / 4
    box = tf.constant([values.width / 2, values.height / 2, side / 2, side], tf.float64)
    reference = config.preset("reference")

    def tracking(compiled):
        inputs = [compiled.frame(frame) for frame in frames]
        state, _ = compiled.one.init(inputs[0], box)

        def run(index):
            nonlocal state
            state, output = compiled.one.step(state, inputs[index % len(inputs)])
            output.box.numpy()

        return run

    functions = {"tracking, graph": tracking(CompiledStep(network, reference, False))}
    if values.xla:
        functions["tracking, XLA"] = tracking(CompiledStep(network, reference, True))

    def part(function, *arguments):
        compiled = tf.function(function)
        return lambda index: compiled(*arguments).numpy()

    size = backbone.INSTANCE_SIZE
    regions = tf.constant(random.uniform(0, 255, (3, size, size, 3)).astype(np.float32))
    folded = network.folded()
    functions["features, 3 scales"] = part(folded.search_features, regions)
    functions["... batch norm unfolded"] = part(network.search_features, regions)
    if network.has_update:
        h2 = folded.template_features(
            regions[:1, : backbone.EXEMPLAR_SIZE, : backbone.EXEMPLAR_SIZE]
        )
        features = folded.search_features(regions[:1])
        functions["update"] = part(lambda h, x: folded.update(h, x).template, h2, features)
    matrix = tf.constant(random.standard_normal((2048, 2048)).astype(np.float32))
    functions["matrix product 2048"] = part(tf.matmul, matrix, matrix)
    return functions


def run(values: flags.FlagValues) -> None:
    """Measures and prints the table."""
    import numpy as np
    import tensorflow as tf

    functions = _functions(values)
    for index in range(6):  # Traces and compiles, and reaches the first update.
        for function in functions.values():
            function(index)
    seconds = {name: [] for name in functions}
    for index in range(values.frames):
        for name, function in functions.items():
            start = time.perf_counter()
            function(index)
            seconds[name].append(time.perf_counter() - start)
    print(f"TensorFlow {tf.__version__}, Python {platform.python_version()}, {processor()}")
    devices = [d.name for d in tf.config.list_physical_devices("GPU")]
    print(f"GPU: {', '.join(devices) or 'none'}; frames {values.width}x{values.height}")
    print(f"{'':26}{'median ms':>10}{'95% ms':>10}{'to graph':>10}")
    whole = np.median(seconds["tracking, graph"])
    for name, times in seconds.items():
        median, high = np.median(times), np.percentile(times, 95)
        print(f"{name:26}{1e3 * median:10.1f}{1e3 * high:10.1f}{median / whole:10.2f}")
    rate = 2048**3 / np.median(seconds["matrix product 2048"])
    floor = 3 * 2.720e9 / rate
    print(
        f"The features' 8.16 G multiply-adds take {1e3 * floor:.1f} ms at the rate of the matrix "
        f"product ({rate / 1e9:.0f} G a second)."
    )


def main(argv: list[str]) -> None:
    """Entry point of absl."""
    if len(argv) > 1:
        print(f"error: unexpected argument {argv[1]!r}", file=sys.stderr)
        sys.exit(1)
    run(flags.FLAGS)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    define_flags()
    app.run(main)
