"""The report as one HTML file: tables, curves that follow the reader's choice, and a player.

The file needs no network: styles, programs, numbers and images are in it. Its template and parts
lie in the folder `web`.
"""

from __future__ import annotations

import base64
import html
import json
import math
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gradnet_tf.eval.report import facts, tables
from gradnet_tf.eval.report.clips import Clip
from gradnet_tf.eval.scoring.summary import Evaluation, TrackerEvaluation

_SCRIPTS = ("base.js", "tables.js", "charts.js", "compare.js", "player.js", "main.js")
_SCALE = 10_000  # Curves are stored as integers: parts of this.


class Picture(NamedTuple):
    """A JPEG to be shown.

    Attributes:
        title: Above it.
        caption: What its boxes mean.
        content: The file.
        size: Width and height in px.
    """

    title: str
    caption: str
    content: bytes
    size: tuple[int, int]


def render(
    evaluation: Evaluation,
    rules: Sequence[tuple[str, str]],
    notes: Sequence[str],
    clips: Sequence[Clip],
    pictures: Sequence[Picture],
    pair: Sequence[int] = (),
) -> str:
    """Makes the page.

    Args:
        evaluation: The numbers.
        rules: Names and texts: how was counted.
        notes: What was left out.
        clips: Frames for the player.
        pictures: Contact sheets.
        pair: Places of the two trackers that are set against each other at first; the first two, if
            empty.

    Returns:
        HTML. Names in it are escaped, whatever they hold.
    """
    sections = _sections(evaluation, rules, notes, clips, pictures)
    frames = sum(len(sequence.frames) for sequence in evaluation.sequences)
    trackers = _count(len(evaluation.trackers), "tracker")
    lead = (
        f"{trackers} on {evaluation.coverage}, {frames:,} frames. "
        f"Convention {evaluation.convention}, protocol {evaluation.protocol}."
    )
    # A script's text ends at the first "</": no "<" in it, then.
    data = json.dumps(payload(evaluation, clips, pair), separators=(",", ":"), allow_nan=False)
    return string.Template(_read("page.html")).substitute(
        title=html.escape(f"{evaluation.heading}: {trackers}"),
        lead=html.escape(lead),
        links="\n".join(f'<li><a href="#{key}">{title}</a></li>' for key, title, _ in sections),
        sections="\n".join(
            f'<section id="{key}" aria-labelledby="{key}-title">\n<h2 id="{key}-title">{title}</h2>'
            f"\n{body}\n</section>"
            for key, title, body in sections
        ),
        footer="Written by gradnet_tf. This file is complete in itself.",
        css=_read("page.css"),
        js="\n".join(_read(name) for name in _SCRIPTS),
        data=data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
    )


def payload(
    evaluation: Evaluation, clips: Sequence[Clip], pair: Sequence[int] = ()
) -> dict[str, Any]:
    """The numbers that the page's programs work on, as JSON values."""
    trackers = evaluation.trackers
    return {
        "heading": evaluation.heading,
        "coverage": evaluation.coverage,
        "trackers": [
            {"name": one.name, "fps": _number(one.speed.fps, 2) if one.speed else None}
            for one in trackers
        ],
        "measures": [
            {
                "key": one.key,
                "title": one.title,
                "low": one.low,
                "bounded": one.bounded,
            }
            for one in evaluation.by_sequence
        ],
        "sequences": [
            {
                "name": sequence.name,
                "frames": len(sequence.frames),
                "weight": float(weight),
                "attributes": [a.code for a in evaluation.attributes if place in a.members],
            }
            for place, (sequence, weight) in enumerate(
                zip(evaluation.sequences, evaluation.weights)
            )
        ],
        "attributes": [
            {"key": one.code, "title": one.title, "count": len(one.members)}
            for one in evaluation.attributes
        ],
        "values": {
            measure.key: [_numbers(one.values[measure.key]) for one in trackers]
            for measure in evaluation.by_sequence
        },
        "curves": [
            {
                "key": curve.key,
                "title": curve.title,
                "x": _numbers(curve.x),
                "xTitle": curve.x_title,
                "yTitle": curve.y_title,
                "measure": curve.measure,
                "scale": _SCALE,
                "data": [
                    np.rint(_SCALE * np.asarray(one.curves[curve.key])).astype(int).tolist()
                    for one in trackers
                ],
            }
            for curve in evaluation.curves
        ],
        "differences": {
            f"{a},{b}": _numbers(ends) for (a, b), ends in evaluation.differences.items()
        },
        "pair": list(pair) or [0, min(1, len(trackers) - 1)],
        "vot": _vot(evaluation),
        "player": [_clip(evaluation, clip) for clip in clips],
    }


def _sections(evaluation, rules, notes, clips, pictures) -> list[tuple[str, str, str]]:
    found = [("overview", "Results", _overview(evaluation, notes))]
    if evaluation.curves:
        found.append(("curves", "Curves", _part("curves.html")))
    if evaluation.eao is not None:
        found.append(("vot", "Expected average overlap", _part("vot.html")))
    found.append(("sequences", "Sequences", _part("sequences.html")))
    if evaluation.attributes:
        found.append(("attributes", "Attributes", _part("attributes.html")))
    if len(evaluation.trackers) > 1:
        found.append(("compare", "Two trackers", _part("compare.html")))
    if any(tracker.speed for tracker in evaluation.trackers):
        body = _part("speed.html") + _table(tables.speed(evaluation))
        found.append(("speed", "Speed", body))
    if clips:
        found.append(("player", "Player", _part("player.html")))
    if pictures:
        found.append(("moments", "Best and worst moments", _pictures(pictures)))
    found.append(("about", "How this was measured", _about(evaluation, rules, notes)))
    return found


