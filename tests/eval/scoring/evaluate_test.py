"""Tests of gradnet_tf.eval.scoring.evaluate, ope and summary: the numbers of a report."""

import dataclasses
import html
import re

import numpy as np
import pytest

from gradnet_tf.eval.metrics import bootstrap, conventions, ope_metrics
from gradnet_tf.eval.report import descriptions, page, plots, tables
from gradnet_tf.eval.running import start_frames
from gradnet_tf.eval.scoring import evaluate, ope, summary
from tests.helpers import eval_report as helper

# IoU 1, 2/3, 1/3 exceed so many of OTB's 21 thresholds.
A_GOOD, B_GOOD, C_BOTH = 20 / 21, (20 * 14 + 20) / (21 * 21), (5 * 7 + 20) / (6 * 21)
A_EVIL, B_EVIL = (10 * 14 + 20) / (11 * 21), 20 / (21 * 21)


MOVED = {"a": (0, 4), "b": (4, 4)}  # How far two trackers are off.


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    return helper.make_evaluation(tmp_path_factory.mktemp("evaluation"))


def test_trackers_are_ranked_by_the_first_measure(evaluation):
    assert [tracker.name for tracker in evaluation.trackers] == ["good", helper.EVIL]
    assert evaluation.measures[0].key == "auc"


def test_values_totals_and_attributes_by_hand(evaluation):
    good, evil = evaluation.trackers
    np.testing.assert_allclose(good.values["auc"], [A_GOOD, B_GOOD, C_BOTH])
    np.testing.assert_allclose(evil.values["auc"], [A_EVIL, B_EVIL, C_BOTH])
    assert evil.totals["auc"] == pytest.approx((A_EVIL + B_EVIL + C_BOTH) / 3)
    # An error of exactly 20 px counts as precise.
    assert evil.totals["precision"] == 1
    assert [a.code for a in evaluation.attributes] == ["FM", "OCC", "SV"]
    assert evaluation.attributes[1].members == (0, 1)
    assert evaluation.attributes[1].title == "Occlusion"
    assert good.attributes["OCC"]["auc"] == pytest.approx((A_GOOD + B_GOOD) / 2)
    assert good.attributes["FM"]["auc"] == pytest.approx(C_BOTH)


def test_notebooks_show_the_trackers_and_no_name_is_markup(evaluation):
    assert repr(evaluation) == f"Evaluation({evaluation.heading}: good, {helper.EVIL})"
    shown = evaluation._repr_html_()
    good = evaluation.trackers[0]
    low, high = good.intervals["auc"]
    assert f">{good.totals['auc']:.3f} [{low:.3f}, {high:.3f}]</td>" in shown
    assert f">{good.speed.fps:.1f}</td>" in shown
    assert html.escape(helper.EVIL) in shown and helper.EVIL not in shown
    unknown = dataclasses.replace(good, totals=dict.fromkeys(good.totals, np.nan), intervals={})
    shown = dataclasses.replace(evaluation, trackers=[unknown])._repr_html_()
    assert ">–</td>" in shown and "nan" not in shown


def test_mean_curve_follows_the_attribute(evaluation):
    curve = evaluation.curves[0]
    np.testing.assert_allclose(curve.x, np.arange(21) / 20)
    whole = evaluation.mean_curve(curve, 1)
    assert np.mean(whole) == pytest.approx(evaluation.trackers[1].totals["auc"])
    part = evaluation.mean_curve(curve, 1, evaluation.attributes[0])
    np.testing.assert_allclose(part[:8], [1, 1, 1, 1, 1, 1, 1, 1 / 6])


def test_intervals_hold_the_total_and_are_the_same_each_time(evaluation, tmp_path):
    for tracker in evaluation.trackers:
        low, high = tracker.intervals["auc"]
        assert low <= tracker.totals["auc"] <= high
        assert low < high
    again = helper.make_evaluation(tmp_path)
    assert [t.intervals for t in again.trackers] == [t.intervals for t in evaluation.trackers]


