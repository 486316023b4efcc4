"""The training loop: steps, validation, checkpoints, history.

Why not Keras's `fit`: it resumes at the beginning of an epoch only, while a run that was killed
shall go on at the step of its last checkpoint and give the same weights to the bit; it does not
stop all workers after the same step when one of them gets a signal; and its optimizers and their
slots differ between the two generations of Keras. The step itself is one `tf.function`, see `step`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf import weights
from gradnet_tf.data import pairs
from gradnet_tf.files import disk, locks
from gradnet_tf.training import (
    calibration,
    checkpoints,
    distribution,
    features,
    history,
    metrics,
    progress,
    runinfo,
    signals,
    start,
    summaries,
)
from gradnet_tf.training.config import FLOAT32_VARIABLES, LATER, TrainConfig
from gradnet_tf.training.step import TrainStep, check_groups

if TYPE_CHECKING:  # It needs the evaluation, which most trainings do not.
    from gradnet_tf.training.tracked import TrackedSequences

MEASURED = ("loss", "initial_loss", "regularization", "err_disp", "err_max")
OF_GRADIENT = ("gradient_size", "gradient_share")
VALIDATED = ("validation_loss", "validation_initial_loss", "validation_err_disp")
COLUMNS = (*MEASURED, *OF_GRADIENT, "learning_rate", *VALIDATED)
TRACKED = "success_auc"  # A column of trainings that track.
HISTORY = "history.csv"
CALIBRATION_GROUPS = 16
WEIGHTS = "weights"


class DivergedError(ArithmeticError):
    """The loss is no finite number any more; the message says the step and the batch."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What does not change the outcome of a training.

    Attributes:
        save_minutes: Minutes between two checkpoints, besides those of every epoch.
        keep: Number of newest checkpoints that are kept, besides the best.
        log_steps: Steps between two rows of the history.
        summaries: Whether TensorBoard summaries are written.
        progress: Whether a progress bar is shown; None: where stderr is a terminal.
        jit_compile: Whether XLA compiles the step.
        stop_after: Ends this process's part when so many steps are done in all, as a signal would.

    Raises:
        ValueError: If a value is out of its range.
    """

    save_minutes: float = 10.0
    keep: int = 2
    log_steps: int = 20
    summaries: bool = True
    progress: Optional[bool] = None
    jit_compile: bool = False
    stop_after: Optional[int] = None

    def __post_init__(self):
        if not self.save_minutes > 0:
            raise ValueError(f"save_minutes must be positive, got {self.save_minutes}")
        for name in ("keep", "log_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.stop_after is not None and self.stop_after < 1:
            raise ValueError(f"stop_after must be at least 1, got {self.stop_after}")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a process has reached.

    Attributes:
        step: Finished steps of the training.
        finished: Whether the training is complete; otherwise it was asked to stop.
        best: Lowest validation loss so far, or 1 - success AUC of a training that tracks; None
            before the first of them.
        weights: Directories of the exported checkpoints by name ("last", "best"); empty unless
            finished, and on workers other than the first.
    """

    step: int
    finished: bool
    best: Optional[float]
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
        workdir: Working directory, made if missing; it holds checkpoints, history, summaries and,
            at the end, `weights/last` and `weights/best`.
        init: Initial checkpoint, see `start.make_network`.
        data_weights: How often each data set is drawn; by default, every video is equally likely.
        feature_cache: Directory that keeps the features of search regions, made and filled where it
            is not yet, see `features`; for stage "gradnet" with `config.crops` of at least 1.
        sequences: On which to track at the end of every epoch; the best weights are then those with
            the highest success AUC, and otherwise those with the lowest validation loss.
        options: What does not change the outcome.

    Returns:
        An `Outcome`.

    Raises:
        DivergedError: If the loss became NaN or infinite; the last checkpoint is from before.
        ValueError: If something in the arguments does not fit, or the workdir belongs to other
            ones.
        OSError: Data cannot be read, or the workdir is in use or cannot be written.
    """
    options = options or RunOptions()
    workdir = Path(workdir)
    strategy = tf.distribute.get_strategy()
    is_chief = distribution.is_chief(strategy)
    check_groups(config.groups, strategy.num_replicas_in_sync)
    _check_feature_cache(feature_cache, config)
    source = pairs.open_pairs(data, data_weights, pair_config(config))
    claims = {
        **_constants(config),
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
        if config.precision == "float64":
            raise ValueError("precision=float64 cannot track: a tracker is float32")
    with contextlib.ExitStack() as stack:
        network = start.make_network(config, None if init is None else init.arrays)
        if is_chief:
            workdir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locks.locked(workdir))
            runinfo.claim(
                workdir,
                claims,
                alike={"precision": FLOAT32_VARIABLES},
                vouched={"data": "data_digest"},
                unrecorded={"statistics_digest": claims["statistics_digest"]},
            )
        run = _Run(
            config, source, network, workdir, options, is_chief, stack, feature_cache, sequences
        )
        stop = stack.enter_context(signals.StopRequest())
        finished = run.go(stop)
        exported = {}
        if finished and is_chief:
            exported = distribution.call_alone(_export, run, workdir, claims, init)
        distribution.wait_for_all(strategy)
    return Outcome(run.done, finished, run.store.best_value, exported)


def _constants(config: TrainConfig) -> dict[str, Any]:
    """The constants of a training; a default of those that came later is what was done before."""
    return {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.name not in LATER or getattr(config, field.name) != field.default
    }


def pair_config(config: TrainConfig) -> pairs.PairConfig:
    """How the pairs of a training are drawn."""
    return pairs.PairConfig(
        batch=config.batch,
        groups=config.groups,
        regions=config.regions,
        frame_range=config.frame_range,
        validation=config.validation,
        augment=config.augment,
        reference_quirks=config.reference_quirks,
        seed=config.seed,
        crops=config.crops,
        scale_jitter=config.scale_jitter,
        scenes=config.scenes(),
        first_exemplar=config.exemplars == 1,
        task=config.task(),
    )


def _check_feature_cache(directory: Optional[disk.PathLike], config: TrainConfig) -> None:
    if directory is None:
        return
    if config.stage != "gradnet":
        raise ValueError(
            f"feature_cache is for stage=gradnet, which leaves the search branch as it is, not for "
            f"stage={config.stage}"
        )
    if not config.crops:
        raise ValueError(
            "feature_cache needs crops of at least 1: features of search regions that every step "
            "augments anew cannot be kept"
        )
    if config.precision == "float64":
        raise ValueError("feature_cache keeps float16; precision=float64 contradicts it")


class _Run:
    """One process's part of a training."""

    def __init__(
        self,
        config,
        source,
        network,
        workdir,
        options,
        is_chief,
        stack,
        feature_cache=None,
        sequences=None,
    ):
        self.sequences = sequences
        self.config, self.source, self.options, self.is_chief = config, source, options, is_chief
        self.strategy = tf.distribute.get_strategy()
        self.store = checkpoints.CheckpointStore(workdir, keep=options.keep, read_only=not is_chief)
        restored = self.store.restore()
        self.done, self.means, self.epoch_means = 0, _Means(), _Means()
        self.precisions: list[list] = []  # [first step, precision], as they followed each other.
        # The search branch is folded when the step is made: its weights have to be there by then.
        if restored is None and start.starts_as_descent(config):
            calibration.calibrate_update(
                network,
                _first_groups(source, config),
                batched=not config.generalizes,
                label=config.label,
            )
            distribution.copy_from_first(self.strategy, network.named_weights().values())
        if restored is not None:
            state, info = restored
            known = {name: state[name] for name in network.named_weights() if name in state}
            network.assign_weights(known)
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
            self.done = info["step"]
            self.means, self.epoch_means = _Means(info["means"]), _Means(info["epoch_means"])
            self.precisions = info.get("precisions", [[0, None]])  # None: not recorded then.
            logging.info("going on after step %d of %d", self.done, config.steps)
        changed = [config.precision] != [name for _, name in self.precisions[-1:]]
        if changed and self.done < config.steps:
            self.precisions.append([self.done, config.precision])
        distribution.check_same_step(self.strategy, self.done)
        self.network = network
        self.history = self.summaries = None
        if is_chief:
            columns = COLUMNS if sequences is None else (*COLUMNS, TRACKED)
            self.history = stack.enter_context(
                history.History(workdir / HISTORY, columns, self.done)
            )
            folder = workdir / summaries.FOLDER if options.summaries else None
            self.summaries = stack.enter_context(summaries.Summaries(folder))
        shown = options.progress if is_chief else False
        self.bar = stack.enter_context(progress.Progress(config.steps, self.done, enabled=shown))
        self._saved_at, self._saved_step = time.monotonic(), self.done

    def go(self, stop: signals.StopRequest) -> bool:
        """Runs until the end (True) or until it is asked to stop (False)."""
        config, options = self.config, self.options
        if self.done >= config.steps:
            return True
        last = config.steps if options.stop_after is None else options.stop_after
        if self.done >= last:
            return False
        batches = self.source.iterate(self._batches(), self.done)
        while self.done < config.steps:
            asked = stop.requested or self.done + 1 >= last
            batch = next(batches)
            outputs = self.train_step(*batch[:2], self.done, asked, *batch[2:])
            self._measure(outputs)
            self.done += 1
            value = None
            is_epoch = self.done % config.steps_per_epoch == 0 or self.done == config.steps
            if is_epoch:
                value = self._end_epoch()
            elif self.done % options.log_steps == 0:
                self._log({})
            minutes = (time.monotonic() - self._saved_at) / 60
            stopping = float(outputs["stop"]) > 0
            if is_epoch or stopping or minutes >= options.save_minutes:
                self._save(value)
            if stopping and self.done < config.steps:
                return False
        return True

    def _batches(self) -> Iterable:
        if not tf.distribute.has_strategy():
            return self.source.train(self.done)
        return distribution.distribute(
            self.strategy, lambda shard: self.source.train(self.done, shard)
        )

    def _measure(self, outputs) -> None:
        scalars = {n: float(outputs[n]) for n in (*MEASURED, *OF_GRADIENT) if n in outputs}
        self._check_finite(scalars, self.done)
        final = outputs["final_score"].numpy()
        target = outputs["target"].numpy() if "target" in outputs else None
        scalars["err_disp"] = float(np.mean(metrics.err_disp(final, target)))
        scalars["err_max"] = float(np.mean(metrics.err_max(final, target)))
        for means in (self.means, self.epoch_means):
            means.add(scalars)
        self.bar.update(
            loss=scalars["loss"],
            initial_loss=scalars["initial_loss"],
            learning_rate=self.config.learning_rate_at(self.done),
        )

    def _check_finite(self, values: Mapping[str, float], step: int, where: str = "") -> None:
        """Raises DivergedError, naming the batch of a step, unless all values are finite."""
        if all(math.isfinite(value) for value in values.values()):
            return
        found = ", ".join(f"{name}={value}" for name, value in values.items())
        names = [self._names(step, group) for group in range(self.config.groups)]
        saved = f"The newest checkpoint is from step {self._saved_step}"
        advice = (
            f"start again with a learning_rate below {self.config.learning_rate:g} in another "
            "workdir, for this one keeps its flags"
        )
        if self.config.precision in FLOAT32_VARIABLES[1:]:
            advice = f"go on here with precision=float32, or {advice}"
        raise DivergedError(
            f"step {step} (from 0){where}: {found}; the batch (seed {self.config.seed}): "
            f"{'; '.join(names)}. {saved if self._saved_step else 'There is no checkpoint yet'}; "
            f"the same command comes here again: {advice}"
        )

    def _names(self, step: int, group: int) -> str:
        frames = self.source.frames(step, group)
        return ", ".join(self.source.catalog.describe(int(frame)) for frame in frames)

    def _log(self, validated: Mapping[str, float]) -> None:
        values = {**self.means.take(), "learning_rate": self._last_rate(), **validated}
        if not self.is_chief:
            return
        self.history.append(self.done - 1, values)
        self.summaries.scalars(self.done, values)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        logging.info("step %d of %d: %s", self.done, self.config.steps, shown)

    def _last_rate(self) -> float:
        return self.config.learning_rate_at(self.done - 1)

    def _end_epoch(self) -> Optional[float]:
        """Validates, writes what belongs to an epoch; the validation loss, on the first worker."""
        epoch = self.epoch_means.take()
        validated: dict[str, float] = {}
        if self.is_chief:
            validated, outputs, instances = self._validate()
            self._check_finite(validated, self.done - 1, ", in the validation after it")
            self.summaries.score_maps(
                self.done,
                outputs["initial_score"].numpy(),
                outputs["final_score"].numpy(),
                instances.numpy(),
            )
            state = {n: v.numpy() for n, v in self.network.named_weights().items()}
            self.summaries.histograms(self.done, state)
            if self.sequences is not None:
                validated[TRACKED] = distribution.call_alone(self.sequences.success_auc, state)
            self.summaries.scalars(
                self.done, {f"epoch/{name}": value for name, value in epoch.items()}
            )
        self._log(validated)
        if TRACKED in validated:
            return 1 - validated[TRACKED]
        return validated.get("validation_loss")

    def _validate(self):
        means, first = _Means(), None
        dataset = self.source.validation(self.config.validation_batches)
        for exemplars, instances, *task in self.source.iterate(dataset, training=False):
            outputs = self.train_step.evaluate(exemplars, instances, *task)
            target = outputs["target"].numpy() if task else None
            err_disp = float(np.mean(metrics.err_disp(outputs["final_score"].numpy(), target)))
            means.add(
                {
                    "validation_loss": float(outputs["loss"]),
                    "validation_initial_loss": float(outputs["initial_loss"]),
                    "validation_err_disp": err_disp,
                }
            )
            first = first or (outputs, _judged(instances, self.config))
        return means.take(), *first

    def _save(self, value: Optional[float]) -> None:
        if self.is_chief:
            info = {
                "step": self.done,
                "means": self.means.sums,
                "epoch_means": self.epoch_means.sums,
                "precisions": self.precisions,
            }
            state = self.train_step.state()
            broken = {n: np.nan for n, array in state.items() if not np.isfinite(array).all()}
            self._check_finite(dict(list(broken.items())[:3]), self.done - 1, ", in the weights")
            self.store.save(state, info, value)
            self.summaries.flush()
        self._saved_at, self._saved_step = time.monotonic(), self.done


