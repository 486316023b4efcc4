"""Every constant of a training, in one frozen dataclass, with the presets.

Sources: the preset "reference" is `train.py` of the reference (`getOpts`); "short" and "tracking"
are this project's own, for hours on two cores (README, section on training).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Optional

from gradnet_tf.data import scenes, task
from gradnet_tf.network import architecture
from gradnet_tf.training import schedule

STAGES = ("siamfc", "gradnet")
# Those of the network, and the full one trained without template generalization.
VARIANTS = (*architecture.VARIANTS, "without_generalization")
INIT_TEMPLATES = ("random", "search", "checkpoint")
INIT_UPDATES = ("random", "descent")
LABELS = ("logistic", "gaussian")
OPTIMIZERS = ("momentum", "adam")
SCHEDULES = ("log_steps", "cosine", "constant")
AUGMENTS = ("reference", "strong", "none")
FLOAT32_VARIABLES = ("float32", "mixed_bfloat16", "bfloat16", "float16")
PRECISIONS = (*FLOAT32_VARIABLES, "float64")
LOSS_SCALES = ("mean", "sum")
STATISTICS = ("batch", "moving")
TRAINED = ("all", "update")
# Fields that working directories of earlier versions do not name.
LATER = (
    "crops",
    "scale_jitter",
    "lookalikes",
    "occlusion",
    "blur_drift",
    "light_drift",
    "scale_drift",
    "trained",
    "updates",
    "first_frame_weight",
    "generalization",
    "shift",
    "sample_shift",
    "wrong_samples",
    "update_rate",
    "template_influence",
)
# Fields that mean something with successive updates only, and their values without.
_OF_UPDATES = {
    "first_frame_weight": 0.0,
    "generalization": 1.0,
    "shift": 0,
    "sample_shift": 0,
    "wrong_samples": 0.0,
    "template_influence": 1.0,
}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What a training does; the defaults are stage `gradnet` of the preset `reference`.

    Attributes:
        stage: "siamfc" trains the search branch as a plain Siamese net with shared branches;
            "gradnet" trains the template branch and U2 and leaves the search branch as it is.
        variant: Row of the paper's Table 3: "full", "without_generalization" (w/o M: every template
            meets its own search region only), "without_gradient" (w/o MG: no U2 and no
            generalization), "two_subnets" (w 2U) or, in stage "siamfc", "baseline".
        init_template: Template branch and U2 at the start: "random" as in the reference, "search"
            (a copy of the search branch, and a random U2), or "checkpoint" (both as in the initial
            checkpoint).
        init_update: U2 at the start, unless it is in the initial checkpoint and asked for: "random"
            as in the reference, or "descent", a step against the gradient, which finds the target
            better than the initial template before any training.
        label: "logistic" (discs of +1, the rest -1) or "gaussian" (the map that the reference keeps
            beside it, and Algorithm 1 mentions).
        batch: k, pairs of different videos that one template meets.
        regions: In stage "gradnet", search regions of a pair. 1: as in the reference. With more,
            each exemplar's template is also updated by the first region of its own video alone, as
            in tracking, and has to find the target in the others.
        groups: Groups of k pairs in a step, each with batch statistics of its own; replicas and
            workers share them out.
        steps: Steps of the whole training.
        steps_per_epoch: Steps between two validations.
        validation: Share of the videos held out.
        validation_batches: Batches of a validation.
        frame_range: Exemplar and instance are at most this many frames apart.
        augment: Augmentations of the pairs: "reference", "strong" or "none", see `gradnet_tf.data`.
        reference_quirks: Whether the augmentation keeps the oddities of the reference's code, see
            `gradnet_tf.data.augment`.
        optimizer: "momentum" (as in TensorFlow 1) or "adam".
        momentum: Of the optimizer "momentum".
        schedule: "log_steps" (a rate for each epoch, evenly spaced in the logarithm), "cosine" or
            "constant".
        learning_rate: Highest learning rate.
        final_learning_rate: Learning rate at the end; of no meaning for "constant".
        warmup_steps: Steps of linear increase, for "cosine".
        weight_decay: Factor of the kernels' L2 regularization.
        loss_scale: "mean" over the map and the batch as in the reference, or "sum" over the map and
            mean over the batch: 225 times as much beside the regularization.
        frozen_layers: In stage "siamfc", convolutions that stay as they are, counted from the
            image.
        search_statistics: In stage "siamfc", whether batch norm uses the batch's statistics
            ("batch", to train from scratch) or its moving averages ("moving", to fine-tune).
        template_statistics: In stage "gradnet", whether batch norm of the template branch and U2
            uses the group's statistics ("batch", as in the reference) or its moving averages
            ("moving": what tracking sees is trained, and only one exemplar of a group has to be
            computed).
        negatives: In stage "siamfc", and with several regions, weight of the loss of search regions
            under another video's template.
        score_offset: In stage "siamfc", first value of a trained constant that is added to the
            scores (the offset in the last layer of SiamFC); the tracker's response does not depend
            on it.
        seed: Of initial values and pairs.
        precision: "float32"; "mixed_bfloat16" for bfloat16 in every convolution, see `Objective`;
            "bfloat16" or "float16" in those of the search branch alone, in stage "gradnet", where
            it has no gradient; or "float64" for everything. In all but the last one variables are
            float32, and a training may go on in another.
        crops: 0: a search region is augmented anew in every step. Else each frame has so many
            augmented regions, of which a step draws one: their features can be kept, see
            `features`.
        scale_jitter: Largest relative error of a search region's scale.
        lookalikes, occlusion, blur_drift, light_drift, scale_drift: What is pasted into search
            regions, and how tracks drift, see `gradnet_tf.data.scenes.SceneConfig`.
        trained: In stage "gradnet", "all" (template branch and U2) or "update" (U2 alone).
        updates: In stage "gradnet", successive updates that are trained. 1: one, as in the
            reference. With more, one template a group goes through them as in tracking, see
            `gradnet_tf.data.task.TaskConfig`, of which `first_frame_weight`, `generalization`,
            `shift`, `sample_shift` and `wrong_samples` are fields: the first one is by the search
            region of the exemplar's own frame, the others by that one and a sample, and the losses
            after each are on further regions, so `regions` has to be more than `updates`.
        first_frame_weight: Share of the first region in the gradients, as `TrackerConfig` has it.
        generalization: How often the other videos of a group take part in a sequence of updates.
        shift: Cells by which targets are off the centre at most where the loss is taken.
        sample_shift: Cells by which the samples of updates are off the target at most.
        wrong_samples: How often a sample is wrong altogether.
        update_rate: Share of the new h_2 at each update but the first, as `TrackerConfig` has it.
        template_influence: Share of the updated template's scores in those that the loss sees, as
            `TrackerConfig` has it of responses; the rest is of SiamFC's template of the exemplar.

    Raises:
        ValueError: If a value is out of its range or contradicts another.
    """

    stage: str = "gradnet"
    variant: str = "full"
    init_template: str = "random"
    init_update: str = "random"
    label: str = "logistic"
    batch: int = 8
    regions: int = 1
    groups: int = 1
    steps: int = 50 * 5984
    steps_per_epoch: int = 5984
    validation: float = 0.1
    validation_batches: int = 100
    frame_range: int = 100
    augment: str = "reference"
    reference_quirks: bool = True
    optimizer: str = "momentum"
    momentum: float = 0.9
    schedule: str = "log_steps"
    learning_rate: float = 1e-2
    final_learning_rate: float = 1e-5
    warmup_steps: int = 0
    weight_decay: float = 5e-4
    loss_scale: str = "mean"
    frozen_layers: int = 0
    search_statistics: str = "batch"
    template_statistics: str = "batch"
    negatives: float = 0.0
    score_offset: float = 0.0
    seed: int = 1
    precision: str = "float32"
    crops: int = 0
    scale_jitter: float = 0.0
    lookalikes: float = 0.0
    occlusion: float = 0.0
    blur_drift: float = 0.0
    light_drift: float = 0.0
    scale_drift: float = 0.0
    trained: str = "all"
    updates: int = 1
    first_frame_weight: float = 0.0
    generalization: float = 1.0
    shift: int = 0
    sample_shift: int = 0
    wrong_samples: float = 0.0
    update_rate: float = 0.6
    template_influence: float = 1.0

    def __post_init__(self):
        def check(name, valid, expected):
            if not valid(getattr(self, name)):
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")

        for name, choices in (
            ("stage", STAGES),
            ("variant", VARIANTS),
            ("init_template", INIT_TEMPLATES),
            ("init_update", INIT_UPDATES),
            ("label", LABELS),
            ("augment", AUGMENTS),
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("loss_scale", LOSS_SCALES),
            ("search_statistics", STATISTICS),
            ("template_statistics", STATISTICS),
            ("precision", PRECISIONS),
            ("trained", TRAINED),
        ):
            check(name, choices.__contains__, f"one of {', '.join(choices)}")
        for name in (
            "batch",
            "regions",
            "groups",
            "steps",
            "steps_per_epoch",
            "validation_batches",
            "updates",
        ):
            check(name, lambda v: v >= 1, "at least 1")
        for name in ("warmup_steps", "seed", "crops"):
            check(name, lambda v: v >= 0, "at least 0")
        for name in ("weight_decay", "negatives"):
            check(name, lambda v: 0 <= v < math.inf, "at least 0 and finite")
        for name in ("learning_rate", "final_learning_rate"):
            check(name, lambda v: 0 < v < math.inf, "positive and finite")
        check("score_offset", math.isfinite, "finite")
        check("momentum", lambda v: 0 <= v < 1, "in [0, 1)")
        check("validation", lambda v: 0 < v < 1, "in (0, 1)")
        check("frame_range", lambda v: v >= 1, "at least 1")
        check("frozen_layers", lambda v: 0 <= v <= 4, "in 0 to 4")
        check("update_rate", lambda v: 0 < v <= 1, "in (0, 1]")
        check("template_influence", lambda v: 0 < v <= 1, "in (0, 1]")
        check("scale_jitter", lambda v: 0 <= v < 1, "in [0, 1)")
        self.scenes()
        self._check_updates()
        if self.schedule != "constant":
            rate = self.learning_rate
            check("final_learning_rate", lambda v: v <= rate, f"at most learning_rate={rate}")
        if self.schedule == "cosine":
            check("warmup_steps", lambda v: v < self.steps, f"below steps={self.steps}")
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
            for name, without in _OF_UPDATES.items():
                if getattr(self, name) != without:
                    raise ValueError(
                        f"{name}={getattr(self, name)!r} belongs to updates of at least 2"
                    )
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
        if self.updates == 1:
            return None
        names = [field.name for field in dataclasses.fields(task.TaskConfig)]
        return task.TaskConfig(**{name: getattr(self, name) for name in names})

    def scenes(self) -> scenes.SceneConfig:
        """What is pasted into search regions, and how tracks drift."""
        names = [field.name for field in dataclasses.fields(scenes.SceneConfig)]
        return scenes.SceneConfig(**{name: getattr(self, name) for name in names})

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


