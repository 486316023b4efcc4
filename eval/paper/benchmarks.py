"""Table 2 and Figures 6 to 8: results on the benchmarks, with the paper's numbers beside them.

The results are those of `gradnet_tf.eval run` or of others, in folders. The paper's numbers are of
other machines, other weights and, for robustness, of another count; they are marked as such.
"""

from __future__ import annotations

import functools
import math

from gradnet_tf.eval.paper import commands, output, published
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import facts, plots
from gradnet_tf.eval.report.tables import Column, Number, Table
from gradnet_tf.eval.scoring.summary import Evaluation

_HERE, _PAPER = "here", "paper"
_CURVES = ("precision", "success")


def run(settings: Settings) -> output.Document:
    """Measures the results.

    Raises:
        OSError, ValueError: They cannot be used.
    """
    evaluation, notes = commands.measure(settings.dataset, settings.results, settings.trackers)
    is_supervised = evaluation.is_supervised
    if settings.name == "table2":
        if not is_supervised:
            raise ValueError("table2 is of supervised runs: run with a VOT data set")
        table, figures = supervised_table(evaluation), {}
        remark = (
            "R is the number of failures in 100 frames, on whose scale the paper's numbers are; "
            "the paper compares trackers of VOT2017's real-time challenge."
        )
    else:
        if is_supervised:
            raise ValueError(f"{settings.name} is of runs without resets, not of supervised ones")
        table = one_pass_table(evaluation, settings.name)
        figures = {
            curve.key: functools.partial(plots.curve_plot, evaluation, curve)
            for curve in evaluation.curves
            if curve.key in _CURVES
        }
        remark = published.STATEMENTS[settings.name]
    count = f"Here: {evaluation.coverage} of {settings.dataset.name}."
    return output.Document(
        name=settings.name,
        title=settings.experiment.title,
        tables=(table,),
        figures=figures,
        notes=(
            count,
            remark,
            facts.describe_convention(evaluation),
            facts.describe_ranges(settings.dataset),
            *notes,
        ),
        parameters=settings.parameters(),
        weights={
            one.name: digest
            for one in evaluation.trackers
            if (digest := (one.provenance.get("tracker") or {}).get("weights"))
        },
    )


def supervised_table(evaluation: Evaluation) -> Table:
    """Rows of both sources by A, R and EAO, the best EAO on top."""
    rows = [
        (
            one.name,
            _HERE,
            *(one.totals.get(key, math.nan) for key in ("accuracy", "failures_100", "eao")),
        )
        for one in evaluation.trackers
    ]
    rows += [
        (row.tracker, _PAPER, row.accuracy, row.robustness, row.eao) for row in published.TABLE_2
    ]
    columns = (Column("A", 3), Column("R", 3), Column("EAO", 3))
    return _table("table2", f"{evaluation.heading}, supervised", columns, rows)


def one_pass_table(evaluation: Evaluation, name: str) -> Table:
    """Rows of both sources by precision and success, the best success on top."""
    rows = [
        (one.name, _HERE, one.totals["precision"], one.totals["auc"]) for one in evaluation.trackers
    ]
    if name == "figure6":
        rows += [(row.tracker, _PAPER, row.precision, row.success) for row in published.FIGURE_6]
    columns = (Column("Precision", 3), Column("Success AUC", 3))
    return _table(name, f"{evaluation.heading}, one pass", columns, rows)


def _table(name: str, title: str, columns: tuple[Column, ...], rows: list[tuple]) -> Table:
    ordered = sorted(rows, key=lambda row: -row[-1] if math.isfinite(row[-1]) else math.inf)
    return Table(
        name,
        title,
        (Column("Tracker"), Column("Source"), *columns),
        tuple((tracker, source, *map(Number, numbers)) for tracker, source, *numbers in ordered),
    )
