"""Tests of gradnet_tf.eval.report.tables."""

import csv
import io
import math

import pytest

from gradnet_tf.eval.report import tables
from gradnet_tf.eval.report.tables import HIGH, LOW, Column, Number, Table
from tests.helpers import eval_report as helper


@pytest.fixture
def table():
    return Table(
        "small",
        "Results on A_B",
        (Column("Tracker"), Column("AUC", 2, HIGH), Column("ms", 1, LOW)),
        (
            ("a|b", Number(0.512, 0.4, 0.6), Number(3.04)),
            (r"50% \x_y", Number(0.508), Number(2.0)),
            ("none", Number(math.nan), Number(math.nan)),
        ),
    )


def test_markdown_escapes_names_and_marks_the_best(table):
    assert tables.to_markdown(table).splitlines() == [
        r"**Results on A\_B**",
        "",
        "| Tracker | AUC | ms |",
        "| --- | ---: | ---: |",
        r"| a\|b | **0.51 [0.40, 0.60]** | 3.0 |",
        r"| 50% \\x\_y | **0.51** | **2.0** |",
        "| none | – | – |",
    ]


def test_latex_escapes_names_and_marks_the_best(table):
    text = tables.to_latex(table)
    assert r"\caption{Results on A\_B}" in text
    assert r"a\textbar{}b & \textbf{0.51 [0.40, 0.60]} & 3.0 \\" in text
    assert r"50\% \textbackslash{}x\_y & \textbf{0.51} & \textbf{2.0} \\" in text
    assert r"none & -- & -- \\" in text
    assert r"\begin{tabular}{lrr}" in text
    assert r"Tracker & AUC & ms \\" in text


def test_csv_has_full_numbers_and_reads_back(table):
    rows = list(csv.reader(io.StringIO(tables.to_csv(table))))
    assert rows == [
        ["Tracker", "AUC", "AUC low", "AUC high", "ms"],
        ["a|b", "0.512000", "0.400000", "0.600000", "3.040000"],
        [r"50% \x_y", "0.508000", "", "", "2.000000"],
        ["none", "", "", "", ""],
    ]


def test_every_special_character_of_latex_is_escaped():
    escaped = tables.escape_latex("a&b%c$d#e_f{g}h~i^j\\k<l>\nm")
    assert escaped == (
        r"a\&b\%c\$d\#e\_f\{g\}h\textasciitilde{}i\textasciicircum{}j\textbackslash{}k"
        r"\textless{}l\textgreater{} m"
    )


def test_the_only_tracker_is_not_the_best():
    table = Table("x", "x", (Column("T"), Column("AUC", 2, HIGH)), (("a", Number(1.0)),))
    assert tables.best_cells(table) == [[False, False]]


def test_the_best_of_a_row():
    columns = (Column("S"), Column("a", 2, HIGH, True), Column("b", 2, HIGH, True))
    table = Table("x", "x", columns, (("s", Number(0.2), Number(0.3)), ("u", Number(1), Number(0))))
    assert tables.best_cells(table) == [[False, False, True], [False, True, False]]


def test_tables_of_an_evaluation(tmp_path):
    evaluation = helper.make_evaluation(tmp_path)
    auc = evaluation.measures[0]
    overview = tables.overview(evaluation)
    assert [row[0] for row in overview.rows] == ["good", helper.EVIL]
    assert overview.rows[0][-1].value == pytest.approx(10)
    sequences = tables.sequences(evaluation, auc)
    assert [row[0] for row in sequences.rows] == ["A", "B", "C"]
    assert sequences.rows[1][1].value == 21
    assert sequences.rows[1][2].value == pytest.approx(300 / 441)
    attributes = tables.attributes(evaluation, auc)
    assert [(row[0], row[1].value) for row in attributes.rows] == [
        ("Fast motion", 1),
        ("Occlusion", 2),
        ("Scale variation", 1),
    ]
    comparison = tables.comparison(evaluation, 0, 1, auc)
    assert [row[0] for row in comparison.rows] == ["B", "A", "C"]
    assert comparison.rows[0][3].value == pytest.approx(280 / 441)
    assert tables.speed(evaluation).rows[0][4].value == pytest.approx(100)
