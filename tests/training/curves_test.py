"""Tests of gradnet_tf.training.curves."""

import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from PIL import Image

from gradnet_tf.training import curves
from gradnet_tf.training.history import History


def run(*arguments):
    values = flags.FlagValues()
    curves.define_flags(values)
    values(["curves", *arguments])
    return curves.run(values)


@pytest.fixture
def workdirs(tmp_path):
    """Two trainings; the second one's loss is higher by one."""
    for index, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        with History(tmp_path / name / curves.FILE, ["loss", "validation_loss"]) as history:
            for step in range(6):
                history.append(step, {"loss": 10.0 - step + index})
            history.append(5, {"validation_loss": 3.0})
    return tmp_path


def test_curves_leave_out_rows_without_a_value(workdirs):
    steps, values = curves.read_curve(str(workdirs / "one"), "loss")
    np.testing.assert_array_equal(steps, range(6))
    np.testing.assert_array_equal(values, [10, 9, 8, 7, 6, 5])
    steps, values = curves.read_curve(str(workdirs / "one"), "validation_loss")
    assert (steps.tolist(), values.tolist()) == ([5], [3.0])


def test_smoothing_takes_what_there_is_so_far():
    values = np.array([4.0, 2.0, 6.0, 0.0])
    np.testing.assert_allclose(curves.smoothed(values, 2), [4, 3, 4, 3])
    np.testing.assert_allclose(curves.smoothed(values, 1), values)


def test_picture_and_table(workdirs, capsys):
    picture = workdirs / "curves.png"
    runs = ",".join(f"{name}={workdirs / name}" for name in ("one", "two"))
    rows = run(f"--runs={runs}", f"--output={picture}", "--smooth=2")
    assert rows[1:] == [["one", "6", "5.5000", "+0.0000"], ["two", "6", "6.5000", "+1.0000"]]
    assert "| two " in capsys.readouterr().out
    with Image.open(picture) as image:
        assert image.width > 500


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--runs="], r"runs must be NAME=WORKDIR,..., got \[\]"),
        (["--runs=one"], r"runs must be NAME=WORKDIR,..., got \['one'\]"),
        (["--runs=a=one,a=two"], "runs must have different names"),
        (["--runs=a=one", "--column=speed"], "has no column 'speed', only step, loss"),
    ],
)
def test_bad_arguments(workdirs, monkeypatch, arguments, message):
    monkeypatch.chdir(workdirs)
    with pytest.raises(ValueError, match=message):
        run("--output=curves.png", *arguments)
    assert not (workdirs / "curves.png").exists()


def test_the_binary_prints_errors(tmp_path):
    command = [sys.executable, "-m", "gradnet_tf.training.curves", "--runs=a=/nowhere"]
    result = subprocess.run(
        [*command, f"--output={tmp_path / 'curves.png'}"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: ") and "/nowhere" in result.stderr


def test_workdirs_in_the_home_folder(workdirs, monkeypatch):
    monkeypatch.setenv("HOME", str(workdirs))
    assert run("--runs=one=~/one", "--output=~/curves.svg")
    assert (workdirs / "curves.svg").is_file()
