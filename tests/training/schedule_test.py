"""Learning rates as functions of the step."""

import math

import numpy as np
import pytest

from gradnet_tf.training import schedule


def test_log_steps_are_the_references():
    rates = np.logspace(-2, -5, 50)
    per_epoch = 5984
    for epoch in range(50):
        for step in (epoch * per_epoch, (epoch + 1) * per_epoch - 1):
            assert schedule.log_steps(step, per_epoch, 50, 1e-2, 1e-5) == rates[epoch]


def test_log_steps_go_on_with_the_last_rate():
    assert schedule.log_steps(10**9, 3, 4, 0.1, 0.001) == pytest.approx(0.001, rel=1e-12)
    assert schedule.log_steps(7, 3, 1, 0.1, 0.001) == pytest.approx(0.1, rel=1e-12)


def test_cosine_without_warm_up():
    def rate(step):
        return schedule.cosine(step, steps=100, peak=1e-3, warmup_steps=0, floor=1e-5)

    assert rate(0) == 1e-3
    assert rate(50) == pytest.approx((1e-3 + 1e-5) / 2, rel=1e-12)
    assert rate(25) == pytest.approx(1e-5 + 99e-5 * (1 + math.sqrt(0.5)) / 2, rel=1e-12)
    assert rate(100) == rate(1000) == 1e-5


def test_cosine_with_warm_up_rises_evenly_and_then_falls():
    rates = [schedule.cosine(s, steps=30, peak=1.0, warmup_steps=4, floor=0.0) for s in range(31)]
    np.testing.assert_allclose(rates[:5], [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-12)
    assert all(a > b for a, b in zip(rates[4:], rates[5:]))
    assert rates[17] == pytest.approx(0.5) and rates[30] == 0
