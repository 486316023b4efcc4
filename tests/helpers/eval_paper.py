"""Settings of the paper's experiments, on tiny sequences and the hand-made network."""

import numpy as np

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.paper import settings
from gradnet_tf.eval.scoring.evaluate import evaluate
from gradnet_tf.eval.scoring.summary import TrackerRuns
from tests.helpers import eval_data, eval_report


def make_dataset(root, sequences=2, frames=4):
    """A data set "folder" of real images with a bright target; see `eval_data`."""
    made = [eval_data.make_sequence(root, f"S{i}", frames, i) for i in range(sequences)]
    return Dataset("folder", "Tiny", str(root), "otb", "otb", "ope", tuple(made))


def make_settings(name, output, **changes):
    """Settings of an experiment as the command reads them, of the scale "small"."""
    numbers = {flag: values[0] for flag, values in settings.EXPERIMENTS[name].numbers.items()}
    return settings.Settings(name, output, **{**numbers, **changes})


def make_evaluation(folder, shifts):
    """Numbers of trackers by name, on one sequence of 11 frames, off by so many px (see SHIFTS)."""
    dataset = eval_report.make_dataset(folder, (11,))
    trackers = [eval_report.make_tracker(name, dataset, (s,)) for name, s in shifts.items()]
    return evaluate(dataset, [TrackerRuns(t.name, t.runs) for t in trackers], "otb", samples=100)


def numbers(table, column):
    """The numbers in a column of a table, by the text in the first one."""
    place = [one.title for one in table.columns].index(column)
    cells = {row[0]: row[place] for row in table.rows}
    return {name: getattr(cell, "value", cell) for name, cell in cells.items()}


def assert_finite(table):
    """Every number is one."""
    values = [cell.value for row in table.rows for cell in row if not isinstance(cell, str)]
    assert values and np.isfinite(values).all()