_SHORT: dict[str, dict[str, Any]] = {
    "gradnet": dict(
        init_template="search",
        init_update="descent",
        template_statistics="moving",
        reference_quirks=False,
        steps=5000,
        steps_per_epoch=500,
        validation_batches=25,
        optimizer="adam",
        schedule="cosine",
        learning_rate=1e-4,
        final_learning_rate=1e-7,
        warmup_steps=50,
        weight_decay=0.0,
        loss_scale="sum",
    ),
    "siamfc": dict(
        variant="baseline",
        reference_quirks=False,
        steps=1200,
        steps_per_epoch=200,
        validation_batches=25,
        optimizer="adam",
        schedule="cosine",
        learning_rate=3e-5,
        final_learning_rate=1e-7,
        warmup_steps=50,
        weight_decay=0.0,
        loss_scale="sum",
        frozen_layers=2,
        search_statistics="moving",
        negatives=0.25,
        score_offset=-2.148,  # Of SiamFC-3s, the net that this preset goes on with.
    ),
}
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "reference": {
        "gradnet": {},
        # The reference has no such stage: its constants, and SiamFC's way to train.
        "siamfc": dict(variant="baseline"),
    },
    "short": _SHORT,
    "tracking": {
        "gradnet": {
            **_SHORT["gradnet"],
            **dict(
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
            ),
        },
        "siamfc": _SHORT["siamfc"],  # The search branch has no updates.
    },
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
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
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
