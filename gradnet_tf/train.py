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
import json
import os
import sys
from collections.abc import Sequence
from typing import Optional

from absl import app, flags, logging

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when TensorFlow is loaded, just below.

import tensorflow as tf  # noqa: E402

from gradnet_tf import weights  # noqa: E402
from gradnet_tf.data import storage  # noqa: E402
from gradnet_tf.tracking import config as tracker_config  # noqa: E402
from gradnet_tf.training import config as configs  # noqa: E402
from gradnet_tf.training import loop  # noqa: E402

STRATEGIES = ("none", "mirrored", "multi_worker")
# Exit status of a run that SIGTERM or Ctrl-C stopped after a checkpoint, and of one without.
STOPPED, INTERRUPTED = 143, 130

# Flags that set a field of `TrainConfig`: choices (or type) and help. No value: the preset's.
_CHOICES = {
    "variant": (configs.VARIANTS, "Row of the paper's Table 3 that is trained."),
    "init_template": (configs.INIT_TEMPLATES, "Template branch and U2 at the start."),
    "init_update": (configs.INIT_UPDATES, "U2 at the start: random, or a descent step."),
    "label": (configs.LABELS, "Label map of the target."),
    "augment": (configs.AUGMENTS, "Augmentation of the pairs."),
    "optimizer": (configs.OPTIMIZERS, "Momentum as in TensorFlow 1, or Adam."),
    "schedule": (configs.SCHEDULES, "Learning rate over the steps."),
    "loss_scale": (configs.LOSS_SCALES, "Mean over the map as in the reference, or its sum."),
    "search_statistics": (
        configs.STATISTICS,
        "Stage siamfc: batch norm by the batch's statistics, or by its moving averages.",
    ),
    "template_statistics": (configs.STATISTICS, "The same of the template branch and U2."),
    "trained": (configs.TRAINED, "Template branch and U2, or U2 alone."),
    "precision": (
        configs.PRECISIONS,
        "Type of the arithmetic: mixed_bfloat16 is bfloat16 in every convolution, bfloat16 and "
        "float16 are for those of the frozen search branch alone.",
    ),
}
_INTEGERS = {
    "batch": "k, pairs of different videos that one template meets.",
    "regions": "Search regions of a pair; more than 1 trains updates as in tracking, too. With "
    "several updates, those of the template's own video: one for each update, the rest for losses.",
    "groups": "Groups of k pairs in a step; replicas share them out.",
    "steps": "Steps of the whole training.",
    "steps_per_epoch": "Steps between two validations.",
    "validation_batches": "Batches of a validation.",
    "frame_range": "Most frames between exemplar and instance.",
    "warmup_steps": "Steps of linear increase of the learning rate (schedule=cosine).",
    "frozen_layers": "Stage siamfc: convolutions that stay, counted from the image.",
    "seed": "Of initial values and pairs.",
    "crops": "Augmented search regions of each frame, of which a step draws one; 0: every step has "
    "new ones.",
    "updates": "Successive updates that are trained, with a loss after each.",
    "shift": "Cells of 8 px by which targets are off the centre at most (updates of at least 2).",
    "sample_shift": "Cells by which samples of updates are off the target at most (likewise).",
}
_FLOATS = {
    "learning_rate": "Highest learning rate.",
    "final_learning_rate": "Learning rate at the end.",
    "momentum": "Of optimizer=momentum.",
    "weight_decay": "Factor of the kernels' L2 regularization.",
    "validation": "Share of the videos that is held out.",
    "negatives": "Stage siamfc, or several regions: weight of the loss under another video's "
    "template.",
    "scale_jitter": "Largest relative error of a search region's scale.",
    "lookalikes": "How often another video's target is pasted beside the target.",
    "occlusion": "How often it covers up to half of the target.",
    "blur_drift": "Width of the Gaussian, in px, by which tracks are blurred in the end at most.",
    "light_drift": "Largest relative change of gamma, contrast and brightness along a track.",
    "scale_drift": "Largest relative change of the target's size along a track.",
    "first_frame_weight": "Share of the first region in the gradients (updates of at least 2).",
    "generalization": "How often a group's other videos take part in the updates (likewise).",
    "wrong_samples": "How often a sample of an update is wrong altogether (likewise).",
    "update_rate": "Share of the new h_2 at each update but the first (likewise).",
    "template_influence": "Share of the updated template's scores in those that the loss sees "
    "(likewise).",
    "score_offset": "Stage siamfc: first value of the trained constant added to the scores.",
}
_BOOLEANS = {"reference_quirks": "Keep the oddities of the reference's augmentation."}

