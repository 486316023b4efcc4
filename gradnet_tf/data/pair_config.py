"""How pairs are drawn and augmented: the constants of the pipeline."""

from __future__ import annotations

import dataclasses
from typing import Optional

from gradnet_tf import settings
from gradnet_tf.data import cutting, distortion, scenes, task
from gradnet_tf.data.augment import AugmentConfig
from gradnet_tf.network import architecture
from gradnet_tf.settings import BELOW_1, COUNT, NOT_NEGATIVE, Range, constant


def _side(most: int) -> Range:
    return Range(lambda v: v in range(1, most + 1), f"at least 1 and at most {most}")


@dataclasses.dataclass(frozen=True)
class DrawConfig:
    """What a training and its pairs say alike; each field says what it is for."""

    batch: int = constant(8, "k, pairs of different videos that one template meets.", COUNT)
    groups: int = constant(
        1,
        "Groups of k pairs in a step, each with batch statistics of its own; replicas and workers "
        "share them out.",
        COUNT,
    )
    frame_range: int = constant(100, "Most frames between exemplar and instance.", COUNT)
    augment: str = constant(
        "reference",
        "Augmentation of the pairs: reference; strong (that, and blur, rotation, occlusion, hue "
        "and brightness); none.",
        ("reference", "strong", "none"),
    )
    reference_quirks: bool = constant(
        True, "Keep the oddities of the reference's augmentation, see `gradnet_tf.data.augment`."
    )
    seed: int = constant(
        1,
        "Of initial values and pairs.",
        Range(lambda v: 0 <= v < 2**63, "at least 0, below 2**63"),
    )
    crops: int = constant(
        0,
        "Augmented search regions of each frame, of which a step draws one: their features can be "
        "kept (--feature_cache). 0: every step has new ones.",
        NOT_NEGATIVE,
    )
    scale_jitter: float = constant(
        0.0, "Largest relative error of a search region's scale.", BELOW_1
    )


@dataclasses.dataclass(frozen=True)
class PairConfig(DrawConfig):
    """How pairs are drawn and augmented; each field says what it is for.

    Raises:
        ValueError: If a value is out of its range or contradicts another.
    """

    regions: int = constant(1, "Instances of a pair, of the same track; not with a task.", COUNT)
    exemplar_size: int = constant(
        architecture.EXEMPLAR_SIZE,
        "Side of the exemplars in px.",
        _side(architecture.EXEMPLAR_SIZE),
    )
    instance_size: int = constant(
        architecture.TRAINING_INSTANCE_SIZE,
        "Side of the instances in px; what is left of 255 px is room for the shift.",
        _side(architecture.INSTANCE_SIZE),
    )
    validation: float = constant(
        0.1,
        "Share of the videos that is held out, 0 for none. Of fewer than are needed for groups of "
        "k pairs, more are held out, up to a fifth of all, and validation's groups are as large as "
        "that gives.",
        BELOW_1,
    )
    color: bool = constant(True, "See `augment.AugmentConfig`.")
    strong: distortion.DistortionConfig = distortion.DistortionConfig()
    threads: int = constant(0, "Threads of the pipeline; 0: TensorFlow chooses.", NOT_NEGATIVE)
    scenes: scenes.SceneConfig = scenes.SceneConfig()
    first_exemplar: bool = constant(False, "Whether a group has but its first pair's exemplar.")
    task: Optional[task.TaskConfig] = None  # Sequences of updates instead of pairs.

    def __post_init__(self):
        settings.check(self)
        if self.crops > 1 and self.augment == "none":
            raise ValueError(
                f"crops={self.crops} means nothing with augment=none: they would all be the same"
            )
        if self.scenes.active and self.augment == "none":
            given = {name: value for name, value in vars(self.scenes).items() if value}
            raise ValueError(f"scenes of {given} mean nothing with augment=none")

    def augmentation(self) -> AugmentConfig:
        """The reference's augmentation with these settings, of exemplars."""
        return AugmentConfig(color=self.color, reference_quirks=self.reference_quirks)

    def instance_augmentation(self) -> AugmentConfig:
        """That of instances."""
        beyond = self.scale_jitter > 0 or self.whole_size > self.instance_size
        return dataclasses.replace(
            self.augmentation(), scale_jitter=self.scale_jitter, beyond=beyond
        )

    @property
    def whole_size(self) -> int:
        """Side of an augmented instance in px, before a part of it is cut out for a shift."""
        return architecture.INSTANCE_SIZE if self.task and self.task.shift else self.instance_size

    @property
    def cut_size(self) -> int:
        """Side of the instances that a step gets, in px."""
        return self.whole_size - 2 * cutting.CELL * (self.task.shift if self.task else 0)

    def exemplars(self, pairs: int) -> int:
        """Exemplars of a group of so many pairs."""
        return 1 if self.first_exemplar else pairs

    def instances(self, pairs: int) -> int:
        """Instances of a group of so many pairs."""
        return self.task.count(pairs) if self.task else pairs * self.regions
