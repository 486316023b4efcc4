"""Confidence intervals by bootstrap."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics import bootstrap


def test_interval_of_the_mean_is_near_the_normal_one():
    values = np.random.default_rng(1).normal(0.6, 0.2, 200)
    low, high = bootstrap.interval(values, samples=4000)
    spread = 1.96 * values.std() / np.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - spread, values.mean() + spread), abs=4e-3)


def test_quantiles_by_hand(monkeypatch):
    # Of two sequences, 0 and 1, the mean is 0, 1/2 or 1, with the shares 1/4, 1/2, 1/4.
    assert bootstrap.interval([0, 1]) == (0, 1)
    monkeypatch.setattr(bootstrap, "LEVEL", 0.2)
    assert bootstrap.interval([0, 1]) == (0.5, 0.5)
    assert bootstrap.interval([0.3]) == pytest.approx((0.3, 0.3))


def test_the_same_sequences_are_drawn_every_time():
    values = np.random.default_rng(0).random(30)
    drawn = []

    def statistic(indices):
        drawn.append(indices)
        return values[indices].mean(axis=1)

    first, second = (bootstrap.interval_of(statistic, 30, samples=70) for _ in range(2))
    assert first == second == pytest.approx(bootstrap.interval(values, samples=70))
    np.testing.assert_array_equal(*drawn)
    assert drawn[0].shape == (70, 30) and set(drawn[0].ravel()) == set(range(30))


def test_weights(monkeypatch):
    values = np.random.default_rng(0).random(20)
    equal = bootstrap.interval(values, weights=np.full(20, 7.0))
    np.testing.assert_allclose(equal, bootstrap.interval(values))
    # A sequence without weight changes the samples in which it stands alone, which count not at
    # all.
    assert bootstrap.interval([1, 3], weights=[1, 0]) == pytest.approx((1, 1))
    # Drawn once each, 1 and 3 with the weights 3 and 1 are 1.5 in the mean.
    monkeypatch.setattr(bootstrap, "LEVEL", 0.2)
    assert bootstrap.interval([1, 3], weights=[3, 1]) == pytest.approx((1.5, 1.5))


def test_blocks_do_not_change_the_outcome(monkeypatch):
    values = np.random.default_rng(0).random(10)
    whole = bootstrap.interval(values, samples=100)
    monkeypatch.setattr(bootstrap, "_BLOCK", 70)
    np.testing.assert_array_equal(bootstrap.interval(values, samples=100), whole)


def test_what_is_not_known_is_left_out():
    assert bootstrap.interval([1, np.nan, 2], [1, 5, 1]) == bootstrap.interval([1, 2])
    low, high = bootstrap.interval([np.nan, np.nan], samples=10)
    assert np.isnan(low) and np.isnan(high)