# Flags that mean something with some value of another one only: with these, nothing.
_MEANINGLESS = (
    ("init_template", "stage", ("siamfc",)),
    ("init_update", "stage", ("siamfc",)),
    ("init_update", "variant", ("without_gradient",)),
    ("init_update", "init_template", ("checkpoint",)),
    ("search_statistics", "stage", ("gradnet",)),
    ("template_statistics", "stage", ("siamfc",)),
    ("momentum", "optimizer", ("adam",)),
    ("final_learning_rate", "schedule", ("constant",)),
    ("warmup_steps", "schedule", ("constant", "log_steps")),
    ("reference_quirks", "augment", ("none",)),
    ("lookalikes", "augment", ("none",)),
    ("occlusion", "augment", ("none",)),
    ("blur_drift", "augment", ("none",)),
    ("light_drift", "augment", ("none",)),
    ("scale_drift", "augment", ("none",)),
    ("trained", "stage", ("siamfc",)),
    ("update_rate", "updates", (1,)),
)


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    flags.DEFINE_enum("stage", "gradnet", configs.STAGES, "What is trained.", **here)
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
        "preset", "reference", tuple(configs.PRESETS), "Constants where no flag says more.", **here
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
    flags.DEFINE_boolean("jit_compile", False, "Compile the step by XLA.", **here)
    flags.DEFINE_float("save_minutes", 10.0, "Minutes between two checkpoints.", **here)
    flags.DEFINE_integer("keep", 2, "Newest checkpoints that are kept, besides the best.", **here)
    flags.DEFINE_integer("log_steps", 20, "Steps between two rows of history.csv.", **here)
    flags.DEFINE_boolean("summaries", True, "Write TensorBoard summaries.", **here)
    flags.DEFINE_integer(
        "stop_after", None, "Stop when this many steps are done in all, as a signal would.", **here
    )
    for name, (choices, text) in _CHOICES.items():
        flags.DEFINE_enum(name, None, choices, f"{text} Default: the preset's.", **here)
    for names, define in (
        (_INTEGERS, flags.DEFINE_integer),
        (_FLOATS, flags.DEFINE_float),
        (_BOOLEANS, flags.DEFINE_boolean),
    ):
        for name, text in names.items():
            define(name, None, f"{text} Default: the preset's.", **here)


def read_config(values: flags.FlagValues) -> configs.TrainConfig:
    """The preset with the constants that flags set.

    Raises:
        ValueError: If a value is out of its range or contradicts another.
    """
    names = (*_CHOICES, *_INTEGERS, *_FLOATS, *_BOOLEANS)
    changes = {name: values[name].value for name in names if values[name].value is not None}
    config = configs.preset(values.preset, values.stage, **changes)
    for name, other, without in _MEANINGLESS:
        value = getattr(config, other)
        if name in changes and value in without:
            raise ValueError(f"{name}={changes[name]} means nothing with {other}={value}")
    return config


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Trains as the flags say.

    Args:
        values: Parsed flags of `define_flags`.
        arguments: What stood on the command line besides flags; anything is an error.

    Returns:
        The exit status: 0; 1 after one line "error: ..." on stderr; `STOPPED` after a signal;
        `INTERRUPTED` after a second Ctrl-C.
    """
    try:
        if arguments:
            raise ValueError(f"unexpected argument {arguments[0]!r}; values are given by flags")
        workdir = _checked_workdir(values.workdir)
        config = read_config(values)
        options = loop.RunOptions(
            save_minutes=values.save_minutes,
            keep=values.keep,
            log_steps=values.log_steps,
            summaries=values.summaries,
            jit_compile=values.jit_compile,
            stop_after=values.stop_after,
        )
        data_weights = _numbers("data_weights", values.data_weights)
        if data_weights is not None and len(data_weights) != len(values.data):
            raise ValueError(
                f"data_weights has {len(data_weights)} numbers for {len(values.data)} data sets"
            )
        sequences = _open_sequences(values)
        with _scope(values.strategy):
            init = _load(values.init)
            outcome = loop.train(
                config,
                [os.path.expanduser(pattern) for pattern in values.data],
                workdir,
                init=init,
                data_weights=data_weights,
                feature_cache=values.feature_cache and os.path.expanduser(values.feature_cache),
                sequences=sequences,
                options=options,
            )
    except (ArithmeticError, OSError, ValueError, tf.errors.OpError) as error:
        return _report(error)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return INTERRUPTED
    if not outcome.finished:
        print(
            f"stopped after step {outcome.step} of {config.steps}; the same command goes on from "
            "there"
        )
        return STOPPED
    best = "" if outcome.best is None else f", best validation loss {outcome.best:.4f}"
    if best and sequences is not None:
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
        for name in (
            "track_dataset",
            "track_sequences",
            "track_starts",
            "track_limit",
            "track_preset",
        ):
            if values[name].present:
                raise ValueError(f"{name} means nothing without track_data")
        return None
    from gradnet_tf.training import tracked

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


def _report(error: Exception) -> int:
    text = storage.reason(error) if isinstance(error, tf.errors.OpError) else str(error)
    print("error: " + " ".join(text.split()), file=sys.stderr)
    return 1


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


def _parse_flags(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        sys.exit(_report(error))


def main() -> None:
    """Runs the command on `sys.argv`."""
    define_flags()
    if not sys.stderr.isatty():  # There is no progress bar then.
        flags.FLAGS.set_default("verbosity", logging.INFO)
    app.run(lambda argv: sys.exit(run(flags.FLAGS, argv[1:])), flags_parser=_parse_flags)


if __name__ == "__main__":
    main()
