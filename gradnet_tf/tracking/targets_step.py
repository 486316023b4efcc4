"""One frame of tracking for many targets: (state, frames) -> (state, output), one network pass.

The rules are those of `TrackingStep`; every value has a leading dimension [targets]. The targets
may be in one video or in several, see `Frames`.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from gradnet_tf.network import backbone, crops
from gradnet_tf.tracking import state as states
from gradnet_tf.tracking import targets_crops
from gradnet_tf.tracking.state import Search
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.tracking.targets_crops import Frames


class CropBuffer(NamedTuple):
    """The newest reliable samples of each target, oldest first; empty places come first.

    Other than `SampleBuffer` it keeps the crops themselves: the targets' samples are of different
    frames, and frames are larger than what is cut from them.

    Attributes:
        crops: uint8 RGB [targets, size, 255, 255, 3].
        scores: float64 [targets, size], -inf where empty.
        frames: int32 [targets, size], index of the frame, -1 where empty.
    """

    crops: tf.Tensor
    scores: tf.Tensor
    frames: tf.Tensor

    @classmethod
    def empty(cls, size: int, sample) -> CropBuffer:
        """A buffer of `size` empty places for crops like those of a sample [targets, ...]."""
        places = [tf.shape(sample)[0], size]
        return cls(
            crops=tf.repeat(sample[:, tf.newaxis], size, axis=1),
            scores=tf.fill(places, tf.constant(float("-inf"), tf.float64)),
            frames=tf.fill(places, -1),
        )

    def append(self, sample, score, frame) -> CropBuffer:
        """The buffers without their first place and with a new last one."""

        def shift(values, value):
            return tf.concat([values[:, 1:], value[:, tf.newaxis]], axis=1)

        return CropBuffer(
            crops=shift(self.crops, sample),
            scores=shift(self.scores, score),
            frames=shift(self.frames, frame),
        )

    def best(self):
        """Each target's crop with the highest score, the oldest of equals, as a 1-tuple."""
        index = tf.argmax(self.scores, axis=1, output_type=tf.int32)
        return (tf.gather(self.crops, index, batch_dims=1),)

    def mean_score(self):
        """Mean score of each target's samples; NaN if there is none."""
        return states.mean_score(self.scores, self.frames)


