"""Plots confidences over the frames of a video, and tells which frame was clicked."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np

from gradnet_tf.tracking.config import RELIABLE

_INCHES, _DPI = (9.0, 2.4), 120
_LEFT, _WIDTH = 0.06, 0.925  # Of the axes, as shares of the picture's width.


def plot_confidences(
    confidences: Mapping[int, np.ndarray],
    colours: Sequence[tuple[int, int, int]],
) -> bytes:
    """Plots the confidence of each target, with marks where it is below 0.5. Needs matplotlib.

    Args:
        confidences: float64 [frames] by the number of the target; NaN where there is none.
        colours: RGB of the targets, in turn.

    Returns:
        A PNG.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    from matplotlib.figure import Figure  # An optional dependency.

    figure = Figure(figsize=_INCHES, dpi=_DPI)
    axes = figure.add_axes((_LEFT, 0.2, _WIDTH, 0.75))
    length = 1
    for number, values in confidences.items():
        length = len(values)
        colour = np.array(colours[number % len(colours)]) * 0.8 / 255
        axes.plot(np.arange(length), values, color=colour, linewidth=1.2, label=str(number))
        low = low_frames(values)
        axes.plot(low, values[low], "o", color=colour, markersize=3.5)
        for frame in low:
            axes.axvspan(frame - 0.5, frame + 0.5, color=(1, 0.75, 0.75), linewidth=0, zorder=0)
    axes.axhline(RELIABLE, color="0.4", linewidth=0.8, linestyle="--")
    axes.set(xlim=(-0.5, length - 0.5), ylim=(-0.02, 1.02), xlabel="frame", ylabel="confidence")
    axes.grid(alpha=0.3)
    if len(confidences) > 1:
        axes.legend(title="target", loc="lower left", ncols=4, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def frame_at(x: float, length: int) -> int:
    """Returns which of `length` frames is `x` pixels from the left edge of the PNG.

    Beside the axes it is the first or the last one.
    """
    share = (x / (_INCHES[0] * _DPI) - _LEFT) / _WIDTH
    return int(np.clip(np.floor(share * length), 0, length - 1))


def low_frames(confidences: np.ndarray) -> np.ndarray:
    """Returns the numbers of the frames whose confidence is below 0.5."""
    return np.flatnonzero(confidences < RELIABLE)  # NaN is not.


def describe_low_frames(confidences: Mapping[int, np.ndarray]) -> str:
    """Says in which frames the confidence of each target is below 0.5."""
    parts = []
    for number, values in confidences.items():
        low = low_frames(values)
        runs = np.split(low, np.flatnonzero(np.diff(low) > 1) + 1)
        spans = [f"{r[0]}–{r[-1]}" if len(r) > 1 else str(r[0]) for r in runs if len(r)]
        if spans:
            shown = ", ".join(spans[:12]) + (", …" if len(spans) > 12 else "")
            parts.append(f"target {number} in frames {shown}")
    return f"Confidence below 0.5: {'; '.join(parts)}." if parts else "Confidence stays above 0.5."
