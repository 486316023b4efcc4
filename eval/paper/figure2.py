"""Figure 2: distance error while training, accuracy while testing, of two trainings.

Left, `err_disp` of `history.csv`: how far the peaks of S* lie from the target (the area over the
precision curve of 0 to 50 px; 0 is best, 99 worst), of training pairs and, dashed, of held-out
ones. Right, the success AUC of the trackers that the trainings' checkpoints give. A training keeps
two checkpoints and the best one; with `--keep=N` it keeps more.

The paper compares "Ours" (variant full) with "Ours-T" (without_generalization).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gradnet_tf import weights
from gradnet_tf.eval.paper import commands, output
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import facts, plots
from gradnet_tf.eval.report.tables import Column, Number, Table
from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.training import checkpoints, history, loop, runinfo
from gradnet_tf.training.config import TrainConfig

TITLES = {"full": "Ours", "without_generalization": "Ours-T"}
ERRORS = ("err_disp", "validation_err_disp")
CHECKPOINTS = "checkpoints"  # Folder in the output.


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """One training.

    Attributes:
        title: In the legend.
        stem: Of its trackers' names.
        workdir: Its working directory.
        variant: Of the network.
        errors: By column of the history, (step, value) rows [n, 2].
    """

    title: str
    stem: str
    workdir: Path
    variant: str
    errors: dict[str, np.ndarray]


def run(settings: Settings) -> output.Document:
    """Reads the trainings, tracks with their checkpoints, and makes the figure.

    Raises:
        commands.StoppedError: The tracking was stopped; the same command goes on.
        OSError, ValueError: A working directory cannot be read, or has no checkpoint.
    """
    trainings = read_trainings(settings.workdirs)
    steps = [choose_steps(training, settings.counts["points"]) for training in trainings]
    settings.output.mkdir(parents=True, exist_ok=True)
    trackers, digests = [], {}
    for training, own in zip(trainings, steps):
        for step in own:
            name = f"{training.stem}-{step:08d}"
            path = settings.output / CHECKPOINTS / name
            digests[name] = export(training, step, path)
            trackers.append((name, f"gradnet:{path},preset={settings.tracker_preset}"))
    evaluation, notes, line = commands.track(settings, trackers)
    accuracy = [accuracies(training, own, evaluation) for training, own in zip(trainings, steps)]
    return output.Document(
        name=settings.name,
        title=settings.experiment.title,
        tables=(accuracy_table(trainings, accuracy, evaluation), error_table(trainings)),
        figures={"": functools.partial(draw, trainings, accuracy)},
        notes=(facts.describe_convention(evaluation), *notes),
        parameters=settings.parameters(),
        weights=digests,
        commands=(line,),
    )


def read_trainings(workdirs: Sequence[Path]) -> list[Training]:
    """Reads configurations and histories.

    Raises:
        OSError, ValueError: A directory is none of a training, or its history is empty.
    """
    configs = []
    for workdir in workdirs:
        claimed = runinfo.read(workdir)
        names = {field.name for field in dataclasses.fields(TrainConfig)}
        configs.append(TrainConfig(**{n: claimed[n] for n in names if n in claimed}))
    titles = [TITLES.get(config.variant, config.variant) for config in configs]
    if len(set(titles)) < len(titles):  # Two of the same kind: by their folders.
        names = [workdir.name for workdir in workdirs]
        names = list(map(str, workdirs)) if len(set(names)) < len(names) else names
        titles = [f"{name} ({title})" for name, title in zip(names, titles)]
    found = []
    for place, (workdir, config, title) in enumerate(zip(workdirs, configs, titles)):
        rows = history.read(workdir / loop.HISTORY)
        errors = {
            name: np.array(
                [(int(row[history.STEP]) + 1, float(row[name])) for row in rows if row.get(name)]
            ).reshape(-1, 2)
            for name in ERRORS
        }
        if not len(errors[ERRORS[0]]):
            raise ValueError(f"{workdir / loop.HISTORY} has no row of a training yet")
        stem = f"training{place + 1}"
        found.append(Training(title, stem, workdir, config.network_variant, errors))
    return found


def choose_steps(training: Training, count: int) -> list[int]:
    """Steps of checkpoints, evenly chosen among those that are there, the last one included.

    Args:
        training: What was trained.
        count: How many at most; 0 for all.

    Raises:
        OSError, ValueError: There is none.
    """
    steps = sorted(checkpoints.CheckpointStore(training.workdir, read_only=True).steps())
    if not steps:
        raise ValueError(f"{training.workdir} has no checkpoint")
    count = min(count or len(steps), len(steps))
    places = np.linspace(len(steps) - 1, 0, count).round().astype(int)
    return [steps[place] for place in places[::-1]]


def export(training: Training, step: int, path: Path) -> str:
    """Writes a training's checkpoint as one that a tracker loads; returns the weights' hash."""
    folder = training.workdir / checkpoints.FOLDER
    state = checkpoints.read(folder / f"step-{step:08d}.npz").state
    arrays = {
        name: state[name].astype(np.float32) for name in weights.expected_shapes(training.variant)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    return weights.save(path, arrays, {"training": {"step": step}}, overwrite=True).digest


def accuracies(training: Training, steps: Sequence[int], evaluation: Evaluation) -> np.ndarray:
    """(step, success AUC, precision) of a training's checkpoints, [n, 3]."""
    measured = {one.name: one.totals for one in evaluation.trackers}
    rows = []
    for step in steps:
        totals = measured[f"{training.stem}-{step:08d}"]
        rows.append((step, totals["auc"], totals["precision"]))
    return np.array(rows, np.float64)


def accuracy_table(trainings, accuracy, evaluation: Evaluation) -> Table:
    """The right half in numbers."""
    rows = [
        (training.title, *map(Number, row)) for training, a in zip(trainings, accuracy) for row in a
    ]
    columns = (Column("Training"), Column("Step", 0), Column("AUC", 3), Column("Precision", 3))
    return Table("accuracy", f"While testing on {evaluation.heading}", columns, tuple(rows))


def error_table(trainings: Sequence[Training]) -> Table:
    """The left half in numbers."""
    rows = []
    for training in trainings:
        values = [dict(training.errors[name]) for name in ERRORS]
        for step in sorted({*values[0], *values[1]}):
            cells = [Number(float(column.get(step, math.nan))) for column in values]
            rows.append((training.title, Number(step), *cells))
    columns = (
        Column("Training"),
        Column("Step", 0),
        Column("Distance error", 3),
        Column("Distance error, held out", 3),
    )
    return Table("error", "While training", columns, tuple(rows))


def draw(trainings: Sequence[Training], accuracy: Sequence[np.ndarray]):
    """Both halves."""
    figure, (left, right) = plots.new_figure(9.6, 3.8, 1, 2)
    for training, own, colour in zip(trainings, accuracy, plots.COLOURS):
        for name, dash, suffix in zip(ERRORS, ("-", "--"), ("", ", held out")):
            errors = training.errors[name]
            if len(errors):
                left.plot(*errors.T, dash, color=colour, label=training.title + suffix)
        right.plot(own[:, 0], own[:, 1], "o-", color=colour, label=training.title)
    left.set_title("Training")
    left.set_ylabel("Distance error")
    right.set_title("Testing")
    right.set_ylabel("Success AUC")
    for axes in (left, right):
        axes.set_xlabel("Step")
        axes.legend(fontsize=8)
    return figure
