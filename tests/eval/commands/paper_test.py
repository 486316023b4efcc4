"""Tests of the command `paper`: flags and errors."""

import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from gradnet_tf.eval.commands import paper
from gradnet_tf.eval.paper import settings
from tests.helpers import eval_report

ROOT = Path(__file__).resolve().parents[3]


def parse(*arguments):
    values = flags.FlagValues()
    paper.define_flags(values)
    values(["paper", *map(str, arguments)])
    return paper.read_settings(values)


@pytest.fixture
def root(tmp_path):
    return eval_report.write_otb(tmp_path / "sequences", (3, 4))


def test_numbers_follow_the_scale_unless_they_are_given(root, tmp_path):
    usual = (f"--root={root}", f"--output={tmp_path / 'out'}")
    small = parse("--experiment=table1", *usual)
    assert (small.pairs, small.iterations) == (8, 2000)
    full = parse("--experiment=table1", "--scale=full", "--pairs=3", *usual)
    assert (full.pairs, full.iterations) == (3, 20000)
    assert small.checkpoint == (settings.EMBEDDED,)
    assert [s.name for s in small.dataset.sequences] == ["A", "B"]
    assert small.dataset.name == "folder"
    assert not (tmp_path / "out").exists()


def test_the_help_tells_the_numbers_by_scale():
    assert paper.describe_number("limit") == (
        "Most frames of a sequence that are tracked; 0: all. By --scale (small, "
        "full): table3 60, all; figure2 60, all."
    )


def test_flags_of_the_data_set_can_be_passed_on(root, tmp_path):
    found = parse(
        *("--experiment=table3", "--data=x,y", f"--root={root}", f"--output={tmp_path}"),
        *("--sequences=B", "--dataset_option=origin=0", "--limit=0"),
    )
    assert found.dataset_flags == (
        *("--dataset=folder", f"--root={root}", "--sequences=B"),
        "--dataset_option=origin=0",
    )
    several = parse(
        *("--experiment=table3", "--data=x", f"--root={root}", f"--output={tmp_path}"),
        "--starts=2",
    )
    assert several.dataset_flags[-1] == "--starts=2" and len(several.dataset.sequences) == 4
    assert found.limit == 0 and found.data == ("x", "y")
    assert [s.name for s in found.dataset.sequences] == ["B"]


def test_parameters_tell_what_means_something(root, tmp_path):
    given = (f"--root={root}", f"--output={tmp_path}", "--seed=5")
    found = parse("--experiment=table1", *given).parameters
    assert found["seed"] == 5 and found["target"] == 0.05 and found["pairs"] == 8
    assert found["sequences"] == ["A", "B"] and found["root"] == str(root)
    assert "limit" not in found and "tracker_preset" not in found


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], "--experiment is missing: one of table1, table2"),
        (["--experiment=table1"], "--output is missing"),
        (["--experiment=figure2", "--output=OUT"], "--workdirs is missing; --experiment=figure2"),
        (["--experiment=figure6", "--output=OUT"], "--results is missing"),
        (["--experiment=figure4", "--output=OUT"], "--checkpoint is missing"),
        (["--experiment=table1", "--output=OUT"], "needs pairs: give --data (records) or --root"),
        (["--experiment=table1", "--output=OUT", "--data=a", "--root=ROOT"], "and not both"),
        (
            ["--experiment=figure1", "--output=OUT", "--root=ROOT", "--steps=4"],
            "--steps means nothing for --experiment=figure1",
        ),
        (
            ["--experiment=figure1", "--output=OUT", "--root=ROOT", "--starts=2"],
            "--starts means nothing for --experiment=figure1",
        ),
        (
            ["--experiment=table3", "--output=OUT", "--data=a", "--root=ROOT", "--checkpoint=c"],
            "--checkpoint means nothing for --experiment=table3",
        ),
        (
            ["--experiment=table1", "--output=OUT", "--root=ROOT", "--checkpoint=a"]
            + ["--checkpoint=b"],
            "takes 1 --checkpoint, got 2",
        ),
        (["--experiment=table1", "--output=OUT", "--root=ROOT", "--target=1"], "below 1, got 1.0"),
        (["--experiment=table1", "--output=OUT", "--root=nowhere"], "nowhere"),
        (["--experiment=table1", "--output=nowhere/a/b", "--root=ROOT"], "no directory"),
        (["--experiment=table1", "--output=ROOT/A/groundtruth_rect.txt", "--root=ROOT"], "a file;"),
        (["--experiment=table1", "--output=OUT", "--root=ROOT", "more"], "argument 'more'"),
        (
            ["--experiment=table3", "--output=OUT", "--data=a", "--root=ROOT"]
            + ["--tracker_preset=best"],
            "--tracker_preset: preset must be one of reference, paper, tuned, fast, got 'best'",
        ),
        (
            ["--experiment=table1", "--output=OUT", "--root=ROOT", "--checkpoint=nowhere"],
            "nowhere: no such checkpoint",
        ),
    ],
)
def test_bad_flags_are_one_line_and_nothing_is_made(arguments, expected, root, tmp_path, capsys):
    names = {"OUT": str(tmp_path / "out"), "ROOT": str(root)}
    for name, value in names.items():
        arguments = [argument.replace(name, value) for argument in arguments]
    assert eval_report.call(paper, *arguments) == paper.BAD_ARGUMENTS
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and expected in line
    assert not (tmp_path / "out").exists()


def test_every_experiment_of_the_issue_is_there():
    figures = [f"figure{number}" for number in (1, 2, 4, 6, 7, 8, 10)]
    assert list(settings.EXPERIMENTS) == ["table1", "table2", "table3", *figures]


def test_every_flag_of_an_experiment_exists():
    values = flags.FlagValues()
    paper.define_flags(values)
    for experiment in settings.EXPERIMENTS.values():
        assert {*experiment.takes, *experiment.needs, *experiment.numbers} <= set(values)


def test_flags_are_defined_without_tensorflow():
    code = (
        "import sys; from absl import flags; import gradnet_tf.eval.commands.paper as paper; "
        "paper.define_flags(flags.FLAGS); "
        "print([n for n in ('tensorflow', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
