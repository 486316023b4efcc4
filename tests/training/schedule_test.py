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
            assert schedule.log_steps(step, steps_per_epoch=per_epoch) == rates[epoch]


def test_log_steps_go_on_with_the_last_rate():
    rate = schedule.log_steps(10**9, steps_per_epoch=3, epochs=4, first=0.1, last=0.001)
    assert rate == pytest.approx(0.001, rel=1e-12)
    alone = schedule.log_steps(7, steps_per_epoch=3, epochs=1, first=0.1, last=0.001)
    assert alone == pytest.approx(0.1, rel=1e-12)


def test_an_epoch_of_the_reference():
    trained = 0
    steps = 0
    while trained < 53200 * (1 - 0.1) - 9:
        trained += 8
        steps += 1
    assert schedule.reference_steps_per_epoch() == steps == 5984
    assert schedule.reference_steps_per_epoch(100, 0.1, 8) == 11


def test_cosine_without_warm_up():
    def rate(step):
        return schedule.cosine(step, steps=100, peak=1e-3, floor=1e-5)

    assert rate(0) == 1e-3
    assert rate(50) == pytest.approx((1e-3 + 1e-5) / 2, rel=1e-12)
    assert rate(25) == pytest.approx(1e-5 + 99e-5 * (1 + math.sqrt(0.5)) / 2, rel=1e-12)
    assert rate(100) == rate(1000) == 1e-5


def test_cosine_with_warm_up_rises_evenly_and_then_falls():
    rates = [schedule.cosine(s, steps=30, peak=1.0, warmup_steps=4) for s in range(31)]
    np.testing.assert_allclose(rates[:5], [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-12)
    assert all(a > b for a, b in zip(rates[4:], rates[5:]))
    assert rates[17] == pytest.approx(0.5) and rates[30] == 0


def test_constant():
    assert schedule.constant(0, rate=0.1) == schedule.constant(12345, rate=0.1) == 0.1


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: schedule.constant(0, rate=0), "rate .*got 0"),
        (lambda: schedule.constant(0, rate=math.nan), "rate .*got nan"),
        (lambda: schedule.constant(-1, rate=0.1), "step .*got -1"),
        (lambda: schedule.log_steps(0, steps_per_epoch=0), "steps_per_epoch .*got 0"),
        (lambda: schedule.log_steps(0, steps_per_epoch=5, epochs=0), "epochs .*and 0"),
        (lambda: schedule.log_steps(0, steps_per_epoch=5, last=-1), "last .*got -1"),
        (lambda: schedule.cosine(0, steps=5, peak=math.inf), "peak .*got inf"),
        (lambda: schedule.cosine(0, steps=5, peak=1, floor=2), "floor .*got 2"),
        (lambda: schedule.cosine(0, steps=5, peak=1, warmup_steps=5), "warmup_steps .*got 5"),
        (lambda: schedule.cosine(0, steps=0, peak=1), "warmup_steps"),
        (lambda: schedule.reference_steps_per_epoch(9, 0.1), "no batch of 8"),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
