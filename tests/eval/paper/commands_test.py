"""Tests of gradnet_tf.eval.paper.commands: other commands, called."""

import dataclasses
import types

import numpy as np
import pytest
from absl import flags

from gradnet_tf import datasets
from gradnet_tf.eval.paper import commands
from tests.helpers import eval_paper, eval_report


def make_command(status=0):
    """A command with one flag, and what it was called with."""
    seen = []

    def run(values, arguments):
        seen.append((values.size, list(arguments)))
        return status

    def define_flags(values):
        flags.DEFINE_integer("size", 1, "", flag_values=values)

    return types.SimpleNamespace(
        __name__="a.command", define_flags=define_flags, run=run, seen=seen
    )


def test_call():
    command = make_command()
    assert commands.call(command, ["--size=3"]) == 0
    assert command.seen == [(3, [])]
    with pytest.raises(ValueError, match="command: Unknown command line flag 'length'"):
        commands.call(command, ["--length=3"])


def test_a_signal_stops():
    assert commands.call(make_command(status=2), []) == 2
    with pytest.raises(commands.StoppedError) as caught:
        commands.call(make_command(status=143), [])
    assert caught.value.status == 143


def test_line_is_quoted():
    line = commands.line("gradnet_tf.train", ["--data=a b", "--steps=3"])
    assert line == "python -m gradnet_tf.train '--data=a b' --steps=3"


def make_settings(tmp_path, lengths):
    root = eval_report.write_otb(tmp_path / "sequences", lengths)
    return eval_paper.make_settings(
        "table3",
        tmp_path / "out",
        counts={"limit": 3},
        dataset=datasets.open_dataset("folder", str(root)),
        dataset_flags=("--dataset=folder", f"--root={root}"),
    )


def test_track_goes_on_and_measures(tmp_path, capsys):
    settings = make_settings(tmp_path, (3, 4))
    tracked = [("still", "static")]
    evaluation, notes, line = commands.track(settings, tracked)
    assert [one.name for one in evaluation.trackers] == ["still"]
    assert [len(boxes) for boxes in evaluation.trackers[0].boxes] == [3, 3]
    np.testing.assert_allclose(evaluation.trackers[0].totals["mean_iou"], 1)
    assert "Only the first 3 frames" in " ".join(notes)
    assert f"--output={tmp_path / 'out' / 'results' / 'reference_3'} --jobs=1 --limit=3" in line
    capsys.readouterr()
    commands.track(settings, tracked)
    assert "2 finished before" in capsys.readouterr().out
    # Another limit is another run; what there was stays.
    longer = dataclasses.replace(settings, counts={"limit": 0})
    evaluation, _, _ = commands.track(longer, tracked)
    assert [len(boxes) for boxes in evaluation.trackers[0].boxes] == [3, 4]
    assert {path.name for path in (tmp_path / "out" / "results").iterdir()} == {
        "reference_3",
        "reference_all",
    }


def test_track_tells_what_it_cannot_do(tmp_path, capsys):
    settings = make_settings(tmp_path, (3,))
    with pytest.raises(ValueError, match="cannot run the trackers: python -m gradnet_tf.eval run"):
        commands.track(settings, [("bad", "nothing")])
    assert "there is no kind 'nothing'" in capsys.readouterr().err
