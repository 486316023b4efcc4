"""Makes tables of an evaluation, and writes them as CSV, LaTeX and Markdown."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

import numpy as np

from gradnet_tf.eval.report import descriptions
from gradnet_tf.eval.scoring.summary import Evaluation, Measure

HIGH, LOW = "high", "low"

_LATEX: dict[str, Any] = {
    **{"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    **{letter: f"\\{letter}" for letter in "{}$&#_%"},
}
_MARKDOWN: dict[str, Any] = {letter: f"\\{letter}" for letter in "\\`*_|<>[]~#"}
_LATEX_TABLE = r"""% Needs \usepackage{{booktabs}}.
\begin{{table}}
\centering
\caption{{{caption}}}
\begin{{tabular}}{{{layout}}}
\toprule
{head}
\midrule
{body}
\bottomrule
\end{{tabular}}
\end{{table}}
"""


@dataclasses.dataclass(frozen=True)
class Number:
    """A number in a table, with its confidence interval where there is one; NaN is unknown."""

    value: float
    low: Optional[float] = None
    high: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str  # Its head.
    digits: Optional[int] = None  # Decimals of its numbers; None for a column of text.
    best: Optional[str] = None  # `HIGH` or `LOW`, for which number is set in bold; None for none.
    across: bool = False  # Whether the best is that of such columns in a row, not of the rows.


@dataclasses.dataclass(frozen=True)
class Table:
    """A table."""

    name: str  # Of its files, without suffix.
    title: str  # What it shows.
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]  # A text or `Number` for each column.
    note: str = ""  # What a reader of the numbers has to know besides.
    # How many sequences the numbers are of, and of how many; for CSV, which has no title.
    counts: Optional[tuple[int, int]] = None


def plain_table(
    name: str, title: str, heads: Mapping[str, Optional[int]], rows: Iterable[Iterable[Any]]
) -> Table:
    """Makes a table of texts and of numbers without intervals; `heads` have the columns' digits."""
    cells = [tuple(c if isinstance(c, str) else Number(c) for c in row) for row in rows]
    return Table(name, title, tuple(map(Column, heads, heads.values())), tuple(cells))


def overview(evaluation: Evaluation) -> Table:
    """Lists all trackers, best first: each measure with its interval, and the speed."""
    columns = [_column(measure.label, measure) for measure in evaluation.measures]
    keys = [measure.key for measure in evaluation.measures]
    rows = []
    for tracker in evaluation.trackers:
        cells = [Number(tracker.totals[key], *tracker.intervals.get(key, ())) for key in keys]
        fps = Number(tracker.speed.fps if tracker.speed else math.nan)
        rows.append((tracker.name, *cells, fps))
    return Table(
        "overview",
        f"Results on {evaluation.heading}",
        (Column("Tracker"), *columns, Column("FPS", 1, HIGH)),
        tuple(rows),
        descriptions.describe_reach(evaluation),
        (len(evaluation.sequences), evaluation.size),
    )


def speed(evaluation: Evaluation) -> Table:
    """Lists all trackers: where the time went."""
    columns = (
        *(Column("Tracker"), Column("Frames", 0), Column("FPS", 1, HIGH)),
        *(Column(head, 2, LOW) for head in ("median ms", "p95 ms", "initialisation ms")),
        *(Column("decoding ms", 2), Column("warm-up s", 2)),
    )
    rows = []
    for tracker in evaluation.trackers:
        numbers = dataclasses.astuple(tracker.speed) if tracker.speed else [math.nan] * 7
        rows.append((tracker.name, *map(Number, numbers)))
    counts = (len(evaluation.sequences), evaluation.size)
    title = f"Speed on {evaluation.heading}"
    return Table("speed", title, columns, tuple(rows), counts=counts)


def sequences(evaluation: Evaluation, measure: Measure) -> Table:
    """Sets sequences in rows and trackers in columns, by one measure."""
    rows = [
        (one.name, len(one.frames), *(t.values[measure.key][i] for t in evaluation.trackers))
        for i, one in enumerate(evaluation.sequences)
    ]
    return _by_tracker(evaluation, measure, "sequence", "Frames", rows)


def attributes(evaluation: Evaluation, measure: Measure) -> Table:
    """Sets attributes in rows and trackers in columns, by one measure."""
    rows = [
        (a.title, len(a.members), *(t.attributes[a.code][measure.key] for t in evaluation.trackers))
        for a in evaluation.attributes
    ]
    return _by_tracker(evaluation, measure, "attribute", "Sequences", rows)


def comparison(evaluation: Evaluation, first: int, second: int, measure: Measure) -> Table:
    """Compares two trackers, given by their places, the largest gain of the first on top."""
    pair = [evaluation.trackers[place] for place in (first, second)]
    a, b = (np.asarray(tracker.values[measure.key], float) for tracker in pair)
    names = [sequence.name for sequence in evaluation.sequences]
    gains = np.nan_to_num(a - b)
    order = sorted(range(len(a)), key=lambda i: (-gains[i], names[i]))
    columns = [_column(one.name, measure, across=True) for one in pair]
    return Table(
        "comparison",
        f"{pair[0].name} against {pair[1].name}: {measure.title}, {evaluation.heading}",
        (Column("Sequence"), *columns, Column("Difference", measure.digits)),
        tuple((names[i], *map(Number, (a[i], b[i], a[i] - b[i]))) for i in order),
    )


