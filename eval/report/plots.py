"""Plots of an evaluation as the papers draw them, made with matplotlib.

The same numbers give the same bytes: no date, fixed ids in SVG.
"""

from __future__ import annotations

import contextlib
import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from gradnet_tf.eval.scoring.summary import Curve, Evaluation, Measure, TrackerEvaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
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
    "text.parse_math": False,  # A name may hold dollar signs.
    "figure.dpi": 100,
    "savefig.dpi": 150,
}
_MOST_SEQUENCES = 20  # In the plot of differences, on each side.


def check_available() -> None:
    """Raises an ImportError that tells how to install matplotlib where it is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib: pip install 'gradnet_tf[plot]' (a report without plots: "
            "--formats=)"
        ) from error


def draw_all(
    evaluation: Evaluation, pair: Sequence[int], folder: Path, formats: Sequence[str]
) -> list[Path]:
    """Draws every plot that the evaluation has numbers for.

    Args:
        evaluation: The numbers.
        pair: Places of two trackers that are compared; empty if there are no two.
        folder: Where the files go; it exists.
        formats: Of `FORMATS`.

    Returns:
        The files.
    """
    check_available()
    with styled():
        figures = {curve.key: curve_plot(evaluation, curve) for curve in evaluation.curves}
        by_sequence = evaluation.by_sequence[0]
        if evaluation.attributes:
            figures["attributes"] = attribute_plot(evaluation, by_sequence)
            if evaluation.curves:
                figures["attributes_curves"] = attribute_curves(evaluation, evaluation.curves[0])
        if any(tracker.speed for tracker in evaluation.trackers):
            figures["speed"] = speed_plot(evaluation, evaluation.measures[0])
        if pair:
            figures["comparison"] = difference_plot(evaluation, *pair, by_sequence)
        if evaluation.eao is not None:
            figures["eao_curve"] = eao_plot(evaluation)
            if any(math.isfinite(tracker.totals["eao"]) for tracker in evaluation.trackers):
                figures["eao_ranking"] = ranking_plot(evaluation)
        written = []
        for name, figure in figures.items():
            # The layout is settled once, or it would depend on which formats are written.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            for suffix in formats:
                path = folder / f"{name}.{suffix}"
                figure.savefig(path, format=suffix, metadata=METADATA[suffix])
                written.append(path)
        return written


METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def curve_plot(evaluation: Evaluation, curve: Curve) -> Figure:
    """Mean curves of all trackers; the legend is ordered by score and tells it."""
    figure, axes = new_figure()
    places = _draw_curves(axes, evaluation, curve, None)
    protocol = evaluation.protocol.upper()
    axes.set_title(
        f"{curve.title} plots of {protocol} on {evaluation.title}\n{evaluation.coverage}"
    )
    _legend(axes, places, curve)
    return figure


def attribute_curves(evaluation: Evaluation, curve: Curve) -> Figure:
    """Small plots of the mean curves on the sequences of each attribute."""
    count = len(evaluation.attributes)
    columns = min(3, count)
    rows = -(-count // columns)
    figure, grid = new_figure(4.2 * columns, 3.5 * rows, rows, columns)
    cells = np.atleast_1d(grid).ravel()
    for axes, attribute in zip(cells, evaluation.attributes):
        places = _draw_curves(axes, evaluation, curve, attribute)
        axes.set_title(f"{attribute.title} ({len(attribute.members)})", fontsize=10)
        _legend(axes, places, curve, fontsize=7)
    for axes in cells[count:]:
        axes.set_visible(False)
    title = f"{curve.title} by attribute, {evaluation.title}, {evaluation.coverage}"
    figure.suptitle(textwrap.fill(title, 46 * columns))
    return figure


def attribute_plot(evaluation: Evaluation, measure: Measure) -> Figure:
    """A radar of one measure over the attributes; bars where there are fewer than three."""
    names = [attribute.code for attribute in evaluation.attributes]
    values = [
        [tracker.attributes[name][measure.key] for name in names] for tracker in evaluation.trackers
    ]
    if len(names) < 3 or not measure.bounded:
        return _bars(evaluation, names, values, measure)
    figure, axes = new_figure(6.4, 5.2, projection="polar")
    angles = np.linspace(0, 2 * math.pi, len(names), endpoint=False)
    for place, row in enumerate(values):
        closed = np.append(row, row[0])
        axes.plot(np.append(angles, angles[0]), closed, **_line(place))
    axes.set_theta_offset(math.pi / 2)
    axes.set_theta_direction(-1)
    axes.set_xticks(angles, [f"{a.code} ({len(a.members)})" for a in evaluation.attributes])
    axes.set_ylim(0, min(1, math.ceil(10 * np.nanmax(values) + 0.2) / 10))
    axes.tick_params(axis="x", pad=8)
    axes.set_title(
        f"{measure.title} by attribute, {evaluation.title}\n{evaluation.coverage}", pad=16
    )
    axes.legend(_names(evaluation), loc="upper left", bbox_to_anchor=(1.08, 1.05), fontsize=9)
    return figure


def speed_plot(evaluation: Evaluation, measure: Measure) -> Figure:
    """One measure against frames a second."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = new_figure()
    axes.set_xscale("log")
    speeds = [one.speed.fps for one in evaluation.trackers if one.speed and one.speed.fps > 0]
    if speeds:
        axes.set_xlim(min(speeds) / 2.2, max(speeds) * 2.2)
    for place, tracker in enumerate(evaluation.trackers):
        if not tracker.speed or not tracker.speed.fps > 0:
            continue
        value = tracker.totals[measure.key]
        style = dict(color=_colour(place), markersize=9, label=_short(tracker.name))
        axes.plot(tracker.speed.fps, value, "o", **style)
    if speeds:  # Not beside the dots: trackers of a kind lie close together.
        axes.legend(loc="best")
    axes.margins(y=0.22)
    # Plain numbers: powers of ten need mathematical text.
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("Frames a second (tracking alone)")
    axes.set_ylabel(measure.title)
    axes.set_title(f"Speed and accuracy on {evaluation.title}\n{evaluation.coverage}")
    return figure


