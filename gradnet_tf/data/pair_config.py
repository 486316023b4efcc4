"""How pairs are drawn and augmented: the constants of the pipeline."""

from __future__ import annotations

import dataclasses
from typing import Optional

from gradnet_tf.data import cutting, distortion, scenes, task
from gradnet_tf.data.augment import AugmentConfig
from gradnet_tf.network import architecture

AUGMENTATIONS = ("reference", "strong", "none")


@dataclasses.dataclass(frozen=True)
class PairConfig:
    """How pairs are drawn and augmented.

    Attributes:
        batch: Pairs of a group, k, from as many different videos.
        groups: Groups of the global batch.
        regions: Instances of a pair, of the same track.
        exemplar_size: Side of the exemplars in px, at most 127.
        instance_size: Side of the instances in px, at most 255; what is left of the 255 px is room
            for the shift.
        frame_range: Largest distance of the frame numbers of a pair.
        validation: Share of the videos that is held out, 0 for none. Of fewer than are needed for
            groups of k pairs, more are held out, up to a fifth of all, and validation's groups are
            as large as that gives.
        max_translate: See `augment.AugmentConfig`.
        max_stretch: See `augment.AugmentConfig`.
        color: See `augment.AugmentConfig`.
        reference_quirks: See `augment.AugmentConfig`.
        augment: "reference"; "strong" (that, and what `distortion.DistortionConfig` says); "none".
        strong: What "strong" adds.
        seed: Seed of the run.
        threads: Threads of the pipeline; 0 leaves it to TensorFlow.
        crops: 0: every instance is augmented anew. Else each frame has so many augmented instances,
            each of them a function of (seed, frame, its number), of which a step draws one.
        scale_jitter: Largest relative error of an instance's scale.
        scenes: What is pasted into instances, and how tracks drift; nothing by default.
        first_exemplar: Whether a group has only the exemplar of its first pair.
        task: Sequences of updates instead of pairs, see `task`. `regions` is of no meaning then.
    """

    batch: int = 8
    groups: int = 1
    regions: int = 1
    exemplar_size: int = architecture.EXEMPLAR_SIZE
    instance_size: int = architecture.TRAINING_INSTANCE_SIZE
    frame_range: int = 100
    validation: float = 0.1
    max_translate: int = 4
    max_stretch: float = 0.05
    color: bool = True
    reference_quirks: bool = True
    augment: str = "reference"
    strong: distortion.DistortionConfig = dataclasses.field(
        default_factory=distortion.DistortionConfig
    )
    seed: int = 1
    threads: int = 0
    crops: int = 0
    scale_jitter: float = 0.0
    scenes: scenes.SceneConfig = scenes.SceneConfig()
    first_exemplar: bool = False
    task: Optional[task.TaskConfig] = None

    def __post_init__(self):
        for name, low, high in (
            ("batch", 1, None),
            ("groups", 1, None),
            ("regions", 1, None),
            ("exemplar_size", 1, architecture.EXEMPLAR_SIZE),
            ("instance_size", 1, architecture.INSTANCE_SIZE),
            ("frame_range", 0, None),
            ("seed", 0, 2**63 - 1),
            ("threads", 0, None),
            ("crops", 0, None),
        ):
            value = getattr(self, name)
            if value != int(value) or value < low or (high is not None and value > high):
                upper = "" if high is None else f" and at most {high}"
                raise ValueError(
                    f"{name} must be a whole number of at least {low}{upper}, got {value!r}"
                )
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation must be in 0..1 (below 1), got {self.validation!r}")
        if self.augment not in AUGMENTATIONS:
            raise ValueError(
                f"augment must be one of {', '.join(AUGMENTATIONS)}, got {self.augment!r}"
            )
        if self.crops > 1 and self.augment == "none":
            raise ValueError(
                f"crops={self.crops} means nothing with augment=none: they would all be the same"
            )
        if self.scenes.active and self.augment == "none":
            given = {name: value for name, value in vars(self.scenes).items() if value}
            raise ValueError(f"scenes of {given} mean nothing with augment=none")
        self.augmentation()
        self.instance_augmentation()

    def augmentation(self) -> AugmentConfig:
        """The reference's augmentation with these settings, of exemplars."""
        return AugmentConfig(
            self.max_translate, self.max_stretch, self.color, self.reference_quirks
        )

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
