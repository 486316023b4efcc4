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

from gradnet_tf.training import history, metrics, summaries
from gradnet_tf.training.config import RunOptions, TrainConfig

HISTORY = "history.csv"
MEASURED = ("loss", "initial_loss", "regularization", "err_disp", "err_max")
OF_GRADIENT = ("gradient_size", "gradient_share")
VALIDATED = ("validation_loss", "validation_initial_loss", "validation_err_disp")
COLUMNS = (*MEASURED, *OF_GRADIENT, "learning_rate", *VALIDATED)
TRACKED = "success_auc"  # A column of trainings that track.


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
    """Takes the numbers of each step and writes their means. A context manager.

    `summaries` are the TensorBoard summaries that it writes.

    Args:
        config: What the training does.
        options: Says what is shown and written.
        workdir: Where history.csv and the summaries are written.
        done: Steps that were finished before.
        state: What `state` gave after them.
        writes: Whether this worker writes and shows anything.
        sequences: What the training tracks, if it does.
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
        folder = workdir / summaries.FOLDER if writes and options.summaries else None
        self.summaries = self.enter_context(summaries.Summaries(folder))
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
