"""Batches of cross-video pairs as a `tf.data` pipeline.

Each group of a batch has k pairs from k different videos, so that one template must find k targets
(template generalization; paper, section 3.3 and Algorithm 1). The batch of a step is a function of
(seed, step) alone: a resumed run and any number of workers see the same data.
Source: `vidGetRandBatch` of the reference's train.py.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf.data import catalog, cutting, draws, pasting, pipeline, sampling, scenes
from gradnet_tf.data.pair_config import PairConfig

# Of small data sets, this share is held out at most to make validation's groups full.
_SMALL_SHARE = 0.2


def open_pairs(
    globs: Sequence[str],
    weights: Optional[Sequence[float]] = None,
    config: Optional[PairConfig] = None,
) -> PairSource:
    """Opens data sets for training: one pattern of shards each, see `catalog.load`.

    The weights say how often each is drawn, in any scale; by default every video of every set is
    equally likely.

    Raises:
        OSError: If shards are missing or damaged.
        ValueError: If weights do not fit, or there are fewer videos than a group needs.
    """
    config = config or PairConfig()
    checked = _check_weights(globs, weights)
    need_statistics = config.color and config.augment != "none"
    return PairSource(catalog.load(list(globs), need_statistics), checked, config)


class PairSource(pipeline.Pipeline):
    """Makes the batches; see `open_pairs`."""

    def __init__(
        self,
        source: catalog.Catalog,
        weights: Optional[np.ndarray],
        config: PairConfig,
    ):
        self.config = config
        self.catalog = source
        # The videos for training and for validation, and the pairs of a group in validation.
        self.training, self.held_out = source.split(self._held_out(), weights)
        self.validation_batch = min(config.batch, self.held_out.count)
        self._check_sets()
        self._prepare()

    def _prepare(self) -> None:
        """Sets what the configuration says about drawing and cutting."""
        source, config = self.catalog, self.config
        color = config.augment != "none" and config.color
        size = config.exemplar_size
        exemplars = cutting.Cutter(
            source, "z", size, size, config.augmentation(), config.strong, color
        )
        how = config.instance_augmentation(), config.strong, color
        self.instances = cutting.Cutter(source, "x", config.whole_size, config.cut_size, *how)
        stage = None
        if config.scenes.active:
            sizes = pasting.target_sizes(source.columns["boxes"])
            stage = scenes.Stage(config.scenes, self.training, sizes, config.frame_range)
        drawn = draws.Draws(self.training, self.held_out, config, self.validation_batch, stage)
        super().__init__(config, source, drawn, {"z": exemplars, "x": self.instances})

    def train(self, start_step: int = 0, shard: tuple[int, int] = (0, 1)) -> tf.data.Dataset:
        """The batches from a step on, without end.

        Args:
            start_step: The step of the first batch.
            shard: (index, count) of a worker: it gets its part of each global batch's groups, whose
                number is a multiple of the count. All workers' parts, one after the other, are the
                global batch.

        Returns:
            Data set of (exemplars [n, 127, 127, 3], instances [n, 239, 239, 3]), float32, BGR,
            about 0..255; pairs of a group stand together, and so do the instances of a pair, where
            there are n * regions of them. With `features`, instances are float16 [n, 20, 20, 256].
            With a `task`, of each sequence one further element (label int32 [groups, n, 2],
            gradient float32 [groups, updates, n], loss float32 [groups, n]), see `task.Sequence`.
        """
        steps = tf.data.Dataset.counter(start_step)
        return self._batches(steps, shard, training=True)

    def validation(self, batches: int, shard: tuple[int, int] = (0, 1)) -> tf.data.Dataset:
        """So many fixed batches of held-out videos, the same for every seed, without augmentation.

        Returns:
            Data set as that of `train`, with groups of `validation_batch` pairs and an end.

        Raises:
            ValueError: If nothing is held out.
        """
        if not self.config.validation:
            raise ValueError("there is no validation set: validation is 0")
        steps = tf.data.Dataset.range(batches)
        return self._batches(steps, shard, training=False)

    def choose(self, step: int, group: int, training: bool = True) -> sampling.Pairs:
        """The pairs of one group of one step (of one batch, in validation)."""
        return self.draws.pairs(step, group, training)

    def _held_out(self) -> np.ndarray:
        """Which videos are for validation; those of a group at least are left for training."""
        videos, config = self.catalog.videos, self.config
        count = len(videos)
        if not config.validation:
            return np.zeros(count, bool)
        most = max(count - config.batch, 0)
        least = min(config.batch, max(int(_SMALL_SHARE * count), 1), most)
        chosen = sampling.held_out(videos, config.validation, least, most)
        asked = sampling.held_out(videos, config.validation, 0, count)
        found, wanted = int(chosen.sum()), int(asked.sum())
        if found != wanted:
            logging.warning(
                "%d of %d videos are held out, instead of the %d that validation=%g would give",
                *(found, count, wanted, config.validation),
            )
        if 0 < found < config.batch:
            logging.warning(
                "a group of validation has %d pairs, one of training %d, for only %d of %d videos "
                "are held out",
                *(found, config.batch, found, count),
            )
        return chosen

    def _check_sets(self) -> None:
        config, count = self.config, len(self.catalog.videos)
        is_one_missing = config.validation and not self.held_out.count
        if self.training.count < config.batch or is_one_missing:
            more = " and validation one more" if config.validation else ""
            largest = count - bool(config.validation)
            smaller = f", or a batch of at most {largest}" if largest else ""
            raise ValueError(
                f"a group needs pairs from {config.batch} different videos{more}, but there are "
                f"{count} in {', '.join(self.catalog.globs)}; what helps: more data{smaller}"
            )
        if self.training.weights is not None:
            for pattern, pool in zip(self.catalog.globs, self.training.pools):
                if not len(pool):
                    raise ValueError(f"{pattern} has a weight, but no video for training")

    def frames(self, step: int, group: int) -> np.ndarray:
        """The frames of a group's instances in training, int64 [n]."""
        return self.draws.group(step, group).requests["x"].frames

    def describe(self, step: int) -> str:
        """Names the frames of the instances of a step, group by group."""
        groups = [self.frames(step, group) for group in range(self.config.groups)]
        return "; ".join(", ".join(self.catalog.describe(int(n)) for n in each) for each in groups)

    def as_pairs(self) -> PairSource:
        """The source of plain pairs, freshly augmented, of the same videos."""
        other = copy.copy(self)
        plain: dict[str, Any] = dict(
            crops=0, scale_jitter=0.0, scenes=scenes.SceneConfig(), regions=1, task=None
        )
        other.config = dataclasses.replace(self.config, **plain)
        other._prepare()
        return other


def _check_weights(globs, weights) -> Optional[np.ndarray]:
    if weights is None:
        return None
    if len(weights) != len(globs):
        raise ValueError(f"data_weights has {len(weights)} numbers for {len(globs)} data sets")
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0):
            raise ValueError(f"data_weights must be positive numbers, got {weight!r}")
    return np.array(weights, np.float64)