def difference_plot(evaluation: Evaluation, first: int, second: int, measure: Measure) -> Figure:
    """Bars of the difference of two trackers by sequence, the largest ones on either side."""
    a, b = evaluation.trackers[first], evaluation.trackers[second]
    values = np.asarray(a.values[measure.key]) - np.asarray(b.values[measure.key])
    order = sorted(np.flatnonzero(np.isfinite(values)), key=lambda i: (-values[i], i))
    if len(order) > 2 * _MOST_SEQUENCES:
        order = order[:_MOST_SEQUENCES] + order[-_MOST_SEQUENCES:]
    figure, axes = new_figure(6.4, 1.4 + 0.24 * len(order))
    colours = [_colour(second if values[i] < 0 else first) for i in order]
    # Before anything is drawn: matplotlib warns of bars that all have no length.
    low, high = min([0, *(values[i] for i in order)]), max([0, *(values[i] for i in order)])
    margin = 0.06 * max(1e-3, high - low)
    axes.set_xlim(low - margin, high + margin)
    axes.barh(range(len(order)), [values[i] for i in order], color=colours, height=0.7)
    axes.set_yticks(range(len(order)), [_short(evaluation.sequences[i].name) for i in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.axvline(0, color="#55616f", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"Difference of {measure.title}")
    title = f"{_short(a.name)} (right) against {_short(b.name)} (left)"
    axes.set_title(f"{title}\n{evaluation.title}, {evaluation.coverage}", fontsize=11)
    return figure


def eao_plot(evaluation: Evaluation) -> Figure:
    """VOT's expected overlap by sequence length, with the interval that is averaged."""
    figure, axes = new_figure()
    eao = evaluation.eao
    axes.axvspan(*eao.interval, color="#cfe0f3", alpha=0.6, linewidth=0)
    places = _ranked(evaluation, [tracker.totals["eao"] for tracker in evaluation.trackers])
    for place in places:
        tracker = evaluation.trackers[place]
        value = tracker.totals["eao"]
        score = f"{value:.3f}" if math.isfinite(value) else "–"
        label = f"[{score}] {_short(tracker.name)}"
        lengths = np.arange(1, len(eao.curves[place]) + 1)
        axes.plot(lengths, eao.curves[place], label=label, **_line(place))
    axes.set_xlim(1, eao.longest)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Sequence length (frames)")
    axes.set_ylabel("Expected average overlap")
    axes.set_title(f"Expected overlap on {evaluation.title}\n{evaluation.coverage}")
    axes.legend(fontsize=9)
    return figure


def ranking_plot(evaluation: Evaluation) -> Figure:
    """VOT's ranking by EAO, the best on the right, with confidence intervals."""
    figure, axes = new_figure()
    places = _ranked(evaluation, [tracker.totals["eao"] for tracker in evaluation.trackers])[::-1]
    places = [i for i in places if math.isfinite(evaluation.trackers[i].totals["eao"])]
    for x, place in enumerate(places):
        tracker = evaluation.trackers[place]
        value = tracker.totals["eao"]
        low, high = tracker.intervals.get("eao", (value, value))
        axes.errorbar(
            x, value, [[max(0, value - low)], [max(0, high - value)]], color=_colour(place), fmt="o"
        )
        axes.annotate(f"{value:.3f}", (x, value), xytext=(8, 4), textcoords="offset points")
    names = [_short(evaluation.trackers[place].name, 18) for place in places]
    axes.set_xticks(range(len(places)), names, rotation=20, ha="right")
    axes.set_xlim(-0.6, len(places) - 0.3)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("EAO")
    axes.set_title(f"Ranking by EAO on {evaluation.title}\n{evaluation.coverage}")
    return figure


def _draw_curves(axes, evaluation: Evaluation, curve: Curve, attribute) -> list[int]:
    """Draws the curves, best last and so on top; gives the trackers in the order of the legend."""
    scores = [_score(tracker, curve, attribute) for tracker in evaluation.trackers]
    places = _ranked(evaluation, scores)
    for rank, place in enumerate(places):
        label = f"[{scores[place]:.3f}] {_short(evaluation.trackers[place].name)}"
        values = evaluation.mean_curve(curve, place, attribute)
        axes.plot(curve.x, values, label=label, zorder=3 - rank / 100, **_line(place))
    axes.set_xlim(curve.x[0], curve.x[-1])
    axes.set_ylim(0, 1)
    axes.set_xlabel(curve.x_title)
    axes.set_ylabel(curve.y_title)
    return places


def _score(tracker: TrackerEvaluation, curve: Curve, attribute) -> float:
    numbers = tracker.totals if attribute is None else tracker.attributes[attribute.code]
    return numbers[curve.measure]


def _ranked(evaluation: Evaluation, scores: Sequence[float]) -> list[int]:
    places = range(len(evaluation.trackers))
    return sorted(places, key=lambda i: (-np.nan_to_num(scores[i], nan=-1), i))


def _legend(axes, places, curve: Curve, **options) -> None:
    options.setdefault("fontsize", 9)
    # Success falls to the right, precision rises.
    axes.legend(loc="lower left" if curve.key == "success" else "lower right", **options)


def _bars(evaluation: Evaluation, names, values, measure: Measure) -> Figure:
    figure, axes = new_figure(max(6.4, 0.9 * len(names) + 3), 4.4)
    width = 0.8 / len(values)
    for place, row in enumerate(values):
        x = np.arange(len(names)) + (place - (len(values) - 1) / 2) * width
        axes.bar(x, row, width * 0.92, color=_colour(place))
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel(measure.title)
    axes.set_title(f"{measure.title} by attribute, {evaluation.title}\n{evaluation.coverage}")
    axes.legend(_names(evaluation), fontsize=9)
    return figure


def _names(evaluation: Evaluation) -> list[str]:
    return [_short(tracker.name) for tracker in evaluation.trackers]


def _short(name: str, length: int = 28) -> str:
    # A legend passes over labels that begin with an underscore.
    name = name if len(name) <= length else name[: length - 1] + "…"
    return f" {name}" if name.startswith("_") else name


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _line(place: int) -> dict[str, Any]:
    dash = DASHES[(place + place // len(COLOURS)) % len(DASHES)]
    return {"color": _colour(place), "linestyle": dash, "linewidth": 2}


def new_figure(
    width: float = 6.4,
    height: float = 4.8,
    rows: int = 1,
    columns: int = 1,
    projection: Optional[str] = None,
):
    """A figure of so many inches, and its axes; to be called within `styled`."""
    # Without pyplot: no state that outlives the figure, no window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    settings = {"projection": projection} if projection else {}
    return figure, figure.subplots(rows, columns, subplot_kw=settings)


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draws in the style of our reports, whatever the user's own settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield
