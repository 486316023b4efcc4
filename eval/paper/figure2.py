"""Figure 2: distance error while training, accuracy while testing, of two trainings.

Left, `err_disp` of `history.csv`: how far the peaks of S* lie from the target (the area over the
precision curve of 0 to 50 px; 0 is best, 99 worst), of training pairs and, dashed, of held-out
ones. Right, the success AUC of the trackers that the trainings' checkpoints give. A training keeps
two checkpoints and the best one; with `--keep=N` it keeps more.

The paper compares "Ours" (variant full) with "Ours-T" (without_generalization).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gradnet_tf import weights
from gradnet_tf.eval.paper import output, programs
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import descriptions, plots
from gradnet_tf.eval.report.tables import Column, Number, Table
from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.files import disk
from gradnet_tf.training import checkpoints, history, loop, runinfo
from gradnet_tf.training.config import TrainConfig

TITLES = {"full": "Ours", "without_generalization": "Ours-T"}
ERRORS = ("err_disp", "validation_err_disp")
CHECKPOINTS = "checkpoints"  # Folder in the output.


class Training(NamedTuple):
    """One training."""

    title: str  # In the legend.
    stem: str  # Of its trackers' names.
    workdir: Path
    variant: str  # Of the network.
    errors: dict[str, np.ndarray]  # By column of the history: rows (step, value), [n, 2].


def run(settings: Settings) -> output.Document:
    """Reads the trainings, tracks with their checkpoints, and makes the figure.

    Raises:
        KeyboardInterrupt: If the tracking was stopped; the same command goes on.
        OSError, ValueError: If a working directory cannot be read, or has no checkpoint.
    """
    trainings = read_trainings([Path(disk.local_path(path)) for path in settings.workdirs])
    steps = [choose_steps(training, settings.points) for training in trainings]
    settings.output.mkdir(parents=True, exist_ok=True)
    trackers, digests = [], {}
    for training, own in zip(trainings, steps):
        for step in own:
            name = _tracker(training, step)
            path = settings.output / CHECKPOINTS / name
            digests[name] = export(training, step, path)
            trackers.append((name, f"gradnet:{path},preset={settings.tracker_preset}"))
    evaluation, notes, line = programs.track(settings, trackers)
    totals = {one.name: one.totals for one in evaluation.trackers}
    accuracy = [
        np.array([(s, *(totals[_tracker(t, s)][key] for key in ("auc", "precision"))) for s in own])
        for t, own in zip(trainings, steps)
    ]
    return output.Document(
        tables=(accuracy_table(trainings, accuracy, evaluation), error_table(trainings)),
        figures={"": lambda: draw(trainings, accuracy)},
        notes=(descriptions.describe_convention(evaluation), *notes),
        weights=digests,
        commands=(line,),
    )


def read_trainings(workdirs: Sequence[Path]) -> list[Training]:
    """Reads configurations and histories.

    Raises:
        OSError, ValueError: If a directory is none of a training, or its history is empty.
    """
    names = {field.name for field in dataclasses.fields(TrainConfig)}
    claims = [runinfo.read(workdir) for workdir in workdirs]
    configs = [TrainConfig(**{n: claim[n] for n in names & set(claim)}) for claim in claims]
    titles = [TITLES.get(config.variant, config.variant) for config in configs]
    if len(set(titles)) < len(titles):  # Two of the same kind: by their folders.
        folders = [workdir.name for workdir in workdirs]
        folders = list(map(str, workdirs)) if len(set(folders)) < len(folders) else folders
        titles = [f"{folder} ({title})" for folder, title in zip(folders, titles)]
    found = []
    for place, (workdir, config, title) in enumerate(zip(workdirs, configs, titles), 1):
        rows = history.read(workdir / loop.HISTORY)
        errors = {}
        for name in ERRORS:
            known = [
                (int(row[history.STEP]) + 1, float(row[name])) for row in rows if row.get(name)
            ]
            errors[name] = np.array(known).reshape(-1, 2)
        if not len(errors[ERRORS[0]]):
            raise ValueError(f"{workdir / loop.HISTORY} has no row of a training yet")
        found.append(Training(title, f"training{place}", workdir, config.network_variant, errors))
    return found


def choose_steps(training: Training, count: int) -> list[int]:
    """Chooses at most `count` steps of checkpoints evenly, the last included; 0 for all.

    Raises:
        OSError, ValueError: If there is no checkpoint.
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


def accuracy_table(
    trainings: Sequence[Training], accuracy: Sequence[np.ndarray], evaluation: Evaluation
) -> Table:
    """Makes the table of the right half: (step, success AUC, precision) of each checkpoint."""
    rows = [
        (training.title, *map(Number, row))
        for training, own in zip(trainings, accuracy)
        for row in own
    ]
    columns = (Column("Training"), Column("Step", 0), Column("AUC", 3), Column("Precision", 3))
    return Table("accuracy", f"While testing on {evaluation.heading}", columns, tuple(rows))


def error_table(trainings: Sequence[Training]) -> Table:
    """Makes the table of the left half."""
    rows = []
    for training in trainings:
        errors = [dict(training.errors[name]) for name in ERRORS]
        for step in sorted({*errors[0], *errors[1]}):
            numbers = (step, *(float(one.get(step, math.nan)) for one in errors))
            rows.append((training.title, *map(Number, numbers)))
    heads = ("Distance error", "Distance error, held out")
    columns = (Column("Training"), Column("Step", 0), *(Column(head, 3) for head in heads))
    return Table("error", "While training", columns, tuple(rows))


def draw(trainings: Sequence[Training], accuracy: Sequence[np.ndarray]):
    """Draws both halves."""
    figure, (left, right) = plots.new_figure(9.6, 3.8, 1, 2)
    for training, own, colour in zip(trainings, accuracy, plots.COLOURS):
        for name, dash, suffix in zip(ERRORS, ("-", "--"), ("", ", held out")):
            errors = training.errors[name]
            if len(errors):
                left.plot(*errors.T, dash, color=colour, label=training.title + suffix)
        right.plot(own[:, 0], own[:, 1], "o-", color=colour, label=training.title)
    left.set(title="Training", ylabel="Distance error")
    right.set(title="Testing", ylabel="Success AUC")
    for axes in (left, right):
        axes.set_xlabel("Step")
        axes.legend(fontsize=8)
    return figure


def _tracker(training: Training, step: int) -> str:
    return f"{training.stem}-{step:08d}"
