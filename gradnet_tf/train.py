r"""Trains the network.

First the search branch, then the update branch on top of it:

    python -m gradnet_tf.train --stage=siamfc --preset=short --data=DATA --workdir=RUN/siamfc \
        --init=CHECKPOINT
    python -m gradnet_tf.train --stage=gradnet --preset=short --data=DATA --workdir=RUN/gradnet \
        --init=RUN/siamfc/weights/best

DATA is a folder that `python -m gradnet_tf.data_prep` has written, or a glob of its shards; several
are separated by commas. The same command goes on with a training that was interrupted. RUN holds
history.csv, TensorBoard summaries and, at the end, the checkpoints weights/last and weights/best.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from typing import Optional

from absl import flags, logging

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when TensorFlow is loaded, just below.

import tensorflow as tf  # noqa: E402

from gradnet_tf import command_line, weights  # noqa: E402
from gradnet_tf.eval.running import tracked  # noqa: E402
from gradnet_tf.files import storage  # noqa: E402
from gradnet_tf.tracking import config as tracker_config  # noqa: E402
from gradnet_tf.training import loop, presets  # noqa: E402
from gradnet_tf.training.config import TrainConfig  # noqa: E402

STRATEGIES = ("none", "mirrored", "multi_worker")
STOPPED = 143  # Exit status of a run that a signal stopped after a checkpoint.

_OPTIONS = {f.name: f for f in dataclasses.fields(presets.RunOptions) if f.name != "progress"}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    flags.DEFINE_list(
        "data", None, "Folders or globs of shards, one a data set.", required=True, **here
    )
    flags.DEFINE_list(
        "data_weights",
        None,
        "How often each data set is drawn; without it every video is equally likely.",
        **here,
    )
    flags.DEFINE_string("workdir", None, "Working directory of the run.", required=True, **here)
    flags.DEFINE_string(
        "init",
        None,
        "Initial checkpoint: directory, npz, or `embedded`; stage gradnet needs it.",
        **here,
    )
    flags.DEFINE_enum(
        "preset", "reference", tuple(presets.PRESETS), "Constants where no flag says more.", **here
    )
    flags.DEFINE_string(
        "feature_cache",
        None,
        "Directory that keeps the features of search regions, for crops of at least 1; it is made "
        "and filled where it is not yet.",
        **here,
    )
    flags.DEFINE_string(
        "track_data",
        None,
        "Folder of sequences to track on after every epoch: the best weights are then those with "
        "the highest success AUC.",
        **here,
    )
    flags.DEFINE_string("track_dataset", "otb100", "As --dataset of gradnet_tf.eval.", **here)
    flags.DEFINE_list("track_sequences", None, "Which of them; without it all.", **here)
    flags.DEFINE_integer("track_starts", 1, "Starts in each, evenly spread over it.", 1, **here)
    flags.DEFINE_integer("track_limit", 100, "Frames from each start at most.", 2, **here)
    flags.DEFINE_enum(
        "track_preset", "tuned", tuple(tracker_config.PRESETS), "Constants of the tracker.", **here
    )
    flags.DEFINE_enum("strategy", "none", STRATEGIES, "Distribution over GPUs or machines.", **here)
    for field in _OPTIONS.values():
        command_line.define_field(field, field.default, values)
    for field in dataclasses.fields(TrainConfig):
        if field.name == "stage":
            command_line.define_field(field, field.default, values)
        else:
            command_line.define_field(field, None, values, " Default: the preset's.")


def read_config(values: flags.FlagValues) -> TrainConfig:
    """The preset with the constants that flags set.

    Raises:
        ValueError: If a value is out of its range or contradicts another.
    """
    names = [field.name for field in dataclasses.fields(TrainConfig)]
    changes = {name: values[name].value for name in names if values[name].value is not None}
    config = presets.preset(values.preset, **changes)
    presets.check_meaning(config, changes)
    return config


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Trains as the flags say.

    Returns:
        The exit status: 0; 1 after one line "error: ..." on stderr; `STOPPED` after a signal; 130
        after a second Ctrl-C.
    """

    def body():
        command_line.refuse(arguments)
        try:
            return _train(values)
        except tf.errors.OpError as error:
            raise OSError(storage.reason(error)) from error

    return command_line.finish(
        body,
        errors=(ArithmeticError, *command_line.EXPECTED),
        stopped="interrupted; the same command goes on from the last checkpoint",
    )


