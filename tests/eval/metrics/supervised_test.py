"""Measures of supervised runs, worked by hand."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics import eao, supervised
from gradnet_tf.eval.metrics.supervised import FrameCode, Run

T, INIT, FAILED, SKIPPED = FrameCode.TRACKED, FrameCode.INIT, FrameCode.FAILED, FrameCode.SKIPPED


def run(name, text, tags=None):
    """A run of a line: overlaps, and the letters i, f and s."""
    codes = {"i": INIT, "f": FAILED, "s": SKIPPED}
    words = text.split()
    values = [np.nan if word in codes else float(word) for word in words]
    return Run(name, np.array([codes.get(w, T) for w in words]), np.array(values), tags or {})


# The tracker fails in frame 4 and starts again in frame 4 + 5.
A = run("a", "i .8 .6 .4 f s s s s i .5 .7")
B = run("b", "i .9 .7 .5 .3 .1")
RUNS = [A, B]


def test_accuracy_by_hand():
    # With a burn-in of 2 frames (the initialisation and one more) are left
    #   a: .6 .4 .7, mean 17/30     b: .7 .5 .3 .1, mean 4/10
    # They weigh by the lengths, 12 and 6.
    vot = (12 * 17 / 30 + 6 * 4 / 10) / 18
    assert supervised.accuracy(RUNS, burn_in=2) == pytest.approx(vot)


def test_robustness_by_hand():
    # One failure in a, none in b.
    assert supervised.robustness(RUNS) == pytest.approx(12 / 18)
    assert supervised.robustness(RUNS, "pysot") == pytest.approx(100 / 18)
    # The mean length is 9.
    assert supervised.reliability(RUNS) == pytest.approx(np.exp(-30 * (12 / 18) / 9))
    assert supervised.reliability(RUNS, sensitivity=9) == pytest.approx(np.exp(-12 / 18))


def test_eao_by_hand():
    # Fragments, and their means over the first n frames after the initialisation:
    #   n                      1    2    3    4     5
    #   a from 0, failed      .8   .7   .6   .45  .36   zeros after the failure
    #   a from 9              .5   .6                   ends with the sequence
    #   b                     .9   .8   .7   .6   .5
    curve = [2.2 / 3, 2.1 / 3, 1.3 / 2, 1.05 / 2, 0.86 / 2]
    np.testing.assert_allclose(eao.eao_curve(RUNS), [0, *curve])
    assert eao.eao(RUNS, (2, 4)) == pytest.approx((curve[1] + curve[2] + curve[3]) / 3)


def test_got10k_weighs_by_attributes():
    # Frames of b with burn-in 2: .7 .5 .3 .1 in frames 2 to 5. Occlusion in frames 0 to 2 and
    # camera motion in 2 and 3, so nothing in 4 and 5: means .7, .6 and .2, weights 3, 2, 2 of 7.
    # "practical" tags do not count.
    occlusion = np.array([1, 1, 1, 0, 0, 0], bool)
    motion = np.array([0, 0, 1, 1, 0, 0], bool)
    tags = {"occlusion": occlusion, "camera_motion": motion, "practical": ~motion}
    runs = [B._replace(tags=tags)]
    expected = (3 * 0.7 + 2 * 0.6 + 2 * 0.2) / 7
    assert supervised.accuracy(runs, 2, "got10k") == pytest.approx(expected)
    # A failure in frame 2, in both attributes.
    runs = [run("b", "i .9 f s s s", tags)]
    assert supervised.robustness(runs, "got10k") == pytest.approx((3 + 2) / 7)
    # Nothing left within occlusion: 0, by its weight.
    runs = [run("b", "i .9 f s s s i .5 .4", {"occlusion": np.arange(9) < 3})]
    assert supervised.accuracy(runs, 2, "got10k") == pytest.approx(0.4 * 6 / 9)


def test_burn_in_goes_on_over_a_failure():
    # From frame 0 it covers 0 to 9, with the failure in 3; from the start in 8 on, 8 to 17.
    codes = run("a", "i .1 .1 f s s s s i .2 .2 .2 .2 .2 .2 .2 .2 .2 .6 .8")
    assert supervised.accuracy([codes]) == pytest.approx(0.7)
    # A burn-in of 9 frees frame 17.
    assert supervised.accuracy([codes], burn_in=9) == pytest.approx((0.2 + 0.6 + 0.8) / 3)


def test_run_without_a_frame_to_count():
    short = run("c", "i .9 .9 .9 .9")
    assert supervised.accuracy([short]) == 0  # as vot-toolkit
    assert supervised.accuracy([short, B], burn_in=5) == pytest.approx((5 * 0 + 6 * 0.1) / 11)


def test_repetitions():
    # The means of the runs are .5 and .8.
    runs = [run("a", "i .4 .6"), run("a", "i .8 f"), run("b", "i .2 .2")]
    assert supervised.accuracy(runs, burn_in=1) == pytest.approx((0.65 + 0.2) / 2)
    # got10k: frames 1 (.4, .8) and 2 (.6, none) are .6 each.
    accuracy = supervised.accuracy(runs, burn_in=1, weighting="got10k")
    assert accuracy == pytest.approx((0.6 + 0.6 + 0.2 + 0.2) / 4)
    assert supervised.robustness(runs) == pytest.approx(0.5 / 2)
    assert supervised.robustness(runs, "pysot") == pytest.approx(100 * 0.5 / 6)


def test_overlap_unknown_in_a_tracked_frame_is_left_out():
    assert supervised.accuracy([run("a", "i .4 nan .6")], burn_in=1) == pytest.approx(0.5)


def test_overlaps_by_convention():
    # A box at the right border of an image of 100 px, truth inside: columns 95 to 99 against 90 to
    # 99. The half of a pixel is lost in rounding, to 0.
    boxes, truth = np.array([[95.0, 0.5, 20, 9]]), np.array([[90.0, 0, 15, 9]])
    for name, expected in (("vot", 5 / 10), ("got10k", 5 * 8.5 / (5 * 9 + 10 * 9 - 5 * 8.5))):
        found = supervised.overlaps(boxes, truth, (100, 80), name)
        np.testing.assert_allclose(found, [expected], err_msg=name)
    with pytest.raises(ValueError, match="'otb' is no overlap"):
        supervised.overlaps(boxes, truth, (100, 80), "otb")


def test_beside_the_border_is_a_failure():
    # They overlap outside the image only.
    boxes, truth = np.array([[-30.0, 0, 20, 20]]), np.array([[-25.0, 0, 35, 20]])
    for name in ("vot", "got10k"):
        assert supervised.overlaps(boxes, truth, (100, 80), name) == 0


@pytest.mark.parametrize(
    "bad, message",
    [
        ([], "no runs"),
        ([("a", np.array([1, 0]), np.zeros(3))], r"a: codes \[2\] and overlaps \[3\]"),
        ([("a", np.array([], int), np.array([]))], "a: .* n > 0"),
        ([("a", np.array([0, 0]), np.zeros(2))], "a: codes must start with 1"),
        ([("a", np.array([1, 7]), np.zeros(2))], r"a: .* of \[0, 1, 2, 3\], got \[1, 7\]"),
        ([run("a", "i .5"), run("a", "i .5 .5")], "a: repetitions of 2 and 3 frames"),
    ],
)
def test_malformed_runs_are_named(bad, message):
    for measure in (supervised.accuracy, supervised.robustness, eao.eao_curve):
        with pytest.raises(ValueError, match=message):
            measure(bad)


def test_unknown_kinds():
    for call, message in (
        (lambda: supervised.accuracy(RUNS, weighting="otb"), "'otb' is no weighting"),
        (lambda: supervised.robustness(RUNS, "otb"), "'otb' is no robustness"),
        (lambda: eao.eao(RUNS, (5, 2)), r"1 <= low <= high, got \(5, 2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
