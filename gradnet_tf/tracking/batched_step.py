"""One frame of tracking for many targets at once, in shapes that do not depend on data, for XLA.

On a processor without XLA many targets take `TrackingStep` one by one, see `target_group`.
"""

from __future__ import annotations

import tensorflow as tf

from gradnet_tf.tracking.state import CropBuffer, where_rows
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.tracking.templates import Templates


class BatchedTemplates(Templates):
    """`Templates` for many targets, of which each has templates of its own."""

    def _score_map(self, template, features):
        count = features.shape[1]
        templates = tf.repeat(template, count, axis=0)
        maps = self.network.score_map(templates, _flat(features), batched=True)
        return tf.reshape(maps, [-1, count, *maps.shape[1:3]])

    def _both_score_maps(self, fixed_template, template, features, scales: slice):
        return (
            self._score_map(fixed_template, features),
            self._score_map(template, features[:, scales]),
        )

    def _network_update(self, h2, regions, shares=None):
        weights = None if shares is None else _flat(self._region_weights(shares))
        update = self.network.update(
            h2,
            _flat(regions),
            weights=weights,
            batched=True,
            regions=regions.shape[1],
            centred=self.config.centred_update,
        )
        return update.h2, update.template


class BatchedStep(TrackingStep):
    """`TrackingStep` for many targets, which all go through every operation at once.

    `init(frames, boxes)` and `step(state, frames)` take a `FrameBatch`, of one or several videos,
    and boxes [targets, 4]; every tensor of state and output has a leading dimension [targets].
    """

    _buffer = CropBuffer
    _templates = BatchedTemplates

    def _where(self, condition, make, other):
        return tf.cond(
            tf.reduce_any(condition), lambda: where_rows(condition, make(), other), lambda: other
        )

    def _sample(self, frame, position, search_side, fill):
        return (self._search_region(frame, position, search_side, fill)[:, 0],)

    def _sample_region(self, sample, fill):
        del fill
        return sample[0][:, tf.newaxis]

    def _features(self, function, regions):
        features = function(_flat(regions))
        return tf.reshape(features, [-1, regions.shape[1], *features.shape[1:]])


def _flat(values):
    """Rows [targets * n, ...] of values [targets, n, ...]."""
    return tf.reshape(values, [-1, *values.shape[2:]])
