"""Tests of gradnet_tf.eval.paper.figure1."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.eval.paper import figure1, inputs, output
from gradnet_tf.eval.paper.inputs import Sample
from gradnet_tf.network import backbone, losses
from tests.helpers import eval_paper, networks, training


def test_run(tmp_path, tmp_path_factory):
    settings = eval_paper.make_settings(
        "figure1",
        tmp_path / "out",
        pairs=1,
        checkpoint=(training.init(tmp_path_factory),),
        dataset=eval_paper.make_dataset(tmp_path, sequences=1),
    )
    document = figure1.run(settings)
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


def test_table_by_hand():
    size = np.zeros((12, 12))
    size[3:9, 3:9] = 1
    size[0, 0] = 12
    blank = tf.zeros([1, 127, 127, 3]).numpy()
    table = figure1.make_table([figure1.Gradient(Sample("a, b", blank, blank), 0.5, size)])
    name, loss, largest, inner = table.rows[0]
    assert (name, loss.value) == ("a, b", 0.5)
    assert largest.value == pytest.approx(12 / (48 / 144))
    assert inner.value == pytest.approx(36 / 48)


@pytest.mark.parametrize("count", [1, 3])
def test_pairs_that_do_not_fill_the_last_row_can_be_drawn(count):
    blank = np.zeros((1, 127, 127, 3), np.float32)
    found = [figure1.Gradient(Sample("a", blank, blank), 0.5, np.eye(12))] * count
    assert b"<svg" in output.render(lambda: figure1.draw(found))["svg"]
