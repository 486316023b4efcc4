"""Tests of gradnet_tf.eval.paper.descent: gradient descent on a template."""

import math

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.eval.paper import descent
from gradnet_tf.network import backbone, losses

SIZE = 7


@pytest.fixture(scope="module")
def pair():
    """A template [2, 2, 3] and features [8, 8, 3] that are larger where the target is."""
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (8, 8, 3))
    features[3:6, 3:6] += 1
    return rng.normal(0, 0.1, (2, 2, 3)), features


@pytest.fixture(scope="module")
def problem(pair):
    return descent.make_problem(*pair)


def direct_losses(pair, rate, iterations):
    """Losses of descent on the weights of the template themselves."""
    labels = losses.logistic_labels(SIZE)
    weights = losses.balanced_weights(labels).astype(np.float64)
    labels = labels.astype(np.float64)
    template, found = tf.constant(pair[0][np.newaxis]), []
    for _ in range(iterations):
        with tf.GradientTape() as tape:
            tape.watch(template)
            score = backbone.cross_correlation(template, tf.constant(pair[1][np.newaxis]))
            loss = losses.logistic_loss(score, labels, weights)[0]
        found.append(float(loss))
        template -= rate * tape.gradient(loss, template)
    return np.array(found)


def test_the_score_map_is_that_of_equation_1(pair, problem):
    expected = backbone.cross_correlation(pair[0][np.newaxis], pair[1][np.newaxis])
    assert problem.size == SIZE
    np.testing.assert_allclose(problem.initial, expected.numpy().ravel(), rtol=1e-12)


@pytest.mark.parametrize("factor", [0.5, 4.0])
def test_iterations_are_those_of_descent_on_the_template_itself(pair, problem, factor):
    rate = factor / descent.smoothness(problem)
    expected = direct_losses(pair, rate, 40)
    target = (expected[12] + 1e-9) / expected[0]
    (wanted,) = np.flatnonzero(expected <= target * expected[0])[:1]
    found = descent.descend(problem, [rate], 30, target, hold=1)
    assert found.iterations[0] == wanted
    assert found.first_step[0] == pytest.approx(expected[1] / expected[0], rel=1e-9)


def test_rates_below_the_bound_go_down_steadily(pair, problem):
    found = direct_losses(pair, 1.99 / descent.smoothness(problem), 30)
    assert (np.diff(found) < 0).all()


def scripted(monkeypatch, rows):
    """Lets the losses be those of the rows, one for each rate."""
    rows = np.array(rows, float)
    steps = iter(rows.T)
    monkeypatch.setattr(
        descent, "_compiled", lambda problem: lambda c, rates: (tf.constant(next(steps)), c)
    )


def test_the_loss_has_to_stay_low(monkeypatch, problem):
    rows = [
        [1, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
        [1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1],  # Low for one iteration only, at first.
        [1, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1],  # In the limit, held beyond it.
        [1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1],  # Too late.
        [1, math.nan, 0.1, math.nan, math.nan, 0.9, 0.9, 0.9],
    ]
    scripted(monkeypatch, rows)
    found = descent.descend(problem, [1.0] * len(rows), limit=5, target=0.1, hold=3)
    np.testing.assert_array_equal(found.iterations, [2, 3, 5, math.inf, math.inf])
    np.testing.assert_array_equal(found.first_step, [row[1] for row in rows])


def test_the_base_rate_takes_as_many_iterations_as_asked_for(problem):
    calls = []
    rate = descent.find_base_rate([problem], 40, 0.8, lambda: calls.append(1))
    assert 1 <= len(calls) <= 2
    needed = descent.descend(problem, [rate, rate / 2], 200, 0.8).iterations
    assert 30 <= needed[0] <= 40
    assert needed[1] == pytest.approx(2 * needed[0], rel=0.1)


def test_a_target_out_of_reach_has_no_base_rate(problem):
    with pytest.raises(ValueError, match="no learning rate takes 3 iterations .* --base_rate"):
        descent.find_base_rate([problem], 3, 1e-9, lambda: None)


def test_median_takes_the_lower_one_and_counts_infinity():
    assert descent.median([5, 1, 3]) == 3
    assert descent.median([4, 1, 3, math.inf]) == 3
    assert descent.median([math.inf, 1, math.inf]) == math.inf
    assert [descent.median([1, 2, 3, 4], share) for share in (0.25, 0.75)] == [1, 3]


def test_a_score_map_that_is_no_square_is_an_error():
    with pytest.raises(ValueError, match="must be square, got 4 x 5"):
        descent.make_problem(np.zeros((2, 2, 1)), np.zeros((5, 6, 1)))
