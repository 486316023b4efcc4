"""Tests of gradnet_tf.eval.paper.programs: other programs, run."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from gradnet_tf import datasets
from gradnet_tf.eval.paper import programs
from tests.helpers import eval_paper, eval_report

PROGRAM = ("stand_in",)


@pytest.fixture
def write_program(tmp_path, monkeypatch):
    """Writes the program `PROGRAM`."""
    places = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    return (tmp_path / "stand_in.py").write_text


def test_run_gives_the_exit_status(write_program):
    write_program("import sys; sys.exit(len(sys.argv))")
    assert programs.run(PROGRAM, ["--a=b c", "--d"]) == 3


@pytest.mark.parametrize("how", ["sys.exit(143)", "os.kill(os.getpid(), 15)"])
def test_a_signal_stops(how, write_program):
    write_program(f"import os, sys; {how}")
    with pytest.raises(KeyboardInterrupt):
        programs.run(PROGRAM, [])


def test_a_program_is_stopped_with_this_one_and_may_finish_its_step(tmp_path, write_program):
    """The signal reaches it once, although it comes to the whole group, as Ctrl-C does."""
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    write_program(
        "import pathlib, signal, sys, time\n"
        f"def stop(*_): time.sleep(0.5); open({str(ended)!r}, 'a').write('x'); sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, stop); signal.signal(signal.SIGINT, stop)\n"
        f"pathlib.Path({str(begun)!r}).touch(); time.sleep(300)"
    )
    code = (  # A shell starts what it runs in the background with SIGINT ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from gradnet_tf.eval.paper import programs; programs.run({PROGRAM}, [])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stderr=subprocess.DEVNULL
    ) as parent:
        deadline = time.monotonic() + 120
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.wait(120) != 0
    assert ended.read_text() == "x"


def test_line_is_quoted():
    line = programs.line(programs.TRAIN, ["--data=a b", "--steps=3"])
    assert line == "python -m gradnet_tf.train '--data=a b' --steps=3"


def make_settings(tmp_path, lengths):
    root = eval_report.write_otb(tmp_path / "sequences", lengths)
    return eval_paper.make_settings(
        "table3",
        tmp_path / "out",
        limit=3,
        dataset=datasets.open_dataset("folder", str(root)),
        dataset_flags=("--dataset=folder", f"--root={root}"),
    )


def test_track_goes_on_and_measures(tmp_path, capfd):
    settings = make_settings(tmp_path, (3, 4))
    tracked = [("still", "static")]
    evaluation, notes, line = programs.track(settings, tracked)
    assert [one.name for one in evaluation.trackers] == ["still"]
    assert [len(boxes) for boxes in evaluation.trackers[0].boxes] == [3, 3]
    np.testing.assert_allclose(evaluation.trackers[0].totals["mean_iou"], 1)
    assert "Only the first 3 frames" in " ".join(notes)
    assert f"--output={tmp_path / 'out' / 'results' / 'reference_3'} --jobs=1 --limit=3" in line
    capfd.readouterr()
    programs.track(settings, tracked)
    assert "2 finished before" in capfd.readouterr().out
    # Another limit is another run; what there was stays.
    longer = dataclasses.replace(settings, limit=0)
    evaluation, _, _ = programs.track(longer, tracked)
    assert [len(boxes) for boxes in evaluation.trackers[0].boxes] == [3, 4]
    assert {path.name for path in (tmp_path / "out" / "results").iterdir()} == {
        "reference_3",
        "reference_all",
    }


def test_track_tells_what_it_cannot_do(tmp_path, capfd):
    settings = make_settings(tmp_path, (3,))
    with pytest.raises(ValueError, match="cannot run the trackers: python -m gradnet_tf.eval run"):
        programs.track(settings, [("bad", "nothing")])
    assert "there is no kind 'nothing'" in capfd.readouterr().err
