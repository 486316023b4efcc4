"""What a training writes down on its way: history.csv, TensorBoard summaries, the progress bar."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm.auto import tqdm

from gradnet_tf.files import disk
from gradnet_tf.training import history, metrics
from gradnet_tf.training.config import TrainConfig
from gradnet_tf.training.presets import RunOptions

HISTORY = "history.csv"
SUMMARIES = "summaries"
MEASURED = ("loss", "initial_loss", "regularization", "err_disp", "err_max")
OF_GRADIENT = ("gradient_size", "gradient_share")
VALIDATED = ("validation_loss", "validation_initial_loss", "validation_err_disp")
COLUMNS = (*MEASURED, *OF_GRADIENT, "learning_rate", *VALIDATED)
TRACKED = "success_auc"  # A column of trainings that track.

BUCKETS = 30  # Of a histogram.
_MAX_MAPS = 8  # Pairs whose score maps are shown.
_CELL = 8  # px of the picture for a cell of a score map
_GAP = 4  # px between two pictures
# What they are for TensorBoard: `data_class` of their metadata.
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3


def scalars_of(outputs: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a step that the history has a column for, but for the errors."""
    return {name: float(outputs[name]) for name in (*MEASURED, *OF_GRADIENT) if name in outputs}


def errors_of(outputs: Mapping[str, Any]) -> dict[str, float]:
    """Means over the pairs of a step of errDisp and errMax, see `metrics`."""
    score = outputs["final_score"].numpy()
    target = outputs["target"].numpy() if "target" in outputs else None
    return {
        "err_disp": float(np.mean(metrics.err_disp(score, target))),
        "err_max": float(np.mean(metrics.err_max(score, target))),
    }


class Means:
    """Running means by name, whose sums can be stored and taken up again."""

    def __init__(self, sums: Optional[Mapping[str, Sequence[float]]] = None):
        self.sums = {name: list(pair) for name, pair in (sums or {}).items()}

    def add(self, values: Mapping[str, float]) -> None:
        """Counts a value of each."""
        for name, value in values.items():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = [total + value, count + 1]

    def take(self) -> dict[str, float]:
        """The means; counting starts again."""
        means = {name: total / count for name, (total, count) in self.sums.items()}
        self.sums = {}
        return means


class Report(contextlib.ExitStack):
    """Takes the numbers of each step and writes their means into `workdir`. A context manager.

    Before, `done` steps were finished, after which `state` gave `state`. A worker that `writes`
    writes and shows what the options say. `summaries` are the TensorBoard summaries.
    """

    def __init__(
        self,
        config: TrainConfig,
        options: RunOptions,
        workdir: Path,
        done: int,
        state: Mapping[str, Any],
        writes: bool,
        sequences: Any,
    ):
        super().__init__()
        self._config = config
        self._means, self._epoch = Means(state.get("means")), Means(state.get("epoch_means"))
        self._history = None
        if writes:
            columns = COLUMNS if sequences is None else (*COLUMNS, TRACKED)
            self._history = self.enter_context(history.History(workdir / HISTORY, columns, done))
        folder = workdir / SUMMARIES if writes and options.summaries else None
        self.summaries = self.enter_context(Summaries(folder))
        shown = options.progress if writes else False
        self._bar = tqdm(
            total=config.steps,
            initial=done,
            desc="training",
            unit="step",
            disable=None if shown is None else not shown,
            dynamic_ncols=True,
        )
        self.callback(self._bar.close)

    def state(self) -> dict[str, Any]:
        """The sums of the means so far, as JSON values."""
        return {"means": self._means.sums, "epoch_means": self._epoch.sums}

    def step(self, done: int, values: Mapping[str, float]) -> None:
        """Takes the numbers of a step, of which `done` went before."""
        self._means.add(values)
        self._epoch.add(values)
        if not self._bar.disable:
            shown = {name: values[name] for name in ("loss", "initial_loss")}
            shown["learning_rate"] = self._config.learning_rate_at(done)
            texts = {name: f"{value:.4g}" for name, value in shown.items()}
            self._bar.set_postfix(texts, refresh=False)
        self._bar.update()

    def log(self, done: int, validated: Optional[Mapping[str, float]] = None) -> None:
        """Writes the means since the last call, and what was validated after `done` steps."""
        rate = self._config.learning_rate_at(done - 1)
        values = {**self._means.take(), "learning_rate": rate, **(validated or {})}
        if self._history is None:
            return
        self._history.append(done - 1, values)
        self.summaries.scalars(done, values)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        logging.info("step %d of %d: %s", done, self._config.steps, shown)

    def pictures(self, done: int, outputs: Mapping[str, Any], instances, weights) -> None:
        """Writes the score maps of a validation, and how the weights are distributed."""
        initial, final = (outputs[name].numpy() for name in ("initial_score", "final_score"))
        self.summaries.score_maps(done, initial, final, _judged(instances, self._config).numpy())
        self.summaries.histograms(done, weights)

    def epoch(self, done: int) -> None:
        """Writes the means of an epoch to TensorBoard."""
        means = self._epoch.take()
        self.summaries.scalars(done, {f"epoch/{name}": value for name, value in means.items()})


