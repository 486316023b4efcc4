"""Draws an evaluation as the papers do, with matplotlib.

The same numbers give the same bytes: no date, and fixed ids in SVG.
"""

from __future__ import annotations

import contextlib
import io
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from gradnet_tf.eval.scoring.summary import Attribute, Curve, Evaluation, Measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# By format, what would make files differ from one day to the next.
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(METADATA)
# As in the page. Trackers are told apart by dashes as well.
COLOURS = (
    *("#0b62c4", "#d1480a", "#7b3fb0", "#b07d00", "#c2186b"),
    *("#00757f", "#6b4f3a", "#4b5563", "#2f3fa8", "#8a1f1f"),
)
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (8, 2, 1.5, 2, 1.5, 2)))
_STYLE = {
    "svg.hashsalt": "gradnet_tf",
    "svg.fonttype": "none",
    "font.size": 10,
    "font.family": "DejaVu Sans",  # Comes with matplotlib.
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#55616f",
    "grid.color": "#d8dee6",
    "grid.linewidth": 0.8,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "#d8dee6",
    "legend.fontsize": 9,
    "text.parse_math": False,  # A name may hold dollar signs.
    "figure.dpi": 100,
    "savefig.dpi": 150,
}
_MOST_SEQUENCES = 20  # In the plot of differences, on each side.
_FEWEST_ATTRIBUTES = 3  # A radar needs an area.


def check_available() -> None:
    """Raises an ImportError that tells how to install matplotlib where it is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib: pip install 'gradnet_tf[plot]' (a report without plots: "
            "--formats=)"
        ) from error


def styled() -> contextlib.AbstractContextManager[None]:
    """Draws in the style of our reports, whatever the user's own settings are."""
    from matplotlib import style

    return style.context(["default", _STYLE])


def new_figure(width: float = 6.4, height: float = 4.8, rows: int = 1, columns: int = 1, **axes):
    """Makes a figure of so many inches and its axes; to be called within `styled`."""
    # Without pyplot: no state that outlives the figure, no window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, subplot_kw=axes)


def render(figure: Figure, formats: Sequence[str]) -> dict[str, bytes]:
    """Returns a figure's files by format; to be called within `styled`."""
    # The layout is settled once, or it would depend on which formats are written.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    files = {}
    for suffix in formats:
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, metadata=METADATA[suffix])
        files[suffix] = buffer.getvalue()
    return files


def draw_all(
    evaluation: Evaluation, pair: Optional[tuple[int, int]], formats: Sequence[str]
) -> dict[str, bytes]:
    """Draws every plot that the evaluation has numbers for, in some of `FORMATS`.

    The pair is the places of the two trackers that are compared; None if there are no two. Returns
    the files by their names, such as "success.svg".
    """
    by_sequence = evaluation.by_sequence[0]
    with styled():
        figures = {curve.key: curve_plot(evaluation, curve) for curve in evaluation.curves}
        if len(evaluation.attributes) >= _FEWEST_ATTRIBUTES:
            figures["attributes"] = attribute_plot(evaluation, by_sequence)
        if evaluation.attributes and evaluation.curves:
            figures["attributes_curves"] = attribute_curves(evaluation, evaluation.curves[0])
        if any(tracker.speed for tracker in evaluation.trackers):
            figures["speed"] = speed_plot(evaluation, evaluation.measures[0])
        if pair:
            figures["comparison"] = difference_plot(evaluation, *pair, by_sequence)
        if evaluation.eao_interval:
            figures["eao_curve"] = eao_plot(evaluation)
            if any(math.isfinite(tracker.totals["eao"]) for tracker in evaluation.trackers):
                figures["eao_ranking"] = ranking_plot(evaluation)
        return {
            f"{name}.{suffix}": content
            for name, figure in figures.items()
            for suffix, content in render(figure, formats).items()
        }


def curve_plot(evaluation: Evaluation, curve: Curve) -> Figure:
    """Draws the mean curves of all trackers; the legend is ordered by score and tells it."""
    figure, axes = new_figure()
    _draw_curves(axes, evaluation, curve)
    _title(axes, f"{curve.title} plots of {evaluation.protocol.upper()}", evaluation)
    return figure


