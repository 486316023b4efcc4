"""Measures of eval/, by hand-worked cases and by what the reference printed."""

import numpy as np
import pytest
from absl import flags

from gradnet_tf.eval.commands import boxes as binary
from gradnet_tf.eval.metrics import conventions, ope_metrics
from tests.helpers import goldens


def test_overlap_ratio_by_hand():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [2.5, 0, 5, 10]]
    truth = [[0, 0, 10, 10], [5, 0, 10, 10], [10, 0, 10, 10], [20, 20, 1, 1], [0, 0, 10, 10]]
    np.testing.assert_allclose(
        ope_metrics.overlap_ratio(boxes, truth), [1, 50 / 150, 0, 0, 0.5], atol=1e-15
    )


def test_overlap_ratio_without_area_or_number():
    boxes = [[0, 0, 0, 0], [3, 3, 0, 5], [np.nan, 0, 1, 1]]
    truth = [[0, 0, 0, 0], [0, 0, 9, 9], [0, 0, 9, 9]]
    np.testing.assert_array_equal(ope_metrics.overlap_ratio(boxes, truth), [0, 0, np.nan])


def test_center_error_by_hand():
    error = ope_metrics.center_error([[0, 0, 10, 10], [0, 0, 4, 4]], [[3, 4, 10, 10], [0, 0, 4, 4]])
    np.testing.assert_allclose(error, [5, 0])


def test_success_is_strict_and_counts_21_thresholds():
    assert ope_metrics.success_auc(np.array([1.0])) == pytest.approx(20 / 21)
    assert ope_metrics.success_auc(np.array([0.0])) == 0
    # 0.5 exceeds 0, 0.05, ..., 0.45: ten thresholds, not itself.
    assert ope_metrics.success_auc(np.array([0.5])) == pytest.approx(10 / 21)
    assert ope_metrics.success_auc(np.array([1.0, np.nan])) == pytest.approx(10 / 21)


def test_precision_includes_its_threshold_but_the_reference_does_not():
    truth = np.array([[0.0, 0, 10, 10]] * 4)
    boxes = truth + [[20, 0, 0, 0], [19, 0, 0, 0], [21, 0, 0, 0], [0, 0, 0, 0]]
    assert ope_metrics.precision(ope_metrics.center_error(boxes, truth)) == 0.75
    assert ope_metrics.reference_metrics(boxes, truth).precision == 50


@pytest.mark.parametrize(
    "seed, name", [(0, "track_synthetic"), (0, "track_Walking2"), (1, "track_synthetic")]
)
def test_reference_metrics_are_those_that_the_reference_printed(seed, name):
    golden = goldens.load(seed, name)
    ours = ope_metrics.reference_metrics(golden["boxes"], golden["gt"])
    np.testing.assert_allclose(ours, golden["metrics"], atol=1e-6, rtol=0)


def line(*steps):
    """Boxes of 10 x 10 px, each so far right of the truth; IoU (10 - s) / (10 + s)."""
    return np.array([[20.0 + step, 20, 10, 10] for step in steps])


def scores(convention, boxes, truth=None, name="a", **options):
    truth = line(*[0] * len(boxes)) if truth is None else truth
    options.setdefault("resolution", (200, 100))
    return ope_metrics.sequence_scores(name, boxes, truth, convention, **options)


@pytest.mark.parametrize("convention", conventions.CONVENTIONS)
def test_success_is_strict_in_every_convention(convention):
    # The box covers half of the truth: IoU 0.5, exactly at a threshold.
    boxes = np.array([[20.0, 20, 10, 10]] * 10 + [[20.0, 20, 10, 5], [20, 20, 10, 10]])
    found = scores(convention, boxes)
    at = ope_metrics.thresholds(convention).success
    counted = found.frames  # of which one has IoU 0.5, the others 1
    assert found.success[at == 0.5] == pytest.approx((counted - 1) / counted)
    assert found.success[at < 0.5].tolist() == [1] * np.count_nonzero(at < 0.5)
    assert found.success[-1] == 0  # Nothing exceeds 1.
    assert ope_metrics.summarize(found).success_rate_50 == pytest.approx((counted - 1) / counted)


@pytest.mark.parametrize("convention", conventions.CONVENTIONS)
def test_precision_at_its_threshold(convention):
    # Errors 0, ..., 0, then exactly 20 and 21 px: only the reference counts 20 as a miss.
    found = scores(convention, line(*[0] * 10, 20, 21))
    hits = found.frames - (2 if convention == "reference" else 1)
    assert ope_metrics.summarize(found).precision == pytest.approx(hits / found.frames)


