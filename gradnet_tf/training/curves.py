"""Draws the losses of several trainings beside each other.

    python -m gradnet_tf.training.curves --output=curves.png \
        --runs=float32=runs/float32,bfloat16=runs/bfloat16

Reads `history.csv` of each working directory; prints the mean over the last rows as a table.
`gradnet_tf.training.compare` trains first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import app, flags

from gradnet_tf.bench import tables
from gradnet_tf.files import disk
from gradnet_tf.media import figures
from gradnet_tf.training import history

FILE = "history.csv"


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the binary."""
    flags.DEFINE_list("runs", [], "NAME=WORKDIR of each training.", values)
    flags.DEFINE_string("output", None, "The picture: .png, .svg or .pdf.", values, required=True)
    flags.DEFINE_string("json", "", "File for what is drawn.", values)
    flags.DEFINE_string("column", "loss", "Column of history.csv.", values)
    flags.DEFINE_integer("smooth", 25, "Rows of which the mean is drawn.", 1, flag_values=values)


def read_curve(workdir: disk.PathLike, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a column of a training's history, where it has a value.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is damaged, or has no such column or no values in it.
    """
    path = Path(disk.local_path(workdir)) / FILE
    rows = history.read(path)
    if rows and column not in rows[0]:
        raise ValueError(f"{path}: has no column {column!r}, only {', '.join(rows[0])}")
    pairs = [(int(row[history.STEP]), float(row[column])) for row in rows if row[column]]
    if not pairs:
        raise ValueError(f"{path}: column {column!r} holds no values")
    steps, values = zip(*pairs)
    return np.array(steps), np.array(values)


def smoothed(values: np.ndarray, count: int) -> np.ndarray:
    """Mean of each value and those before it, at most `count` in all."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - count, 0)
    return (sums[last] - sums[first]) / (last - first)


def table(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], count: int) -> list[list[str]]:
    """Rows of a table: mean of the last values, and its difference from the first curve's."""
    rows = [["training", "steps", f"mean of the last {count} rows", "to the first"]]
    means = {name: float(np.mean(values[-count:])) for name, (_, values) in curves.items()}
    first = next(iter(means.values()))
    for name, (steps, _) in curves.items():
        rows.append([name, str(steps[-1] + 1), f"{means[name]:.4f}", f"{means[name] - first:+.4f}"])
    return rows


def draw(
    path: str, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], column: str, count: int
) -> None:
    """Draws the curves, smoothed, over faint lines of the values themselves.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    figure = figures.figure_class()(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for index, (name, (steps, values)) in enumerate(curves.items()):
        axes.plot(steps, values, color=f"C{index}", alpha=0.2, linewidth=0.8)
        style = ("-", "--", ":", "-.")[index % 4]
        axes.plot(steps, smoothed(values, count), style, color=f"C{index}", label=name)
    axes.set(xlabel="step", ylabel=column)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=100)


def run(values: flags.FlagValues) -> list[list[str]]:
    """Draws and prints.

    Returns:
        The rows of the table.

    Raises:
        OSError: If a history cannot be read, or the picture not written.
        ValueError: If there is nothing to draw.
        ImportError: If matplotlib is not installed.
    """
    workdirs = dict(_entries(values.runs))
    return report(workdirs, values.output, values.json, values.smooth, values.column)


def report(
    workdirs: Mapping[str, disk.PathLike],
    output: disk.PathLike,
    numbers: disk.PathLike = "",
    count: int = 25,
    column: str = "loss",
) -> list[list[str]]:
    """Draws and prints what lies in working directories.

    Args:
        workdirs: Of the trainings, by name.
        output: The picture.
        numbers: JSON file for steps and values by name of the training; empty: none.
        count: Rows of which the mean is drawn and printed.
        column: Of history.csv.

    Returns:
        The rows of the table.

    Raises:
        OSError, ValueError, ImportError: See `run`.
    """
    for path in filter(None, (output, numbers)):
        disk.check_target(path)
    curves = {name: read_curve(workdir, column) for name, workdir in workdirs.items()}
    if numbers:
        content = {
            name: {"step": steps.tolist(), column: values.tolist()}
            for name, (steps, values) in curves.items()
        }
        disk.write_bytes(numbers, json.dumps(content, indent=1).encode())
    with disk.replacing(output) as path:
        draw(str(path), curves, column, count)
    rows = table(curves, count)
    print(tables.markdown(rows))
    return rows


def _entries(runs: Sequence[str]) -> list[tuple[str, str]]:
    entries = [run.partition("=") for run in runs]
    if not entries or not all(name and workdir for name, _, workdir in entries):
        raise ValueError(f"runs must be NAME=WORKDIR,..., got {list(runs)}")
    names = [name for name, _, _ in entries]
    if len(set(names)) < len(names):
        raise ValueError(f"runs must have different names, got {names}")
    return [(name, workdir) for name, _, workdir in entries]


def main(argv: list[str]) -> None:
    """Entry point of absl."""
    try:
        if len(argv) > 1:
            raise ValueError(f"unexpected argument {argv[1]!r}")
        run(flags.FLAGS)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    define_flags()
    app.run(main)
