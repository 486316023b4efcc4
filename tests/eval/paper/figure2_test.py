"""Tests of gradnet_tf.eval.paper.figure2, on working directories as trainings leave them."""

import dataclasses

import numpy as np
import pytest

from gradnet_tf import weights
from gradnet_tf.eval.paper import figure2, output, programs
from gradnet_tf.training import checkpoints, history, loop, presets, report, runinfo
from tests.helpers import checkpoints as trees
from tests.helpers import eval_paper

ARRAYS = trees.random_arrays("baseline")


def write_workdir(path, variant, steps=(2, 4, 6), errors=(9.0, 5.0, 4.0)):
    """History, configuration and checkpoints; the weights are those of a baseline."""
    path.mkdir(parents=True)
    stage = "siamfc" if variant == "baseline" else "gradnet"
    made = presets.preset("short", stage, variant=variant)
    runinfo.claim(path, {**dataclasses.asdict(made), "data": ["x"], "init": None})
    store = checkpoints.CheckpointStore(path, keep=9)
    with history.History(path / loop.HISTORY, report.COLUMNS) as rows:
        for step, error in zip(steps, errors):
            rows.append(step - 1, {"err_disp": error, "validation_err_disp": error + 1})
            store.save({**ARRAYS, "momentum/x": np.ones(3)}, {"step": step})
    return path


@pytest.fixture
def workdirs(tmp_path):
    return (
        write_workdir(tmp_path / "one", "full"),
        write_workdir(tmp_path / "two", "without_generalization", steps=(3,), errors=(2.5,)),
    )


def test_trainings_are_read(workdirs):
    ours, other = figure2.read_trainings(workdirs)
    assert (ours.title, other.title) == ("Ours", "Ours-T")
    assert other.variant == "full"
    np.testing.assert_array_equal(ours.errors["err_disp"], [(2, 9), (4, 5), (6, 4)])
    np.testing.assert_array_equal(other.errors["validation_err_disp"], [(3, 3.5)])


def test_two_of_the_same_kind_are_told_apart(tmp_path):
    paths = [write_workdir(tmp_path / name, "full") for name in ("a", "b")]
    assert [one.title for one in figure2.read_trainings(paths)] == ["a (Ours)", "b (Ours)"]
    paths = [write_workdir(tmp_path / name / "full", "full") for name in ("c", "d")]
    titles = [one.title for one in figure2.read_trainings(paths)]
    assert titles == [f"{path} (Ours)" for path in paths]


@pytest.mark.parametrize(
    "count, expected", [(0, [2, 4, 6]), (1, [6]), (2, [2, 6]), (3, [2, 4, 6]), (9, [2, 4, 6])]
)
def test_steps_are_chosen_evenly_with_the_last_one(count, expected, workdirs):
    training = figure2.read_trainings(workdirs)[0]
    assert figure2.choose_steps(training, count) == expected


def test_checkpoints_become_those_of_a_tracker(tmp_path):
    workdir = write_workdir(tmp_path / "one", "baseline")
    (training,) = figure2.read_trainings([workdir])
    before = trees.tree(workdir)
    digest = figure2.export(training, 4, tmp_path / "made" / "here")
    loaded = weights.load(str(tmp_path / "made" / "here"))
    assert (loaded.digest, loaded.variant) == (digest, "baseline")
    trees.assert_same(loaded.arrays, ARRAYS)
    assert trees.tree(workdir) == before


def test_directories_that_cannot_be_used(tmp_path, workdirs):
    (workdirs[0] / loop.HISTORY).write_text("step,err_disp\n")
    with pytest.raises(ValueError, match="history.csv has no row"):
        figure2.read_trainings(workdirs[:1])
    with pytest.raises(OSError):
        figure2.read_trainings([tmp_path])
    for path in (workdirs[1] / checkpoints.FOLDER).iterdir():
        path.unlink()
    (training,) = figure2.read_trainings(workdirs[1:])
    with pytest.raises(ValueError, match="two has no checkpoint"):
        figure2.choose_steps(training, 2)


def test_run(tmp_path, workdirs, monkeypatch):
    names = ("training1-00000002", "training1-00000006", "training2-00000003")
    evaluation = eval_paper.make_evaluation(tmp_path / "numbers", dict(zip(names, (20, 0, 4))))
    tracked = []

    def track(settings, found):
        tracked.extend(found)
        return evaluation, (), "the command"

    monkeypatch.setattr(programs, "track", track)
    monkeypatch.setattr(figure2, "export", lambda training, step, path: f"hash {step}")
    settings = eval_paper.make_settings(
        "figure2",
        tmp_path / "out",
        workdirs=tuple(map(str, workdirs)),
        points=2,
        dataset=eval_paper.make_dataset(tmp_path / "data"),
    )
    document = figure2.run(settings)
    assert [name for name, _ in tracked] == list(names)
    assert document.weights[names[2]] == "hash 3"
    accuracy, errors = document.tables
    assert [(row[0], row[1].value) for row in accuracy.rows] == [
        ("Ours", 2),
        ("Ours", 6),
        ("Ours-T", 3),
    ]
    # Of 11 frames the first counts as exact; boxes 20 px off have no overlap.
    assert accuracy.rows[0][3].value == pytest.approx(1)  # Not more than 20 px off.
    assert accuracy.rows[1][2].value == pytest.approx(20 / 21)
    assert accuracy.rows[0][2].value == pytest.approx(20 / 21 / 11)
    assert [row[2].value for row in errors.rows] == [9, 5, 4, 2.5]
    svg = output.render(document.figures[""])["svg"]
    assert b"Ours-T, held out" in svg
