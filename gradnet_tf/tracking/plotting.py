"""Plots what was found in the frames of a video with matplotlib, an optional dependency."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from gradnet_tf.tracking.config import RELIABLE


def plot_frames(
    boxes: np.ndarray,
    scores: np.ndarray,
    confidences: np.ndarray,
    held: np.ndarray,
    start_frame: int = 0,
) -> Any:
    """Plots score, confidence and size of the box over n frames, as `TrackingRun` has them.

    A dashed line marks the confidence from which a result is reliable, a grey background held
    frames. Of several targets, each has a line, and the sizes are those of squares of the same
    area.

    Returns:
        A `matplotlib.figure.Figure`; pyplot's state is not touched.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib, which is not installed: pip install gradnet_tf[plot]"
        ) from error

    class NotebookFigure(Figure):
        """Shows itself in a notebook, also where pyplot was never set up."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    figure = NotebookFigure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots(3, 1, sharex=True)
    frames = start_frame + np.arange(len(boxes))
    axes[0].plot(frames, scores)
    axes[0].set_ylabel("score")
    axes[1].plot(frames, confidences)
    axes[1].axhline(RELIABLE, color="0.4", linewidth=0.8, linestyle="--")
    axes[1].set(ylabel="confidence", ylim=(-0.02, 1.02))
    if boxes.ndim == 2:
        axes[2].plot(frames, boxes[:, 2], label="width")
        axes[2].plot(frames, boxes[:, 3], label="height")
    else:
        sizes = np.sqrt(boxes[:, :, 2] * boxes[:, :, 3])
        axes[2].plot(frames, sizes, label=[f"target {n}" for n in range(sizes.shape[1])])
    axes[2].set(ylabel="size of the box (px)", xlabel="frame")
    axes[2].legend()
    for axis in axes:
        axis.margins(x=0.01)
        axis.grid(alpha=0.3)
        for frame in frames[held]:
            axis.axvspan(frame - 0.5, frame + 0.5, color="0.8", linewidth=0)
    return figure
