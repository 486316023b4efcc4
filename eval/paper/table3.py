"""Table 3: the variations of GradNet, trained by the same budget and tracked on the same sequences.

All start from the search branch of `init`, see the same pairs in as many steps, and are tracked
with the same constants. Only the baseline moves the search branch, at a rate and for a number of
steps of its own if `baseline_flag` says so. A further row is `init` itself as plain SiamFC, without
any training here, which is what the others build on.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

from gradnet_tf.eval.paper import inputs, output, programs, published
from gradnet_tf.eval.paper.settings import EMBEDDED, Settings
from gradnet_tf.eval.report import descriptions
from gradnet_tf.eval.report.tables import HIGH, Column, Number, Table
from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.eval.trackers import registry
from gradnet_tf.training import loop, presets
from gradnet_tf.training.config import TrainConfig
from gradnet_tf.weights import store

_VALIDATIONS = 4  # In each training, which keeps a checkpoint of each, for figure2.
_VALIDATION_BATCHES = 5
_WARMUP_PART = 10  # Of the steps, one in so many at most.
# Flags of gradnet_tf.train that are no constants of a training.
_FLAGS = ("data", "data_weights", "feature_cache", "init", "preset", "strategy", "workdir")


class Row(NamedTuple):
    """A row of the table."""

    title: str  # As the paper calls it.
    name: str  # Of its results.
    variant: Optional[str]  # That is trained; None for `init` as it is.
    settings: str = ""  # Of the tracker.


ROWS = (
    Row("Ours", "ours", "full"),
    Row("Ours w/o M", "without_M", "without_generalization"),
    Row("Ours w/o MG", "without_MG", "without_gradient"),
    # The template of the first frame stays.
    Row("Ours w/o U", "without_U", "full", ",update=first_frame"),
    Row("Ours w 2U", "with_2U", "two_subnets"),
    Row("Ours-baseline", "baseline", "baseline"),
    Row("SiamFC before training", "siamfc_init", None, ",template_influence=0"),
)
VARIANTS = tuple(dict.fromkeys(row.variant for row in ROWS if row.variant))
TRAININGS = "trainings"  # Folder in the output.


def run(settings: Settings) -> output.Document:
    """Trains what is not trained yet, tracks what is not tracked yet, and makes the table."""
    note = _describe_steps(check(settings))
    lines, digests = [], {"init": inputs.load_weights(settings.init).digest}
    settings.output.mkdir(parents=True, exist_ok=True)
    for variant in VARIANTS:
        arguments = training_flags(settings, variant)
        lines.append(programs.line(programs.TRAIN, arguments))
        print(f"training {len(lines)} of {len(VARIANTS)}: {lines[-1]}")
        if programs.run(programs.TRAIN, arguments):
            raise ValueError(f"the training of {variant} failed, see above: {lines[-1]}")
        digests[variant] = inputs.load_weights(str(trained(settings, variant))).digest
    tracked = [(row.name, tracker(settings, row)) for row in ROWS]
    evaluation, notes, line = programs.track(settings, tracked)
    at_a_time = f", {settings.jobs} at a time" if settings.jobs > 1 else ""
    return output.Document(
        tables=(make_table(evaluation),),
        notes=(
            f"Paper: OTB-2015, its own training, {published.HARDWARE}. Here: "
            f"{evaluation.coverage}, {note}, trackers with the constants "
            f"{settings.tracker_preset!r}{at_a_time}.",
            descriptions.describe_convention(evaluation),
            "IOU is the success AUC.",
            *notes,
        ),
        weights=digests,
        commands=(*lines, line),
    )


def check(settings: Settings) -> dict[str, TrainConfig]:
    """Returns the constants of each training, by its variant.

    Raises:
        ValueError: If a training or a tracker cannot be as the flags say.
    """
    configs = {}
    for variant in VARIANTS:
        try:
            configs[variant] = _read_config(settings.preset, training_flags(settings, variant))
        except ValueError as error:
            raise ValueError(f"the training of {variant}: {error}") from None
    for row in ROWS:
        registry.parse_tracker(f"{row.name}={tracker(settings, row)}")
    return configs


def training_flags(settings: Settings, variant: str) -> list[str]:
    """Returns the flags of `gradnet_tf.train` for a variant."""
    is_baseline = variant == "baseline"
    stage = "siamfc" if is_baseline else "gradnet"
    given = settings.train_flag
    if is_baseline:  # Its search branch is trained, so no features of search regions are kept.
        kept = ("feature_cache=", "crops=")
        given = (*(text for text in given if not text.startswith(kept)), *settings.baseline_flag)
    own_steps = dict(text.partition("=")[::2] for text in given).get("steps", "")
    steps = int(own_steps) if own_steps.isdecimal() else settings.steps  # `check` tells of others.
    flags = {
        "stage": stage,
        "variant": variant,
        "preset": settings.preset,
        "data": ",".join(settings.data),
        "init": settings.init,
        "workdir": settings.output / TRAININGS / variant,
        "seed": settings.seed,
        "steps": steps,
        "steps_per_epoch": max(1, steps // _VALIDATIONS),
        "validation_batches": _VALIDATION_BATCHES,
        "keep": _VALIDATIONS,
    }
    constants = presets.preset(settings.preset, stage)
    if constants.schedule == "cosine":
        flags["warmup_steps"] = min(constants.warmup_steps, steps // _WARMUP_PART)
    # The last one of a flag that is given twice counts.
    return [*(f"--{name}={value}" for name, value in flags.items()), *(f"--{t}" for t in given)]


def trained(settings: Settings, variant: str) -> Path:
    """Returns the place of the weights after the last step."""
    return settings.output / TRAININGS / variant / loop.WEIGHTS / "last"


def tracker(settings: Settings, row: Row) -> str:
    """Returns the tracker of a row, see `gradnet_tf.eval.trackers.registry`."""
    checkpoint = store.EMBEDDED if settings.init == EMBEDDED else settings.init
    if row.variant is not None:
        checkpoint = trained(settings, row.variant)
    return f"gradnet:{checkpoint},preset={settings.tracker_preset}{row.settings}"


def make_table(evaluation: Evaluation) -> Table:
    """Makes the table of measured numbers, and the paper's beside them."""
    measured = {one.name: one for one in evaluation.trackers}
    rows = []
    for row in ROWS:
        own = measured[row.name]
        keys = ("precision", "auc")
        cells = [Number(own.totals[key], *own.intervals.get(key, ())) for key in keys]
        fps = own.speed.fps if own.speed else math.nan
        paper = published.TABLE_3.get(row.title, (math.nan,) * 3)
        rows.append((row.title, *cells, *map(Number, (fps, *paper))))
    columns = [Column("Variation")]
    for where, digits in (("here", 1), ("paper", 0)):
        columns += [Column(f"{head}, {where}", 3, HIGH) for head in ("PRE", "IOU")]
        columns += [Column(f"FPS, {where}", digits)]
    title = f"Variations on {evaluation.heading}"
    return Table("table3", title, tuple(columns), tuple(rows))


def _describe_steps(configs: dict[str, TrainConfig]) -> str:
    steps = {variant: one.steps for variant, one in configs.items()}
    own = steps.pop("baseline")
    (others,) = set(steps.values())
    return f"{others} steps of training" + (f" ({own} of the baseline)" if own != others else "")


def _read_config(preset: str, arguments: Sequence[str]) -> TrainConfig:
    fields = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    others = {*_FLAGS, *(field.name for field in dataclasses.fields(presets.RunOptions))}
    changes: dict[str, Any] = {}
    for argument in arguments:
        name, equals, text = argument[2:].partition("=")
        if not equals or name not in {*fields, *others}:
            raise ValueError(f"flags are name=value of gradnet_tf.train, got {argument[2:]!r}")
        if name in fields:
            kind: Any = type(fields[name])
            try:
                changes[name] = text == "true" if kind is bool else kind(text)
            except ValueError:
                raise ValueError(f"{name} must be of type {kind.__name__}, got {text!r}") from None
    constants = presets.preset(preset, **changes)
    presets.check_meaning(constants, changes)
    return constants