def _judged(instances, config: TrainConfig):
    """The search regions that the score maps of a validation are of."""
    if config.updates == 1:
        return instances[:: config.regions]
    groups = tf.reshape(instances, [config.groups, -1, *instances.shape[1:]])
    own = groups[:, config.updates : config.regions]
    return tf.reshape(own, [-1, *instances.shape[1:]])


class Summaries(contextlib.ExitStack):
    """Writes event files for TensorBoard. A context manager: leaving the block closes the file.

    After a kill, steps since the last checkpoint come again with the same values, in a new file.
    `tf.summary.write` needs no TensorBoard, while `tf.summary.scalar` and its siblings do.

    Args:
        directory: Where to, made if missing; None writes nothing.
    """

    def __init__(self, directory: Optional[disk.PathLike]):
        super().__init__()
        self._writer = tf.summary.create_noop_writer()
        if directory is not None:
            self._writer = tf.summary.create_file_writer(str(directory))
        self.flush = self._writer.flush  # Hands what was written to the system.
        self.callback(self._writer.close)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name."""
        for name, value in values.items():
            self._write("scalars", _SCALAR, name, np.float32(value), step)

    def score_maps(self, step: int, initial, final, instances) -> None:
        """Writes the picture of `score_map_picture`; see there for the arguments."""
        picture = score_map_picture(initial, final, instances)
        height, width = picture.shape[:2]
        png = tf.io.encode_png(picture).numpy()
        value = np.array([str(width).encode(), str(height).encode(), png], object)
        self._write("images", _BLOBS, "score_maps", value, step)

    def histograms(self, step: int, weights: Mapping[str, np.ndarray]) -> None:
        """Writes how the values of each array are distributed, if it has two at least."""
        for name, array in weights.items():
            values = np.asarray(array, np.float64).ravel()
            if values.size >= 2:
                counts, edges = np.histogram(values, BUCKETS)
                rows = np.stack([edges[:-1], edges[1:], counts], axis=1)
                self._write("histograms", _TENSOR, name, rows, step)

    def _write(self, plugin: str, data_class: int, name: str, value, step: int) -> None:
        metadata = tf.compat.v1.SummaryMetadata(
            plugin_data={"plugin_name": plugin}, data_class=data_class
        )
        with self._writer.as_default():
            tf.summary.write(name, value, step=step, metadata=metadata)


def score_map_picture(initial: np.ndarray, final: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Search regions, S and S* one below the other, a column for each pair (paper, Figure 10).

    Each map is stretched from black (its lowest score) to white (its highest), as only the place of
    its peak and what competes with it matter.

    Args:
        initial: S, [b, size, size, 1].
        final: S*, likewise.
        instances: X, [b, height, width, 3], BGR, 0..255, square.

    Returns:
        uint8 RGB [height, width, 3], of the first 8 pairs at most.
    """
    side = final.shape[1] * _CELL
    rows = [[_region_tile(region, side) for region in instances[:_MAX_MAPS]]]
    rows += [[_map_tile(score) for score in maps[:_MAX_MAPS, ..., 0]] for maps in (initial, final)]
    step = side + _GAP
    size = len(rows) * step - _GAP, len(rows[0]) * step - _GAP, 3
    picture = np.full(size, 255, np.uint8)
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
