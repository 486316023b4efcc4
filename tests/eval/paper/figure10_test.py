"""Tests of gradnet_tf.eval.paper.figure10."""

import numpy as np
import pytest

from gradnet_tf.eval.paper import figure10, inputs, output
from tests.helpers import eval_paper, networks, training


def test_run(tmp_path, tmp_path_factory):
    path = training.init(tmp_path_factory)
    settings = eval_paper.make_settings(
        "figure10",
        tmp_path / "out",
        pairs=1,
        checkpoint=(path, path),
        dataset=eval_paper.make_dataset(tmp_path, sequences=1),
    )
    document = figure10.run(settings)
    first, second = document.tables[0].rows
    assert first[1] == "1" and second[1] == "2"
    assert [cell.value for cell in first[2:]] == [cell.value for cell in second[2:]]
    # As the network's own call on pairs has it, which is checked against the reference.
    (sample,) = inputs.draw_pairs(settings)
    outputs = networks.hand_made()((sample.exemplar, sample.instance))
    assert first[2].value == pytest.approx(float(outputs["initial_loss"]), rel=1e-5)
    score = outputs["final_score"].numpy()
    assert first[5].value == pytest.approx(figure10.peakedness(score), rel=1e-4)
    assert first[3].value != first[2].value
    assert set(document.weights) == {"checkpoint 1", "checkpoint 2"}
    assert b"(d) S*" in output.render(document.figures[""])["svg"]


def test_a_network_without_update_is_an_error(monkeypatch):
    weights = type("Weights", (), {"variant": "baseline", "arrays": {}})
    monkeypatch.setattr(inputs, "load_weights", lambda path: weights)
    with pytest.raises(ValueError, match="somewhere: a network of the variant 'baseline' has no"):
        inputs.load_network("somewhere", needs_update=True)


def test_peakedness_by_hand():
    score = np.array([[0.0, 0.0], [0.0, 4.0]])
    assert figure10.peakedness(score) == pytest.approx((4 - 1) / np.sqrt(3))
    assert figure10.peakedness(np.ones((2, 2))) == 0
