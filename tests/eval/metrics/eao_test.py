"""Fragments of the expected average overlap at their borders; see eval_supervised_test.py, too."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics import eao
from tests.eval.metrics.supervised_test import RUNS, A, B, run

# Frames after a failure in frame 5, in sequences of 8, 10 and 11 frames: the next start, frame 10,
# is beyond the end, just beyond it, or in the last frame.
BEYOND = run("c", "i .6 .6 .6 .6 f s s")
AT_END = run("d", "i .6 .6 .6 .6 f s s s s")
LAST = run("e", "i .6 .6 .6 .6 f s s s s i")
LONG = run("f", "i " + "1 " * 13)
FAILED = 2.4 / np.arange(4, 14)  # means over 4 to 13 frames after the start


@pytest.mark.parametrize("failed", [BEYOND, AT_END, LAST])
def test_vot_pads_every_failure(failed):
    curve = eao.eao_curve([failed, LONG])
    np.testing.assert_allclose(curve[1:], [0.8] * 3 + list((FAILED + 1) / 2))


def test_vot_curve_ends_with_the_longest_fragment():
    # Fragments of 5 frames (failed) and of 1.
    assert len(eao.eao_curve([LAST])) == 5
    assert len(eao.eao_curve([LAST, LONG])) == 14


def test_interval_beyond_the_curve():
    # The mean is of the lengths that there are; of b alone they are up to 5.
    assert eao.eao([B], (4, 100)) == pytest.approx((0.6 + 0.5) / 2)
    assert np.isnan(eao.eao([B], (6, 100)))


def test_repetitions_are_fragments_of_their_own():
    again = run("a", "i .2 .2 .2 .2 .2 .2 .2 .2 .2 .2 .2")
    curve = eao.eao_curve([A, again, B])
    assert curve[1] == pytest.approx((0.8 + 0.5 + 0.2 + 0.9) / 4)
    terms = eao.eao_terms([A, again, B])
    assert terms.weights[:, 1].tolist() == [3, 1]
    assert terms.lengths.tolist() == [12, 6]


def test_intervals_of_the_years():
    intervals = eao.EAO_INTERVALS
    assert intervals["vot2016"] == (108, 371)
    assert intervals["vot2017"] == intervals["vot2018"] == (100, 356)
    assert intervals["vot2019"] == (46, 291)


def test_samples_of_the_bootstrap_are_the_eao_of_the_drawn_sequences(monkeypatch):
    runs = [A, B, BEYOND, AT_END, LONG]
    drawn = np.array([[0, 1, 2, 3, 4], [0, 0, 0, 0, 0], [1, 1, 2, 2, 2], [4, 3, 3, 1, 1]])
    found = {}

    def interval_of(statistic, count, **_):
        assert count == 5
        found["values"] = statistic(drawn)
        return 0.0, 0.0

    monkeypatch.setattr(eao.bootstrap, "interval_of", interval_of)
    eao.eao_interval(runs, (2, 7))
    for row, value in zip(drawn, found["values"]):
        chosen = [runs[index]._replace(sequence=str(place)) for place, index in enumerate(row)]
        assert value == pytest.approx(eao.eao(chosen, (2, 7)))


def test_eao_interval():
    low, high = eao.eao_interval(RUNS, (2, 4))
    # Of two sequences there are three samples: a alone, b alone, both.
    a, b = (eao.eao([each], (2, 4)) for each in (A, B))
    assert (low, high) == pytest.approx((min(a, b), max(a, b)))
    assert eao.eao_interval([B], (2, 4)) == pytest.approx((0.7, 0.7))
