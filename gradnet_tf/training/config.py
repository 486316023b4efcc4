"""Every constant of a training, in one frozen dataclass, with the presets.

Sources: the preset "reference" is `train.py` of the reference (`getOpts`); "short" and "tracking"
are this project's own, for hours on two cores (README, section on training).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Optional

from gradnet_tf.data import pair_config, scenes, task
from gradnet_tf.network import architecture
from gradnet_tf.training import schedule

STAGES = ("siamfc", "gradnet")
# Those of the network, and the full one trained without template generalization.
VARIANTS = (*architecture.VARIANTS, "without_generalization")
FLOAT32_VARIABLES = ("float32", "mixed_bfloat16", "bfloat16", "float16")
STATISTICS = ("batch", "moving")


class _Range(NamedTuple):
    """What a number may be, and how that is said."""

    test: Callable[[Any], bool]
    words: str


_COUNT = _Range(lambda v: v >= 1, "at least 1")
_NOT_NEGATIVE = _Range(lambda v: v >= 0, "at least 0")
_FACTOR = _Range(lambda v: 0 <= v < math.inf, "at least 0 and finite")
_RATE = _Range(lambda v: 0 < v < math.inf, "positive and finite")
_BELOW_1 = _Range(lambda v: 0 <= v < 1, "in [0, 1)")
_SHARE = _Range(lambda v: 0 < v <= 1, "in (0, 1]")


def _constant(default, text: str, valid=None) -> Any:
    """A field: its default, the help of its flag, and its choices or its range."""
    return dataclasses.field(default=default, metadata={"help": text, "valid": valid})


def _check_fields(config) -> None:
    """Raises ValueError if a value is none of the choices of its field, or out of its range."""
    for field in dataclasses.fields(config):
        valid = field.metadata["valid"]
        if valid and not isinstance(valid, _Range):
            valid = _Range(valid.__contains__, f"one of {', '.join(valid)}")
        if valid:
            _check(config, field.name, valid)


def _check(config, name: str, valid: _Range) -> None:
    value = getattr(config, name)
    if not valid.test(value):
        raise ValueError(f"{name} must be {valid.words}, got {value!r}")


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What a training does; the defaults are stage `gradnet` of the preset `reference`.

    Each field says what it is for; `python -m gradnet_tf.train --help` prints that.

    Raises:
        ValueError: If a value is out of its range or contradicts another.
    """

    stage: str = _constant(
        "gradnet",
        "siamfc trains the search branch as a plain Siamese net with shared branches; gradnet "
        "trains the template branch and U2 and leaves the search branch as it is.",
        STAGES,
    )
    variant: str = _constant(
        "full",
        "Row of the paper's Table 3 that is trained: full; without_generalization (w/o M: every "
        "template meets its own search region only); two_subnets (w 2U); without_gradient (w/o "
        "MG: no U2 and no generalization); in stage siamfc, baseline.",
        VARIANTS,
    )
    init_template: str = _constant(
        "random",
        "Template branch and U2 at the start: random as in the reference, search (a copy of the "
        "search branch, and a random U2), or checkpoint (both as in the initial checkpoint).",
        ("random", "search", "checkpoint"),
    )
    init_update: str = _constant(
        "random",
        "U2 at the start, unless it is that of the initial checkpoint: random as in the reference, "
        "or descent, a step against the gradient, which finds the target better than the initial "
        "template before any training.",
        ("random", "descent"),
    )
    label: str = _constant(
        "logistic",
        "Label map of the target: logistic (discs of +1, the rest -1) or gaussian (the map that "
        "the reference keeps beside it, and Algorithm 1 mentions).",
        ("logistic", "gaussian"),
    )
    batch: int = _constant(8, "k, pairs of different videos that one template meets.", _COUNT)
    regions: int = _constant(
        1,
        "Stage gradnet: search regions of a pair. With more than 1, each exemplar's template is "
        "also updated by the first region of its own video alone, as in tracking, and has to find "
        "the target in the others. With several updates, the regions of the template's own video: "
        "one for each update, the rest for losses.",
        _COUNT,
    )
    groups: int = _constant(
        1,
        "Groups of k pairs in a step, each with batch statistics of its own; replicas and workers "
        "share them out.",
        _COUNT,
    )
    steps: int = _constant(50 * 5984, "Steps of the whole training.", _COUNT)
    steps_per_epoch: int = _constant(5984, "Steps between two validations.", _COUNT)
    validation: float = _constant(
        0.1, "Share of the videos that is held out.", _Range(lambda v: 0 < v < 1, "in (0, 1)")
    )
    validation_batches: int = _constant(100, "Batches of a validation.", _COUNT)
    frame_range: int = _constant(100, "Most frames between exemplar and instance.", _COUNT)
    augment: str = _constant(
        "reference",
        "Augmentation of the pairs: reference; strong (that, and blur, rotation, occlusion, hue "
        "and brightness); none.",
        pair_config.AUGMENTATIONS,
    )
    reference_quirks: bool = _constant(
        True, "Keep the oddities of the reference's augmentation, see `gradnet_tf.data.augment`."
    )
    optimizer: str = _constant(
        "momentum", "Momentum as in TensorFlow 1, or Adam.", ("momentum", "adam")
    )
    momentum: float = _constant(0.9, "Of optimizer=momentum.", _BELOW_1)
    schedule: str = _constant(
        "log_steps",
        "Learning rate over the steps: log_steps (a rate for each epoch, evenly spaced in the "
        "logarithm), cosine, or constant.",
        ("log_steps", "cosine", "constant"),
    )
    learning_rate: float = _constant(1e-2, "Highest learning rate.", _RATE)
    final_learning_rate: float = _constant(1e-5, "Learning rate at the end.", _RATE)
    warmup_steps: int = _constant(
        0, "Steps of linear increase of the learning rate (schedule=cosine).", _NOT_NEGATIVE
    )
    weight_decay: float = _constant(5e-4, "Factor of the kernels' L2 regularization.", _FACTOR)
    loss_scale: str = _constant(
        "mean",
        "Mean over the map and the batch as in the reference, or sum over the map and mean over "
        "the batch: 225 times as much beside the regularization.",
        ("mean", "sum"),
    )
    frozen_layers: int = _constant(
        0,
        "Stage siamfc: convolutions that stay as they are, counted from the image.",
        _Range(lambda v: 0 <= v <= 4, "in 0 to 4"),
    )
    search_statistics: str = _constant(
        "batch",
        "Stage siamfc: batch norm uses the batch's statistics, to train from scratch, or its "
        "moving averages, to fine-tune.",
        STATISTICS,
    )
    template_statistics: str = _constant(
        "batch",
        "Stage gradnet: batch norm of the template branch and U2 uses the group's statistics as in "
        "the reference, or its moving averages: what tracking sees is trained, and only one "
        "exemplar of a group has to be computed.",
        STATISTICS,
    )
    negatives: float = _constant(
        0.0,
        "Stage siamfc, or several regions: weight of the loss of search regions under another "
        "video's template.",
        _FACTOR,
    )
    score_offset: float = _constant(
        0.0,
        "Stage siamfc: first value of a trained constant that is added to the scores (the offset "
        "in the last layer of SiamFC); the tracker's response does not depend on it.",
        _Range(math.isfinite, "finite"),
    )
    seed: int = _constant(1, "Of initial values and pairs.", _NOT_NEGATIVE)
    precision: str = _constant(
        "float32",
        "Type of the arithmetic: mixed_bfloat16 is bfloat16 in every convolution, bfloat16 and "
        "float16 are for those of the search branch in stage gradnet, where it has no gradient. "
        "Variables are float32 in all but float64, and a training may go on in another of them.",
        (*FLOAT32_VARIABLES, "float64"),
    )
    crops: int = _constant(
        0,
        "Augmented search regions of each frame, of which a step draws one: their features can be "
        "kept (--feature_cache). 0: every step has new ones.",
        _NOT_NEGATIVE,
    )
    scale_jitter: float = _constant(
        0.0, "Largest relative error of a search region's scale.", _BELOW_1
    )
    lookalikes: float = _constant(
        0.0, "How often another video's target is pasted beside the target."
    )
    occlusion: float = _constant(0.0, "How often it covers up to half of the target.")
    blur_drift: float = _constant(
        0.0, "Width of the Gaussian, in px, by which tracks are blurred in the end at most."
    )
    light_drift: float = _constant(
        0.0, "Largest relative change of gamma, contrast and brightness along a track."
    )
    scale_drift: float = _constant(
        0.0, "Largest relative change of the target's size along a track."
    )
    trained: str = _constant(
        "all", "Stage gradnet: template branch and U2, or U2 alone.", ("all", "update")
    )
    updates: int = _constant(
        1,
        "Stage gradnet: successive updates of one template that are trained, as tracking makes "
        "them, with a loss after each; the reference trains one. The first is by the search region "
        "of the exemplar's own frame, the others by that one and a sample.",
        _COUNT,
    )
    first_frame_weight: float = _constant(
        0.0, "Share of the first region in the gradients (updates of at least 2)."
    )
    generalization: float = _constant(
        1.0, "How often a group's other videos take part in the updates (likewise)."
    )
    shift: int = _constant(
        0, "Cells of 8 px by which targets of the losses are off the centre at most (likewise)."
    )
    sample_shift: int = _constant(
        0, "Cells of 8 px by which samples of updates are off the target at most (likewise)."
    )
    wrong_samples: float = _constant(
        0.0, "How often a sample of an update is wrong altogether (likewise)."
    )
    update_rate: float = _constant(
        0.6, "Share of the new h_2 at each update but the first (likewise).", _SHARE
    )
    template_influence: float = _constant(
        1.0,
        "Share of the updated template's scores in those that the loss sees (likewise); the rest "
        "is of SiamFC's template of the exemplar.",
        _SHARE,
    )

    def __post_init__(self):
        _check_fields(self)
        self.scenes()
        self._check_updates()
        if self.schedule != "constant":
            rate = self.learning_rate
            most = _Range(lambda v: v <= rate, f"at most learning_rate={rate}")
            _check(self, "final_learning_rate", most)
        if self.schedule == "cosine":
            below = _Range(lambda v: v < self.steps, f"below steps={self.steps}")
            _check(self, "warmup_steps", below)
        if (self.stage == "siamfc") != (self.variant == "baseline"):
            raise ValueError(
                f"stage={self.stage} and variant={self.variant} contradict each other: "
                "stage=siamfc trains variant=baseline, and nothing else does"
            )
        if self.stage == "gradnet" and (self.frozen_layers or self.score_offset):
            raise ValueError("frozen_layers and score_offset belong to stage=siamfc")
        if self.stage == "gradnet" and self.negatives and self.regions == 1:
            raise ValueError("negatives belong to stage=siamfc, or to regions of at least 2")
        if self.regions > 1 and not self.generalizes:
            raise ValueError(
                f"regions={self.regions} is for variants that generalize in stage=gradnet, not for "
                f"variant={self.variant}"
            )
        unsound = self.template_statistics == "batch" or (self.batch == 1 and self.updates == 1)
        if self.regions > 1 and unsound:
            raise ValueError(
                f"regions={self.regions} needs template_statistics=moving and a batch of at least "
                f"2, got {self.template_statistics} and {self.batch}"
            )
        if self.frozen_layers and self.search_statistics == "batch":
            raise ValueError(
                f"frozen_layers={self.frozen_layers} and search_statistics=batch contradict each "
                "other: the moving averages of frozen layers would move"
            )
        if self.negatives and self.batch < 2:
            raise ValueError(
                f"negatives={self.negatives} needs templates of other videos: a batch of 2 or more"
            )
        if self.stage == "siamfc" and self.precision in ("bfloat16", "float16"):
            raise ValueError(
                f"precision={self.precision} is for search features without a gradient, so for "
                "stage=gradnet; stage=siamfc takes float32, mixed_bfloat16 or float64"
            )

    def _check_updates(self) -> None:
        """Raises ValueError unless what is said of updates fits together."""
        if self.trained == "update" and not (self.stage == "gradnet" and self.has_update):
            raise ValueError(
                f"trained=update needs a U2, which stage={self.stage} with variant={self.variant} "
                "does not train"
            )
        if self.updates == 1:
            of_updates = {*_names_of(task.TaskConfig), "template_influence"}
            for field in dataclasses.fields(self):
                value = getattr(self, field.name)
                is_of_updates = field.name in of_updates - {"updates", "regions"}
                if is_of_updates and value != field.default:
                    raise ValueError(f"{field.name}={value!r} belongs to updates of at least 2")
            return
        if not (self.stage == "gradnet" and self.generalizes):
            raise ValueError(
                f"updates={self.updates} is for variants full and two_subnets in stage=gradnet, "
                f"not for variant={self.variant}; generalization=0 trains without generalization"
            )
        if self.negatives:
            raise ValueError(f"negatives={self.negatives} belongs to updates of 1")
        self.task()

    def task(self) -> Optional[task.TaskConfig]:
        """How sequences of updates are drawn; None where there is one update."""
        return None if self.updates == 1 else self._as(task.TaskConfig)

    def scenes(self) -> scenes.SceneConfig:
        """What is pasted into search regions, and how tracks drift."""
        return self._as(scenes.SceneConfig)

    def pairs(self) -> pair_config.PairConfig:
        """How the pairs are drawn."""
        return self._as(
            pair_config.PairConfig,
            scenes=self.scenes(),
            first_exemplar=self.exemplars == 1,
            task=self.task(),
        )

    def _as(self, kind, **others):
        """Another configuration with the values of the fields that both have."""
        shared = _names_of(kind) & _names_of(self)
        return kind(**{name: getattr(self, name) for name in shared}, **others)

    @property
    def exemplars(self) -> int:
        """Exemplars of a group that are computed; the others matter to batch statistics only."""
        alone = self.regions == 1 or self.updates > 1
        moving = self.template_statistics == "moving"
        return (
            1 if self.stage == "gradnet" and self.generalizes and moving and alone else self.batch
        )

    @property
    def instances(self) -> int:
        """Search regions of a group."""
        sequence = self.task()
        return sequence.count(self.batch) if sequence else self.batch * self.regions

    @property
    def network_variant(self) -> str:
        """The variant of `gradnet_tf.GradNet` that is trained."""
        return "full" if self.variant == "without_generalization" else self.variant

    @property
    def generalizes(self) -> bool:
        """Whether one template meets the search regions of k videos (section 3.3)."""
        return self.variant in ("full", "two_subnets")

    @property
    def has_update(self) -> bool:
        """Whether the network that is trained has a U2."""
        return architecture.has_update(self.network_variant)

    @property
    def variable_type(self) -> str:
        """Type of the variables, and of the arithmetic that no other property names."""
        return "float64" if self.precision == "float64" else "float32"

    @property
    def search_type(self) -> str:
        """Type of the search branch's arithmetic where it has no gradient."""
        return "bfloat16" if self.precision == "mixed_bfloat16" else self.precision

    @property
    def convolution_type(self) -> Optional[str]:
        """Type of the convolutions that have a gradient, if it is not that of their variables."""
        return "bfloat16" if self.precision == "mixed_bfloat16" else None

    @property
    def epochs(self) -> int:
        """Epochs of the training; the last one may be shorter."""
        return -(-self.steps // self.steps_per_epoch)

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if self.schedule == "constant":
            return schedule.constant(step, rate=self.learning_rate)
        if self.schedule == "log_steps":
            return schedule.log_steps(
                step,
                steps_per_epoch=self.steps_per_epoch,
                epochs=self.epochs,
                first=self.learning_rate,
                last=self.final_learning_rate,
            )
        return schedule.cosine(
            step,
            steps=self.steps,
            peak=self.learning_rate,
            warmup_steps=self.warmup_steps,
            floor=self.final_learning_rate,
        )


def _names_of(kind) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What does not change the outcome of a training; each field says what it is for.

    Raises:
        ValueError: If a value is out of its range.
    """

    save_minutes: float = _constant(
        10.0,
        "Minutes between two checkpoints, besides those of every epoch.",
        _Range(lambda v: v > 0, "positive"),
    )
    keep: int = _constant(2, "Newest checkpoints that are kept, besides the best.", _COUNT)
    log_steps: int = _constant(20, "Steps between two rows of history.csv.", _COUNT)
    summaries: bool = _constant(True, "Write TensorBoard summaries.")
    jit_compile: bool = _constant(False, "Compile the step by XLA.")
    stop_after: Optional[int] = _constant(
        None,
        "Stop when this many steps are done in all, as a signal would.",
        _Range(lambda v: v is None or v >= 1, "at least 1"),
    )
    progress: Optional[bool] = _constant(
        None, "Show a progress bar; without a value, where stderr is a terminal."
    )

    def __post_init__(self):
        _check_fields(self)


_SHORT = dict(
    reference_quirks=False,
    validation_batches=25,
    optimizer="adam",
    schedule="cosine",
    final_learning_rate=1e-7,
    warmup_steps=50,
    weight_decay=0.0,
    loss_scale="sum",
)
_SHORT_GRADNET = dict(
    **_SHORT,
    init_template="search",
    init_update="descent",
    template_statistics="moving",
    steps=5000,
    steps_per_epoch=500,
    learning_rate=1e-4,
)
_SHORT_SIAMFC = dict(
    **_SHORT,
    variant="baseline",
    steps=1200,
    steps_per_epoch=200,
    learning_rate=3e-5,
    frozen_layers=2,
    search_statistics="moving",
    negatives=0.25,
    score_offset=-2.148,  # Of SiamFC-3s, the net that this preset goes on with.
)
_TRACKING = dict(
    steps=30_000,
    steps_per_epoch=1000,
    warmup_steps=300,
    crops=4,
    scale_jitter=0.08,
    updates=3,
    regions=6,
    first_frame_weight=0.5,
    generalization=0.5,
    shift=1,
    sample_shift=1,
    wrong_samples=0.1,
)
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # The reference has no stage siamfc: its constants, and SiamFC's way to train.
    "reference": {"gradnet": {}, "siamfc": dict(variant="baseline")},
    "short": {"gradnet": _SHORT_GRADNET, "siamfc": _SHORT_SIAMFC},
    # The search branch has no updates.
    "tracking": {"gradnet": {**_SHORT_GRADNET, **_TRACKING}, "siamfc": _SHORT_SIAMFC},
}


def preset(name: str, stage: str = "gradnet", **changes) -> TrainConfig:
    """A preset by name for a stage, with single constants changed.

    Args:
        name: "reference", "short", or "tracking", which is "short" with the task that tracking
            sets.
        stage: "siamfc" or "gradnet".
        **changes: Fields of `TrainConfig`.

    Returns:
        A `TrainConfig`. The preset's warm-up gives way where `changes` leave fewer steps than it
        has.

    Raises:
        ValueError: If the preset, the stage or a field is unknown, or a value out of its range.
    """
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
    if stage not in STAGES:
        raise ValueError(f"stage must be one of {', '.join(STAGES)}, got {stage!r}")
    fields = _names_of(TrainConfig)
    unknown = sorted(set(changes) - fields)
    if unknown:
        raise ValueError(
            f"unknown constants {', '.join(unknown)}; known are {', '.join(sorted(fields))}"
        )
    constants = dict(PRESETS[name][stage])
    if "warmup_steps" in constants:
        # Not below 0: of steps that are none, `TrainConfig` complains itself.
        most = max(changes.get("steps", constants["steps"]) - 1, 0)
        constants["warmup_steps"] = min(constants["warmup_steps"], most)
    return TrainConfig(stage=stage, **{**constants, **changes})


# The constants on the right mean nothing where the one on the left has this value.
_MEANINGLESS = {
    ("stage", "siamfc"): ("init_template", "init_update", "template_statistics", "trained"),
    ("stage", "gradnet"): ("search_statistics",),
    ("variant", "without_gradient"): ("init_update",),
    ("init_template", "checkpoint"): ("init_update",),
    ("optimizer", "adam"): ("momentum",),
    ("schedule", "constant"): ("final_learning_rate", "warmup_steps"),
    ("schedule", "log_steps"): ("warmup_steps",),
    ("augment", "none"): (
        "reference_quirks",
        "lookalikes",
        "occlusion",
        "blur_drift",
        "light_drift",
        "scale_drift",
    ),
    ("updates", 1): ("update_rate",),
}


def check_meaning(config: TrainConfig, given: Mapping[str, Any]) -> None:
    """Raises a ValueError if a constant was given that means nothing beside the others."""
    for (other, value), meaningless in _MEANINGLESS.items():
        for name in meaningless if getattr(config, other) == value else ():
            if name in given:
                raise ValueError(f"{name}={given[name]} means nothing with {other}={value}")