class TargetsStep(TrackingStep):
    """`TrackingStep` for many targets.

    `init(frames, boxes)` and `step(state, frames)` take `Frames` and boxes [targets, 4]; state and
    output are those of `TrackingStep` with a leading dimension [targets].

    With `static_shape` every target goes through every operation at once, as XLA and GPUs want it.
    Without, a CPU takes one target after the other, which keeps the activations in its caches and
    the memory small, and only the targets that ask for an update or a re-detection pay for it. The
    numbers of a target that was started by itself are then to the bit those that it has alone:
    where two places of the response are nearly equal, the last bit decides.
    """

    def _frame_hw(self, frame: Frames):
        return frame.target_sizes()

    def _fill(self, frame: Frames):
        return tf.gather(frame.mean_colours(), frame.of_target)

    def _each(self, function, frame: Frames, values: tuple, signature: tf.TensorSpec):
        """function(frame of the target, *values of the target) of each target, stacked."""

        def one(arguments):
            index, *rest = arguments
            return function(frame.image(index), *rest)

        # Two at a time: the next target's crops are made beside this one's convolutions.
        return tf.map_fn(
            one, (frame.of_target, *values), fn_output_signature=signature, parallel_iterations=2
        )

    def _exemplars(self, frame: Frames, position, side, fill):
        size = backbone.EXEMPLAR_SIZE
        if not self.static_shape:
            return self._each(
                lambda image, *values: crops.exemplar_crop(image, *values, size),
                frame,
                (position, side, fill),
                tf.TensorSpec([size, size, 3], tf.uint8),
            )
        side = tf.maximum(tf.cast(tf.round(side), tf.int32), 1)
        corners = crops.window_corner(position, side)
        sizes = tf.fill(tf.shape(side), size)
        return targets_crops.crop_and_resize(frame, corners, side, sizes, fill, size)

    def _pyramids(self, frame: Frames, position, sides, fill, levels=None):
        """Search regions of all targets, uint8 [targets, levels, 255, 255, 3]."""
        return targets_crops.scale_pyramids(
            frame,
            position,
            sides,
            fill,
            instance_size=backbone.INSTANCE_SIZE,
            region_limit=self._region_limit,
            levels=levels,
        )

    def _sample(self, frame: Frames, position, search_side, fill):
        sides = search_side[:, tf.newaxis] * self._scales
        levels, size = (self._middle,), backbone.INSTANCE_SIZE
        if self.static_shape:
            return (self._pyramids(frame, position, sides, fill, levels)[:, 0],)
        sample = self._each(
            lambda *values: self._pyramid(*values, levels=levels)[0],
            frame,
            (position, sides, fill),
            tf.TensorSpec([size, size, 3], tf.uint8),
        )
        return (sample,)

    def _sample_features(self, sample, fill):
        del fill
        if self.static_shape:
            return self._network_features(sample)
        return tf.map_fn(
            lambda region: self._network_features(region[tf.newaxis])[0],
            sample,
            fn_output_signature=tf.TensorSpec([22, 22, 256], tf.float32),
            parallel_iterations=2,
        )

    def _pyramid_features(self, frame: Frames, position, sides, fill):
        count = len(self._scales)
        if not self.static_shape:
            return self._each(
                super()._pyramid_features,
                frame,
                (position, sides, fill),
                tf.TensorSpec([count, 22, 22, 256], tf.float32),
            )
        regions = self._pyramids(frame, position, sides, fill)
        features = self._search_features(tf.reshape(regions, [-1, *regions.shape[2:]]))
        return tf.reshape(features, [-1, count, *features.shape[1:]])

    def _one_scale(self, sample_features):
        return sample_features[:, tf.newaxis]

    def _score_map(self, template, features):
        """Score maps [targets, scales, 17, 17], each target's of its own template."""
        if not self.static_shape:
            return tf.map_fn(
                lambda each: self.network.score_map(each[0][tf.newaxis], each[1])[..., 0],
                (template, features),
                fn_output_signature=tf.TensorSpec([features.shape[1], 17, 17], tf.float32),
                parallel_iterations=2,
            )
        count = features.shape[1]
        flat = tf.reshape(features, [-1, *features.shape[2:]])
        maps = self.network.score_map(tf.repeat(template, count, axis=0), flat, batched=True)
        return tf.reshape(maps, [-1, count, *maps.shape[1:3]])

    def _both_score_maps(self, fixed_template, template, features, scales: slice):
        if self.static_shape:
            score = self._score_map(fixed_template, features)
            return score, self._score_map(template, features[:, scales])

        def one(each):
            fixed, updated, features = each
            return super_maps(fixed[tf.newaxis], updated[tf.newaxis], features, scales)

        super_maps = super()._both_score_maps
        count = features.shape[1]
        counts = (count, len(range(count)[scales]))
        return tf.map_fn(
            one,
            (fixed_template, template, features),
            fn_output_signature=tuple(tf.TensorSpec([n, 17, 17], tf.float32) for n in counts),
            parallel_iterations=2,
        )

    def _network_update(self, h2, regions, shares=None):
        if self.static_shape:
            flat = tf.reshape(regions, [-1, *regions.shape[2:]])
            weights = None
            if shares is not None:
                weights = self._region_weights(shares)
                weights = tf.reshape(weights, [-1, *weights.shape[2:]])
            update = self.network.update(
                h2, flat, weights=weights, batched=True, regions=regions.shape[1]
            )
            return update.h2, update.template

        def one(each):
            new_h2, template = single(each[0][tf.newaxis], *each[1:])
            return new_h2[0], template[0]

        single = super()._network_update
        values = (h2, regions) if shares is None else (h2, regions, shares)
        signature = tuple(tf.TensorSpec([side, side, 256], tf.float32) for side in (12, 6))
        return tf.map_fn(one, values, fn_output_signature=signature, parallel_iterations=2)

    def _empty_buffer(self, sample):
        return CropBuffer.empty(self.config.buffer_size, sample[0])

    def _append_where(self, condition, buffer: CropBuffer, sample, score, index):
        return _where(condition, buffer.append(*sample, score, index), buffer)

    def _search_where(self, condition, search, no_search: Search) -> Search:
        def search_all():
            return _where(condition, search(), no_search)

        return tf.cond(tf.reduce_any(condition), search_all, lambda: no_search)

    def _update_if(self, condition, sample, rate, learned, fill):
        def update_all():
            features = self._one_scale(self._sample_features(*sample(), fill))
            return _where(condition, self._updated(learned, features, rate), learned)

        def update_some():
            rows = tf.where(condition)[:, 0]
            chosen, of_rows = take_targets((sample(), learned), rows)
            features = self._one_scale(self._sample_features(*chosen, fill))
            updated = self._updated(of_rows, features, rate)

            def put(old, given, new):
                if new is given:  # An update leaves it, as it does the first frame's features.
                    return old
                return tf.tensor_scatter_nd_update(old, rows[:, tf.newaxis], new)

            return tf.nest.map_structure(put, learned, of_rows, updated)

        update = update_all if self.static_shape else update_some
        return tf.cond(tf.reduce_any(condition), update, lambda: learned)


def _where(condition, chosen, other):
    """Rows of a structure of tensors [targets, ...] where the condition holds, else the other's."""

    def where(one, two):
        rows = tf.reshape(condition, [-1, *[1] * (one.shape.rank - 1)])
        return tf.where(rows, one, two)

    return tf.nest.map_structure(where, chosen, other)


def take_targets(values, rows):
    """Rows of a `TrackerState` or `StepOutput` of many targets."""
    return tf.nest.map_structure(lambda each: tf.gather(each, rows), values)


def join_targets(first, second):
    """`TrackerState` or `StepOutput` of the targets of both."""
    return tf.nest.map_structure(lambda *pair: tf.concat(pair, axis=0), first, second)