def _overview(evaluation: Evaluation, notes: Sequence[str]) -> str:
    hint = (
        "95% confidence intervals by bootstrap over sequences in brackets. "
        "A click on a head sorts the table."
    )
    left_out = (
        f'<p class="note">{_count(len(notes), "remark")} on what was left out: '
        '<a href="#about">how this was measured</a>.</p>'
        if notes
        else ""
    )
    return left_out + _table(tables.overview(evaluation), hint, ranked=True)


def _table(table: tables.Table, hint: str = "", ranked: bool = False) -> str:
    head = "".join(
        f'<th scope="col"{_class(column)}{_low(column)}>{html.escape(column.title)}</th>'
        for column in table.columns
    )
    rows = []
    for place, (row, best) in enumerate(zip(table.rows, tables.best_cells(table))):
        cells = []
        for cell, column, is_best in zip(row, table.columns, best):
            if isinstance(cell, str):
                swatch = f'<i class="swatch" style="--tracker: var(--c{place % 10})"></i>'
                cells.append(f'<th scope="row">{swatch}{html.escape(cell)}</th>')
                continue
            is_known = math.isfinite(cell.value)
            text = f"{cell.value:.{column.digits}f}" if is_known else "–"
            value = repr(float(cell.value)) if is_known else ""
            if cell.low is not None and math.isfinite(cell.low):
                ends = f"{cell.low:.{column.digits}f} – {cell.high:.{column.digits}f}"
                text += f"<small>[{ends}]</small>"
            style = "number best" if is_best else "number"
            cells.append(f'<td class="{style}" data-value="{value}">{text}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    texts = [f"{table.title}.", table.note, hint]
    caption = f"<caption>{html.escape(' '.join(filter(None, texts)))}</caption>"
    name = ' id="overview-table"' if ranked else ""
    return (
        f'<div class="scroll"><table class="sortable"{name}>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _class(column: tables.Column) -> str:
    return "" if column.digits is None else ' class="number"'


def _low(column: tables.Column) -> str:
    return ' data-low="1"' if column.best == tables.LOW else ""


def _pictures(pictures: Sequence[Picture]) -> str:
    parts = []
    for place, picture in enumerate(pictures):
        title, caption = html.escape(picture.title), html.escape(picture.caption)
        source = base64.b64encode(picture.content).decode()
        parts.append(
            f"<details{' open' if place == 0 else ''}><summary>{title}</summary>"
            f'<p class="hint">{caption}</p><img alt="{title}: {caption}" '
            f'width="{picture.size[0]}" height="{picture.size[1]}" loading="lazy" '
            f'src="data:image/jpeg;base64,{source}"></details>'
        )
    return f'<div class="sheets">{"".join(parts)}</div>'


def _about(evaluation: Evaluation, rules, notes: Sequence[str]) -> str:
    parts = [_facts(rules)]
    if notes:
        items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
        parts.append(f"<h3>Left out</h3><ul>{items}</ul>")
    for tracker in evaluation.trackers:
        parts.append(f"<details><summary>{html.escape(tracker.name)}</summary>")
        parts.append(_provenance(tracker) + "</details>")
    return "".join(parts)


def _provenance(tracker: TrackerEvaluation) -> str:
    if not tracker.provenance:
        return "<p>Nothing is known of where these results come from.</p>"
    return _facts(facts.flatten(tracker.provenance))


def _facts(pairs) -> str:
    rows = "".join(f"<dt>{html.escape(a)}</dt><dd>{html.escape(b)}</dd>" for a, b in pairs)
    return f'<dl class="facts">{rows}</dl>'


def _vot(evaluation: Evaluation) -> Any:
    if evaluation.eao is None:
        return None
    eao = evaluation.eao
    # A few hundred places are enough for a curve on a screen.
    places = np.unique(np.linspace(0, eao.longest - 1, min(eao.longest, 240)).astype(int))
    return {
        "interval": list(eao.interval),
        "lengths": (places + 1).tolist(),
        "curves": [_numbers(np.asarray(curve)[places]) for curve in eao.curves],
        "eao": [_number(tracker.totals["eao"]) for tracker in evaluation.trackers],
    }


def _clip(evaluation: Evaluation, clip: Clip) -> dict[str, Any]:
    sequence = evaluation.sequences[clip.sequence]
    places = list(clip.places)

    def boxes(rows):
        return [_numbers(row, 1) if np.isfinite(row).all() else None for row in rows[places]]

    return {
        "sequence": clip.sequence,
        "sizes": [list(size) for size in clip.sizes],
        "total": len(sequence.frames),
        "frames": [place + 1 for place in places],
        "offset": sequence.first_number - 1,
        "images": [base64.b64encode(image).decode() for image in clip.images],
        "truth": boxes(sequence.boxes),
        "boxes": [boxes(one.boxes[clip.sequence]) for one in evaluation.trackers],
        "overlaps": [
            _numbers(one.overlaps[clip.sequence][places], 3) for one in evaluation.trackers
        ],
    }


def _number(value: float, digits: int = 5) -> Any:
    return round(float(value), digits) if math.isfinite(value) else None


def _numbers(values, digits: int = 5) -> list[Any]:
    return [_number(value, digits) for value in values]


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _part(name: str) -> str:
    return _read(f"parts/{name}")


def _read(name: str) -> str:
    return (Path(__file__).with_name("web") / name).read_text(encoding="utf-8")
