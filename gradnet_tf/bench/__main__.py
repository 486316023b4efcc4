"""Measures the tracker's speed: `python -m gradnet_tf.bench`, or `make bench`.

Everything is measured in turns in one run, so that the ratios hold on a busy machine too: the
reference's way through a frame, this project's in each precision, the parts of a frame, and the
rates of a matrix product and a copy, from which the floor of a frame follows.
docs/performance.md has the results.
"""

from __future__ import annotations

from typing import Optional

from absl import flags

from gradnet_tf import command_line


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the command."""
    text, number = flags.DEFINE_string, flags.DEFINE_integer
    text("checkpoint", "", "Converted or trained checkpoint; the embedded one by default.", values)
    flags.DEFINE_enum(
        "device", "auto", ["auto", "cpu", "gpu"], "Where to track.", flag_values=values
    )
    flags.DEFINE_list(
        "precisions",
        [],
        "Precisions of the search features; by default those that the device has instructions for.",
        flag_values=values,
    )
    number("width", 640, "Width of the frames in pixels.", 32, flag_values=values)
    number("height", 480, "Height of the frames in pixels.", 32, flag_values=values)
    number("frames", 50, "Number of frames to measure.", 5, flag_values=values)
    flags.DEFINE_list(
        "targets",
        ["1", "2", "4", "8", "16", "32"],
        "Numbers of targets of the scaling table, in the first precision; empty for none.",
        flag_values=values,
    )
    flags.DEFINE_bool("startup", True, "Measure the latency of the first result.", values)
    flags.DEFINE_list(
        "baseline",
        [],
        "Folders of older checkouts, whose latency of the first result is measured in turns with "
        "this one's.",
        values,
    )
    text("json", "", "File for the numbers.", values)
    text("trace", "", "Folder for a profile that TensorBoard shows.", values)


def measure(values: flags.FlagValues, programs: Optional[dict] = None) -> dict:
    """Measures and prints what the flags say; see `command.Benchmark`."""
    from gradnet_tf.bench import command

    return command.Benchmark(values, programs).run()


run = command_line.flags_alone(measure)

if __name__ == "__main__":
    command_line.main(define_flags, run)
