"""Tables of an evaluation, and their text as CSV, LaTeX and Markdown."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Sequence
from typing import Optional, Union

import numpy as np

from gradnet_tf.eval.scoring.summary import Evaluation, Measure

HIGH, LOW = "high", "low"

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_MARKDOWN = "\\`*_|<>[]~#"


@dataclasses.dataclass(frozen=True)
class Number:
    """A number in a table, with its confidence interval where there is one; NaN is unknown."""

    value: float
    low: Optional[float] = None
    high: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its head.
        digits: Decimals of its numbers; None for a column of text.
        best: `HIGH` or `LOW`: which number is set in bold; None for none.
        group: The best is looked for among the columns of the same group of a row, where one is
            given, else among the rows of the column.
    """

    title: str
    digits: Optional[int] = None
    best: Optional[str] = None
    group: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: Of its files, without suffix.
        title: What it shows.
        columns: Its columns.
        rows: For each row a text or `Number` for each column.
        note: What a reader of the numbers has to know besides; may be empty.
        counts: How many sequences the numbers are of, and how many the benchmark has; for CSV,
            where there is no title.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Union[str, Number], ...], ...]
    note: str = ""
    counts: Optional[tuple[int, int]] = None


def overview(evaluation: Evaluation) -> Table:
    """All trackers, best first: each measure with its interval, and the speed."""
    columns = [Column("Tracker")]
    columns += [
        Column(measure.label, measure.digits, LOW if measure.low else HIGH)
        for measure in evaluation.measures
    ]
    columns += [Column("FPS", 1, HIGH)]
    rows = []
    for tracker in evaluation.trackers:
        cells = [tracker.name]
        for measure in evaluation.measures:
            interval = tracker.intervals.get(measure.key, (None, None))
            cells.append(Number(tracker.totals[measure.key], *interval))
        cells.append(Number(tracker.speed.fps if tracker.speed else math.nan))
        rows.append(tuple(cells))
    title = f"Results on {evaluation.heading}"
    note = "" if evaluation.eao is None else describe_reach(evaluation)
    return Table("overview", title, tuple(columns), tuple(rows), note, _counts(evaluation))


def describe_reach(evaluation: Evaluation) -> str:
    """Why trackers have no EAO, or one over a part of the interval; empty if all have a whole one.

    The curve ends where no run goes on.
    """
    low, high = evaluation.eao.interval
    reaches = {
        one.name: int(np.isfinite(curve).sum())
        for one, curve in zip(evaluation.trackers, evaluation.eao.curves)
    }
    short = {name: reach for name, reach in reaches.items() if reach < low}
    parts = []
    if short:
        parts.append(
            f"There is no EAO of {', '.join(short)}: it is a mean over lengths from {low} to "
            f"{high} frames, and no run goes on for more than {max(short.values())}."
        )
    for name, reach in reaches.items():
        if low <= reach < high:
            parts.append(
                f"The EAO of {name} is a mean over {low} to {reach} frames, not to {high}, for no "
                "run goes on longer."
            )
    return " ".join(parts)


def speed(evaluation: Evaluation) -> Table:
    """All trackers: where the time went."""
    heads = ("median ms", "p95 ms", "initialisation ms", "decoding ms", "warm-up s")
    columns = [Column("Tracker"), Column("Frames", 0), Column("FPS", 1, HIGH)]
    columns += [Column(head, 2, LOW) for head in heads[:3]]
    columns += [Column(head, 2) for head in heads[3:]]
    rows = []
    for tracker in evaluation.trackers:
        numbers = dataclasses.astuple(tracker.speed) if tracker.speed else [math.nan] * 7
        rows.append((tracker.name, *map(Number, numbers)))
    title = f"Speed on {evaluation.heading}"
    return Table("speed", title, tuple(columns), tuple(rows), counts=_counts(evaluation))


def sequences(evaluation: Evaluation, measure: Measure) -> Table:
    """All sequences in rows, trackers in columns, by one measure."""
    rows = []
    for index, sequence in enumerate(evaluation.sequences):
        values = [float(tracker.values[measure.key][index]) for tracker in evaluation.trackers]
        rows.append((sequence.name, Number(len(sequence.frames)), *map(Number, values)))
    return Table(
        f"sequences_{measure.key}",
        f"{measure.title} by sequence, {evaluation.heading}",
        (Column("Sequence"), Column("Frames", 0), *_tracker_columns(evaluation, measure)),
        tuple(rows),
    )


def attributes(evaluation: Evaluation, measure: Measure) -> Table:
    """All attributes in rows, trackers in columns, by one measure."""
    rows = []
    for attribute in evaluation.attributes:
        code = attribute.code
        values = [tracker.attributes[code][measure.key] for tracker in evaluation.trackers]
        rows.append((attribute.title, Number(len(attribute.members)), *map(Number, values)))
    return Table(
        f"attributes_{measure.key}",
        f"{measure.title} by attribute, {evaluation.heading}",
        (Column("Attribute"), Column("Sequences", 0), *_tracker_columns(evaluation, measure)),
        tuple(rows),
    )


