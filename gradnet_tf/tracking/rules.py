"""The tracker's rules: from score maps to a position and a size, and when a sample is reliable.

Values have any leading dimensions, see `step`. Source: `trackerEval` and `run_siamesefc` in
`track.py` of the reference.
"""

from __future__ import annotations

import tensorflow as tf

from gradnet_tf.boxes import geometry
from gradnet_tf.network import architecture, response
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.state import Buffer, Search, TrackerState

SCORE_SIZE = 17
_SCALES_SCORE_SIZE = 3  # Of regions of `architecture.SCALES_SIZE`.


class TrackingRules:
    """The rules by a configuration's constants."""

    def __init__(self, config: TrackerConfig):
        self.config = config
        self._scales = geometry.scale_factors(config.scale_count, config.scale_step)
        size = SCORE_SIZE * config.response_upsampling
        self._bicubic = response.bicubic_matrix(SCORE_SIZE, size)
        self._window = response.hanning_window(size)
        size = _SCALES_SCORE_SIZE * config.response_upsampling
        self._scales_bicubic = response.bicubic_matrix(_SCALES_SCORE_SIZE, size)

    def _locate(self, scores, position, search_side, window_influence) -> Search:
        """Peak of the response around a position (`trackerEval`)."""
        config = self.config
        score, template_score = scores
        responses = response.upsample(score, self._bicubic)
        updated = None
        if template_score is not None:
            updated = response.upsample(template_score, self._bicubic)
        choosing = self._choosing(responses, updated)
        scale = response.best_scale(choosing, config.scale_penalty)
        targets = scale.shape.rank
        total = response.normalize(tf.gather(responses, scale, batch_dims=targets))
        if template_score is not None:
            seen = scale if config.template_scale_influence else tf.zeros_like(scale)
            updated = response.normalize(tf.gather(updated, seen, batch_dims=targets))
            total = (1.0 - config.template_influence) * total + config.template_influence * updated
        window_influence = window_influence[..., tf.newaxis, tf.newaxis]
        total *= tf.cast(1.0 - window_influence, tf.float32)
        total = tf.cast(total, tf.float64) + window_influence * self._window
        displacement = response.peak_displacement(
            total, config.response_upsampling, architecture.TOTAL_STRIDE
        )
        displacement *= tf.round(search_side)[..., tf.newaxis] / architecture.INSTANCE_SIZE
        best = largest(score)
        return Search(
            score=best,
            template_score=best if template_score is None else largest(template_score),
            # The middle one of the scales searched is the middle one of all.
            scale=scale + (config.scale_count - responses.shape[-3]) // 2,
            position=position + displacement,
        )

    def _scale_at_target(self, scores):
        """Finds the scale with the highest peak at the target, int32 [...].

        Args:
            scores: Score maps of small regions around the target, [..., scales, 3, 3], as
                `Templates.score_maps` returns them.
        """
        responses = response.upsample(self._choosing(*scores), self._scales_bicubic)
        return response.best_scale(responses, self.config.scale_penalty)

    def _choosing(self, fixed, updated):
        """Mixes the maps of both templates (the updated one's may be None) to choose the scale."""
        share = self.config.template_scale_influence
        if updated is None or not share:
            return fixed
        return (1.0 - share) * fixed + share * updated

    def _rescale(self, scale, sides, state: TrackerState, search_side, size):
        """Search side and target size, damped towards those of the chosen scale."""
        config, damping = self.config, self.config.scale_damping
        search_side = (1.0 - damping) * search_side + damping * tf.gather(
            sides, scale, batch_dims=scale.shape.rank
        )
        search_side = tf.clip_by_value(
            search_side,
            config.min_scale * state.first_search_side,
            config.max_scale * state.first_search_side,
        )
        scaled = state.size * tf.gather(tf.constant(self._scales), scale)[..., tf.newaxis]
        return search_side, (1.0 - damping) * size + damping * scaled

    def _window_influence(self, state: TrackerState, index):
        """Share of the Hanning window, and whether it has been left out by now."""
        influence = tf.zeros_like(state.search_side) + self.config.window_influence
        if not self.config.window_off_after:
            return influence, state.window_was_off
        age = index - state.buffer.frames[..., -1]
        off = tf.equal(age, self.config.window_off_after) & ~state.window_was_off
        return tf.where(off, tf.zeros_like(influence), influence), state.window_was_off | off

    def _threshold(self, state: TrackerState, index, score):
        """Sum of the first frames' scores, and the threshold once it is known."""
        if self.config.threshold_source == "first_frame":
            return state.score_sum, state.threshold
        count = self.config.threshold_frames
        score_sum = tf.where(index <= count, state.score_sum + score, state.score_sum)
        return score_sum, tf.where(tf.equal(index, count), score_sum / count, state.threshold)

    def _reliable_score(self, threshold, buffer: Buffer):
        """The least score of a reliable sample."""
        least = threshold * self.config.reliable_threshold
        if not self.config.reliable_mean:
            return least
        mean = buffer.mean_score()
        # Python's min(least, mean): a NaN mean is never the smaller one.
        return tf.where(mean < least, mean, least)

    def _confidence(self, score, score_sum, threshold, index):
        """Score relative to the threshold, or to the mean so far while that is not known."""
        if self.config.threshold_source == "first_frames":
            count = tf.minimum(index, self.config.threshold_frames)
            threshold = score_sum / tf.cast(count, tf.float64)
        share = tf.math.divide_no_nan(score, tf.maximum(threshold, 0.0))
        return tf.clip_by_value(share, 0.0, 1.0)


def largest(score):
    """Returns the largest score of all scales, float64."""
    return tf.cast(tf.reduce_max(score, axis=[-3, -2, -1]), tf.float64)


def no_search(position) -> Search:
    """Returns the `Search` of no search, of the leading dimensions of a position [..., 2]."""
    zero = tf.zeros_like(position)
    minus_infinity = zero[..., 0] + float("-inf")
    return Search(
        score=minus_infinity,
        template_score=minus_infinity,
        scale=tf.cast(zero[..., 0], tf.int32) - 1,
        position=zero,
    )
