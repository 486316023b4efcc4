"""Tests of gradnet_tf.eval.paper.benchmarks: Table 2, Figures 6 to 8."""

import pytest

from gradnet_tf.eval.commands import paper
from gradnet_tf.eval.paper import benchmarks, published
from gradnet_tf.eval.report import writing
from gradnet_tf.eval.scoring import evaluate, loading
from tests.helpers import eval_paper, eval_report


@pytest.fixture
def supervised(tmp_path):
    dataset = eval_report.make_dataset(
        tmp_path, (40,), convention="vot", layout="vot", protocol="supervised", name="vot2017"
    )
    runs = [[eval_report.supervised_run("A", 40, failure=20)]]
    return dataset, evaluate.evaluate(
        dataset, [evaluate.TrackerRuns("mine", runs)], "vot", samples=100
    )


def let_be(monkeypatch, evaluation, *notes):
    """Lets the results be these numbers."""
    loaded = loading.Loaded(None, (), notes)
    monkeypatch.setattr(writing, "compute", lambda *arguments: (loaded, evaluation))


def settings(name, tmp_path, dataset):
    return eval_paper.make_settings(name, tmp_path / "out", dataset=dataset, results=("r",))


def test_table2(tmp_path, supervised, monkeypatch):
    dataset, evaluation = supervised
    let_be(monkeypatch, evaluation, "left out")
    document = benchmarks.run(settings("table2", tmp_path, dataset))
    (table,) = document.tables
    sources = {row[0]: row[1] for row in table.rows}
    assert sources["mine"] == "here" and sources["SiamRPN"] == "paper"
    assert eval_paper.numbers(table, "R")["mine"] == pytest.approx(100 / 40)
    assert eval_paper.numbers(table, "R")["Ours"] == 0.375
    order = [row[4].value for row in table.rows]
    assert order == sorted(order, reverse=True) and len(order) == 13
    assert document.figures == {} and "left out" in document.notes


def test_runs_of_the_other_kind_are_an_error(tmp_path, supervised, monkeypatch):
    dataset, evaluation = supervised
    one_pass = eval_paper.make_evaluation(tmp_path / "one", {"a": 0})
    for name, found in (("figure7", evaluation), ("table2", one_pass)):
        let_be(monkeypatch, found)
        with pytest.raises(ValueError, match=f"{name} is of .* and these results are not"):
            benchmarks.run(settings(name, tmp_path, dataset))


def test_figure6_from_results_on_disk(tmp_path, capsys):
    root = eval_report.write_otb(tmp_path / "Small", (11, 11))
    results = tmp_path / "results"
    for name, shift in (("good", 0), ("bad", 20)):
        boxes = {sequence: eval_report.shifted(11, shift) for sequence in "AB"}
        eval_report.write_results(results, "Small", name, boxes)
    status = eval_report.call(
        paper,
        *("--experiment=figure6", "--dataset=folder", f"--root={root}"),
        *(f"--results={results}", f"--output={tmp_path / 'out'}", "--trackers=good"),
    )
    assert status == 0, capsys.readouterr().err
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    pictures = [f"figure6_{c}.{kind}" for c in ("precision", "success") for kind in ("png", "svg")]
    assert made == sorted(["figure6.md", "figure6.csv", *pictures])
    lines = (tmp_path / "out" / "figure6.csv").read_text().splitlines()
    assert lines == [
        "Tracker,Source,Precision,Success AUC",
        f"good,here,1.000000,{20 / 21:.6f}",
        "GradNet,paper,0.861000,0.639000",
        "SiameseFC (Ours-baseline),paper,0.771000,0.582000",
    ]
    page = (tmp_path / "out" / "figure6.md").read_text()
    assert "almost 8% in precision" in page and "Here: 2 of 2 sequences of folder." in page


@pytest.mark.parametrize("name", ["figure7", "figure8"])
def test_numbers_that_the_text_does_not_have_are_not_invented(name, tmp_path, monkeypatch):
    evaluation = eval_paper.make_evaluation(tmp_path / "one", {"a": 0, "b": 4})
    let_be(monkeypatch, evaluation)
    dataset = eval_paper.make_dataset(tmp_path / "data")
    document = benchmarks.run(settings(name, tmp_path, dataset))
    assert [row[1] for row in document.tables[0].rows] == ["here", "here"]
    assert any("The text has no numbers" in note for note in document.notes)


def test_the_papers_numbers_are_consistent():
    """What the paper says of its own numbers in words."""
    eao = {tracker: numbers[2] for tracker, numbers in published.TABLE_2.items()}
    assert max(eao, key=eao.get) == "Ours"
    assert eao["Ours"] - eao["CSRDCF++"] == pytest.approx(0.035)  # "by 3.5%"
    gain = published.TABLE_3["Ours"][0] - published.TABLE_3["Ours-baseline"][0]
    assert gain == pytest.approx(0.09)  # "about 9%"
    assert list(published.TABLE_1) == sorted(published.TABLE_1)