def test_normalized_precision_at_its_threshold():
    # 2 of 10 px is exactly 0.2.
    found = scores("lasot", line(0, 2, 2.5, 2.5))
    assert ope_metrics.summarize(found).normalized_precision == 0.5


def test_otb_curves_by_hand():
    # The first frame becomes 1; then IoU 1/3 (error 5), 0 (error 50), and invalid truth.
    truth = line(0, 0, 0, 0)
    truth[3] = 0
    found = scores("otb", line(99, 5, 50, 0), truth)
    np.testing.assert_allclose(found.iou, [1, 1 / 3, 0, -1])
    np.testing.assert_array_equal(found.error, [0, 5, 50, -1])
    # IoU > t: 2 of 4 for t = 0, ..., 0.3 (7 thresholds), 1 of 4 up to 0.95 (13), 0 for 1.
    np.testing.assert_allclose(found.success, [0.5] * 7 + [0.25] * 13 + [0])
    # Error <= t: the first and the invalid one always, the second from 5, the third at 50.
    np.testing.assert_allclose(found.precision, [0.5] * 5 + [0.75] * 45 + [1])
    summary = ope_metrics.summarize(found)
    assert summary.auc == pytest.approx((7 * 0.5 + 13 * 0.25) / 21)
    assert summary.precision == 0.75
    assert summary.success_rate_50 == summary.success_rate_75 == 0.25
    assert summary.mean_iou == pytest.approx(4 / 9)  # of the three frames with valid truth


def test_absent_frames_are_misses_in_lasot():
    absent = np.array([False, True, True, False])
    found = scores("lasot", line(0, 0, 0, 0), absent=absent)
    assert found.success[0] == found.precision[20] == found.normalized_precision[20] == 0.5
    assert ope_metrics.summarize(found).average_overlap == 1


def test_sequences_weigh_alike_but_by_frames_in_got10k_and_by_length_in_vot():
    boxes = line(*[0] * 10, 0, 0, 20, 20)
    for convention, weight, expected in (("otb", 1, 12 / 14), ("got10k", 13, 11 / 13)):
        found = scores(convention, boxes)
        summary = ope_metrics.summarize(found)
        assert found.weight == weight
        assert summary.success_rate_50 == pytest.approx(expected)
        assert summary.average_overlap == summary.mean_iou == pytest.approx(expected)
    found = scores("vot", boxes)  # Without the first ten frames.
    assert found.weight == 14 and ope_metrics.summarize(found).average_overlap == 0.5


def test_sequence_that_does_not_count():
    nothing = scores("got10k", line(0, 0), cover=np.array([8, 0]))
    assert nothing.frames == nothing.weight == 0 and not nothing.success.any()
    assert np.isnan(ope_metrics.summarize(nothing).average_overlap)
    # Too short for vot, but of a length: it counts, as 0.
    assert ope_metrics.summarize(scores("vot", line(0, 0))).average_overlap == 0


def test_boxes_beyond_the_truth():
    truth = line(0, 0)
    with pytest.raises(ValueError, match=r"^Girl: boxes must .* got \[3, 4\] and \[2, 4\]"):
        scores("otb", line(0, 0, 9), truth, name="Girl")
    with pytest.raises(ValueError, match=r"got \[1, 4\] and \[2, 4\]"):
        scores("lasot", line(0), truth)


def test_bad_sequences_are_named():
    hidden = line(0, 0, 0)
    hidden[1:] = np.nan
    with pytest.raises(ValueError, match="^GOT-10k_Test_000001: .* first frame only"):
        scores("got10k", line(0, 0, 0), hidden, name="GOT-10k_Test_000001")
    with pytest.raises(ValueError, match="^a: .* needs the resolution"):
        scores("vot", line(0, 0, 0), resolution=None)
    with pytest.raises(ValueError, match="'OTB' is no convention"):
        scores("OTB", line(0, 0))


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"\[2, 4\] and \[3, 4\]"):
        ope_metrics.center_error(np.zeros((2, 4)), np.zeros((3, 4)))


def test_report_without_any_truth():
    with pytest.raises(ValueError, match="no frame has a true box"):
        binary.report(np.ones((2, 4)), np.full((2, 4), np.nan))


def test_binary(tmp_path, capsys):
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
