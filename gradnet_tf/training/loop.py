"""The training loop: steps, validation, checkpoints, history.

Why not Keras's `fit`: it resumes at the beginning of an epoch only, while a run that was killed has
to go on at the step of its last checkpoint and give the same weights to the bit; it does not stop
all workers after the same step when one of them gets a signal; and its optimizers and their slots
differ between the two generations of Keras. The step itself is one `tf.function`, see `step`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Protocol

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf import weights
from gradnet_tf.data import pairs
from gradnet_tf.files import disk, locks
from gradnet_tf.files.interrupts import StopRequest
from gradnet_tf.training import checkpoints, distribution, features, report, runinfo, start
from gradnet_tf.training.config import FLOAT32_VARIABLES, TrainConfig
from gradnet_tf.training.presets import RunOptions
from gradnet_tf.training.step import TrainStep, check_groups

HISTORY = report.HISTORY
WEIGHTS = "weights"


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite; the message names the step and the batch."""


class TrackedSequences(Protocol):
    """Judges weights by tracking; `gradnet_tf.eval.running.tracked` has one."""

    claims: dict[str, Any]  # What the choice of the best weights depends on, as JSON values.

    def success_auc(self, weights: Mapping[str, np.ndarray]) -> float:
        """Success AUC, 0 to 1, of a tracker with these weights."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a process has reached."""

    step: int  # Finished steps of the training.
    finished: bool  # Whether the training is complete; otherwise it was asked to stop.
    # Lowest validation loss, or 1 - success AUC of a training that tracks, so far.
    best: Optional[float]
    # Exported checkpoints by name ("last", "best"), of the first worker if finished.
    weights: dict[str, Path]


def train(
    config: TrainConfig,
    data: Sequence[str],
    workdir: disk.PathLike,
    *,
    init: Optional[weights.Weights] = None,
    data_weights: Optional[Sequence[float]] = None,
    feature_cache: Optional[disk.PathLike] = None,
    sequences: Optional[TrackedSequences] = None,
    options: Optional[RunOptions] = None,
) -> Outcome:
    """Trains, or goes on with a training that was interrupted; call it under the strategy's scope.

    Args:
        config: What to train and how.
        data: Globs of shards, one a data set (`gradnet_tf.data_prep` makes them).
        workdir: Made if missing; it holds checkpoints, history, summaries and, in the end, weights.
        init: Initial checkpoint, see `start.make_network`.
        data_weights: See `pairs.open_pairs`.
        feature_cache: Directory of kept features, see `features`; it is made and filled first.
        sequences: On which to track at the end of every epoch; the best weights are then those with
            the highest success AUC, and otherwise those with the lowest validation loss.
        options: What does not change the outcome.

    Raises:
        DivergedError: If the loss became NaN or infinite; the last checkpoint is from before.
        ValueError: If an argument does not fit, or the workdir belongs to other ones.
        OSError: If data cannot be read, or the workdir is in use or cannot be written.
    """
    workdir = Path(workdir)
    strategy = tf.distribute.get_strategy()
    is_chief = distribution.is_chief(strategy)
    check_groups(config.groups, strategy.num_replicas_in_sync)
    if feature_cache is not None:
        features.check(config)
    source = pairs.open_pairs(data, data_weights, config.pairs())
    if sequences is not None and config.precision == "float64":
        raise ValueError("precision=float64 cannot track: a tracker is float32")
    claims = {
        **dataclasses.asdict(config),
        "data": list(data),
        "data_weights": None if data_weights is None else list(data_weights),
        "data_digest": source.catalog.digest,
        "statistics_digest": source.catalog.statistics_digest if config.augment != "none" else None,
        "init": None if init is None else init.digest,
    }
    if feature_cache is not None:
        claims["feature_cache"] = True  # Float16 rounds; where it lies does not matter.
    if sequences is not None:
        claims["tracked"] = sequences.claims
    with contextlib.ExitStack() as stack:
        network = start.make_network(config, None if init is None else init.arrays)
        if is_chief:
            workdir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locks.locked(workdir))
            runinfo.claim(workdir, claims)
        options = options or RunOptions()
        run = _Run(
            config, source, network, workdir, options, feature_cache, sequences, is_chief, stack
        )
        finished = run.go(stack.enter_context(StopRequest()))
        exported = {}
        if finished and is_chief:
            exported = distribution.call_alone(_export, run, workdir, claims, init)
        distribution.wait_for_all(strategy)
    return Outcome(run.done, finished, run.store.best_value, exported)


