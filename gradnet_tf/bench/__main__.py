"""Measures the tracker's speed: `python -m gradnet_tf.bench`, or `make bench`.

Everything is measured in turns in one run, so that the ratios hold on a busy machine too: the
reference's way through a frame (with --authors the authors' own program as well), this project's in
each precision, the parts of a frame, and the rates of a matrix product and a copy, over which the
floors of a frame are put. docs/performance.md has the results.
"""

from __future__ import annotations

import os
import sys

from absl import app, flags


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the binary."""
    text, number = flags.DEFINE_string, flags.DEFINE_integer
    text("checkpoint", "", "Converted or trained checkpoint; the embedded one without.", values)
    flags.DEFINE_enum(
        "device", "auto", ["auto", "cpu", "gpu"], "Where to track.", flag_values=values
    )
    flags.DEFINE_list(
        "precisions",
        [],
        "Precisions of the search features; those that the device has instructions for without.",
        flag_values=values,
    )
    number("width", 640, "Width of the frames, pixels.", 32, flag_values=values)
    number("height", 480, "Height of the frames, pixels.", 32, flag_values=values)
    number("frames", 50, "Frames to measure.", 5, flag_values=values)
    flags.DEFINE_list(
        "targets",
        ["1", "2", "4", "8", "16", "32"],
        "Numbers of targets of the scaling table, in the first precision; empty for none.",
        flag_values=values,
    )
    text("authors", "", "Checkout of LPXTT/GradNet-Tensorflow, to time it as well.", values)
    flags.DEFINE_bool("xla", False, "Measure XLA on a CPU as well.", values)
    flags.DEFINE_bool("startup", True, "Measure the latency of the first result.", values)
    text("json", "", "File for the numbers.", values)
    text("chart", "", "File for a picture, .png, .svg or .pdf.", values)
    text("trace", "", "Folder for a profile that TensorBoard shows.", values)


def run(values: flags.FlagValues) -> dict:
    """Measures and prints.

    Returns:
        What --json writes.

    Raises:
        OSError, ValueError, ImportError, RuntimeError: See `command.Benchmark` and
            `authors.AuthorsTracker`.
    """
    from gradnet_tf.bench import command, settings

    device = settings.choose_device(values.device)
    chosen = settings.Settings(
        checkpoint=values.checkpoint,
        device=device,
        precisions=tuple(values.precisions) or settings.default_precisions(device),
        width=values.width,
        height=values.height,
        frames=values.frames,
        targets=settings.read_targets(values.targets),
        authors=values.authors,
        xla=values.xla,
        startup=values.startup,
        json=values.json,
        chart=values.chart,
        trace=values.trace,
    )
    return command.Benchmark(chosen, lambda line: print(line, flush=True)).run()


def main(argv: list[str]) -> None:
    """Entry point of absl."""
    try:
        if len(argv) > 1:
            raise ValueError(f"unexpected argument {argv[1]!r}")
        run(flags.FLAGS)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    define_flags()
    app.run(main)
