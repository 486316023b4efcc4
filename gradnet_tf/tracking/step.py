"""One frame of tracking, whole: (state, frame) -> (state, output).

The order of things is that of `run_siamesefc` in `track.py` of the reference: crops, features, both
responses, window, peak, position and scale, re-detection, threshold, sample buffer, updates.
Frames are RGB uint8; the network is fed BGR, of crops that are turned after cutting.
"""

from __future__ import annotations

from typing import Optional

import tensorflow as tf

from gradnet_tf import backbone, crops, geometry, response
from gradnet_tf.gradnet import GradNet
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.state import SampleBuffer, Search, StepOutput, TrackerState


class TrackingStep:
    """The two pure functions of the tracker for one network and configuration.

    Args:
      network: a `GradNet`.
      config: constants.
      search_network: a folded `GradNet` that takes RGB; its f_x sees the scale pyramid, which is
        faster. By default the network itself does. What feeds the update is never folded: the
        gradient is cut off where an activation is negative, and folding can move one that is nearly
        zero.
      static_shape: whether shapes may not depend on data (XLA).
    """

    def __init__(
        self,
        network: GradNet,
        config: TrackerConfig,
        *,
        search_network: Optional[GradNet] = None,
        static_shape: bool = False,
    ):
        self.network = network
        if search_network is None:
            self._search_features = lambda x: network.search_features(x[..., ::-1])
        else:
            self._search_features = search_network.search_features
        self.config = config
        self.static_shape = static_shape
        self._scales = geometry.scale_factors(config.scale_count, config.scale_step)
        self._middle = config.scale_count // 2
        # Rounding to whole pixels can stretch the pyramid, most at a side of one pixel.
        self._region_limit = int(1.5 * self._scales[-1] / self._scales[0] + 0.5)
        score_size = 17
        self._bicubic = response.bicubic_matrix(score_size, score_size * config.response_upsampling)
        self._window = response.hanning_window(score_size * config.response_upsampling)
        self._updates_online = network.has_update and config.update == "online"

    def init(self, frame, box) -> tuple[TrackerState, StepOutput]:
        """State after the first frame.

        Args:
          frame: uint8 RGB [height, width, 3].
          box: float64 [4], (x, y, width, height).

        Returns:
          State and output of frame 0; its box is the given one.
        """
        config, network = self.config, self.network
        position, size = geometry.box_to_center(box)
        fill = crops.mean_colour(frame)
        side = geometry.exemplar_side(size, config.context_amount)
        search_side = geometry.instance_side(side, backbone.EXEMPLAR_SIZE, backbone.INSTANCE_SIZE)
        exemplar = crops.exemplar_crop(
            frame, position, side, fill, backbone.EXEMPLAR_SIZE, self.static_shape
        )
        exemplar = tf.cast(exemplar[..., ::-1], tf.float32)[tf.newaxis]
        features = self._sample_features(frame, position, search_side, fill)

        h2 = tf.zeros([1, 12, 12, 256])
        if network.has_template_branch:
            h2 = network.template_features(exemplar)
        if network.variant == "without_gradient":
            fixed_template = network.initial_template(h2)
        else:
            fixed_template = network.siamese_template(exemplar)
        template = fixed_template
        if network.has_update and config.update == "none":
            template = network.initial_template(h2)
        elif network.has_update:
            first = network.update(h2, features)
            h2, template = first.h2, first.template
        threshold = tf.zeros([], tf.float64)
        if config.threshold_source == "first_frame":
            score, _ = self._score_maps(features, fixed_template, template)
            threshold = tf.cast(tf.reduce_max(score), tf.float64)

        no, zero = tf.constant(False), tf.zeros([], tf.float64)
        index = tf.constant(0)
        # The first frame is a sample of score 0: the reference's condition holds for no threshold.
        buffer = SampleBuffer.empty(config.buffer_size, frame)
        buffer = buffer.append(frame, position, search_side, zero, index)
        update = tf.constant(self._updates_online and config.update_on_first_frame)
        if self._updates_online and config.update_on_first_frame:
            h2, template = self._updated(h2, features, config.update_rate)
        state = TrackerState(
            frame_index=index,
            position=position,
            size=size,
            search_side=search_side,
            first_search_side=search_side,
            fill=fill,
            fixed_template=fixed_template,
            template=template,
            h2=h2,
            score_sum=zero,
            threshold=threshold,
            window_was_off=no,
            redetect=no,
            buffer=buffer,
        )
        none = _no_search()
        output = StepOutput(
            box=box,
            score=tf.constant(float("nan"), tf.float64),
            confidence=tf.ones([], tf.float64),
            search=none,
            redetection=none,
            redetected=no,
            window_influence=zero,
            reliable=tf.constant(True),
            early_update=no,
            update=update,
            position=position,
            search_side=search_side,
        )
        return state, output

    def step(self, state: TrackerState, frame) -> tuple[TrackerState, StepOutput]:
        """State and output after one more frame.

        Args:
          state: of the frame before.
          frame: uint8 RGB [height, width, 3], of the first frame's size.

        Returns:
          New state and `StepOutput`.
        """
        config = self.config
        index = state.frame_index + 1
        sides = state.search_side * self._scales
        window_influence, window_was_off = self._window_influence(state, index)

        # The target around its last position.
        scores = self._scores(frame, state.position, sides, state)
        search = self._locate(scores, state.position, state.search_side, window_influence)
        search_side, size = self._rescale(search.scale, sides, state, state.search_side, state.size)
        position, score = search.position, search.score

        # The frame's centre, if the target has left to the right.
        redetection, redetected = _no_search(), tf.constant(False)
        if config.redetection:
            center = tf.cast(tf.shape(frame)[:2], tf.float64) / 2.0

            def search_center():
                scores = self._scores(frame, center, sides, state)
                return self._locate(scores, center, search_side, window_influence)

            redetection = tf.cond(state.redetect, search_center, _no_search)
            redetected = (redetection.score > score) & (redetection.template_score > score)
            # Once more from the sides of this frame's start, but damped towards the new size.
            other_side, other_size = self._rescale(
                tf.maximum(redetection.scale, 0), sides, state, search_side, size
            )
            position = tf.where(redetected, redetection.position, position)
            search_side = tf.where(redetected, other_side, search_side)
            size = tf.where(redetected, other_size, size)
            score = tf.where(redetected, redetection.score, score)

        score_sum, threshold = self._threshold(state, index, score)
        box = geometry.center_to_box(position, size)
        redetect = tf.constant(False)
        if config.redetection:
            right = tf.round(box[0]) + tf.round(box[2])
            redetect = right > tf.cast(tf.shape(frame)[1], tf.float64)
            redetect &= score < threshold * config.reliable_threshold

        # Reliable samples and updates.
        buffer, h2, template = state.buffer, state.h2, state.template
        reliable = score >= self._reliable_score(threshold, buffer)
        early = regular = tf.constant(False)
        if self._updates_online:
            early = ~reliable & (index < config.early_update_frames)
            early &= score < threshold * config.early_update_threshold
            regular = tf.equal(index % config.update_interval, 0)
        sample = (frame, position, search_side)
        buffer = tf.cond(
            reliable, lambda: buffer.append(*sample, score, index), lambda: state.buffer
        )
        if self._updates_online:
            h2, template = self._update_if(
                early, lambda: sample, config.early_update_rate, h2, template, state.fill
            )
            h2, template = self._update_if(
                regular, buffer.best, config.update_rate, h2, template, state.fill
            )

        confidence = self._confidence(score, score_sum, threshold, index)
        state = state._replace(
            frame_index=index,
            position=position,
            size=size,
            search_side=search_side,
            template=template,
            h2=h2,
            score_sum=score_sum,
            threshold=threshold,
            window_was_off=window_was_off,
            redetect=redetect,
            buffer=buffer,
        )
        return state, StepOutput(
            box=box,
            score=score,
            confidence=confidence,
            search=search,
            redetection=redetection,
            redetected=redetected,
            window_influence=window_influence,
            reliable=reliable,
            early_update=early,
            update=regular,
            position=position,
            search_side=search_side,
        )

    def _sample_features(self, frame, position, search_side, fill):
        """f_x of the search region of the middle scale, for an update."""
        regions = crops.scale_pyramid(
            frame,
            position,
            search_side * self._scales,
            fill,
            instance_size=backbone.INSTANCE_SIZE,
            levels=(self._middle,),
            region_limit=self._region_limit,
            static_shape=self.static_shape,
        )
        return self.network.search_features(tf.cast(regions[..., ::-1], tf.float32))

    def _score_maps(self, features, fixed_template, template):
        """Score maps [scales, 17, 17] of the SiamFC template and of the updated one.

        The updated one sees the middle scale alone, [1, 17, 17], if it has no part in the choice of
        the scale; its maps are None where it takes no part in the response.
        """
        network, middle = self.network, features.shape[0] // 2
        if self.config.response_mix == "template":
            share = self.config.template_influence
            fixed_template = (1.0 - share) * fixed_template + share * template
        score = network.score_map(fixed_template, features)[..., 0]
        if self.config.response_mix == "template" or not network.has_update:
            return score, None
        if not self.config.template_scale_influence:
            features = features[middle : middle + 1]
        return score, network.score_map(template, features)[..., 0]

    def _scores(self, frame, position, sides, state: TrackerState):
        """Score maps around a position; the features of the scales are computed once for both."""
        regions = crops.scale_pyramid(
            frame,
            position,
            sides,
            state.fill,
            instance_size=backbone.INSTANCE_SIZE,
            region_limit=self._region_limit,
            static_shape=self.static_shape,
        )
        features = self._search_features(tf.cast(regions, tf.float32))
        return self._score_maps(features, state.fixed_template, state.template)

    def _locate(self, scores, position, search_side, window_influence) -> Search:
        """Peak of the response around a position (`trackerEval`)."""
        config = self.config
        score, template_score = scores
        responses = response.upsample(score, self._bicubic)
        choosing, share = responses, config.template_scale_influence
        if template_score is not None:
            updated = response.upsample(template_score, self._bicubic)
            choosing = (1.0 - share) * responses + share * updated if share else responses
        scale = response.best_scale(choosing, config.scale_penalty)
        total = response.normalize(tf.gather(responses, scale))
        if template_score is not None:
            updated = response.normalize(tf.gather(updated, scale) if share else updated[0])
            total = (1.0 - config.template_influence) * total + config.template_influence * updated
        total *= tf.cast(1.0 - window_influence, tf.float32)
        total = tf.cast(total, tf.float64) + window_influence * self._window
        displacement = response.peak_displacement(
            total, config.response_upsampling, backbone.TOTAL_STRIDE
        )
        displacement *= tf.round(search_side) / backbone.INSTANCE_SIZE
        best = tf.cast(tf.reduce_max(score), tf.float64)
        return Search(
            score=best,
            template_score=best
            if template_score is None
            else tf.cast(tf.reduce_max(template_score), tf.float64),
            scale=scale,
            position=position + displacement,
        )

    def _rescale(self, scale, sides, state: TrackerState, search_side, size):
        """Search side and target size, damped towards those of the chosen scale."""
        config, damping = self.config, self.config.scale_damping
        search_side = (1.0 - damping) * search_side + damping * tf.gather(sides, scale)
        search_side = tf.clip_by_value(
            search_side,
            config.min_scale * state.first_search_side,
            config.max_scale * state.first_search_side,
        )
        scaled = state.size * tf.gather(tf.constant(self._scales), scale)
        return search_side, (1.0 - damping) * size + damping * scaled

    def _window_influence(self, state: TrackerState, index):
        """Share of the Hanning window, and whether it has been left out by now."""
        influence = tf.constant(self.config.window_influence, tf.float64)
        if not self.config.window_off_after:
            return influence, state.window_was_off
        age = index - state.buffer.frames[-1]
        off = tf.equal(age, self.config.window_off_after) & ~state.window_was_off
        return tf.where(off, tf.zeros_like(influence), influence), state.window_was_off | off

    def _threshold(self, state: TrackerState, index, score):
        """Sum of the first frames' scores, and the threshold once it is known."""
        if self.config.threshold_source == "first_frame":
            return state.score_sum, state.threshold
        count = self.config.threshold_frames
        score_sum = tf.where(index <= count, state.score_sum + score, state.score_sum)
        return score_sum, tf.where(tf.equal(index, count), score_sum / count, state.threshold)

    def _reliable_score(self, threshold, buffer: SampleBuffer):
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

    def _updated(self, h2, features, rate):
        """h_2 moved towards the updated one, and the template beta* of the updated one."""
        update = self.network.update(h2, features)
        return (1.0 - rate) * h2 + rate * update.h2, update.template

    def _update_if(self, condition, sample, rate, h2, template, fill):
        """`_updated` by a sample (a function that returns it) where the condition holds."""
        return tf.cond(
            condition,
            lambda: self._updated(h2, self._sample_features(*sample(), fill), rate),
            lambda: (h2, template),
        )


def _no_search() -> Search:
    """The `Search` that did not happen."""
    minus_infinity = tf.constant(float("-inf"), tf.float64)
    return Search(
        score=minus_infinity,
        template_score=minus_infinity,
        scale=tf.constant(-1),
        position=tf.zeros([2], tf.float64),
    )
