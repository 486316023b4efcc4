"""Tests of gradnet_tf.eval.paper.table1."""

import dataclasses
import math

import numpy as np
import pytest

from gradnet_tf.eval.paper import descent, published, table1
from tests.helpers import eval_paper, training

COUNT = len(table1.FACTORS)


def test_table_by_hand():
    iterations = [np.full(COUNT, value) for value in (40.0, 20.0, math.inf, 30.0)]
    iterations[0][-1] = iterations[1][-1] = math.inf
    shares = [np.full(COUNT, value) for value in (0.4, 0.2, 0.9, 0.3)]
    table = table1.make_table([descent.Descent(*pair) for pair in zip(iterations, shares)])
    assert [row[0] for row in table.rows][:3] == ["1×", "3×", "5×"]
    assert table.rows[0][1:5] == ("449", "30", "20–40", "3 of 4")
    assert table.rows[-1][:5] == ("5000×", "∞", "∞", "30–∞", "1 of 4")
    assert table.rows[0][5].value == 0.3


@pytest.fixture
def settings(tmp_path, tmp_path_factory):
    return eval_paper.make_settings(
        "table1",
        tmp_path / "out",
        counts={"pairs": 2, "iterations": 3},
        checkpoints=(training.init(tmp_path_factory),),
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
    problem = descent.make_problem(rng.normal(0, 0.1, (2, 2, 3)), features)
    monkeypatch.setattr(table1, "_problems", lambda network, settings: [problem])
    settings = dataclasses.replace(settings, base_rate=0.0, target=0.8, counts={"iterations": 500})
    document = table1.run(settings)
    first = eval_paper.numbers(document.tables[0], "Iterations, here")["1×"]
    assert 350 <= float(first) <= 449
    assert "chosen so that" in document.notes[1]
