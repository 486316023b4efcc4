"""Figure 2: distance error while training, accuracy while testing, of two trainings.

Left, `err_disp` of `history.csv`: how far the peaks of S* lie from the target (the area over the
precision curve of 0 to 50 px; 0 is best, 99 worst), of training pairs and, dashed, of held-out
ones. Right, the success AUC of the trackers that the trainings' checkpoints give.
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
from gradnet_tf.eval.report.tables import Table, plain_table
from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.files import disk
from gradnet_tf.training import checkpoints, history, loop, runinfo
from gradnet_tf.training.config import TrainConfig

# As the paper calls the variants that it compares.
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
    """Reads the trainings, tracks with their checkpoints, and makes the figure."""
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
    accuracy = []
    for training, own in zip(trainings, steps):
        numbers = [totals[_tracker(training, step)] for step in own]
        accuracy.append(np.array([(s, n["auc"], n["precision"]) for s, n in zip(own, numbers)]))
    return output.Document(
        tables=(accuracy_table(trainings, accuracy, evaluation), error_table(trainings)),
        figures={"": lambda: draw(trainings, accuracy)},
        notes=(descriptions.describe_convention(evaluation), *notes),
        weights=digests,
        commands=(line,),
    )


def read_trainings(workdirs: Sequence[Path]) -> list[Training]:
    """Reads configurations and histories; raises an OSError or a ValueError if it cannot."""
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
            known = [(int(r[history.STEP]) + 1, float(r[name])) for r in rows if r.get(name)]
            errors[name] = np.array(known).reshape(-1, 2)
        if not len(errors[ERRORS[0]]):
            raise ValueError(f"{workdir / loop.HISTORY} has no row of a training yet")
        found.append(Training(title, f"training{place}", workdir, config.network_variant, errors))
    return found


def choose_steps(training: Training, count: int) -> list[int]:
    """Chooses at most `count` steps of checkpoints evenly, the last included; 0 for all."""
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
    rows = [(training.title, *row) for training, own in zip(trainings, accuracy) for row in own]
    heads = {"Training": None, "Step": 0, "AUC": 3, "Precision": 3}
    return plain_table("accuracy", f"While testing on {evaluation.heading}", heads, rows)


def error_table(trainings: Sequence[Training]) -> Table:
    """Makes the table of the left half."""
    rows = []
    for training in trainings:
        errors = [dict(training.errors[name]) for name in ERRORS]
        for step in sorted({*errors[0], *errors[1]}):
            rows.append((training.title, step, *(one.get(step, math.nan) for one in errors)))
    heads = {"Training": None, "Step": 0, "Distance error": 3, "Distance error, held out": 3}
    return plain_table("error", "While training", heads, rows)


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
