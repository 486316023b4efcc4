"""Renders the report as one HTML file: tables, interactive curves, and a player.

The file needs no network: styles, programs, numbers and images are in it. Its template and parts
lie in the folder `web`.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import math
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gradnet_tf.eval.report import descriptions, tables
from gradnet_tf.eval.report.clips import Clip
from gradnet_tf.eval.scoring.summary import Evaluation

_SCRIPTS = ("base.js", "tables.js", "charts.js", "compare.js", "player.js", "main.js")
_SCALE = 10_000  # Curves are stored as integers: parts of this.
_NUMBER, _LOW = ' class="number"', ' data-low="1"'  # Of the head of a column.
_HINT = (
    "95% confidence intervals by bootstrap over sequences in brackets. "
    "A click on a head sorts the table."
)
_escape = html.escape


class Picture(NamedTuple):
    """A JPEG to be shown."""

    title: str
    caption: str  # What its boxes mean.
    content: bytes
    size: tuple[int, int]  # Width and height in px.


def render(
    evaluation: Evaluation,
    rules: Sequence[tuple[str, str]],
    notes: Sequence[str],
    clips: Sequence[Clip],
    pictures: Sequence[Picture],
    pair: Sequence[int] = (),
) -> str:
    """Makes the page, as HTML in which all names are escaped.

    Args:
        evaluation: The numbers.
        rules: Names and texts that tell how the numbers were measured.
        notes: Texts that tell what was left out.
        clips: Frames for the player.
        pictures: Contact sheets.
        pair: Places of the two trackers that are compared at first; if empty, the first two.
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
        title=_escape(f"{evaluation.heading}: {trackers}"),
        lead=_escape(lead),
        links="\n".join(f'<li><a href="#{key}">{title}</a></li>' for key, title, _ in sections),
        sections="\n".join(
            f'<section id="{key}" aria-labelledby="{key}-title">\n<h2 id="{key}-title">{title}</h2>'
            f"\n{body}\n</section>"
            for key, title, body in sections
        ),
        footer="Written by gradnet_tf. This file is complete in itself.",
        css=_read("page.css"),
        js="\n".join(map(_read, _SCRIPTS)),
        data=data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
    )


def payload(
    evaluation: Evaluation, clips: Sequence[Clip], pair: Sequence[int] = ()
) -> dict[str, Any]:
    """Returns the numbers that the page's programs work on, as JSON values."""
    trackers, weights = evaluation.trackers, evaluation.weights
    numbers = {
        "heading": evaluation.heading,
        "coverage": evaluation.coverage,
        "trackers": [
            {"name": one.name, "fps": round(one.speed.fps, 2) if one.speed else None}
            for one in trackers
        ],
        "measures": [dataclasses.asdict(measure) for measure in evaluation.by_sequence],
        "sequences": [
            {
                "name": sequence.name,
                "frames": len(sequence.frames),
                "weight": float(weight),
                "attributes": [a.code for a in evaluation.attributes if place in a.members],
            }
            for place, (sequence, weight) in enumerate(zip(evaluation.sequences, weights))
        ],
        "attributes": [
            {"key": one.code, "title": one.title, "count": len(one.members)}
            for one in evaluation.attributes
        ],
        "values": {
            measure.key: [one.values[measure.key] for one in trackers]
            for measure in evaluation.by_sequence
        },
        "curves": [
            {
                **dataclasses.asdict(curve),
                "scale": _SCALE,
                "data": [
                    np.rint(_SCALE * np.asarray(one.curves[curve.key])).astype(int).tolist()
                    for one in trackers
                ],
            }
            for curve in evaluation.curves
        ],
        "differences": {f"{a},{b}": ends for (a, b), ends in evaluation.differences.items()},
        "pair": list(pair) or [0, min(1, len(trackers) - 1)],
        "vot": _eao(evaluation) if evaluation.eao_interval else None,
        "player": [_clip(evaluation, clip) for clip in clips],
    }
    return plain(numbers, 5)


def plain(value: Any, digits: int) -> Any:
    """Turns nested values into JSON values: numbers are rounded, and None where there is none."""
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item, digits) for item in value]
    if isinstance(value, float):
        return round(float(value), digits) if math.isfinite(value) else None
    return value


def _sections(evaluation, rules, notes, clips, pictures) -> list[tuple[str, str, str]]:
    """Returns the name, title and text of each section for which there is something."""
    trackers = evaluation.trackers
    found = (
        (True, "overview", "Results", lambda: _overview(evaluation, notes)),
        (evaluation.curves, "curves", "Curves", None),
        (evaluation.eao_interval, "vot", "Expected average overlap", None),
        (True, "sequences", "Sequences", None),
        (evaluation.attributes, "attributes", "Attributes", None),
        (len(trackers) > 1, "compare", "Two trackers", None),
        (any(tracker.speed for tracker in trackers), "speed", "Speed", lambda: _speed(evaluation)),
        (clips, "player", "Player", None),
        (pictures, "moments", "Best and worst moments", lambda: _pictures(pictures)),
        (True, "about", "How this was measured", lambda: _about(evaluation, rules, notes)),
    )
    return [
        (key, title, make() if make else _read(f"parts/{key}.html"))
        for is_there, key, title, make in found
        if is_there
    ]


