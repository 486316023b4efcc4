"""Tests of gradnet_tf.eval.paper.table1: gradient descent on a template, and the table."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.eval.paper import published, table1
from gradnet_tf.network import backbone, losses
from tests.helpers import eval_paper, training

COUNT = len(table1.FACTORS)
SIZE = 7


def test_table_by_hand():
    iterations = [np.full(COUNT, value) for value in (40.0, 20.0, math.inf, 30.0)]
    iterations[0][-1] = iterations[1][-1] = math.inf
    shares = [np.full(COUNT, value) for value in (0.4, 0.2, 0.9, 0.3)]
    table = table1.make_table([table1.Descent(*pair) for pair in zip(iterations, shares)])
    assert [row[0] for row in table.rows][:3] == ["1×", "3×", "5×"]
    assert table.rows[0][1:5] == ("449", "30", "20–40", "3 of 4")
    assert table.rows[-1][:5] == ("5000×", "∞", "∞", "30–∞", "1 of 4")
    assert table.rows[0][5].value == 0.3


@pytest.fixture
def settings(tmp_path, tmp_path_factory):
    return eval_paper.make_settings(
        "table1",
        tmp_path / "out",
        pairs=2,
        iterations=3,
        checkpoint=(training.init(tmp_path_factory),),
        dataset=eval_paper.make_dataset(tmp_path),
        base_rate=1e-6,
        target=0.9,
    )


def test_run(settings):
    document = table1.run(settings)
    (table,) = document.tables
    assert [row[1] for row in table.rows] == [
        "∞" if math.isinf(value) else str(value) for value in published.TABLE_1.values()
    ]
    shares = list(eval_paper.numbers(table, "Loss after one iteration (share)").values())
    # A step this small goes down: by three times as much at three times the rate.
    assert shares[0] < 1 and (1 - shares[1]) / (1 - shares[0]) == pytest.approx(3, rel=1e-3)
    assert document.parameters["base_rate"] == 1e-6 and "as given" in document.notes[1]
    assert len(document.weights["checkpoint"]) == 64


def test_the_first_column_agrees_with_the_paper_if_no_rate_is_given(settings, monkeypatch):
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (8, 8, 3))
    features[3:6, 3:6] += 1
    problem = table1.make_problem(rng.normal(0, 0.1, (2, 2, 3)), features)
    monkeypatch.setattr(table1, "_problems", lambda network, settings: [problem])
    settings = dataclasses.replace(settings, base_rate=0.0, target=0.8, iterations=500)
    document = table1.run(settings)
    first = eval_paper.numbers(document.tables[0], "Iterations, here")["1×"]
    assert 350 <= float(first) <= 449
    assert "chosen so that" in document.notes[1]


@pytest.fixture(scope="module")
def pair():
    """A template [2, 2, 3] and features [8, 8, 3] that are larger where the target is."""
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (8, 8, 3))
    features[3:6, 3:6] += 1
    return rng.normal(0, 0.1, (2, 2, 3)), features


@pytest.fixture(scope="module")
def problem(pair):
    return table1.make_problem(*pair)


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
    rate = factor / table1.smoothness(problem)
    expected = direct_losses(pair, rate, 40)
    target = (expected[12] + 1e-9) / expected[0]
    (wanted,) = np.flatnonzero(expected <= target * expected[0])[:1]
    found = table1.descend(problem, [rate], 30, target, hold=1)
    assert found.iterations[0] == wanted
    assert found.first_step[0] == pytest.approx(expected[1] / expected[0], rel=1e-9)


def test_rates_below_the_bound_go_down_steadily(pair, problem):
    found = direct_losses(pair, 1.99 / table1.smoothness(problem), 30)
    assert (np.diff(found) < 0).all()


def scripted(monkeypatch, rows):
    """Lets the losses be those of the rows, one for each rate."""
    rows = np.array(rows, float)
    steps = iter(rows.T)
    monkeypatch.setattr(
        table1, "_compiled", lambda problem: lambda c, rates: (tf.constant(next(steps)), c)
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
    found = table1.descend(problem, [1.0] * len(rows), limit=5, target=0.1, hold=3)
    np.testing.assert_array_equal(found.iterations, [2, 3, 5, math.inf, math.inf])
    np.testing.assert_array_equal(found.first_step, [row[1] for row in rows])


def test_the_base_rate_takes_as_many_iterations_as_asked_for(problem):
    rate = table1.find_base_rate([problem], 40, 0.8)
    needed = table1.descend(problem, [rate, rate / 2], 200, 0.8).iterations
    assert 30 <= needed[0] <= 40
    assert needed[1] == pytest.approx(2 * needed[0], rel=0.1)


def test_a_target_out_of_reach_has_no_base_rate(problem):
    with pytest.raises(ValueError, match="no learning rate takes 3 iterations .* --base_rate"):
        table1.find_base_rate([problem], 3, 1e-9)


def test_median_takes_the_lower_one_and_counts_infinity():
    assert table1.median([5, 1, 3]) == 3
    assert table1.median([4, 1, 3, math.inf]) == 3
    assert table1.median([math.inf, 1, math.inf]) == math.inf
    assert [table1.median([1, 2, 3, 4], share) for share in (0.25, 0.75)] == [1, 3]


def test_a_score_map_that_is_no_square_is_an_error():
    with pytest.raises(ValueError, match="must be square, got 4 x 5"):
        table1.make_problem(np.zeros((2, 2, 1)), np.zeros((5, 6, 1)))
