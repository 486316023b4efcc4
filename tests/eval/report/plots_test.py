"""Tests of gradnet_tf.eval.report.plots."""

import dataclasses
import re
import sys

import pytest
from PIL import Image

from gradnet_tf.eval.report import plots
from tests.helpers import eval_report as helper

pytest.importorskip("matplotlib", reason="plots need matplotlib")


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    return helper.make_evaluation(tmp_path_factory.mktemp("evaluation"))


@pytest.fixture(scope="module")
def drawn(evaluation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plots")
    for name, content in plots.draw_all(evaluation, (0, 1), ["png", "svg"]).items():
        (folder / name).write_bytes(content)
    return folder


def texts(path):
    found = re.findall(r"<text[^>]*>(?:<tspan[^>]*>)?([^<]*)", path.read_text())
    return [text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for text in found]


def test_every_plot_is_a_picture_in_both_formats(drawn):
    names = {"success", "precision", "normalized_precision", "attributes", "attributes_curves"}
    names |= {"speed", "comparison"}
    assert {path.stem for path in drawn.glob("*.png")} == names
    assert {path.stem for path in drawn.glob("*.svg")} == names
    for name in names:
        with Image.open(drawn / f"{name}.png") as image:
            assert min(image.size) > 300
            assert len(image.convert("RGB").getcolors(1 << 24)) > 50


def test_legend_is_ordered_by_score_and_tells_it(evaluation, drawn):
    labels = [text for text in texts(drawn / "success.svg") if text.startswith("[")]
    expected = [f"[{t.totals['auc']:.3f}] {t.name}" for t in evaluation.trackers]
    assert labels == expected
    assert "Success plots of OPE on Small" in texts(drawn / "success.svg")


def test_legend_of_an_attribute_has_its_own_order(evaluation):
    # On C both are alike; then on B alone the order turns if the values do.
    trackers = [
        dataclasses.replace(tracker, attributes={**tracker.attributes, "FM": {"auc": value}})
        for tracker, value in zip(evaluation.trackers, (0.1, 0.9))
    ]
    changed = dataclasses.replace(evaluation, trackers=trackers)
    with plots.styled():
        figure = plots.attribute_curves(changed, changed.curves[0])
    legend = figure.axes[0].get_legend().get_texts()
    assert [text.get_text()[:7] for text in legend] == ["[0.900]", "[0.100]"]


def test_the_same_numbers_give_the_same_bytes(evaluation, drawn):
    # The session's own settings do not matter, and stay.
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": "other"}):
        again = plots.draw_all(evaluation, (0, 1), ["svg"])
        assert matplotlib.rcParams["font.size"] == 30
    for name, content in again.items():
        assert content == (drawn / name).read_bytes(), name


def test_the_same_numbers_give_the_same_png(evaluation, tmp_path):
    contents = []
    for name in ("a.png", "b.png"):
        with plots.styled():
            figure = plots.curve_plot(evaluation, evaluation.curves[0])
            figure.savefig(tmp_path / name, metadata=plots.METADATA["png"])
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_a_radar_needs_three_attributes(evaluation):
    few = dataclasses.replace(evaluation, attributes=evaluation.attributes[:2])
    drawn = plots.draw_all(few, (), ["svg"])
    assert "attributes.svg" not in drawn and "attributes_curves.svg" in drawn


def test_differences_are_sorted(evaluation):
    with plots.styled():
        figure = plots.difference_plot(evaluation, 1, 0, evaluation.measures[0])
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["C", "A", "B"]
    assert axes.patches[2].get_width() == pytest.approx(-280 / 441)


def test_equal_trackers_can_be_drawn(evaluation, tmp_path):
    same = dataclasses.replace(evaluation, trackers=[evaluation.trackers[0]] * 2)
    with plots.styled():
        figure = plots.difference_plot(same, 0, 1, same.measures[0])
        figure.savefig(tmp_path / "a.svg")
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0, 0, 0]


def test_missing_matplotlib_tells_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"gradnet_tf\[plot\]"):
        plots.check_available()
