"""Table 2 and Figures 6 to 8: results on the benchmarks, with the paper's numbers beside them.

The results are those of `gradnet_tf.eval run` or of others, in folders. The paper's numbers are of
other machines, other weights and, for robustness, of another count; they are marked as such.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gradnet_tf.eval.paper import output, published
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import descriptions, plots, writing
from gradnet_tf.eval.report.tables import Table, plain_table
from gradnet_tf.eval.scoring.summary import Evaluation

# Heads of columns by measures.
_ONE_PASS = {"precision": "Precision", "auc": "Success AUC"}
_SUPERVISED = {"accuracy": "A", "failures_100": "R", "eao": "EAO"}


def run(settings: Settings) -> output.Document:
    """Measures the results."""
    name = settings.experiment
    loaded, evaluation = writing.compute(settings.sequences, settings.results, settings.trackers)
    is_table2 = name == "table2"
    if is_table2 != evaluation.is_supervised:
        kind = "supervised runs" if is_table2 else "runs without resets"
        raise ValueError(f"{name} is of {kind}, and these results are not")
    figures = {}
    if is_table2:
        table = make_table(evaluation, name, "supervised", _SUPERVISED, published.TABLE_2)
        remark = (
            "R is the number of failures in 100 frames, on whose scale the paper's numbers are; "
            "the paper compares trackers of VOT2017's real-time challenge."
        )
    else:
        paper = published.FIGURE_6 if name == "figure6" else {}
        table = make_table(evaluation, name, "one pass", _ONE_PASS, paper)
        remark = published.STATEMENTS[name]
        for curve in evaluation.curves:
            if curve.key in ("precision", "success"):
                figures[curve.key] = functools.partial(plots.curve_plot, evaluation, curve)
    return output.Document(
        tables=(table,),
        figures=figures,
        notes=(
            f"Here: {evaluation.coverage} of {settings.sequences.name}.",
            remark,
            descriptions.describe_convention(evaluation),
            descriptions.describe_ranges(settings.sequences),
            *loaded.notes,
        ),
        weights={
            one.name: digest
            for one in evaluation.trackers
            if (digest := (one.provenance.get("tracker") or {}).get("weights"))
        },
    )


def make_table(
    evaluation: Evaluation,
    name: str,
    protocol: str,
    measures: Mapping[str, str],
    paper: Mapping[str, Sequence[float]],
) -> Table:
    """Makes a table of what was measured and of the paper's numbers, by trackers.

    The columns are those of `measures`, and the best by the last of them is on top.
    """
    rows: list[tuple[Any, ...]] = [
        (one.name, "here", *(one.totals.get(key, math.nan) for key in measures))
        for one in evaluation.trackers
    ]
    rows += [(tracker, "paper", *numbers) for tracker, numbers in paper.items()]
    rows.sort(key=lambda row: -row[-1] if math.isfinite(row[-1]) else math.inf)
    heads = {"Tracker": None, "Source": None, **dict.fromkeys(measures.values(), 3)}
    return plain_table(name, f"{evaluation.heading}, {protocol}", heads, rows)
