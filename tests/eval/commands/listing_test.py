"""The command `list`."""

import pytest
from absl import flags

from gradnet_tf.eval.commands import listing
from tests.helpers import datasets


@pytest.fixture
def call(capsys):
    def call(*arguments):
        values = flags.FlagValues()
        listing.define_flags(values)
        rest = values(["list", *map(str, arguments)])[1:]
        status = listing.run(values, rest)
        return (status, *capsys.readouterr())

    return call


def test_names(call):
    status, text, _ = call()
    assert status == 0 and {"otb100", "vot2017", "lasot", "folder"} <= set(text.split())


def test_what_is_there_and_what_is_wrong(call, tmp_path):
    datasets.make_otb(tmp_path, videos=2, frames=3)
    status, text, _ = call("--dataset=folder", f"--root={tmp_path}")
    assert status == 0 and "Seq0" in text and "2 sequences, 6 frames" in text
    next((tmp_path / "Seq1").rglob("0002.jpg")).unlink()
    status, text, _ = call("--dataset=folder", f"--root={tmp_path}")
    assert status == 1 and "left out: 1" in text
    status, text, _ = call("--dataset=folder", f"--root={tmp_path}", "--sequences=Seq0")
    assert status == 0


def test_annotations_alone(call, tmp_path):
    datasets.make_otb(tmp_path, videos=1, frames=3)
    for image in tmp_path.rglob("*.jpg"):
        image.unlink()
    status, text, _ = call("--dataset=folder", f"--root={tmp_path}")
    assert status == 0 and "1 sequence, 3 frames" in text and "annotations alone" in text


def test_options_of_the_reader(call, tmp_path):
    datasets.make_otb(tmp_path, videos=1, frames=3)
    arguments = ("--dataset=folder", f"--root={tmp_path}")
    assert "10,8,24,18" in call(*arguments)[1]
    assert "11,9,24,18" in call(*arguments, "--dataset_option=origin=0")[1]
    for option in ("origin", "origin=x", "speed=3"):
        status, _, error = call(*arguments, f"--dataset_option={option}")
        assert status == 2 and option.partition("=")[0] in error and error.count("\n") == 1


def test_several_starts(call, tmp_path):
    datasets.make_otb(tmp_path, videos=1, frames=5)
    status, text, _ = call("--dataset=folder", f"--root={tmp_path}", "--starts=2")
    assert status == 0 and "2 of 2 segments, 8 frames" in text and "TRE" in text
    # The third frame's box, 0-based.
    assert ["Seq0+3", "3", "3-5", "14,10,24,18"] in [line.split() for line in text.splitlines()]
    status, _, error = call("--dataset=folder", f"--root={tmp_path}", "--starts=5")
    assert status == 2 and "Seq0 has 5 frames" in error and error.count("\n") == 1
    with pytest.raises(flags.IllegalFlagValueError, match="starts=0"):
        call("--dataset=folder", f"--root={tmp_path}", "--starts=0")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--dataset=otb100"], "--root is missing"),
        (["--root=x"], "--dataset is missing"),
        (["--dataset=otb100", "--root=/no/such/folder"], "/no/such/folder"),
        (["x"], "unexpected argument 'x'"),
    ],
)
def test_bad_arguments(call, arguments, message):
    status, _, error = call(*arguments)
    assert status == 2 and message in error and error.count("\n") == 1