@pytest.mark.parametrize("convention", ["otb", "got10k"])
def test_parts_of_a_sequence_are_drawn_together(tmp_path, convention):
    split = start_frames.segments(helper.make_dataset(tmp_path, (8, 9, 15)), 2)
    tracker = helper.make_tracker("x", split, (0, 4, 4, 10, 20, 20))
    other = helper.make_tracker("y", split, (20,) * 6)
    found = evaluate.evaluate(split, [tracker, other], convention, samples=200)
    own, key = found.trackers[0], found.measures[0].key
    values, weights = own.values[key], found.weights
    assert own.name == "x" and len(values) == 6
    assert own.totals[key] == pytest.approx(np.average(values, weights=weights))
    pairs = weights.reshape(3, 2)
    means = np.average(values.reshape(3, 2), axis=1, weights=pairs)
    expected = bootstrap.interval(means, weights=pairs.sum(axis=1), samples=200)
    assert own.intervals[key] == pytest.approx(expected)
    narrow = bootstrap.interval(values, weights=weights, samples=200)
    assert expected[1] - expected[0] > narrow[1] - narrow[0]
    assert found.differences[0, 1][1] <= means.max() + 1e-12


def test_differences_mirror_each_other(evaluation):
    low, high = evaluation.differences[0, 1]
    assert evaluation.differences[1, 0] == (-high, -low)
    # Drawing only sequence C or only B gives the ends.
    assert low >= 0
    assert high <= B_GOOD - B_EVIL + 1e-12


def test_speed_keeps_initialisation_decoding_and_warm_up_apart(evaluation):
    speed = evaluation.trackers[0].speed
    assert speed.frames == 10 + 20 + 5
    assert speed.fps == pytest.approx(10)
    assert speed.median_ms == pytest.approx(100)
    assert speed.p95_ms == pytest.approx(100)
    assert speed.initialization_ms == pytest.approx(1000)
    assert speed.decoding_ms == pytest.approx(20)
    assert speed.warm_up == pytest.approx(1.5)


def test_speed_is_unknown_without_times(tmp_path):
    dataset = helper.make_dataset(tmp_path, (4,))
    run = helper.make_run("A", helper.shifted(4, 0))
    run = dataclasses.replace(run, seconds=np.full(4, np.nan))
    assert evaluate.measure_speed([run]) is None
    result = evaluate.evaluate(dataset, [evaluate.TrackerRuns("x", [[run]])], "otb", samples=100)
    assert result.trackers[0].speed is None
    assert result.eao_interval is None


@pytest.mark.parametrize("convention", conventions.CONVENTIONS)
def test_totals_are_those_of_metrics(tmp_path, convention):
    dataset = helper.make_dataset(tmp_path, (31, 21, 16), convention=convention)
    tracker = helper.make_tracker("x", dataset, (4, 20, 10))
    result = evaluate.evaluate(dataset, [tracker], convention, samples=100)
    scores = [
        ope_metrics.sequence_scores(
            s.name, runs[0].boxes, s.boxes, convention, resolution=(helper.WIDTH, helper.HEIGHT)
        )
        for s, runs in zip(dataset.sequences, tracker.runs)
    ]
    weights = [each.weight for each in scores]
    single = [ope_metrics.summarize(each) for each in scores]
    for measure in result.measures:
        expected = np.average([getattr(each, measure.key) for each in single], weights=weights)
        assert result.trackers[0].totals[measure.key] == pytest.approx(expected), measure.key
    for kind in result.curves:
        mean = np.average([getattr(each, kind.key) for each in scores], axis=0, weights=weights)
        np.testing.assert_allclose(result.mean_curve(kind, 0), mean)


def test_repetitions_count_as_their_mean(tmp_path):
    dataset = helper.make_dataset(tmp_path, (11,))
    runs = [helper.make_run("A", helper.shifted(11, shift)) for shift in (0, 4)]
    tracker = evaluate.TrackerRuns("x", [runs])
    result = evaluate.evaluate(dataset, [tracker], "otb", samples=100)
    assert result.trackers[0].totals["auc"] == pytest.approx((20 / 21 + A_EVIL) / 2)


def test_nothing_to_report(tmp_path):
    dataset = helper.make_dataset(tmp_path, (4,))
    with pytest.raises(ValueError, match="nothing to report"):
        evaluate.evaluate(dataset, [], "otb")


def test_other_numbers_of_boxes_are_named(tmp_path):
    dataset = helper.make_dataset(tmp_path, (4,))
    run = helper.make_run("A", helper.shifted(5, 0))
    with pytest.raises(ValueError, match=r"A: boxes must .* got \[5, 4\] and \[4, 4\]"):
        evaluate.evaluate(dataset, [evaluate.TrackerRuns("x", [[run]])], "otb")


