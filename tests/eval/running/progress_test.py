"""How a run gets on."""

import io

import numpy as np
import pytest

from gradnet_tf.datasets.sequences import Sequence
from gradnet_tf.eval.running.progress import Progress, score

BOXES = np.array([[0.0, 0, 10, 10]] * 4)


def sequence(boxes=BOXES):
    return Sequence("a", ("x",) * len(boxes), np.array(boxes, np.float64))


def test_score_is_success_auc_of_what_is_known():
    boxes = BOXES.copy()
    boxes[2] = (50, 50, 10, 10)
    assert score(sequence(), boxes) == pytest.approx(20 / 21 * 3 / 4)
    assert score(sequence(), boxes[:2]) == pytest.approx(20 / 21)
    boxes[2] = np.nan  # the tracker answered, but not with a box
    assert score(sequence(), boxes) == pytest.approx(20 / 21 * 3 / 4)
    boxes[0] = np.nan  # supervised: frames of a start, and between a failure and the next one
    assert score(sequence(), boxes) == pytest.approx(20 / 21)
    truth = BOXES.copy()
    truth[3] = 0
    assert score(sequence(truth), BOXES) == pytest.approx(20 / 21)
    truth[1:] = np.nan
    assert np.isnan(score(sequence(truth), BOXES))


def run(bars):
    file = io.StringIO()
    with Progress(2, 10, file=file, bars=bars) as progress:
        progress.advance("T", "a", 5, 4, 2.0, 0.5)
        progress.finish("T", "a", 0.5, None)
        progress.advance("T", "b", 5, 4, 2.0, 0.7)
        progress.finish("T", "b", 0.7, None)
    return file.getvalue()


def test_lines_where_there_is_no_terminal():
    assert run(bars=None).splitlines() == [
        "[1/2] T, a: AUC 0.500, 2.0 fps",
        "[2/2] T, b: AUC 0.700, 2.0 fps",
    ]


def test_the_rate_is_of_one_tracker():
    file = io.StringIO()
    with Progress(2, 10, file=file, bars=False) as progress:
        for tracker, seconds in (("slow", 4.0), ("fast", 0.5)):
            progress.advance(tracker, "a", 5, 4, seconds, 0.5)
            progress.finish(tracker, "a", 0.5, None)
    assert file.getvalue().splitlines()[1].endswith("AUC 0.500, 8.0 fps")


def test_bars_have_running_means():
    text = run(bars=True)
    assert "T, b: 100%" in text and "10/10" in text
    assert "2/2" in text and "T: AUC 0.600" in text and "2.0 fps" in text


def test_failures_are_said_in_both():
    for bars in (False, True):
        file = io.StringIO()
        with Progress(1, 10, file=file, bars=bars) as progress:
            progress.finish("T", "a", float("nan"), "Traceback\n  x\nValueError: no box\n")
        assert "T, a: failed: ValueError: no box" in file.getvalue()


def test_the_reason_of_a_failure_is_one_line():
    error = 'Traceback\n  File "a.py", line 1\n    f()\n    ^^^\nE: shapes\n[1] and\n\n[2]\n'
    for text, expected in (
        (error, "E: shapes [1] and [2]"),
        ("its process ended with exit code 1", "its process ended with exit code 1"),
        ("Traceback\n  x\nE: " + "long " * 100, "E: " + "long " * 58 + "long..."),
    ):
        file = io.StringIO()
        with Progress(1, 10, file=file, bars=False) as progress:
            progress.finish("T", "a", float("nan"), text)
        assert file.getvalue() == f"T, a: failed: {expected}\n"


def test_repetitions_lengthen_the_bar():
    file = io.StringIO()
    with Progress(1, 4, file=file, bars=True) as progress:
        for _ in range(3):
            progress.advance("T", "a", 4, 3, 1.0, float("nan"))
    assert "12/12" in file.getvalue()