def _overview(evaluation: Evaluation, notes: Sequence[str]) -> str:
    left_out = (
        f'<p class="note">{_count(len(notes), "remark")} on what was left out: '
        '<a href="#about">how this was measured</a>.</p>'
    )
    table = _table(tables.overview(evaluation), _HINT, ' id="overview-table"')
    return left_out + table if notes else table


def _speed(evaluation: Evaluation) -> str:
    return _read("parts/speed.html") + _table(tables.speed(evaluation))


def _table(table: tables.Table, hint: str = "", name: str = "") -> str:
    head = "".join(
        f'<th scope="col"{_NUMBER if column.digits is not None else ""}'
        f"{_LOW if column.best == tables.LOW else ''}>{_escape(column.title)}</th>"
        for column in table.columns
    )
    rows = []
    for place, (row, best) in enumerate(zip(table.rows, tables.best_cells(table))):
        cells = []
        for cell, column, is_best in zip(row, table.columns, best):
            if isinstance(cell, str):
                swatch = f'<i class="swatch" style="--tracker: var(--c{place % 10})"></i>'
                cells.append(f'<th scope="row">{swatch}{_escape(cell)}</th>')
                continue
            text = tables.cell_text(cell, column)
            value = repr(float(cell.value)) if tables.is_known(cell.value) else ""
            if tables.is_known(cell.low):
                ends = f"{cell.low:.{column.digits}f} – {cell.high:.{column.digits}f}"
                text += f"<small>[{ends}]</small>"
            style = "number best" if is_best else "number"
            cells.append(f'<td class="{style}" data-value="{value}">{text}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = _escape(" ".join(filter(None, (f"{table.title}.", table.note, hint))))
    return (
        f'<div class="scroll"><table class="sortable"{name}><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _pictures(pictures: Sequence[Picture]) -> str:
    parts = []
    for place, picture in enumerate(pictures):
        title, caption = _escape(picture.title), _escape(picture.caption)
        parts.append(
            f"<details{' open' if place == 0 else ''}><summary>{title}</summary>"
            f'<p class="hint">{caption}</p><img alt="{title}: {caption}" '
            f'width="{picture.size[0]}" height="{picture.size[1]}" loading="lazy" '
            f'src="data:image/jpeg;base64,{_base64(picture.content)}"></details>'
        )
    return f'<div class="sheets">{"".join(parts)}</div>'


def _about(evaluation: Evaluation, rules, notes: Sequence[str]) -> str:
    parts = [_list(rules)]
    if notes:
        items = "".join(f"<li>{_escape(note)}</li>" for note in notes)
        parts.append(f"<h3>Left out</h3><ul>{items}</ul>")
    for tracker in evaluation.trackers:
        made = "<p>Nothing is known of where these results come from.</p>"
        if tracker.provenance:
            made = _list(descriptions.flatten(tracker.provenance))
        parts.append(f"<details><summary>{_escape(tracker.name)}</summary>{made}</details>")
    return "".join(parts)


def _list(pairs) -> str:
    rows = "".join(f"<dt>{_escape(a)}</dt><dd>{_escape(b)}</dd>" for a, b in pairs)
    return f'<dl class="facts">{rows}</dl>'


def _eao(evaluation: Evaluation) -> dict[str, Any]:
    curves = [tracker.curves["eao"] for tracker in evaluation.trackers]
    # A few hundred places are enough for a curve on a screen.
    longest = len(curves[0])
    places = np.unique(np.linspace(0, longest - 1, min(longest, 240)).astype(int))
    return {
        "interval": evaluation.eao_interval,
        "lengths": (places + 1).tolist(),
        "curves": [curve[places] for curve in curves],
        "eao": [tracker.totals["eao"] for tracker in evaluation.trackers],
    }


def _clip(evaluation: Evaluation, clip: Clip) -> dict[str, Any]:
    place, frames = clip.sequence, list(clip.places)
    sequence, trackers = evaluation.sequences[place], evaluation.trackers

    def boxes(rows):
        return [plain(row, 1) if np.isfinite(row).all() else None for row in rows[frames]]

    return {
        "sequence": place,
        "sizes": [list(size) for size in clip.sizes],
        "total": len(sequence.frames),
        "frames": [frame + 1 for frame in frames],
        "offset": sequence.first_number - 1,
        "images": [_base64(image) for image in clip.images],
        "ground_truth": boxes(sequence.boxes),
        "boxes": [boxes(one.boxes[place]) for one in trackers],
        "overlaps": [plain(one.overlaps[place][frames], 3) for one in trackers],
    }


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _read(name: str) -> str:
    return (Path(__file__).with_name("web") / name).read_text(encoding="utf-8")