def comparison(evaluation: Evaluation, first: int, second: int, measure: Measure) -> Table:
    """Two trackers sequence by sequence; those that differ most in favour of the first on top.

    Args:
        evaluation: The numbers.
        first: Place of a tracker in it.
        second: Place of the other one.
        measure: What is compared.
    """
    pair = [evaluation.trackers[place] for place in (first, second)]
    a, b = (np.asarray(tracker.values[measure.key], float) for tracker in pair)
    difference = np.nan_to_num(a - b)
    order = sorted(range(len(a)), key=lambda i: (-difference[i], evaluation.sequences[i].name))
    rows = tuple(
        (evaluation.sequences[i].name, Number(a[i]), Number(b[i]), Number(a[i] - b[i]))
        for i in order
    )
    digits = measure.digits
    return Table(
        "comparison",
        f"{pair[0].name} against {pair[1].name}: {measure.title}, {evaluation.heading}",
        (
            Column("Sequence"),
            *(Column(tracker.name, digits, _best(measure), "pair") for tracker in pair),
            Column("Difference", digits),
        ),
        rows,
    )


def to_csv(table: Table) -> str:
    """The table as comma-separated values: six decimals, intervals in columns of their own."""
    with_interval = [
        any(isinstance(row[i], Number) and row[i].low is not None for row in table.rows)
        for i in range(len(table.columns))
    ]
    head, lines = [], []
    for column, wide in zip(table.columns, with_interval):
        head += [column.title]
        head += [f"{column.title} low", f"{column.title} high"] if wide else []
    for row in table.rows:
        line = []
        for cell, column, wide in zip(row, table.columns, with_interval):
            if isinstance(cell, str):
                line.append(cell)
                continue
            numbers = (cell.value, cell.low, cell.high) if wide else (cell.value,)
            line += [_plain(number, column.digits) for number in numbers]
        lines.append(line)
    if table.counts is not None:
        head += ["Sequences", "Sequences of the benchmark"]
        for line in lines:
            line += [str(table.counts[0]), str(table.counts[1] or "")]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *lines])
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """The table in Markdown, numbers to the right, the best in bold."""
    marks = ["---" if column.digits is None else "---:" for column in table.columns]
    rows = [[escape_markdown(column.title) for column in table.columns], marks]
    for row in _texts(table, "–"):
        rows.append(
            [
                escape_markdown(text) if plain else f"**{text}**" if best else text
                for text, plain, best in row
            ]
        )
    lines = [f"| {' | '.join(row)} |" for row in rows]
    note = [escape_markdown(table.note), ""] if table.note else []
    return "\n".join([f"**{escape_markdown(table.title)}**", "", *lines, "", *note])


def to_latex(table: Table) -> str:
    r"""The table in LaTeX, for the package booktabs; names are escaped."""
    rows = [[escape_latex(column.title) for column in table.columns]]
    for row in _texts(table, "--"):
        rows.append(
            [
                escape_latex(text) if plain else rf"\textbf{{{text}}}" if best else text
                for text, plain, best in row
            ]
        )
    lines = [" & ".join(row) + r" \\" for row in rows]
    layout = "".join("l" if column.digits is None else "r" for column in table.columns)
    return "\n".join(
        (
            r"% Needs \usepackage{booktabs}.",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape_latex(' '.join(_caption(table)))}}}",
            rf"\begin{{tabular}}{{{layout}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        )
    )


def _caption(table: Table) -> list[str]:
    return [f"{table.title}.", table.note] if table.note else [table.title]


FORMATS = {"csv": to_csv, "tex": to_latex, "md": to_markdown}


def escape_latex(text: str) -> str:
    """Makes a name safe in LaTeX."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def escape_markdown(text: str) -> str:
    """Makes a name safe in a Markdown table."""
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in " ".join(text.split()))


def best_cells(table: Table) -> list[list[bool]]:
    """For each row and column whether the cell holds the best number, as it is printed."""
    found = [[False] * len(table.columns) for _ in table.rows]
    for index, column in enumerate(table.columns):
        if column.best is None:
            continue
        for place, row in enumerate(table.rows):
            if column.group:
                rivals = [
                    row[i] for i, other in enumerate(table.columns) if other.group == column.group
                ]
            else:
                rivals = [other[index] for other in table.rows]
            values = [round(rival.value, column.digits) for rival in rivals if _known(rival.value)]
            if len(rivals) > 1 and _known(row[index].value):
                best = (max if column.best == HIGH else min)(values)
                found[place][index] = round(row[index].value, column.digits) == best
    return found


def _counts(evaluation: Evaluation) -> tuple[int, int]:
    return len(evaluation.sequences), evaluation.size


def _tracker_columns(evaluation: Evaluation, measure: Measure) -> list[Column]:
    return [
        Column(tracker.name, measure.digits, _best(measure), "trackers")
        for tracker in evaluation.trackers
    ]


def _best(measure: Measure) -> str:
    return LOW if measure.low else HIGH


def _texts(table: Table, unknown: str) -> list[Sequence[tuple[str, bool, bool]]]:
    """For each cell its text, whether it is a name (to be escaped), and whether it is the best."""
    rows = []
    for row, best in zip(table.rows, best_cells(table)):
        line = []
        for cell, column, is_best in zip(row, table.columns, best):
            if isinstance(cell, str):
                line.append((cell, True, False))
                continue
            text = f"{cell.value:.{column.digits}f}" if _known(cell.value) else unknown
            if cell.low is not None and _known(cell.low):
                text += f" [{cell.low:.{column.digits}f}, {cell.high:.{column.digits}f}]"
            line.append((text, False, is_best))
        rows.append(line)
    return rows


def _known(value: Optional[float]) -> bool:
    return value is not None and math.isfinite(value)


def _plain(value: Optional[float], digits: int) -> str:
    return f"{value:.{6 if digits else 0}f}" if _known(value) else ""
