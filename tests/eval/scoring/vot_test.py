"""Tests of gradnet_tf.eval.scoring.vot: supervised runs in a report."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics import eao, regions, supervised
from gradnet_tf.eval.report import descriptions, page, plots, tables
from gradnet_tf.eval.scoring import evaluate
from tests.helpers import eval_report as helper

LENGTHS = (40, 20)


@pytest.fixture
def evaluation(tmp_path):
    dataset = helper.make_dataset(
        tmp_path, LENGTHS, convention="vot", layout="vot", protocol="supervised", name="vot2017"
    )
    exact = [[helper.supervised_run("A", 40)], [helper.supervised_run("B", 20)]]
    failing = [
        [helper.supervised_run("A", 40, failure=20, shift=4)],
        [helper.supervised_run("B", 20)],
    ]
    trackers = [evaluate.TrackerRuns("failing", failing), evaluate.TrackerRuns("exact", exact)]
    return evaluate.evaluate(dataset, trackers, "vot", samples=100)


def test_numbers_by_hand(evaluation):
    failing = next(t for t in evaluation.trackers if t.name == "failing")
    np.testing.assert_array_equal(failing.values["failures"], [1, 0])
    np.testing.assert_allclose(failing.values["failures_100"], [100 / 40, 0])
    # Sequences weigh by their length.
    assert failing.totals["failures"] == pytest.approx(40 / 60)
    assert failing.totals["failures_100"] == pytest.approx(100 / 60)
    np.testing.assert_allclose(failing.values["accuracy"], [16 / 24, 1])
    assert failing.totals["accuracy"] == pytest.approx((40 * 16 / 24 + 20) / 60)


def test_totals_are_those_of_supervised(evaluation):
    runs = []
    for name, frames, failure, shift in (("A", 40, 20, 4), ("B", 20, None, 0)):
        run = helper.supervised_run(name, frames, failure, shift)
        overlaps = regions.vot_raster_overlap(run.boxes, helper.truth(frames), (64, 48))
        runs.append(supervised.Run(name, run.codes, overlaps))
    failing = next(t for t in evaluation.trackers if t.name == "failing")
    assert failing.totals["accuracy"] == pytest.approx(supervised.accuracy(runs))
    assert failing.totals["failures"] == pytest.approx(supervised.robustness(runs))
    assert failing.totals["failures_100"] == pytest.approx(supervised.robustness(runs, "pysot"))


def test_short_sequences_have_no_eao_and_it_is_said_why(evaluation):
    assert all(np.isnan(tracker.totals["eao"]) for tracker in evaluation.trackers)
    text = descriptions.describe_convention(evaluation)
    assert "over sequence lengths of 100 to 356 frames, the interval of the whole benchmark" in text
    reason = (
        "There is no EAO of exact, failing: it is a mean over lengths from 100 to 356 frames, and "
        "no run goes on for more than 39."
    )
    assert text.endswith(reason)
    # Beside the "–", too.
    table = tables.overview(evaluation)
    assert table.note == reason
    assert tables.to_markdown(table).endswith(f"{tables.escape_markdown(reason)}\n")
    assert reason in tables.to_latex(table)
    assert reason in page.render(evaluation, [], [], [], [])


def test_eao_ranks_within_its_interval(tmp_path):
    dataset = helper.make_dataset(
        tmp_path, (130, 120), convention="vot", protocol="supervised", name="vot2017"
    )
    runs = {
        "exact": [[helper.supervised_run("A", 130)], [helper.supervised_run("B", 120)]],
        "failing": [
            [helper.supervised_run("A", 130, failure=30)],
            [helper.supervised_run("B", 120)],
        ],
    }
    trackers = [evaluate.TrackerRuns(name, own) for name, own in sorted(runs.items())[::-1]]
    result = evaluate.evaluate(dataset, trackers, "vot", samples=100)
    assert [tracker.name for tracker in result.trackers] == ["exact", "failing"]
    assert result.eao_interval == eao.EAO_INTERVALS["vot2017"]
    assert descriptions.describe_convention(result).endswith(
        "The EAO of exact is a mean over 100 to 129 frames, not to 356, for no run goes on longer. "
        "The EAO of failing is a mean over 100 to 119 frames, not to 356, for no run goes on "
        "longer."
    )
    assert result.trackers[0].totals["eao"] == pytest.approx(1)
    np.testing.assert_allclose(result.trackers[0].curves["eao"], 1)
    assert result.trackers[1].totals["eao"] < 0.9
    low, high = result.trackers[1].intervals["eao"]
    assert low <= result.trackers[1].totals["eao"] <= high
    names = set(plots.draw_all(result, (0, 1), ["svg"]))
    assert {"eao_curve.svg", "eao_ranking.svg", "comparison.svg", "speed.svg"} == names


def test_fewer_failures_are_the_best(evaluation):
    table = tables.overview(evaluation)
    column = [c.title for c in table.columns].index("R (failures)")
    best = tables.best_cells(table)
    names = [row[0] for row in table.rows]
    assert best[names.index("exact")][column]
    assert not best[names.index("failing")][column]


def test_supervised_and_other_runs_do_not_mix(tmp_path):
    dataset = helper.make_dataset(tmp_path, (20,))
    trackers = [
        evaluate.TrackerRuns("a", [[helper.supervised_run("A", 20)]]),
        helper.make_tracker("b", dataset, (0,)),
    ]
    with pytest.raises(ValueError, match="cannot be compared"):
        evaluate.evaluate(dataset, trackers, "vot")


@pytest.mark.parametrize("year", [2013, 2014])
def test_years_without_an_eao(tmp_path, year):
    dataset = helper.make_dataset(
        tmp_path, (130,), convention="vot", protocol="supervised", name=f"vot{year}", title="VOT"
    )
    trackers = [
        evaluate.TrackerRuns(name, [[helper.supervised_run("A", 130, **options)]])
        for name, options in (("a", {"failure": 30, "shift": 4}), ("b", {}))
    ]
    result = evaluate.evaluate(dataset, trackers, "vot", samples=100)
    assert result.is_supervised and result.eao_interval is None
    assert [m.label for m in result.measures] == ["A", "R (failures)", "R (of 100)"]
    assert [tracker.name for tracker in result.trackers] == ["b", "a"]
    assert "eao" not in result.trackers[0].totals
    assert "VOT has no EAO" in descriptions.describe_convention(result)
    names = set(plots.draw_all(result, (0, 1), ["svg"]))
    assert names == {"comparison.svg", "speed.svg"}
    assert 'id="vot"' not in page.render(result, [], [], [], [])


def test_eao_of_a_tracker_that_never_goes_on_long_enough(tmp_path):
    dataset = helper.make_dataset(
        tmp_path, (110,), convention="vot", protocol="supervised", name="vot2018", size=60
    )
    runs = {"good": {}, "bad": {"failure": 50}}
    trackers = [
        evaluate.TrackerRuns(name, [[helper.supervised_run("A", 110, **options)]])
        for name, options in runs.items()
    ]
    result = evaluate.evaluate(dataset, trackers, "vot", samples=100)
    note = tables.overview(result).note
    assert "There is no EAO of bad" in note and "The EAO of good is a mean over 100 to 109" in note
    with plots.styled():
        legend = plots.eao_plot(result).axes[0].get_legend().get_texts()
        assert [text.get_text() for text in legend] == ["[1.000] good", "[–] bad"]
        figure = plots.ranking_plot(result)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["good"]
    assert "1 of 60 sequences" in figure.axes[0].get_title()
