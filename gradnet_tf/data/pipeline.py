"""The `tf.data` pipeline: what steps draw, read by NumPy and made in the graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.data import cutting, draws
from gradnet_tf.data.catalog import Catalog
from gradnet_tf.data.pair_config import PairConfig
from gradnet_tf.files import storage


class Pipeline:
    """Makes data sets of batches; `pairs.PairSource` says of what."""

    def __init__(
        self,
        config: PairConfig,
        catalog: Catalog,
        drawn: draws.Draws,
        cutters: Mapping[str, cutting.Cutter],
    ):
        self.config, self.catalog, self.draws = config, catalog, drawn
        self._cutters = cutters  # Of the exemplars ("z") and the instances ("x").
        # float16 [frames, crops, h, w, channels], see `features`: in training, what stands for the
        # instances, if it is set before a data set is made.
        self.features: Optional[np.ndarray] = None

    def _batches(self, steps, shard: tuple[int, int], training: bool) -> tf.data.Dataset:
        """Data set of the batches of a data set of steps; see `PairSource.train`."""
        index, count = shard
        config = self.config
        share = config.groups // count
        groups = range(index * share, (index + 1) * share)
        size = self.draws.batches[training]
        counts = {"z": share * config.exemplars(size), "x": share * config.instances(size)}
        parts = [
            self._crops(steps, groups, training, cutter, counts[key])
            for key, cutter in self._cutters.items()
        ]
        if training and self.features is not None:
            parts[1] = self._cached(steps, groups, self.features)
        if config.task:
            parts.append(self._tasks(steps, groups, training))
        data = tf.data.Dataset.zip(tuple(parts))
        options = tf.data.Options()
        options.deterministic = True
        # Each worker asks for its own part.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        if config.threads:
            options.threading.private_threadpool_size = config.threads
        return data.with_options(options).prefetch(tf.data.AUTOTUNE)

    def _crops(self, steps, groups: Sequence[int], training: bool, cutter, count: int):
        """Data set of the exemplars, or the instances, of each step."""
        config = self.config
        strongly = training and config.augment == "strong"
        staged = training and config.scenes.active and cutter.key == "x"

        def columns(step):
            drawn = [self.draws.group(step, group, training) for group in groups]
            found = [cutter.read(each.requests[cutter.key]) for each in drawn]
            return [np.concatenate(column) for column in zip(*found)]

        specs = cutter.specs(strongly, staged)
        return self._made(steps, columns, cutter, specs, count)

    def _made(self, numbers, columns, cutter, specs, count: int):
        """Data set of `count` crops for each number, of which `columns` reads them."""
        data = self._map(numbers, columns, specs, count).unbatch()
        data = data.map(cutter.make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return data.batch(count, drop_remainder=True)

    def _cached(self, steps, groups: Sequence[int], features):
        """Data set of the features of each step's instances."""
        _, _, height, width, channels = features.shape
        shift = self.config.task.shift if self.config.task else 0
        shape = height - 2 * shift, width - 2 * shift, channels

        def read(step):
            rows = []
            for group in groups:
                drawn = self.draws.group(step, group)
                frames, starts = drawn.requests["x"].frames, drawn.requests["x"].start
                for place, (frame, number) in enumerate(zip(frames, drawn.numbers)):
                    y, x = (0, 0) if starts is None else starts[place]
                    whole = features[frame, number]
                    rows.append(whole[y : y + shape[0], x : x + shape[1]])
            return [np.stack(rows)]

        spec = tf.TensorSpec(shape, tf.float16)
        count = len(groups) * self.config.instances(self.config.batch)
        return self._map(steps, read, [spec], count).map(lambda features: features)

    def _tasks(self, steps, groups: Sequence[int], training: bool):
        """Data set of what each step does with its instances."""
        assert self.config.task is not None
        size = self.draws.batches[training]
        count, updates = self.config.instances(size), self.config.task.updates
        specs = [
            tf.TensorSpec([count, 2], tf.int32),
            tf.TensorSpec([updates, count], tf.float32),
            tf.TensorSpec([count], tf.float32),
        ]

        def read(step):
            found = [self.draws.group(step, group, training).sequence for group in groups]
            return [
                np.stack([getattr(sequence, name) for sequence in found])
                for name in ("label", "gradient", "loss")
            ]

        return self._map(steps, read, specs, len(groups))

    def _map(self, steps, function, specs, count: int):
        """Data set of what a function of NumPy gives for each step's number.

        Each of its outcomes has `count` rows along the first axis; `specs` are of a row.
        """

        def read(step):
            dtypes = [spec.dtype for spec in specs]
            values = tf.numpy_function(lambda n: function(int(n)), [step], dtypes, False)
            for value, spec in zip(values, specs):
                value.set_shape([count, *spec.shape])
            return tuple(values)

        remote = any("://" in path for path in self.catalog.shards)
        return steps.map(read, num_parallel_calls=16 if remote else 2, deterministic=True)

    def augmented(self, first_frame: int = 0) -> tf.data.Dataset:
        """The augmented instances of every frame from one on, for `PairConfig.crops`.

        Returns:
            Data set of float32 [crops, whole_size, whole_size, 3], BGR, a frame after the other.
        """
        config = self.config
        cutter = dataclasses.replace(self._cutters["x"], cut=config.whole_size)

        def columns(frame):
            return cutter.read(self._all_crops(frame))

        frames = tf.data.Dataset.range(first_frame, len(self.catalog.columns["frames"]))
        specs = cutter.specs(config.augment == "strong", config.scenes.active)
        return self._made(frames, columns, cutter, specs, config.crops)

    def _all_crops(self, frame: int) -> cutting.Requests:
        """The augmented instances of a frame, for `PairConfig.crops`."""
        frames = np.full(self.config.crops, frame)
        if self.config.augment == "none":
            return cutting.Requests(frames)
        return self.draws.crops(frames, np.arange(self.config.crops))

    def iterate(
        self, batches: Iterable, start_step: int = 0, training: Optional[bool] = True
    ) -> Iterator:
        """Yields batches one after the other; what stops them is one sentence.

        TensorFlow itself says it in kilobytes of its own.

        Args:
            batches: Data set of `train`, `validation` or `augmented`, or a strategy's of it.
            start_step: The step of the first batch, or the first frame.
            training: Whether the batches are of training; None for those of `augmented`.

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
                failure = self._find_damage(step, training)
                raise failure or OSError(f"cannot make a batch: {storage.reason(error)}") from None
            yield batch
            step += 1

    def _find_damage(self, step: int, training: Optional[bool]) -> Optional[Exception]:
        """The error of the first crop of a step that cannot be read, None if all can."""
        if training is None:
            wanted = [{"x": self._all_crops(step)}]
        else:
            groups = range(self.config.groups)
            wanted = [self.draws.group(step, group, training).requests for group in groups]
        try:
            for requests in wanted:
                for key, frame in cutting.shown(requests):
                    self.catalog.decode(key, frame, cutting.SOURCE_SIZES[key])
        except (OSError, ValueError) as error:
            return error
        return None
