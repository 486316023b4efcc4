"""Measures of eval/, by hand-worked cases and by what the reference printed."""

import importlib

import numpy as np
import pytest
from absl import flags

from gradnet_tf.eval import metrics
from tests.helpers import goldens


def test_overlap_ratio_by_hand():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [2.5, 0, 5, 10]]
    truth = [[0, 0, 10, 10], [5, 0, 10, 10], [10, 0, 10, 10], [20, 20, 1, 1], [0, 0, 10, 10]]
    np.testing.assert_allclose(
        metrics.overlap_ratio(boxes, truth), [1, 50 / 150, 0, 0, 0.5], atol=1e-15
    )


def test_overlap_ratio_without_area_or_number():
    boxes = [[0, 0, 0, 0], [3, 3, 0, 5], [np.nan, 0, 1, 1]]
    truth = [[0, 0, 0, 0], [0, 0, 9, 9], [0, 0, 9, 9]]
    np.testing.assert_array_equal(metrics.overlap_ratio(boxes, truth), [0, 0, np.nan])


def test_center_error_by_hand():
    error = metrics.center_error([[0, 0, 10, 10], [0, 0, 4, 4]], [[3, 4, 10, 10], [0, 0, 4, 4]])
    np.testing.assert_allclose(error, [5, 0])


def test_success_is_strict_and_counts_21_thresholds():
    assert metrics.success_auc(np.array([1.0])) == pytest.approx(20 / 21)
    assert metrics.success_auc(np.array([0.0])) == 0
    # 0.5 exceeds 0, 0.05, ..., 0.45: ten thresholds, not itself.
    assert metrics.success_auc(np.array([0.5])) == pytest.approx(10 / 21)
    assert metrics.success_auc(np.array([1.0, np.nan])) == pytest.approx(10 / 21)


def test_precision_includes_its_threshold_but_the_reference_does_not():
    truth = np.array([[0.0, 0, 10, 10]] * 4)
    boxes = truth + [[20, 0, 0, 0], [19, 0, 0, 0], [21, 0, 0, 0], [0, 0, 0, 0]]
    assert metrics.precision(metrics.center_error(boxes, truth)) == 0.75
    assert metrics.reference_metrics(boxes, truth).precision == 50


@pytest.mark.parametrize(
    "seed, name", [(0, "track_synthetic"), (0, "track_Walking2"), (1, "track_synthetic")]
)
def test_reference_metrics_are_those_that_the_reference_printed(seed, name):
    golden = goldens.load(seed, name)
    ours = metrics.reference_metrics(golden["boxes"], golden["gt"])
    np.testing.assert_allclose(ours, golden["metrics"], atol=1e-6, rtol=0)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"\[2, 4\] and \[3, 4\]"):
        metrics.center_error(np.zeros((2, 4)), np.zeros((3, 4)))


def test_load_boxes_takes_every_separator(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("1,2,3,4\n1\t2\t3\t4\r\n1 2  3 4\n 1, 2, 3, 4.5\nNaN,nan,nan,nan\n\n")
    expected = [[1, 2, 3, 4]] * 3 + [[1, 2, 3, 4.5], [np.nan] * 4]
    np.testing.assert_array_equal(metrics.load_boxes(path), expected)


@pytest.mark.parametrize("line", ["1,2,3", "1,2,3,4,5", "1,2,x,4", "", "1;2;3;4"])
def test_load_boxes_names_the_bad_line(tmp_path, line):
    path = tmp_path / "boxes.txt"
    path.write_text(f"1,2,3,4\n{line}\n5,6,7,8\n")
    with pytest.raises(ValueError, match=r"boxes\.txt, line 2: .* is not 'x,y,width,height'"):
        metrics.load_boxes(path)


@pytest.mark.parametrize("content, message", [(b"", "no boxes"), (b"\xff\xfe\x00", "not a text")])
def test_load_boxes_of_something_else(tmp_path, content, message):
    path = tmp_path / "boxes.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        metrics.load_boxes(path)


@pytest.fixture(scope="module")
def binary():
    return importlib.import_module("gradnet_tf.eval.__main__")


def test_report_leaves_out_frames_without_truth(binary):
    truth = np.array([[0.0, 0, 10, 10], [np.nan] * 4, [0, 0, 0, 0], [0, 0, 10, 10]])
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 1, 1], [1, 1, 1, 1], [20, 0, 10, 10]])
    text = binary.report(boxes, truth)
    assert "2 (2 without truth)" in text
    assert "mean IoU            0.5000" in text
    assert "OTB precision       1.0000" in text
    assert "reference precision 50.00 %" in text


def test_report_of_unlike_lengths(binary):
    with pytest.raises(ValueError, match="3 boxes against 2 true boxes"):
        binary.report(np.ones((3, 4)), np.ones((2, 4)))


def test_report_without_any_truth(binary):
    with pytest.raises(ValueError, match="no frame has a true box"):
        binary.report(np.ones((2, 4)), np.full((2, 4), np.nan))


def test_binary(binary, tmp_path, capsys):
    path = tmp_path / "boxes.txt"
    path.write_text("1,2,3,4\n5,6,7,8\n")
    values = flags.FlagValues()
    binary.define_flags(values)
    values(["eval", f"--boxes={path}", f"--truth={path}"])
    assert binary.run(values) == 0
    assert "mean IoU            1.0000" in capsys.readouterr().out
    assert binary.run(values, ["stray"]) == 1
    values(["eval", f"--boxes={path}", f"--truth={tmp_path / 'none.txt'}"])
    assert binary.run(values) == 1
    assert "none.txt" in capsys.readouterr().err