class _Run:
    """One process's part of a training."""

    def __init__(
        self, config, source, network, workdir, options, feature_cache, sequences, is_chief, stack
    ):
        self.config, self.source, self.options, self.is_chief = config, source, options, is_chief
        self.network, self.sequences = network, sequences
        self.strategy = tf.distribute.get_strategy()
        self.store = checkpoints.CheckpointStore(workdir, keep=options.keep, read_only=not is_chief)
        restored = self.store.restore()
        state, info = restored or ({}, {"step": 0, "precisions": []})
        self.done = info["step"]
        # [first step, precision], as they followed each other. None: not recorded then.
        self.precisions: list[list] = info.get("precisions", [[0, None]])
        # The search branch is folded when the step is made: its weights have to be there by then.
        if restored is not None:
            network.assign_weights({n: state[n] for n in network.named_weights() if n in state})
        elif start.starts_as_descent(config):
            groups = start.groups_to_calibrate(source, config)
            start.calibrate_update(
                network, groups, batched=not config.generalizes, label=config.label
            )
            distribution.copy_from_first(self.strategy, network.named_weights().values())
        if feature_cache is not None:
            if is_chief:
                distribution.call_alone(
                    features.ensure, feature_cache, source, network, config.search_type
                )
            distribution.wait_for_all(self.strategy)
            source.features = features.read(feature_cache, source, network)
        self.train_step = TrainStep(network, config, jit_compile=options.jit_compile)
        if restored is not None:
            self.train_step.load_state(state)
            logging.info("going on after step %d of %d", self.done, config.steps)
        changed = [config.precision] != [name for _, name in self.precisions[-1:]]
        if changed and self.done < config.steps:
            self.precisions.append([self.done, config.precision])
        distribution.check_same_step(self.strategy, self.done)
        made = report.Report(config, options, workdir, self.done, info, is_chief, sequences)
        self.report = stack.enter_context(made)
        self._saved_at, self._saved_step = time.monotonic(), self.done

    def go(self, stop: StopRequest) -> bool:
        """Runs until the end (True) or until it is asked to stop (False)."""
        config, options = self.config, self.options
        last = options.stop_after or config.steps
        if self.done >= min(last, config.steps):
            return self.done >= config.steps
        batches = distribution.distribute(
            self.strategy, lambda shard: self.source.train(self.done, shard)
        )
        batches = self.source.iterate(batches, self.done)
        while self.done < config.steps:
            asked = stop.requested or self.done + 1 >= last
            exemplars, instances, *task = next(batches)
            outputs = self.train_step(exemplars, instances, self.done, asked, *task)
            scalars = report.scalars_of(outputs)
            self._check_finite(scalars, self.done)
            self.report.step(self.done, {**scalars, **report.errors_of(outputs)})
            self.done += 1
            value = None
            is_epoch = self.done % config.steps_per_epoch == 0 or self.done == config.steps
            if is_epoch:
                value = self._end_epoch()
            elif self.done % options.log_steps == 0:
                self.report.log(self.done)
            minutes = (time.monotonic() - self._saved_at) / 60
            stopping = float(outputs["stop"]) > 0
            if is_epoch or stopping or minutes >= options.save_minutes:
                self._save(value)
            if stopping and self.done < config.steps:
                return False
        return True

    def _check_finite(self, values: Mapping[str, float], step: int, where: str = "") -> None:
        """Raises DivergedError, naming the batch of a step, unless all values are finite."""
        if all(math.isfinite(value) for value in values.values()):
            return
        found = ", ".join(f"{name}={value}" for name, value in values.items())
        saved = "There is no checkpoint yet"
        if self._saved_step:
            saved = f"The newest checkpoint is from step {self._saved_step}"
        advice = (
            f"start again with a learning_rate below {self.config.learning_rate:g} in another "
            "workdir, for this one keeps its flags"
        )
        if self.config.precision in FLOAT32_VARIABLES[1:]:
            advice = f"go on here with precision=float32, or {advice}"
        raise DivergedError(
            f"step {step} (from 0){where}: {found}; the batch (seed {self.config.seed}): "
            f"{self.source.describe(step)}. {saved}; the same command comes here again: {advice}"
        )

    def _end_epoch(self) -> Optional[float]:
        """Validates and writes what belongs to an epoch; by its value the best is chosen."""
        validated: dict[str, float] = {}
        if self.is_chief:
            validated, outputs, instances = self._validate()
            self._check_finite(validated, self.done - 1, ", in the validation after it")
            state = {n: v.numpy() for n, v in self.network.named_weights().items()}
            self.report.pictures(self.done, outputs, instances, state)
            if self.sequences is not None:
                auc = distribution.call_alone(self.sequences.success_auc, state)
                validated[report.TRACKED] = auc
        self.report.epoch(self.done)
        self.report.log(self.done, validated)
        if report.TRACKED in validated:
            return 1 - validated[report.TRACKED]
        return validated.get("validation_loss")

    def _validate(self):
        """Means over the validation set, with outputs and instances of its first batch."""
        means = report.Means()
        first: Any = None
        dataset = self.source.validation(self.config.validation_batches)
        for exemplars, instances, *task in self.source.iterate(dataset, training=False):
            outputs = self.train_step.evaluate(exemplars, instances, *task)
            measured = {**outputs, **report.errors_of(outputs)}
            names = ("loss", "initial_loss", "err_disp")
            means.add({f"validation_{name}": float(measured[name]) for name in names})
            first = first or (outputs, instances)
        return means.take(), *first

    def _save(self, value: Optional[float]) -> None:
        if self.is_chief:
            info = {"step": self.done, **self.report.state(), "precisions": self.precisions}
            state = self.train_step.state()
            broken = {n: np.nan for n, array in state.items() if not np.isfinite(array).all()}
            self._check_finite(dict(list(broken.items())[:3]), self.done - 1, ", in the weights")
            self.store.save(state, info, value)
            self.report.summaries.flush()
        self._saved_at, self._saved_step = time.monotonic(), self.done


def _export(run: _Run, workdir: Path, claims: Mapping[str, Any], init) -> dict[str, Path]:
    """Writes the last and the best weights as checkpoints that a tracker loads."""
    info = {"step": run.done, "precisions": run.precisions}
    found = {"last": checkpoints.Checkpoint(run.train_step.state(), info, None)}
    best = run.store.best()
    if best is not None:
        found["best"] = best
    exported = {}
    for name, (state, info, value) in found.items():
        training = {**claims, "step": info["step"], "precisions": info.get("precisions")}
        training["validation_loss"] = value
        if run.sequences is not None:
            training["success_auc"] = None if value is None else 1 - value
            training["validation_loss"] = None
        if init is not None:
            training["init_source"] = init.card["source"]
        exported[name] = path = workdir / WEIGHTS / name
        path.parent.mkdir(exist_ok=True)
        arrays = {key: state[key].astype(np.float32) for key in run.network.named_weights()}
        weights.save(path, arrays, {"training": training}, overwrite=True)
    return exported
