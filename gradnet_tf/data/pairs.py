"""Batches of cross-video pairs as a `tf.data` pipeline.

A batch consists of groups; each group of k pairs comes from k different videos, so that one
template must find k targets (template generalization; paper, section 3.3 and Algorithm 1). The
batch of a step is a function of (seed, step) alone: a resumed run and any number of workers see the
same data.
Source: `vidGetRandBatch` of the reference's train.py.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Optional

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf.data import augment, catalog, records, sampling, storage, strong

AUGMENTATIONS = ("reference", "strong", "none")
_VALIDATION_SEED = 0  # The same pairs for every run.
# Of small data sets, this share is held out at most to make validation's groups full.
_SMALL_SHARE = 0.2
_SOURCE_SIZES = {"z": records.EXEMPLAR_SIZE, "x": records.INSTANCE_SIZE}  # px, in the records


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
        augment: "reference"; "strong" (that, and what `strong.StrongConfig` says); "none".
        strong: What "strong" adds.
        seed: Seed of the run.
        threads: Threads of the pipeline; 0 leaves it to TensorFlow.
    """

    batch: int = 8
    groups: int = 1
    regions: int = 1
    exemplar_size: int = 127
    instance_size: int = 239
    frame_range: int = 100
    validation: float = 0.1
    max_translate: int = 4
    max_stretch: float = 0.05
    color: bool = True
    reference_quirks: bool = True
    augment: str = "reference"
    strong: strong.StrongConfig = dataclasses.field(default_factory=strong.StrongConfig)
    seed: int = 1
    threads: int = 0

    def __post_init__(self):
        for name, low, high in (
            ("batch", 1, None),
            ("groups", 1, None),
            ("regions", 1, None),
            ("exemplar_size", 1, records.EXEMPLAR_SIZE),
            ("instance_size", 1, records.INSTANCE_SIZE),
            ("frame_range", 0, None),
            ("seed", 0, 2**63 - 1),
            ("threads", 0, None),
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
        self.augmentation()

    def augmentation(self) -> augment.AugmentConfig:
        """The reference's augmentation with these settings."""
        return augment.AugmentConfig(
            self.max_translate, self.max_stretch, self.color, self.reference_quirks
        )


def open_pairs(
    globs: Sequence[str],
    weights: Optional[Sequence[float]] = None,
    config: Optional[PairConfig] = None,
) -> PairSource:
    """Opens data sets for training.

    Args:
        globs: One pattern of shards a data set, see `catalog.load`.
        weights: How often each data set is drawn, in any scale; by default every video of every set
            is equally likely.
        config: How pairs are made; `PairConfig()` by default.

    Returns:
        The source of batches.

    Raises:
        OSError: If shards are missing or damaged.
        ValueError: If weights do not fit, or there are fewer videos than a group needs.
    """
    config = config or PairConfig()
    checked = _check_weights(globs, weights)
    need_statistics = config.color and config.augment != "none"
    return PairSource(catalog.load(list(globs), need_statistics), checked, config)


class PairSource:
    """Makes the batches; see `open_pairs`.

    Attributes:
        config: The settings.
        catalog: What the shards hold.
        training: The videos for training.
        held_out: The videos for validation.
        validation_batch: Pairs of a group in validation.
    """

    def __init__(
        self,
        source: catalog.Catalog,
        weights: Optional[np.ndarray],
        config: PairConfig,
    ):
        self.config = config
        self.catalog = source
        # By training and step, for steps are read in parallel, and ahead.
        self._failures: dict[tuple[bool, int], Exception] = {}
        self.training, self.held_out = source.split(self._held_out(), weights)
        self.validation_batch = min(config.batch, self.held_out.count)
        self._check_sets()
        known = config.augment != "none" and config.color
        self._variation = {
            "z": augment.colour_variation(source.exemplar.covariance) if known else None,
            "x": augment.colour_variation(source.instance.covariance) if known else None,
        }

    def train(self, start_step: int = 0, shard: tuple[int, int] = (0, 1)) -> tf.data.Dataset:
        """The batches from a step on, without end.

        Args:
            start_step: The step of the first batch.
            shard: (index, count) of a worker: it gets its part of each global batch's groups. All
                workers' parts, one after the other, are the global batch.

        Returns:
            Data set of (exemplars [n, 127, 127, 3], instances [n, 239, 239, 3]), float32, BGR,
            about 0..255; pairs of a group stand together, and so do the instances of a pair, where
            there are n * regions of them.

        Raises:
            ValueError: If the groups cannot be shared out evenly.
        """
        if start_step < 0:
            raise ValueError(f"start_step must not be negative, got {start_step}")
        steps = tf.data.Dataset.counter(start_step)
        return self._pipeline(steps, shard, training=True)

    def validation(self, batches: int, shard: tuple[int, int] = (0, 1)) -> tf.data.Dataset:
        """Fixed batches of held-out videos, the same for every seed, without augmentation.

        Args:
            batches: How many.
            shard: As in `train`.

        Returns:
            Data set as that of `train`, with groups of `validation_batch` pairs and an end.

        Raises:
            ValueError: If nothing is held out or the groups cannot be shared out evenly.
        """
        if not self.config.validation:
            raise ValueError("there is no validation set: validation is 0")
        steps = tf.data.Dataset.range(batches)
        return self._pipeline(steps, shard, training=False)

    def iterate(
        self, batches: Iterable, start_step: int = 0, training: bool = True
    ) -> Iterator[tuple]:
        """Gives batches one after the other; what stops them is one sentence.

        TensorFlow itself says it in kilobytes of its own.

        Args:
            batches: Data set of `train` or `validation`, or what a strategy has made of it.
            start_step: The step of the first batch.
            training: Whether the batches are of training.

        Yields:
            The batches.

        Raises:
            OSError: If a crop cannot be read or decoded; the message names its shard, record,
                video, track and frame.
        """
        iterator, step = iter(batches), start_step
        while True:
            try:
                batch = next(iterator)
            except StopIteration:
                return
            except tf.errors.OpError as error:
                failure = self._failures.get((training, step)) or self._find_damage(step, training)
                raise failure or OSError(f"cannot make a batch: {storage.reason(error)}") from None
            yield batch
            step += 1

    def _find_damage(self, step: int, training: bool) -> Optional[Exception]:
        """The error of the first crop of a step that cannot be decoded, None if all can."""
        try:
            for group in range(self.config.groups):
                chosen = self.choose(step, group, training)
                for key, frames in (("z", chosen.z), ("x", np.append(chosen.x, chosen.more))):
                    for frame in frames:
                        self.catalog.decode(key, int(frame), _SOURCE_SIZES[key])
        except (OSError, ValueError) as error:
            return error
        return None

    def choose(self, step: int, group: int, training: bool = True) -> sampling.Pairs:
        """The pairs of one group of one step.

        Args:
            step: Number of the step (of the batch, in validation).
            group: Number of the group in the global batch.
            training: Of training or of validation.
        """
        return sampling.choose_pairs(
            self.training if training else self.held_out,
            self.config.seed if training else _VALIDATION_SEED,
            step,
            group,
            self._group_size(training),
            self.config.frame_range,
            self.config.regions,
        )

    def _group_size(self, training: bool) -> int:
        return self.config.batch if training else self.validation_batch

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

    def _pipeline(self, steps, shard: tuple[int, int], training: bool) -> tf.data.Dataset:
        index, count = shard
        config = self.config
        if not 0 <= index < count:
            raise ValueError(f"shard must be (index, count) with 0 <= index < count, got {shard}")
        if config.groups % count:
            raise ValueError(
                f"{config.groups} groups cannot be shared out evenly among {count} workers"
            )
        share = config.groups // count
        groups = range(index * share, (index + 1) * share)
        strongly = training and config.augment == "strong"
        specs = self._specs(strongly)
        pairs = share * self._group_size(training)

        def read(step):
            values = tf.numpy_function(
                lambda number: self._read(int(number), groups, training),
                [step],
                [spec.dtype for spec in specs],
                stateful=False,
            )
            for value, spec in zip(values, specs):
                value.set_shape([pairs, *spec.shape])
            return tuple(values)

        def make(*item):
            columns = len(item) // (1 + config.regions)
            crops = [item[first : first + columns] for first in range(0, len(item), columns)]
            instances = [self._make(*crop, key="x") for crop in crops[1:]]
            return self._make(*crops[0], key="z"), tf.stack(instances)

        def flatten(exemplars, instances):
            return exemplars, tf.reshape(instances, [-1, *instances.shape[2:]])

        remote = any("://" in path for path in self.catalog.shards)
        data = steps.map(read, num_parallel_calls=16 if remote else 2, deterministic=True)
        data = data.unbatch()
        data = data.map(make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        data = data.batch(pairs, drop_remainder=True).map(flatten)
        options = tf.data.Options()
        options.deterministic = True
        # Each worker asks for its own part.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        if config.threads:
            options.threading.private_threadpool_size = config.threads
        return data.with_options(options).prefetch(tf.data.AUTOTUNE)

    def _specs(self, strongly: bool) -> list[tf.TensorSpec]:
        """What `_read` gives for a pair: the crop's file and how to make it, of z and of x."""
        specs = []
        config = self.config
        for size in (config.exemplar_size, *[config.instance_size] * config.regions):
            specs += [
                tf.TensorSpec([], tf.string),
                tf.TensorSpec([size], tf.int32),
                tf.TensorSpec([size], tf.int32),
                tf.TensorSpec([3], tf.float32),
            ]
            if strongly:
                specs.append(tf.TensorSpec([strong.UNIFORMS], tf.float32))
                specs.append(tf.TensorSpec([2], tf.int32))
        return specs

    def _read(self, step: int, groups: Sequence[int], training: bool) -> list[np.ndarray]:
        """All that is drawn and read for a step; see `_specs`, pairs along the first axis."""
        try:
            parts = [self._read_group(step, group, training) for group in groups]
        except Exception as error:
            self._failures[training, step] = error
            raise
        return [np.concatenate(column) for column in zip(*parts)]

    def _read_group(self, step: int, group: int, training: bool) -> list[np.ndarray]:
        config = self.config
        pairs = self.choose(step, group, training)
        augmented = training and config.augment != "none"
        strongly = augmented and config.augment == "strong"
        noise = extra = None
        crops = [("z", pairs.z), ("x", pairs.x), *(("x", frames) for frames in pairs.more)]
        if augmented:
            shape = (len(crops), config.batch, augment.UNIFORMS)
            noise = sampling.uniforms(config.seed, step, group, sampling.AUGMENTATION, shape)
        if strongly:
            shape = (len(crops), config.batch, strong.UNIFORMS + 2)
            extra = sampling.uniforms(config.seed, step, group, sampling.STRONG, shape)
        columns = []
        for number, (key, frames) in enumerate(crops):
            files = [self.catalog.read(key, int(frame)) for frame in frames]
            columns.append(np.array(files, object))
            columns += self._parameters(key, len(frames), None if noise is None else noise[number])
            if strongly:
                columns.append(extra[number, :, : strong.UNIFORMS].astype(np.float32))
                seeds = extra[number, :, strong.UNIFORMS :] * 2.0**31
                columns.append(seeds.astype(np.int32))
        return columns

    def _parameters(self, key: str, count: int, noise: Optional[np.ndarray]) -> augment.Parameters:
        """How a group's crops are made, with random numbers or without."""
        size, source_size = self._size(key), _SOURCE_SIZES[key]
        if noise is None:
            middle = augment.centre(size, source_size)
            return augment.Parameters(*(np.stack([v] * count) for v in middle))
        return augment.draw(
            augment.Noise.from_uniforms(noise),
            size,
            source_size,
            self._variation[key],
            self.config.augmentation(),
        )

    def _make(self, jpeg, rows, columns, colour, uniforms=None, seed=None, *, key: str):
        """Decodes and cuts one crop, in the graph."""
        image = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
        image = tf.ensure_shape(image, [_SOURCE_SIZES[key], _SOURCE_SIZES[key], 3])
        if uniforms is not None:
            image = strong.before_crop(image, uniforms, seed, self.config.strong)
        crop = augment.apply(tf.reverse(image, [2]), rows, columns, colour)
        if uniforms is not None:
            if key == "x":
                crop = strong.after_crop(crop, uniforms, self.config.strong)
            crop = tf.clip_by_value(crop, 0.0, 255.0)
        size = self._size(key)
        return tf.ensure_shape(crop, [size, size, 3])

    def _size(self, key: str) -> int:
        return {"z": self.config.exemplar_size, "x": self.config.instance_size}[key]


def _check_weights(globs, weights) -> Optional[np.ndarray]:
    if weights is None:
        return None
    if len(weights) != len(globs):
        raise ValueError(f"expected one weight a data set ({len(globs)}), got {len(weights)}")
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0):
            raise ValueError(f"weights must be positive numbers, got {weight!r}")
    return np.array(weights, np.float64)
