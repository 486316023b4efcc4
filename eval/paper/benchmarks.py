"""Table 2 and Figures 6 to 8: results on the benchmarks, with the paper's numbers beside them.

The results are those of `gradnet_tf.eval run` or of others, in folders. The paper's numbers are of
other machines, other weights and, for robustness, of another count; they are marked as such.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

from gradnet_tf.eval.paper import output, programs, published
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import descriptions, plots
from gradnet_tf.eval.report.tables import Column, Number, Table
from gradnet_tf.eval.scoring.summary import Evaluation

_CURVES = ("precision", "success")
_ONE_PASS = {"precision": "Precision", "auc": "Success AUC"}
_SUPERVISED = {"accuracy": "A", "failures_100": "R", "eao": "EAO"}


def run(settings: Settings) -> output.Document:
    """Measures the results.

    Raises:
        OSError, ValueError: If they cannot be used.
    """
    name = settings.experiment
    evaluation, notes = programs.measure(settings.dataset, settings.results, settings.trackers)
    if (name == "table2") != evaluation.is_supervised:
        if name == "table2":
            raise ValueError("table2 is of supervised runs: run with a VOT data set")
        raise ValueError(f"{name} is of runs without resets, not of supervised ones")
    figures = {}
    if name == "table2":
        title = f"{evaluation.heading}, supervised"
        table = make_table(name, title, evaluation, _SUPERVISED, published.TABLE_2)
        remark = (
            "R is the number of failures in 100 frames, on whose scale the paper's numbers are; "
            "the paper compares trackers of VOT2017's real-time challenge."
        )
    else:
        title = f"{evaluation.heading}, one pass"
        paper = published.FIGURE_6 if name == "figure6" else {}
        table = make_table(name, title, evaluation, _ONE_PASS, paper)
        remark = published.STATEMENTS[name]
        for curve in evaluation.curves:
            if curve.key in _CURVES:
                figures[curve.key] = functools.partial(plots.curve_plot, evaluation, curve)
    return output.Document(
        tables=(table,),
        figures=figures,
        notes=(
            f"Here: {evaluation.coverage} of {settings.dataset.name}.",
            remark,
            descriptions.describe_convention(evaluation),
            descriptions.describe_ranges(settings.dataset),
            *notes,
        ),
        weights={
            one.name: digest
            for one in evaluation.trackers
            if (digest := (one.provenance.get("tracker") or {}).get("weights"))
        },
    )


def make_table(
    name: str,
    title: str,
    evaluation: Evaluation,
    measures: Mapping[str, str],
    paper: Mapping[str, Sequence[float]],
) -> Table:
    """Sets rows of both sources beside each other, the best by the last measure on top.

    Args:
        name: Of the table.
        title: Of the table.
        evaluation: The numbers that were measured here.
        measures: Heads of the columns by the measures' keys.
        paper: The paper's numbers by trackers.
    """
    rows = [
        (one.name, "here", *(one.totals.get(key, math.nan) for key in measures))
        for one in evaluation.trackers
    ]
    rows += [(tracker, "paper", *numbers) for tracker, numbers in paper.items()]
    rows.sort(key=lambda row: -row[-1] if math.isfinite(row[-1]) else math.inf)
    return Table(
        name,
        title,
        (Column("Tracker"), Column("Source"), *(Column(head, 3) for head in measures.values())),
        tuple((tracker, source, *map(Number, numbers)) for tracker, source, *numbers in rows),
    )
