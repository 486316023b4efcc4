"""Trains the same in several ways and draws their losses beside each other.

    python -m gradnet_tf.training.compare --workdir=runs/compare --data=records/train

All ways begin with the same weights and see the same batches: what differs is the arithmetic. A way
is a `--precision` of the training, with `_xla` behind it for the step that XLA compiles. Each is a
training of its own in WORKDIR/WAY; the same command goes on with one that was interrupted. Without
`--data` they train on videos that are made up, see `gradnet_tf.data.synthetic`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from absl import app, flags

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when TensorFlow is loaded, just below.

from gradnet_tf import weights  # noqa: E402
from gradnet_tf.data import synthetic  # noqa: E402
from gradnet_tf.files import disk  # noqa: E402
from gradnet_tf.media import figures  # noqa: E402
from gradnet_tf.training import config as configs  # noqa: E402
from gradnet_tf.training import curves, loop  # noqa: E402

MADE_UP = "made_up"
_XLA = "_xla"


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the binary."""
    flags.DEFINE_string("workdir", None, "Working directory of all of them.", values, required=True)
    flags.DEFINE_list("data", [], "Folders or globs of shards; none: made up.", values)
    flags.DEFINE_string("init", "embedded", "Initial checkpoint: directory or npz.", values)
    flags.DEFINE_list(
        "ways", ["float32", "float32_xla", "mixed_bfloat16"], "What to train in.", values
    )
    flags.DEFINE_enum(
        "preset", "short", tuple(configs.PRESETS), "Of the training.", flag_values=values
    )
    flags.DEFINE_integer("batch", 8, "Pairs of a group.", 1, flag_values=values)
    flags.DEFINE_integer("steps", 300, "Of each training.", 1, flag_values=values)
    flags.DEFINE_float("validation", 0.15, "Share of the videos held out.", flag_values=values)
    flags.DEFINE_integer("smooth", 25, "Steps of which the mean is drawn.", 1, flag_values=values)
    flags.DEFINE_string("output", "", "The picture; default: WORKDIR/curves.png.", values)
    flags.DEFINE_string("json", "", "The losses; default: WORKDIR/curves.json.", values)


def read_way(way: str, preset: str, **constants) -> tuple[configs.TrainConfig, bool]:
    """Configuration of a way, and whether XLA compiles its step.

    Args:
        way: A precision, with or without `_xla` behind it.
        preset: Of the training.
        **constants: What differs from the preset.

    Raises:
        ValueError: If there is no such way, or a constant does not fit.
    """
    precision = way[: -len(_XLA)] if way.endswith(_XLA) else way
    if precision not in configs.PRECISIONS:
        raise ValueError(
            f"ways must be of {', '.join(configs.PRECISIONS)}, with or without {_XLA}, got {way!r}"
        )
    return configs.preset(preset, **constants, precision=precision), way != precision


def run(values: flags.FlagValues) -> list[list[str]]:
    """Trains, draws and prints.

    Returns:
        The rows of the table, see `curves.table`.

    Raises:
        OSError: If data cannot be read, or a file not written.
        ValueError: If a way or a constant does not fit, or a working directory is of other ones.
        ImportError: If matplotlib is not installed.
    """
    figures.figure_class()  # Told before the trainings, not after them.
    constants = {
        "batch": values.batch,
        "steps": values.steps,
        "steps_per_epoch": values.steps,
        "validation": values.validation,
        "validation_batches": 2,
    }
    if not values.ways:
        raise ValueError("ways is empty; expected one or more")
    ways = {name: read_way(name, values.preset, **constants) for name in values.ways}
    workdir = Path(os.path.expanduser(values.workdir))
    picture = values.output or workdir / "curves.png"
    losses = values.json or workdir / "curves.json"
    workdir.mkdir(parents=True, exist_ok=True)
    for path in (picture, losses):
        disk.check_target(path)
    is_embedded = values.init == "embedded"
    path = os.path.expanduser(values.init)
    init = weights.load_embedded() if is_embedded else weights.load(path)
    data = [os.path.expanduser(p) for p in values.data] or [synthetic.write(str(workdir / MADE_UP))]
    for name, (config, jit_compile) in ways.items():
        options = loop.RunOptions(log_steps=1, summaries=False, jit_compile=jit_compile)
        outcome = loop.train(config, data, workdir / name, init=init, options=options)
        if not outcome.finished:
            raise InterruptedError(
                f"{name}: stopped after step {outcome.step}; the same command goes on from there"
            )
    return curves.report({name: workdir / name for name in ways}, picture, losses, values.smooth)


def main(argv: list[str]) -> None:
    """Entry point of absl."""
    try:
        if len(argv) > 1:
            raise ValueError(f"unexpected argument {argv[1]!r}")
        run(flags.FLAGS)
    except (ArithmeticError, OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    define_flags()
    app.run(main)