def _first_groups(source: pairs.PairSource, config: TrainConfig) -> Iterator:
    """Some groups of training pairs, the same on every worker."""
    source = source.as_pairs()
    for exemplars, instances in source.iterate(source.train(0).take(CALIBRATION_GROUPS)):
        yield exemplars[: config.batch], instances[: config.batch]


def _judged(instances, config: TrainConfig):
    """The search regions that the score maps of a step or a validation are of."""
    if config.updates == 1:
        return instances[:: config.regions]
    groups = tf.reshape(instances, [config.groups, -1, *instances.shape[1:]])
    own = groups[:, config.updates : config.regions]
    return tf.reshape(own, [-1, *instances.shape[1:]])


class _Means:
    """Running means by name, whose sums can be stored and taken up again."""

    def __init__(self, sums: Optional[Mapping[str, Sequence[float]]] = None):
        self.sums = {name: list(pair) for name, pair in (sums or {}).items()}

    def add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            total, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = [total + value, count + 1]

    def take(self) -> dict[str, float]:
        """The means; counting starts again."""
        means = {name: total / count for name, (total, count) in self.sums.items()}
        self.sums = {}
        return means


def _export(run: _Run, workdir: Path, claims: Mapping[str, Any], init) -> dict[str, Path]:
    """Writes the last and the best weights as checkpoints that a tracker loads."""
    states = {"last": (run.train_step.state(), run.done, None, run.precisions)}
    best = run.store.best()
    if best is not None:
        precisions = best.info.get("precisions")
        states["best"] = (best.state, best.info["step"], best.value, precisions)
    exported = {}
    for name, (state, step, value, precisions) in states.items():
        arrays = {key: state[key] for key in run.network.named_weights()}
        training = {**claims, "step": step, "validation_loss": value, "precisions": precisions}
        if run.sequences is not None:
            training["success_auc"] = None if value is None else 1 - value
            training["validation_loss"] = None
        if init is not None:
            training["init_source"] = init.card["source"]
        path = workdir / WEIGHTS / name
        path.parent.mkdir(exist_ok=True)
        arrays = {key: array.astype(np.float32) for key, array in arrays.items()}
        weights.save(path, arrays, {"training": training}, overwrite=True)
        exported[name] = path
    return exported
