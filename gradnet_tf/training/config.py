"""Every constant of a training, in one frozen dataclass; `presets` has sets of them."""

from __future__ import annotations

import dataclasses
import math
from typing import Optional

from gradnet_tf.data import pair_config, scenes, task
from gradnet_tf.network import architecture
from gradnet_tf.settings import BELOW_1, COUNT, NOT_NEGATIVE, Range, constant, names_of
from gradnet_tf.training import optimizers

STAGES = ("siamfc", "gradnet")
# Those of the network, and the full one trained without template generalization.
VARIANTS = (*architecture.VARIANTS, "without_generalization")
FLOAT32_VARIABLES = ("float32", "mixed_bfloat16", "bfloat16", "float16")
STATISTICS = ("batch", "moving")

_FACTOR = Range(lambda v: 0 <= v < math.inf, "at least 0 and finite")
_RATE = Range(lambda v: 0 < v < math.inf, "positive and finite")
_SHARE = Range(lambda v: 0 < v <= 1, "in (0, 1]")


@dataclasses.dataclass(frozen=True)
class TrainConfig(scenes.SceneConfig, task.TaskConfig, pair_config.DrawConfig):
    """What a training does; the defaults are stage `gradnet` of the preset `reference`.

    Each field says what it is for; `python -m gradnet_tf.train --help` prints that.

    Raises:
        ValueError: If a value is out of its range or contradicts another.
    """

    stage: str = constant(
        "gradnet",
        "siamfc trains the search branch as a plain Siamese net with shared branches; gradnet "
        "trains the template branch and U2 and leaves the search branch as it is.",
        STAGES,
    )
    variant: str = constant(
        "full",
        "Row of the paper's Table 3 that is trained: full; without_generalization (w/o M: every "
        "template meets its own search region only); two_subnets (w 2U); without_gradient (w/o "
        "MG: no U2 and no generalization); in stage siamfc, baseline.",
        VARIANTS,
    )
    init_template: str = constant(
        "random",
        "Template branch and U2 at the start: random as in the reference, search (a copy of the "
        "search branch, and a random U2), or checkpoint (both as in the initial checkpoint).",
        ("random", "search", "checkpoint"),
    )
    init_update: str = constant(
        "random",
        "U2 at the start, unless it is that of the initial checkpoint: random as in the reference, "
        "or descent, a step against the gradient, which finds the target better than the initial "
        "template before any training.",
        ("random", "descent"),
    )
    label: str = constant(
        "logistic",
        "Label map of the target: logistic (discs of +1, the rest -1) or gaussian (the map that "
        "the reference keeps beside it, and Algorithm 1 mentions).",
        ("logistic", "gaussian"),
    )
    regions: int = constant(
        1,
        "Stage gradnet: search regions of a pair. With more than 1, each exemplar's template is "
        "also updated by the first region of its own video alone, as in tracking, and has to find "
        "the target in the others. With several updates, the regions of the template's own video: "
        "one for each update, the rest for losses.",
        COUNT,
    )
    steps: int = constant(50 * 5984, "Steps of the whole training.", COUNT)
    steps_per_epoch: int = constant(5984, "Steps between two validations.", COUNT)
    validation: float = constant(
        0.1, "Share of the videos that is held out.", Range(lambda v: 0 < v < 1, "in (0, 1)")
    )
    validation_batches: int = constant(100, "Batches of a validation.", COUNT)
    optimizer: str = constant("momentum", "TensorFlow 1's momentum, or Adam.", ("momentum", "adam"))
    momentum: float = constant(0.9, "Of optimizer=momentum.", BELOW_1)
    schedule: str = constant(
        "log_steps",
        "Learning rate over the steps: log_steps (a rate for each epoch, evenly spaced in the "
        "logarithm), cosine, or constant.",
        ("log_steps", "cosine", "constant"),
    )
    learning_rate: float = constant(1e-2, "Highest learning rate.", _RATE)
    final_learning_rate: float = constant(1e-5, "Learning rate at the end.", _RATE)
    warmup_steps: int = constant(
        0, "Steps of linear increase of the learning rate (schedule=cosine).", NOT_NEGATIVE
    )
    weight_decay: float = constant(5e-4, "Factor of the kernels' L2 regularization.", _FACTOR)
    loss_scale: str = constant(
        "mean",
        "Mean over the map and the batch as in the reference, or sum over the map and mean over "
        "the batch: 225 times as much beside the regularization.",
        ("mean", "sum"),
    )
    frozen_layers: int = constant(
        0,
        "Stage siamfc: convolutions that stay as they are, counted from the image.",
        Range(lambda v: 0 <= v <= 4, "in 0 to 4"),
    )
    search_statistics: str = constant(
        "batch",
        "Stage siamfc: batch norm uses the batch's statistics, to train from scratch, or its "
        "moving averages, to fine-tune.",
        STATISTICS,
    )
    template_statistics: str = constant(
        "batch",
        "Stage gradnet: batch norm of the template branch and U2 uses the group's statistics as in "
        "the reference, or its moving averages: what tracking sees is trained, and only one "
        "exemplar of a group has to be computed.",
        STATISTICS,
    )
    negatives: float = constant(
        0.0,
        "Stage siamfc, or several regions: weight of the loss of search regions under another "
        "video's template.",
        _FACTOR,
    )
    score_offset: float = constant(
        0.0,
        "Stage siamfc: first value of a trained constant that is added to the scores (the offset "
        "in the last layer of SiamFC); the tracker's response does not depend on it.",
        Range(math.isfinite, "finite"),
    )
    precision: str = constant(
        "float32",
        "Type of the arithmetic: mixed_bfloat16 is bfloat16 in every convolution, bfloat16 and "
        "float16 are for those of the search branch in stage gradnet, where it has no gradient. "
        "Variables are float32 in all but float64, and a training may go on in another of them.",
        (*FLOAT32_VARIABLES, "float64"),
    )
    trained: str = constant(
        "all", "Stage gradnet: template branch and U2, or U2 alone.", ("all", "update")
    )
    updates: int = constant(
        1,
        "Stage gradnet: successive updates of one template that are trained, as tracking makes "
        "them, with a loss after each; the reference trains one. The first is by the search region "
        "of the exemplar's own frame, the others by that one and a sample.",
        COUNT,
    )
    update_rate: float = constant(
        0.6, "Share of the new h_2 at each update but the first (likewise).", _SHARE
    )
    template_influence: float = constant(
        1.0,
        "Share of the updated template's scores in those that the loss sees (likewise); the rest "
        "is of SiamFC's template of the exemplar.",
        _SHARE,
    )

    def __post_init__(self):
        super().__post_init__()
        self._check_updates()
        if self.schedule != "constant":
            rate = self.learning_rate
            most = Range(lambda v: v <= rate, f"at most learning_rate={rate}")
            most.check(self, "final_learning_rate")
        if self.schedule == "cosine":
            below = Range(lambda v: v < self.steps, f"below steps={self.steps}")
            below.check(self, "warmup_steps")
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
            of_updates = names_of(task.TaskConfig) - {"regions"} | {"template_influence"}
            for field in dataclasses.fields(self):
                value = getattr(self, field.name)
                if field.name in of_updates and value != field.default:
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

    def pairs(self) -> pair_config.PairConfig:
        """How the pairs are drawn."""
        return self._as(
            pair_config.PairConfig,
            scenes=self._as(scenes.SceneConfig),
            first_exemplar=self.exemplars == 1,
            task=self.task(),
        )

    def _as(self, kind, **others):
        """Another configuration with the values of the fields that both have."""
        shared = names_of(kind) & names_of(self)
        return kind(**{name: getattr(self, name) for name in shared}, **others)

    @property
    def exemplars(self) -> int:
        """Exemplars of a group that are computed; the others matter to batch statistics only."""
        alone = self.regions == 1 or self.updates > 1
        if self.stage == "gradnet" and self.generalizes and alone:
            return 1 if self.template_statistics == "moving" else self.batch
        return self.batch

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
            return self.learning_rate
        first, last = self.learning_rate, self.final_learning_rate
        if self.schedule == "log_steps":
            return optimizers.log_steps(step, self.steps_per_epoch, self.epochs, first, last)
        return optimizers.cosine(step, self.steps, first, self.warmup_steps, last)