def test_per_frame_tags_are_attributes(tmp_path):
    dataset = helper.make_dataset(tmp_path, (4, 5))
    tagged = dataclasses.replace(
        dataset.sequences[1],
        tags={"camera_motion": np.arange(5) == 2, "occlusion": np.zeros(5, bool)},
    )
    found = evaluate.find_attributes([dataset.sequences[0], tagged])
    assert [(a.code, a.title, a.members) for a in found] == [
        ("camera_motion", "camera motion", (1,))
    ]


def test_frame_overlaps_are_unknown_without_truth():
    truth = np.array([[0, 0, 10, 10], [0, 0, 0, 10], [np.nan] * 4, [0, 0, 10, 10.0]])
    boxes = np.array([[0, 0, 10, 10], [0, 0, 5, 5], [0, 0, 5, 5], [np.nan] * 4])
    np.testing.assert_array_equal(ope.frame_overlaps(boxes, truth), [1, np.nan, np.nan, np.nan])


def test_mean_leaves_unknown_rows_out():
    assert summary.mean([1, np.nan, 4], [3, 9, 1]) == pytest.approx(7 / 4)
    assert np.isnan(summary.mean([np.nan], [1]))
    np.testing.assert_allclose(summary.mean([[1, 2], [3, np.nan], [5, 6]], [1, 1, 1]), [3, 4])


@pytest.mark.parametrize(
    ("size", "expected"), [(100, "2 of 100 sequences"), (2, "2 of 2 sequences"), (0, "2 sequences")]
)
def test_every_table_plot_and_page_says_how_many_sequences(tmp_path, size, expected):
    dataset = helper.make_dataset(
        tmp_path, (5, 6), [("OCC", "SV", "FM"), ("OCC",)], size=size, missing=("Girl",)
    )
    trackers = [helper.make_tracker(name, dataset, shifts) for name, shifts in MOVED.items()]
    found = evaluate.evaluate(dataset, trackers, "otb", samples=100)
    auc = found.measures[0]
    made = [tables.overview(found), tables.speed(found), tables.sequences(found, auc)]
    made += [tables.attributes(found, auc), tables.comparison(found, 0, 1, auc)]
    for table in made:
        assert f"Small ({expected})" in table.title
        assert f"Small ({expected})" in tables.to_latex(table)
    for table in made[:2]:  # In a CSV file there is no title.
        rows = [line.split(",")[-2:] for line in tables.to_csv(table).splitlines()]
        assert rows == [["Sequences", "Sequences of the benchmark"], *[["2", str(size or "")]] * 2]
    text = page.render(found, [], [], [], [])
    assert f"<title>Small ({expected}): 2 trackers</title>" in text
    captions = re.findall("<caption>(.+?)</caption>", text)
    assert len(captions) == 2 and all(f"Small ({expected})" in caption for caption in captions)
    assert page.payload(found, [])["coverage"] == expected
    assert descriptions.describe_coverage(dataset) == f"{expected}. Nothing is there of Girl."


def test_every_plot_says_how_many_sequences(tmp_path):
    pytest.importorskip("matplotlib")
    attributes = [("OCC", "SV", "FM"), ("OCC",)]
    dataset = helper.make_dataset(tmp_path / "d", (5, 6), attributes, size=280)
    trackers = [helper.make_tracker(name, dataset, shifts) for name, shifts in MOVED.items()]
    found = evaluate.evaluate(dataset, trackers, "lasot", samples=100)
    drawn = plots.draw_all(found, (0, 1), ["svg"])
    assert len(drawn) > 5
    for name, content in drawn.items():
        assert b"2 of 280 sequences" in content, name


def test_tiger1_is_otbs_alone(tmp_path):
    for name in ("folder", "tc128", "lasot"):
        dataset = helper.make_dataset(tmp_path / name, (5,), name=name)
        assert "Tiger1" not in descriptions.describe_ranges(dataset)
    dataset = helper.make_dataset(tmp_path / "otb", (5,), name="otb100")
    assert "Tiger1 is not among the sequences." in descriptions.describe_ranges(dataset)
