"""The presets of a training, and what does not change its outcome.

The preset "reference" is `getOpts` of the reference's train.py; "short" and "tracking" are this
project's own, for hours on two cores (docs/train.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Optional

from gradnet_tf import settings
from gradnet_tf.data import scenes
from gradnet_tf.settings import COUNT, Range, constant, names_of
from gradnet_tf.training.config import STAGES, TrainConfig


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What does not change the outcome of a training; each field says what it is for.

    Raises:
        ValueError: If a value is out of its range.
    """

    save_minutes: float = constant(
        10.0,
        "Minutes between two checkpoints, besides those of every epoch.",
        Range(lambda v: v > 0, "positive"),
    )
    keep: int = constant(2, "Newest checkpoints that are kept, besides the best.", COUNT)
    log_steps: int = constant(20, "Steps between two rows of history.csv.", COUNT)
    summaries: bool = constant(True, "Write TensorBoard summaries.")
    jit_compile: bool = constant(False, "Compile the step by XLA.")
    stop_after: Optional[int] = constant(
        None,
        "Stop when this many steps are done in all, as a signal would.",
        Range(lambda v: v is None or v >= 1, "at least 1"),
    )
    progress: Optional[bool] = constant(
        None, "Show a progress bar; without a value, where stderr is a terminal."
    )

    def __post_init__(self):
        settings.check(self)


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
    """The preset "reference", "short" or "tracking" for a stage, with single constants changed.

    Its warm-up gives way where `changes` leave fewer steps than it has.

    Raises:
        ValueError: If the preset, the stage or a field is unknown, or a value out of its range.
    """
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
    if stage not in STAGES:
        raise ValueError(f"stage must be one of {', '.join(STAGES)}, got {stage!r}")
    fields = names_of(TrainConfig)
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
    ("augment", "none"): ("reference_quirks", *sorted(names_of(scenes.SceneConfig))),
    ("updates", 1): ("update_rate",),
}


def check_meaning(config: TrainConfig, given: Mapping[str, Any]) -> None:
    """Raises a ValueError if a constant was given that means nothing beside the others."""
    for (other, value), meaningless in _MEANINGLESS.items():
        for name in meaningless if getattr(config, other) == value else ():
            if name in given:
                raise ValueError(f"{name}={given[name]} means nothing with {other}={value}")
