"""Tests of gradnet_tf.eval.paper.figure4."""

import numpy as np
import pytest

from gradnet_tf.eval.paper import figure4, inputs, output
from tests.helpers import eval_paper, networks, training


def test_run(tmp_path, tmp_path_factory):
    path = training.init(tmp_path_factory)
    settings = eval_paper.make_settings(
        "figure4",
        tmp_path / "out",
        pairs=1,
        checkpoint=(path, path),
        dataset=eval_paper.make_dataset(tmp_path, sequences=1),
    )
    document = figure4.run(settings)
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


def test_table_by_hand():
    rows = figure4.make_table([np.array([0.0, 0.1, 0.2, 0.7])]).rows
    assert [cell.value for cell in rows[0][1:]] == pytest.approx([0.25, 0.075, 0.15, 0.325])
