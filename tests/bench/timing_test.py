"""Tests of gradnet_tf.bench.timing."""

import pytest

from gradnet_tf.bench import timing
from gradnet_tf.tracking.config import preset


def test_the_mean_counts_updates_and_forgives_disturbances():
    seconds = [3.0, 1.0, 1.0, 1.0, 1.0] * 9 + [3.0, 1.0, 1.0, 1.0, 500.0]
    summary = timing.summarize(seconds)
    assert summary.median == 1.0
    assert summary.mean == pytest.approx(7 / 5)
    assert summary.high == pytest.approx(3.0)


def test_frames_beyond_whole_periods_have_no_part_in_the_mean():
    assert timing.summarize([2.0, 1.0, 1.0, 1.0, 1.0, 9.0]).mean == pytest.approx(6 / 5)


def test_a_period_holds_whole_intervals_of_updates_and_scales():
    assert timing.period(preset("reference")) == timing.PERIOD == 5
    assert timing.period(preset("reference", update_interval=6, scale_interval=4)) == 12


def test_functions_take_turns_and_the_first_calls_are_not_counted():
    calls = []

    def own(index):
        calls.append(("own", index))
        return 7.0 + index

    seconds = timing.in_turns(
        {"own": own, "other": lambda index: calls.append(("other", index))},
        count=4,
        warm_up=1,
        turn=2,
    )
    turns = ((0, 1), (2, 3), (4,))
    assert calls == [(name, i) for turn in turns for name in ("own", "other") for i in turn]
    assert seconds["own"] == [8.0, 9.0, 10.0, 11.0]
    assert len(seconds["other"]) == 4
    assert all(0 <= value < 1 for value in seconds["other"])