def _train(values: flags.FlagValues) -> int:
    workdir = _checked_workdir(values.workdir)
    config = read_config(values)
    options = presets.RunOptions(**{name: values[name].value for name in _OPTIONS})
    data_weights = _numbers("data_weights", values.data_weights)
    sequences = _open_sequences(values)
    with _scope(values.strategy):
        outcome = loop.train(
            config,
            [os.path.expanduser(pattern) for pattern in values.data],
            workdir,
            init=_load(values.init),
            data_weights=data_weights,
            feature_cache=values.feature_cache and os.path.expanduser(values.feature_cache),
            sequences=sequences,
            options=options,
        )
    if not outcome.finished:
        print(
            f"stopped after step {outcome.step} of {config.steps}; the same command goes on from "
            "there"
        )
        return STOPPED
    best = ""
    if outcome.best is not None and sequences is None:
        best = f", best validation loss {outcome.best:.4f}"
    elif outcome.best is not None:
        best = f", best success AUC {1 - outcome.best:.4f}"
    print(f"trained {outcome.step} steps{best}")
    for path in outcome.weights.values():
        print(f"wrote: {path}")
    return 0


def _checked_workdir(path: str) -> str:
    if not path:
        raise ValueError("workdir is empty; expected a folder")
    if "://" in path:
        raise ValueError(f"workdir must be a folder of this machine, got {path!r}")
    path = os.path.expanduser(path)  # A shell leaves --workdir=~/DIR as it is.
    if os.path.exists(path) and not os.path.isdir(path):
        raise NotADirectoryError(f"workdir must be a folder, but {path} is a file")
    return path


def _open_sequences(values: flags.FlagValues):
    if values.track_data is None:
        for name in ("dataset", "sequences", "starts", "limit", "preset"):
            name = f"track_{name}"
            if values[name].present:
                raise ValueError(f"{name} means nothing without track_data")
        return None
    return tracked.open_sequences(
        os.path.expanduser(values.track_data),
        values.track_sequences,
        dataset=values.track_dataset,
        starts=values.track_starts,
        limit=values.track_limit,
        preset=values.track_preset,
    )


def _load(init: Optional[str]) -> Optional[weights.Weights]:
    if init is None:
        return None
    if init == "embedded":
        return weights.load_embedded()
    return weights.load(os.path.expanduser(init))


def _numbers(name: str, texts: Optional[Sequence[str]]) -> Optional[list[float]]:
    if texts is None:
        return None
    try:
        return [float(text) for text in texts]
    except ValueError:
        raise ValueError(f"{name} must be numbers, got {','.join(texts)!r}") from None


@contextlib.contextmanager
def _scope(name: str):
    """The scope of a strategy by name."""
    if name == "none":
        yield
        return
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    else:
        _check_cluster()
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    logging.info("%d replicas", strategy.num_replicas_in_sync)
    with strategy.scope():
        yield


def _check_cluster() -> None:
    text = os.environ.get("TF_CONFIG", "")
    try:
        content = json.loads(text or "null")
        sound = bool(content["cluster"]) and "type" in content["task"]
    except (ValueError, TypeError, KeyError):
        sound = False
    if not sound:
        raise ValueError(
            "strategy=multi_worker needs the addresses of all workers and the own place among them "
            'in the environment variable TF_CONFIG, such as {"cluster": {"worker": ["host1:2222", '
            f'"host2:2222"]}}, "task": {{"type": "worker", "index": 0}}}}, got {text!r}'
        )


def main() -> None:
    """Runs the command on `sys.argv`."""
    if not sys.stderr.isatty():  # There is no progress bar then.
        flags.FLAGS.set_default("verbosity", logging.INFO)
    command_line.main(define_flags, run)


if __name__ == "__main__":
    main()