def attribute_curves(evaluation: Evaluation, curve: Curve) -> Figure:
    """Draws small plots of the mean curves on the sequences of each attribute."""
    count = len(evaluation.attributes)
    columns = min(3, count)
    rows = -(-count // columns)
    figure, grid = new_figure(4.2 * columns, 3.5 * rows, rows, columns)
    cells = np.atleast_1d(grid).ravel()
    for axes, attribute in zip(cells, evaluation.attributes):
        _draw_curves(axes, evaluation, curve, attribute, fontsize=7)
        axes.set_title(f"{attribute.title} ({len(attribute.members)})", fontsize=10)
    for axes in cells[count:]:
        axes.set_visible(False)
    title = f"{curve.title} by attribute, {evaluation.title}, {evaluation.coverage}"
    figure.suptitle(textwrap.fill(title, 46 * columns))
    return figure


def attribute_plot(evaluation: Evaluation, measure: Measure) -> Figure:
    """Draws a radar of one measure from 0 to 1 over the attributes."""
    figure, axes = new_figure(6.4, 5.2, projection="polar")
    angles = np.linspace(0, 2 * math.pi, len(evaluation.attributes), endpoint=False)
    highest = 0.0
    for place, tracker in enumerate(evaluation.trackers):
        values = [tracker.attributes[one.code][measure.key] for one in evaluation.attributes]
        closed = np.append(values, values[0])
        axes.plot(np.append(angles, angles[0]), closed, label=_short(tracker.name), **_line(place))
        highest = max(highest, np.nan_to_num(values).max())
    axes.set_theta_offset(math.pi / 2)
    axes.set_theta_direction(-1)
    axes.set_xticks(angles, [f"{a.code} ({len(a.members)})" for a in evaluation.attributes])
    axes.set_ylim(0, min(1, math.ceil(10 * highest + 0.2) / 10))
    axes.tick_params(axis="x", pad=8)
    _title(axes, f"{measure.title} by attribute", evaluation, pad=16)
    axes.legend(loc="upper left", bbox_to_anchor=(1.08, 1.05))
    return figure


def speed_plot(evaluation: Evaluation, measure: Measure) -> Figure:
    """Draws one measure against frames a second."""
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, axes = new_figure()
    axes.set_xscale("log")
    speeds = [one.speed.fps if one.speed else 0 for one in evaluation.trackers]
    known = [fps for fps in speeds if fps > 0]
    # Before anything is drawn: matplotlib warns of a single dot.
    axes.set_xlim(min(known) / 2.2, max(known) * 2.2)
    for place, (fps, tracker) in enumerate(zip(speeds, evaluation.trackers)):
        if fps > 0:
            style = dict(color=_colour(place), markersize=9, label=_short(tracker.name))
            axes.plot(fps, tracker.totals[measure.key], "o", **style)
    # Not beside the dots: trackers of a kind lie close together.
    axes.legend(loc="best", fontsize=10)
    axes.margins(y=0.22)
    # Plain numbers: powers of ten need mathematical text.
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="Frames a second (tracking alone)", ylabel=measure.title)
    _title(axes, "Speed and accuracy", evaluation)
    return figure