def to_csv(table: Table) -> str:
    """Returns comma-separated values: six decimals, intervals in columns of their own."""
    columns: list[tuple[str, ...]] = []  # As in the file: a title and its texts.
    for place, column in enumerate(table.columns):
        cells = [row[place] for row in table.rows]
        if column.digits is None:
            columns.append((column.title, *cells))
            continue
        parts = ("", "low", "high") if any(cell.low is not None for cell in cells) else ("",)
        for part in parts:
            numbers = [getattr(cell, part or "value") for cell in cells]
            digits = 6 if column.digits else 0
            texts = [f"{number:.{digits}f}" if is_known(number) else "" for number in numbers]
            columns.append((f"{column.title} {part}".strip(), *texts))
    if table.counts is not None:
        of, size = table.counts
        columns.append(("Sequences", *[str(of)] * len(table.rows)))
        columns.append(("Sequences of the benchmark", *[str(size or "")] * len(table.rows)))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(zip(*columns))
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """Returns Markdown: numbers to the right, the best in bold."""
    head, *body = _texts(table, escape_markdown, "**{}**", "–")
    marks = ["---" if column.digits is None else "---:" for column in table.columns]
    lines = [f"| {' | '.join(row)} |" for row in (head, marks, *body)]
    note = [escape_markdown(table.note), ""] if table.note else []
    return "\n".join([f"**{escape_markdown(table.title)}**", "", *lines, "", *note])


def to_latex(table: Table) -> str:
    r"""Returns LaTeX for the package booktabs; names are escaped."""
    rows = _texts(table, escape_latex, r"\textbf{{{}}}", "--")
    head, *body = (" & ".join(row) + r" \\" for row in rows)
    return _LATEX_TABLE.format(
        caption=escape_latex(f"{table.title}. {table.note}" if table.note else table.title),
        layout="".join("l" if column.digits is None else "r" for column in table.columns),
        head=head,
        body="\n".join(body),
    )


FORMATS = {"csv": to_csv, "tex": to_latex, "md": to_markdown}


def escape_latex(text: str) -> str:
    """Makes a name safe in LaTeX."""
    return " ".join(text.split()).translate(str.maketrans(_LATEX))


def escape_markdown(text: str) -> str:
    """Makes a name safe in a Markdown table."""
    return " ".join(text.split()).translate(str.maketrans(_MARKDOWN))


def best_cells(table: Table) -> list[list[bool]]:
    """Tells for each row and column whether the cell holds the best number, as it is printed."""
    numbers = np.array(
        [
            [
                math.nan if column.digits is None else round(float(cell.value), column.digits)
                for cell, column in zip(row, table.columns)
            ]
            for row in table.rows
        ]
    ).reshape(len(table.rows), len(table.columns))
    found = np.zeros(numbers.shape, bool)
    across = [column.across for column in table.columns]
    for place, column in enumerate(table.columns):
        signed = numbers if column.best == HIGH else -numbers
        rivals, axis = (signed[:, across], 1) if column.across else (signed[:, [place]], 0)
        if column.best is not None and rivals.shape[axis] > 1:
            best = np.where(np.isnan(rivals), -math.inf, rivals).max(axis)
            found[:, place] = signed[:, place] == best
    return found.tolist()


def cell_text(cell: Number, column: Column, unknown: str = "–") -> str:
    """Returns a number as it is printed, without its interval."""
    return f"{cell.value:.{column.digits}f}" if is_known(cell.value) else unknown


def is_known(value: Optional[float]) -> bool:
    """Whether there is such a number."""
    return value is not None and math.isfinite(value)


def _column(title: str, measure: Measure, across: bool = False) -> Column:
    return Column(title, measure.digits, LOW if measure.low else HIGH, across)


def _by_tracker(evaluation, measure: Measure, what: str, count: str, rows) -> Table:
    columns = [_column(tracker.name, measure, across=True) for tracker in evaluation.trackers]
    return Table(
        f"{what}s_{measure.key}",
        f"{measure.title} by {what}, {evaluation.heading}",
        (Column(what.capitalize()), Column(count, 0), *columns),
        tuple((name, *map(Number, numbers)) for name, *numbers in rows),
    )


def _texts(table: Table, escape: Callable[[str], str], bold: str, unknown: str) -> list[list[str]]:
    """Returns the heads of the columns, and the texts of each row."""
    rows = [[escape(column.title) for column in table.columns]]
    for row, best in zip(table.rows, best_cells(table)):
        line = []
        for cell, column, is_best in zip(row, table.columns, best):
            if isinstance(cell, str):
                line.append(escape(cell))
                continue
            text = cell_text(cell, column, unknown)
            if is_known(cell.low):
                text += f" [{cell.low:.{column.digits}f}, {cell.high:.{column.digits}f}]"
            line.append(bold.format(text) if is_best else text)
        rows.append(line)
    return rows
