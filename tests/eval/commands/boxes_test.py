"""The command `boxes`: report on a file of boxes."""

import numpy as np
import pytest
from absl import flags

from gradnet_tf.boxes import formats
from gradnet_tf.eval.commands import boxes as binary


def test_report_leaves_out_frames_without_truth():
    truth = np.array([[0.0, 0, 10, 10], [np.nan] * 4, [0, 0, 0, 0], [0, 0, 10, 10]])
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 1, 1], [1, 1, 1, 1], [20, 0, 10, 10]])
    text = binary.report(boxes, truth)
    assert "2 (2 without truth)" in text
    assert "mean IoU            0.5000" in text
    assert "OTB precision       1.0000" in text
    assert "reference precision 50.00 %" in text


def test_report_of_unlike_lengths():
    with pytest.raises(ValueError, match="3 boxes against 2 true boxes"):
        binary.report(np.ones((3, 4)), np.ones((2, 4)))


def test_an_argument_that_is_no_flag(capsys):
    values = flags.FlagValues()
    binary.define_flags(values)
    values(["eval", "--boxes=a", "--truth=b"])
    assert binary.run(values, ["c.txt"]) == 1
    assert "unexpected argument 'c.txt'" in capsys.readouterr().err


def test_a_missing_file_is_named(capsys):
    values = flags.FlagValues()
    binary.define_flags(values)
    values(["eval", "--boxes=a"])
    assert binary.run(values) == 1
    assert (
        capsys.readouterr().err == "error: --truth is missing: a file of lines x,y,width,height\n"
    )


def call(*arguments):
    values = flags.FlagValues()
    binary.define_flags(values)
    values(["eval", *map(str, arguments)])
    return binary.run(values)


@pytest.fixture
def files(tmp_path):
    """Writes files of boxes, and gives the flags that name them."""

    def write(**lines):
        for name, text in lines.items():
            (tmp_path / name).write_text(text)
        return [f"--{name}={tmp_path / name}" for name in lines]

    return write


def test_truth_counts_from_1_as_benchmarks_do(files, capsys):
    both = files(boxes="129,131,31,115\n131,131,28,112\n", truth="130,132,31,115\n132,132,28,112\n")
    assert call(*both) == 0
    out = capsys.readouterr().out
    assert "mean IoU            1.0000" in out
    assert "truth               counts from 1" in out
    assert call(*both, "--truth_origin=0") == 0
    out = capsys.readouterr().out
    assert "mean IoU            0.9" in out
    assert "truth               counts as the boxes do" in out


def test_files_that_begin_alike_count_alike(files, capsys):
    """Such as the results of `eval run`, which are written as the benchmark counts."""
    both = files(boxes="130,132,31,115\n132,132,28,112\n", truth="130,132,31,115\n132,132,28,112\n")
    assert call(*both) == 0
    out = capsys.readouterr().out
    assert "mean IoU            1.0000" in out
    assert "truth               counts as the boxes do" in out
    assert call(*both, "--truth_origin=1") == 0
    assert "mean IoU            0.9" in capsys.readouterr().out


def test_origins_are_0_and_1():
    with pytest.raises(flags.Error, match="truth_origin"):
        call("--boxes=a", "--truth=b", "--truth_origin=2")


@pytest.mark.parametrize("row", ["nan,nan,nan,nan", "20,nan,10,10", "inf,0,10,10"])
def test_a_box_that_is_no_number_is_a_miss(files, capsys, row):
    both = files(boxes=f"9,9,10,10\n{row}\n", truth="10,10,10,10\n10,10,10,10\n")
    assert call(*both) == 0
    out = capsys.readouterr().out
    assert "mean IoU            0.5000" in out
    assert "reference IoU       50.00 %" in out
    assert "reference precision 50.00 %" in out
    assert "nan" not in out


def test_a_missing_file_is_told_in_a_sentence(files, tmp_path, capsys):
    assert call(*files(boxes="1,2,3,4\n"), f"--truth={tmp_path / 'gone.txt'}") == 1
    error = capsys.readouterr().err
    assert error == f"error: cannot read {tmp_path / 'gone.txt'}: No such file or directory\n"
    assert call(*files(boxes="1,2,3,4\n"), f"--truth={tmp_path}") == 1
    assert capsys.readouterr().err == f"error: cannot read {tmp_path}: Is a directory\n"


def test_files_in_the_home_folder(files, tmp_path, monkeypatch):
    files(boxes="1,1,9,9\n", truth="2,2,9,9\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert call("--boxes=~/boxes", "--truth=~/truth") == 0


@pytest.mark.parametrize("format", formats.FORMATS)
def test_boxes_in_every_format_of_track(tmp_path, files, capsys, format):
    """What counts from 1 without saying so begins as the truth does."""
    boxes = [[129.0, 131, 31, 115], [131, 131, 28, 112]]
    rows = [formats.Row(n, 0, *box, np.nan, np.nan) for n, box in enumerate(boxes)]
    content = formats.encode(rows, format) + formats.FORMATS[format].end.encode()
    (tmp_path / "boxes").write_bytes(content)
    truth = files(truth="130,132,31,115\n132,132,28,112\n")
    assert call(f"--boxes={tmp_path / 'boxes'}", *truth) == 0
    assert "mean IoU            1.0000" in capsys.readouterr().out