def difference_plot(evaluation: Evaluation, first: int, second: int, measure: Measure) -> Figure:
    """Draws bars of the difference of two trackers by sequence, the largest on either side."""
    a, b = evaluation.trackers[first], evaluation.trackers[second]
    values = np.asarray(a.values[measure.key]) - np.asarray(b.values[measure.key])
    order = sorted(np.flatnonzero(np.isfinite(values)).tolist(), key=lambda i: (-values[i], i))
    if len(order) > 2 * _MOST_SEQUENCES:
        order = order[:_MOST_SEQUENCES] + order[-_MOST_SEQUENCES:]
    shown = values[order]
    figure, axes = new_figure(6.4, 1.4 + 0.24 * len(order))
    # Before anything is drawn: matplotlib warns of bars that all have no length.
    low, high = min(0, *shown, 0), max(0, *shown, 0)
    margin = 0.06 * max(1e-3, high - low)
    axes.set_xlim(low - margin, high + margin)
    colours = [_colour(second if value < 0 else first) for value in shown]
    axes.barh(range(len(order)), shown, color=colours, height=0.7)
    axes.set_yticks(range(len(order)), [_short(evaluation.sequences[i].name) for i in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.axvline(0, color="#55616f", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"Difference of {measure.title}")
    title = f"{_short(a.name)} (right) against {_short(b.name)} (left)"
    axes.set_title(f"{title}\n{evaluation.title}, {evaluation.coverage}", fontsize=11)
    return figure


def eao_plot(evaluation: Evaluation) -> Figure:
    """Draws VOT's expected overlap by sequence length, with the interval that is averaged."""
    assert evaluation.eao_interval
    figure, axes = new_figure()
    axes.axvspan(*evaluation.eao_interval, color="#cfe0f3", alpha=0.6, linewidth=0)
    scores = [tracker.totals["eao"] for tracker in evaluation.trackers]
    curves = [tracker.curves["eao"] for tracker in evaluation.trackers]
    _draw_ranked(axes, evaluation, np.arange(1, len(curves[0]) + 1), curves, scores)
    axes.set_ylim(bottom=0)
    axes.set(xlabel="Sequence length (frames)", ylabel="Expected average overlap")
    _title(axes, "Expected overlap", evaluation)
    axes.legend()
    return figure


def ranking_plot(evaluation: Evaluation) -> Figure:
    """Draws VOT's ranking by EAO, the best on the right, with confidence intervals."""
    figure, axes = new_figure()
    scores = [tracker.totals["eao"] for tracker in evaluation.trackers]
    places = [place for place in _ranked(scores)[::-1] if math.isfinite(scores[place])]
    for x, place in enumerate(places):
        value = scores[place]
        low, high = evaluation.trackers[place].intervals["eao"]
        error = [[max(0, value - low)], [max(0, high - value)]]
        axes.errorbar(x, value, error, color=_colour(place), fmt="o")
        axes.annotate(f"{value:.3f}", (x, value), xytext=(8, 4), textcoords="offset points")
    names = [_short(evaluation.trackers[place].name, 18) for place in places]
    axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
    axes.set_xlim(-0.6, len(names) - 0.3)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("EAO")
    _title(axes, "Ranking by EAO", evaluation)
    return figure


def _draw_curves(
    axes, evaluation: Evaluation, curve: Curve, attribute: Optional[Attribute] = None, **legend
) -> None:
    """Draws the curves, the best on top, and a legend in the order of the scores."""
    trackers = evaluation.trackers
    means = [one.attributes[attribute.code] if attribute else one.totals for one in trackers]
    curves = [evaluation.mean_curve(curve, place, attribute) for place in range(len(trackers))]
    _draw_ranked(axes, evaluation, curve.x, curves, [own[curve.measure] for own in means])
    axes.set_ylim(0, 1)
    axes.set(xlabel=curve.x_title, ylabel=curve.y_title)
    # Success falls to the right, precision rises.
    axes.legend(loc="lower left" if curve.key == "success" else "lower right", **legend)


def _ranked(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda i: (-np.nan_to_num(scores[i], nan=-1), i))


def _draw_ranked(axes, evaluation: Evaluation, x, curves, scores: Sequence[float]) -> None:
    for rank, place in enumerate(_ranked(scores)):
        score = f"{scores[place]:.3f}" if math.isfinite(scores[place]) else "–"
        label = f"[{score}] {_short(evaluation.trackers[place].name)}"
        axes.plot(x, curves[place], label=label, zorder=3 - rank / 100, **_line(place))
    axes.set_xlim(x[0], x[-1])


def _title(axes, what: str, evaluation: Evaluation, **options) -> None:
    axes.set_title(f"{what} on {evaluation.title}\n{evaluation.coverage}", **options)


def _short(name: str, length: int = 28) -> str:
    # A legend passes over labels that begin with an underscore.
    name = name if len(name) <= length else name[: length - 1] + "…"
    return f" {name}" if name.startswith("_") else name


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _line(place: int) -> dict[str, Any]:
    dash = DASHES[(place + place // len(COLOURS)) % len(DASHES)]
    return {"color": _colour(place), "linestyle": dash, "linewidth": 2}
