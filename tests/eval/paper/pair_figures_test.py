"""Tests of gradnet_tf.eval.paper.pair_figures: Figures 1, 4 and 10."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.eval.paper import inputs, output, pair_figures
from gradnet_tf.eval.paper.inputs import Sample
from gradnet_tf.network import backbone, losses
from tests.helpers import eval_paper, networks, training


def test_figure1(tmp_path, tmp_path_factory):
    settings = eval_paper.make_settings(
        "figure1",
        tmp_path / "out",
        pairs=1,
        checkpoint=(training.init(tmp_path_factory),),
        dataset=eval_paper.make_dataset(tmp_path, sequences=1),
    )
    document = pair_figures.run(settings)
    assert document.tables[0].rows[0][0].startswith("S0, frames ")
    eval_paper.assert_finite(document.tables[0])
    # The loss is that of plain SiamFC, not of the checkpoint's own template branch.
    network = networks.hand_made()
    (sample,) = inputs.draw_pairs(settings)
    template = network.siamese_template(sample.exemplar)
    score = backbone.cross_correlation(template, network.search_features(sample.instance))
    labels = losses.logistic_labels(17)
    loss = losses.logistic_loss(score, labels, losses.balanced_weights(labels))
    assert document.tables[0].rows[0][1].value == pytest.approx(float(loss[0]), rel=1e-4)
    assert set(output.render(document.figures[""])) == {"png", "svg"}


def test_table_of_figure1_by_hand():
    size = np.zeros((12, 12))
    size[3:9, 3:9] = 1
    size[0, 0] = 12
    blank = tf.zeros([1, 127, 127, 3]).numpy()
    table = pair_figures.gradient_table([Sample("a, b", blank, blank)], [0.5], [size])
    name, loss, largest, inner = table.rows[0]
    assert (name, loss.value) == ("a, b", 0.5)
    assert largest.value == pytest.approx(12 / (48 / 144))
    assert inner.value == pytest.approx(36 / 48)


@pytest.mark.parametrize("count", [1, 3])
def test_pairs_that_do_not_fill_the_last_row_can_be_drawn(count):
    blank = np.zeros((1, 127, 127, 3), np.float32)
    samples, gradients = [Sample("a", blank, blank)] * count, [np.eye(12)] * count
    figure = output.render(lambda: pair_figures.draw_gradients(samples, gradients))
    assert b"<svg" in figure["svg"]


def test_figure4(tmp_path, tmp_path_factory):
    path = training.init(tmp_path_factory)
    settings = eval_paper.make_settings(
        "figure4",
        tmp_path / "out",
        pairs=1,
        checkpoint=(path, path),
        dataset=eval_paper.make_dataset(tmp_path, sequences=1),
    )
    document = pair_figures.run(settings)
    ours, other = document.tables[0].rows
    assert (ours[0], other[0]) == ("Ours", "Ours-T")
    # By hand, from what the network's own call gives.
    (sample,) = inputs.draw_pairs(settings)
    outputs = networks.hand_made()((sample.exemplar, sample.instance))
    feature, change = np.abs(outputs["f2"]).sum(), np.abs(outputs["h2"] - outputs["f2"]).sum()
    assert ours[1].value == pytest.approx(change / (feature + change), rel=1e-4)
    assert [cell.value for cell in ours[1:]] == [cell.value for cell in other[1:]]
    svg = output.render(document.figures[""])["svg"].decode()
    assert f"Ours-T (mean {other[1].value:.3f})" in svg


def test_table_of_figure4_by_hand():
    rows = pair_figures.share_table([[0.0, 0.1, 0.2, 0.7]]).rows
    assert [cell.value for cell in rows[0][1:]] == pytest.approx([0.25, 0.075, 0.15, 0.325])


def test_figure10(tmp_path, tmp_path_factory):
    path = training.init(tmp_path_factory)
    settings = eval_paper.make_settings(
        "figure10",
        tmp_path / "out",
        pairs=1,
        checkpoint=(path, path),
        dataset=eval_paper.make_dataset(tmp_path, sequences=1),
    )
    document = pair_figures.run(settings)
    first, second = document.tables[0].rows
    assert first[1] == "1" and second[1] == "2"
    assert [cell.value for cell in first[2:]] == [cell.value for cell in second[2:]]
    # As the network's own call on pairs has it, which is checked against the reference.
    (sample,) = inputs.draw_pairs(settings)
    outputs = networks.hand_made()((sample.exemplar, sample.instance))
    assert first[2].value == pytest.approx(float(outputs["initial_loss"]), rel=1e-5)
    score = outputs["final_score"].numpy()
    assert first[5].value == pytest.approx(pair_figures.peakedness(score), rel=1e-4)
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
    assert pair_figures.peakedness(score) == pytest.approx((4 - 1) / np.sqrt(3))
    assert pair_figures.peakedness(np.ones((2, 2))) == 0
