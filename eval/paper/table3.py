"""Table 3: the variations of GradNet, trained by the same budget and tracked on the same sequences.

    Ours           variant full
    Ours w/o M     without_generalization: every template meets its own search region alone
    Ours w/o MG    without_gradient: no U2 either, two branches of their own
    Ours w/o U     the weights of "Ours"; the template of the first frame stays (update=first_frame)
    Ours w 2U      two_subnets: the two U1 do not share weights
    Ours-baseline  stage siamfc: plain SiamFC, whose one branch is trained by as many steps

All start from the search branch of `init`, see the same pairs in as many steps, and are tracked
with the same constants. Only the baseline moves the search branch, at a rate of its own
(`baseline_flag`). So there is a row besides: `init` itself as plain SiamFC, without any training
here, which is what the others build on.

Working directories and results are kept in the output: the same command goes on with what was
stopped, and does not do again what is finished. The trainings keep the checkpoints of their
validations, from which figure2 can be made.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Optional

from gradnet_tf import train
from gradnet_tf.eval.paper import commands, networks, output, published
from gradnet_tf.eval.paper.settings import EMBEDDED, Settings
from gradnet_tf.eval.report import facts
from gradnet_tf.eval.report.tables import HIGH, Column, Number, Table
from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.eval.trackers import registry
from gradnet_tf.training import config
from gradnet_tf.training import loop as training
from gradnet_tf.weights import pretrained

_VALIDATIONS = 4  # In each training.
_VALIDATION_BATCHES = 5
_WARMUP_PART = 10  # Of the steps, one in so many at most.


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        title: As the paper calls it.
        name: Of its results.
        variant: That is trained; None for `init` as it is.
        settings: Of the tracker.
    """

    title: str
    name: str
    variant: Optional[str]
    settings: str = ""


ROWS = (
    Row("Ours", "ours", "full"),
    Row("Ours w/o M", "without_M", "without_generalization"),
    Row("Ours w/o MG", "without_MG", "without_gradient"),
    Row("Ours w/o U", "without_U", "full", ",update=first_frame"),
    Row("Ours w 2U", "with_2U", "two_subnets"),
    Row("Ours-baseline", "baseline", "baseline"),
    Row("SiamFC before training", "siamfc_init", None, ",template_influence=0"),
)
VARIANTS = tuple(dict.fromkeys(row.variant for row in ROWS if row.variant))
TRAININGS = "trainings"  # Folder in the output.


def run(settings: Settings) -> output.Document:
    """Trains what is not trained yet, tracks what is not tracked yet, and makes the table.

    Raises:
        commands.StoppedError: A training or the tracking was stopped; the same command goes on.
        OSError, ValueError: Something cannot be used, or a training fails.
    """
    check(settings)
    lines, weights = [], {"init": networks.load_weights(settings.init).digest}
    settings.output.mkdir(parents=True, exist_ok=True)
    for variant in VARIANTS:
        arguments = training_flags(settings, variant)
        lines.append(commands.line("gradnet_tf.train", arguments))
        print(f"training {len(lines)} of {len(VARIANTS)}: {lines[-1]}", flush=True)
        if commands.call(train, arguments):
            raise ValueError(f"the training of {variant} failed, see above: {lines[-1]}")
        weights[variant] = networks.load_weights(str(trained(settings, variant))).digest
    tracked = [(row.name, tracker(settings, row)) for row in ROWS]
    evaluation, notes, line = commands.track(settings, tracked)
    return output.Document(
        name=settings.name,
        title=settings.experiment.title,
        tables=(make_table(evaluation),),
        notes=(
            f"Paper: OTB-2015, its own training, {published.HARDWARE}. Here: "
            f"{evaluation.coverage}, {settings.counts['steps']} steps of training, "
            f"trackers with the constants {settings.tracker_preset!r}"
            + (f", {settings.jobs} at a time." if settings.jobs > 1 else "."),
            facts.describe_convention(evaluation),
            "IOU is the success AUC.",
            *notes,
        ),
        parameters=settings.parameters(),
        weights=weights,
        commands=(*lines, line),
    )


def check(settings: Settings) -> None:
    """Looks at the flags of all trainings and trackers before the first of them.

    Raises:
        ValueError: If a training cannot be as its flags say, or a tracker cannot be named so.
    """
    for variant in VARIANTS:
        values, _ = commands.parse(train, training_flags(settings, variant))
        try:
            train.read_config(values)
        except ValueError as error:
            raise ValueError(f"the training of {variant}: {error}") from None
    for row in ROWS:
        registry.parse_tracker(f"{row.name}={tracker(settings, row)}")


def training_flags(settings: Settings, variant: str) -> list[str]:
    """The flags of `gradnet_tf.train` for a variant."""
    steps = settings.counts["steps"]
    stage = "siamfc" if variant == "baseline" else "gradnet"
    constants = config.preset(settings.preset, stage)
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
    if constants.schedule == "cosine":
        flags["warmup_steps"] = min(constants.warmup_steps, steps // _WARMUP_PART)
    # The last one of a flag that is given twice counts.
    own = settings.baseline_flags if variant == "baseline" else ()
    return [
        *(f"--{name}={value}" for name, value in flags.items()),
        *(f"--{text}" for text in (*settings.train_flags, *own)),
    ]


def trained(settings: Settings, variant: str) -> Path:
    """The weights after the last step."""
    return settings.output / TRAININGS / variant / training.WEIGHTS / "last"


def tracker(settings: Settings, row: Row) -> str:
    """The tracker of a row, see `gradnet_tf.eval.trackers.registry`."""
    if row.variant is not None:
        checkpoint = trained(settings, row.variant)
    else:
        checkpoint = pretrained.path() if settings.init == EMBEDDED else settings.init
    return f"gradnet:{checkpoint},preset={settings.tracker_preset}{row.settings}"


def make_table(evaluation: Evaluation) -> Table:
    """Measured numbers, and the paper's beside them."""
    measured = {one.name: one for one in evaluation.trackers}
    paper = {row.name: row for row in published.TABLE_3}
    rows = []
    for row in ROWS:
        own = measured[row.name]
        cells = [
            Number(own.totals[key], *own.intervals.get(key, (None, None)))
            for key in ("precision", "auc")
        ]
        cells.append(Number(own.speed.fps if own.speed else float("nan")))
        there = paper.get(row.title)
        numbers = there[1:] if there else (float("nan"),) * 3
        rows.append((row.title, *cells, *map(Number, numbers)))
    columns = [Column("Variation")]
    for where in ("here", "paper"):
        columns += [Column(f"PRE, {where}", 3, HIGH), Column(f"IOU, {where}", 3, HIGH)]
        columns.append(Column(f"FPS, {where}", 1 if where == "here" else 0))
    title = f"Variations on {evaluation.heading}"
    return Table("table3", title, tuple(columns), tuple(rows))
