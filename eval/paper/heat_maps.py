"""Maps drawn in colour, as in the paper: red is high."""

from __future__ import annotations

import numpy as np

COLOURS = "jet"  # As the paper's figures.
# Where the cells of f_2 lie on the exemplar: the first one's centre, from one to the next, px. Two
# convolutions and two poolings without padding, of strides 2, 2, 1 and 2.
F2_FIRST, F2_STRIDE = 19, 8


def to_rgb(image: np.ndarray) -> np.ndarray:
    """BGR [1, h, w, 3], 0..255, to RGB uint8 [h, w, 3]."""
    return np.clip(np.rint(image[0, ..., ::-1]), 0, 255).astype(np.uint8)


def show_image(axes, image: np.ndarray, title: str = "") -> None:
    """Shows an image BGR [1, h, w, 3]."""
    axes.imshow(to_rgb(image))
    _bare(axes, title)


def show_over_exemplar(axes, values: np.ndarray, exemplar: np.ndarray, title: str = "") -> None:
    """Shows a map [12, 12] of f_2 where it lies on an exemplar [1, 127, 127, 3]."""
    size = exemplar.shape[1]
    axes.imshow(to_rgb(exemplar))
    low = F2_FIRST - F2_STRIDE / 2
    high = low + F2_STRIDE * len(values)
    axes.imshow(
        values,
        cmap=COLOURS,
        alpha=0.65,
        interpolation="bilinear",
        extent=(low, high, high, low),
    )
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    _bare(axes, title)


def show_map(axes, values: np.ndarray, title: str = "") -> None:
    """Shows a map [h, w] alone, its least value blue and its largest one red."""
    axes.imshow(values, cmap=COLOURS)
    _bare(axes, title)


def _bare(axes, title: str) -> None:
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, fontsize=7)
