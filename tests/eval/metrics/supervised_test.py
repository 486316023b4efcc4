"""Measures of supervised runs, worked by hand."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics import eao, supervised
from gradnet_tf.eval.metrics.supervised import FrameCode, Run

T, INIT, FAILED, SKIPPED = FrameCode.TRACKED, FrameCode.INIT, FrameCode.FAILED, FrameCode.SKIPPED


def run(name, text):
    """A run of a line: overlaps, and the letters i, f and s."""
    codes = {"i": INIT, "f": FAILED, "s": SKIPPED}
    words = text.split()
    values = [np.nan if word in codes else float(word) for word in words]
    return Run(name, np.array([codes.get(w, T) for w in words]), np.array(values))


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


def test_eao_by_hand():
    # Fragments, and their means over the first n frames after the initialisation:
    #   n                      1    2    3    4     5
    #   a from 0, failed      .8   .7   .6   .45  .36   zeros after the failure
    #   a from 9              .5   .6                   ends with the sequence
    #   b                     .9   .8   .7   .6   .5
    curve = [2.2 / 3, 2.1 / 3, 1.3 / 2, 1.05 / 2, 0.86 / 2]
    np.testing.assert_allclose(eao.eao_curve(RUNS), [0, *curve])
    assert eao.eao(RUNS, (2, 4)) == pytest.approx((curve[1] + curve[2] + curve[3]) / 3)


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
    assert supervised.robustness(runs) == pytest.approx(0.5 / 2)
    assert supervised.robustness(runs, "pysot") == pytest.approx(100 * 0.5 / 6)


def test_overlap_unknown_in_a_tracked_frame_is_left_out():
    assert supervised.accuracy([run("a", "i .4 nan .6")], burn_in=1) == pytest.approx(0.5)
