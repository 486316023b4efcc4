"""What TensorBoard shows of a training: scalars, score maps, histograms."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.files import disk

FOLDER = "summaries"
MAX_MAPS = 8
BUCKETS = 30

_CELL = 8  # px of the picture for a cell of a score map
_GAP = 4  # px between two pictures
_BACKGROUND = 255
# What they are for TensorBoard: `data_class` of their metadata.
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3


class Summaries(contextlib.ExitStack):
    """Writes event files for TensorBoard. A context manager: leaving the block closes the file.

    After a kill, steps since the last checkpoint come again with the same values, in a new file.
    `tf.summary.write` needs no TensorBoard, while `tf.summary.scalar` and its siblings do.

    Args:
        directory: Where to, made if missing; None writes nothing, and every call does nothing.
    """

    def __init__(self, directory: Optional[disk.PathLike]):
        super().__init__()
        self._writer = tf.summary.create_file_writer(str(directory)) if directory else None
        if self._writer is not None:
            self.callback(self._writer.close)

    def scalars(self, step: int, values: Mapping[str, Optional[float]]) -> None:
        """Writes numbers by name; None is left out."""
        for name, value in values.items():
            if value is not None:
                self._write("scalars", _SCALAR, name, np.float32(value), step)

    def score_maps(self, step: int, initial, final, instances=None) -> None:
        """Writes the picture of `score_map_picture`; see there for the arguments."""
        if self._writer is not None:
            picture = score_map_picture(initial, final, instances)
            height, width = picture.shape[:2]
            png = tf.io.encode_png(picture).numpy()
            value = np.array([str(width).encode(), str(height).encode(), png], object)
            self._write("images", _BLOBS, "score_maps", value, step)

    def histograms(self, step: int, weights: Mapping[str, np.ndarray]) -> None:
        """Writes how the values of each array are distributed, if it has two at least."""
        for name, array in weights.items() if self._writer is not None else ():
            values = np.asarray(array, np.float64).ravel()
            if values.size >= 2:
                counts, edges = np.histogram(values, BUCKETS)
                rows = np.stack([edges[:-1], edges[1:], counts], axis=1)
                self._write("histograms", _TENSOR, name, rows, step)

    def flush(self) -> None:
        """Hands what was written to the system."""
        if self._writer is not None:
            self._writer.flush()

    def _write(self, plugin: str, data_class: int, name: str, value, step: int) -> None:
        if self._writer is not None:
            metadata = tf.compat.v1.SummaryMetadata(
                plugin_data={"plugin_name": plugin}, data_class=data_class
            )
            with self._writer.as_default():
                tf.summary.write(name, value, step=step, metadata=metadata)


def score_map_picture(
    initial: Optional[np.ndarray], final: np.ndarray, instances: Optional[np.ndarray] = None
) -> np.ndarray:
    """Search regions, S and S* one below the other, a column for each pair (paper, Figure 10).

    Each map is stretched from black (its lowest score) to white (its highest), as only the place of
    its peak and what competes with it matter.

    Args:
        initial: S, [b, size, size, 1]; None where there is no update.
        final: S*, likewise.
        instances: X, [b, height, width, 3], BGR, 0..255, square.

    Returns:
        uint8 RGB [height, width, 3], of the first 8 pairs at most.
    """
    side = final.shape[1] * _CELL
    rows = [
        [_map_tile(score) for score in np.asarray(scores)[:MAX_MAPS, ..., 0]]
        for scores in (initial, final)
        if scores is not None
    ]
    if instances is not None:
        rows.insert(0, [_region_tile(region, side) for region in instances[:MAX_MAPS]])
    step = side + _GAP
    picture = np.full(
        (len(rows) * step - _GAP, len(rows[0]) * step - _GAP, 3), _BACKGROUND, np.uint8
    )
    for i, row in enumerate(rows):
        for j, tile in enumerate(row):
            picture[i * step : i * step + side, j * step : j * step + side] = tile
    return picture


def _map_tile(score: np.ndarray) -> np.ndarray:
    low, high = score.min(), score.max()
    gray = np.zeros(score.shape) if high == low else (score - low) / (high - low)
    cells = np.rint(255 * gray).astype(np.uint8)
    return np.kron(cells, np.ones((_CELL, _CELL), np.uint8))[..., np.newaxis]


def _region_tile(region: np.ndarray, side: int) -> np.ndarray:
    index = np.arange(side) * len(region) // side
    pixels = np.asarray(region)[index][:, index, ::-1]
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
