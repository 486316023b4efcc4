"""One frame of tracking, whole: (state, frame) -> (state, output).

The order of things is that of `run_siamesefc` in `track.py` of the reference: crops, features, both
responses, window, peak, position and scale, re-detection, threshold, sample buffer, updates.
Frames are RGB uint8; the network is fed BGR, of crops that are turned after cutting.

`init` and `step` are written for values of any leading dimensions: none where there is one target,
[targets] in `batched_step.BatchedStep`, which replaces the few hooks at the end of the class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import tensorflow as tf

from gradnet_tf.boxes import geometry
from gradnet_tf.network import architecture, crops
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import rules
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.state import SampleBuffer, StepOutput, TrackerState, UpdateMemory
from gradnet_tf.tracking.templates import Templates


class TrackingStep(rules.TrackingRules):
    """The two pure functions of the tracker for one network and configuration, for one target.

    Args:
        network: A `GradNet`.
        config: Constants.
        search_features: f_x of the scale pyramid, of uint8 RGB regions
            (`precision.search_features`: folded, which is faster, or less precise). By default the
            network's own.
        update_features: f_x of the regions of updates where the constants do not ask for exact
            ones: of the same precision as the network, but folded. By default, and for exact
            updates, the network's own, which is not folded: the gradient is cut off where an
            activation is negative, and folding can move one that is nearly zero.
    """

    _buffer: Any = SampleBuffer
    _templates = Templates

    def __init__(
        self,
        network: GradNet,
        config: TrackerConfig,
        *,
        search_features: Optional[Callable[[tf.Tensor], tf.Tensor]] = None,
        update_features: Optional[Callable[[tf.Tensor], tf.Tensor]] = None,
    ):
        super().__init__(config)
        self.network = network
        self.templates = self._templates(network, config)
        self._search_features = search_features or self._network_features
        self._update_features = None if config.exact_updates else update_features
        self._middle = config.scale_count // 2
        # Rounding to whole pixels can stretch the pyramid, most at a side of one pixel.
        self._region_limit = int(1.5 * self._scales[-1] / self._scales[0] + 0.5)
        self._updates_online = network.has_update and config.update == "online"

    def init(self, frame, box) -> tuple[TrackerState, StepOutput]:
        """Starts on a target in the first frame.

        Args:
            frame: uint8 RGB [height, width, 3].
            box: float64 [4], (x, y, width, height).

        Returns:
            State and output of frame 0; its box is the given one.
        """
        config = self.config
        position, size = geometry.box_to_center(box)
        fill = crops.mean_colour(frame)
        side = geometry.exemplar_side(size, config.context_amount)
        search_side = geometry.instance_side(
            side, architecture.EXEMPLAR_SIZE, architecture.INSTANCE_SIZE
        )
        exemplar = self._exemplar(frame, position, side, fill)
        sample = self._sample(frame, position, search_side, fill)
        features = self._sample_features(sample, fill)
        fixed_template, template, h2 = self.templates.first(exemplar, features)

        zero, index = tf.zeros_like(side), tf.zeros_like(side, tf.int32)
        no = tf.zeros_like(side, tf.bool)
        threshold = zero
        if config.threshold_source == "first_frame":
            score, _ = self.templates.score_maps(features, fixed_template, template)
            threshold = rules.largest(score)

        # The first frame is a sample of score 0: the reference's condition holds for no threshold.
        buffer = self._buffer.empty(config.buffer_size, *sample).append(*sample, zero, index)
        memory = UpdateMemory.empty(features, index, config.update_samples - 1)
        update = self._updates_online and config.update_on_first_frame
        if update:
            learned = h2, template, memory
            h2, template, _ = self.templates.updated(learned, features, config.update_rate)
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
            memory=memory,
            score_sum=zero,
            threshold=threshold,
            window_was_off=no,
            redetect=no,
            rescaled=no,
            buffer=buffer,
        )
        none = rules.no_search(position)
        output = StepOutput(
            box=box,
            score=zero + float("nan"),
            confidence=tf.ones_like(side),
            search=none,
            redetection=none,
            redetected=no,
            window_influence=zero,
            reliable=~no,
            early_update=no,
            update=no | update,
            position=position,
            search_side=search_side,
        )
        return state, output

    def step(self, state: TrackerState, frame) -> tuple[TrackerState, StepOutput]:
        """Tracks the target of a state into one more frame, uint8 RGB [height, width, 3]."""
        config = self.config
        index = state.frame_index + 1
        sides = state.search_side[..., tf.newaxis] * self._scales
        window_influence, window_was_off = self._window_influence(state, index)

        # The target around its last position.
        search = self._search(
            frame, state.position, sides, state, state.search_side, window_influence
        )
        search_side, size = self._rescale(search.scale, sides, state, state.search_side, state.size)
        position, score, scale = search.position, search.score, search.scale

        # The frame's centre, if the target has left to the right.
        no_search = rules.no_search(position)
        redetection, redetected = no_search, tf.zeros_like(state.redetect)
        if config.redetection:
            center = tf.cast(crops.frame_size(frame), tf.float64) / 2.0

            def search_center():
                return self._search(frame, center, sides, state, search_side, window_influence)

            redetection = self._where(state.redetect, search_center, no_search)
            redetected = (redetection.score > score) & (redetection.template_score > score)
            # Once more from the sides of this frame's start, but damped towards the new size.
            other_side, other_size = self._rescale(
                tf.maximum(redetection.scale, 0), sides, state, search_side, size
            )
            taken = redetected[..., tf.newaxis]
            position = tf.where(taken, redetection.position, position)
            search_side = tf.where(redetected, other_side, search_side)
            size = tf.where(taken, other_size, size)
            score = tf.where(redetected, redetection.score, score)
            scale = tf.where(redetected, redetection.scale, scale)

        score_sum, threshold = self._threshold(state, index, score)
        box = geometry.center_to_box(position, size)
        redetect = tf.zeros_like(redetected)
        if config.redetection:
            right = tf.round(box[..., 0]) + tf.round(box[..., 2])
            redetect = right > tf.cast(crops.frame_size(frame)[..., 1], tf.float64)
            redetect &= score < threshold * config.reliable_threshold

        # Reliable samples and updates.
        buffer, learned = state.buffer, (state.h2, state.template, state.memory)
        reliable = score >= self._reliable_score(threshold, buffer)
        early = regular = tf.zeros_like(reliable)
        if self._updates_online:
            early = ~reliable & (index < config.early_update_frames)
            early &= score < threshold * config.early_update_threshold
            regular = tf.equal(index % config.update_interval, 0)
        sample = self._sample(frame, position, search_side, state.fill)
        buffer = buffer.append_if(reliable, *sample, score, index)
        if self._updates_online:
            learned = self._update_if(
                early, lambda: sample, config.early_update_rate, learned, state.fill
            )
            learned = self._update_if(regular, buffer.best, config.update_rate, learned, state.fill)
        h2, template, memory = learned

        confidence = self._confidence(score, score_sum, threshold, index)
        state = state._replace(
            frame_index=index,
            position=position,
            size=size,
            search_side=search_side,
            template=template,
            h2=h2,
            memory=memory,
            score_sum=score_sum,
            threshold=threshold,
            window_was_off=window_was_off,
            redetect=redetect,
            rescaled=tf.not_equal(scale, self._middle),
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

    # Crops and features.

    def _exemplar(self, frame, position, side, fill):
        """The exemplar as the network takes it, float32 BGR [1 or targets, 127, 127, 3]."""
        size = architecture.EXEMPLAR_SIZE
        crop = crops.exemplar_crop(frame, position, side, fill, size)
        return tf.cast(tf.reshape(crop, [-1, size, size, 3])[..., ::-1], tf.float32)

    def _pyramid(self, frame, position, sides, fill, levels=None, size=architecture.INSTANCE_SIZE):
        """Search regions of the scales, or of some of them, uint8 [..., scales, size, size, 3].

        A size below 255 pixels cuts the middle of each, at the same zoom.
        """
        return crops.scale_pyramid(
            frame,
            position,
            sides * (size / architecture.INSTANCE_SIZE),
            fill,
            instance_size=size,
            levels=levels,
            region_limit=self._region_limit,
        )

    def _search_region(self, frame, position, search_side, fill):
        """Search region of the middle scale, uint8 [..., 1, 255, 255, 3]."""
        sides = search_side[..., tf.newaxis] * self._scales
        return self._pyramid(frame, position, sides, fill, levels=(self._middle,))

    def _sample_features(self, sample, fill):
        """f_x of a sample, for an update, [..., 1, 22, 22, 256]."""
        function = self._update_features or self._network_features
        return self._features(function, self._sample_region(sample, fill))

    def _network_features(self, regions):
        """f_x of uint8 RGB regions by the network itself."""
        return self.network.search_features(tf.cast(regions[..., ::-1], tf.float32))

    def _search(self, frame, position, sides, state: TrackerState, search_side, window_influence):
        """Searches around a position, in all scales or, once the target is found, at it alone."""

        def score_maps(position, **options):
            regions = self._pyramid(frame, position, sides, state.fill, **options)
            features = self._features(self._search_features, regions)  # For both score maps.
            return self.templates.score_maps(features, state.fixed_template, state.template)

        interval = self.config.scale_interval
        scores = score_maps(position, levels=None if interval == 1 else (self._middle,))
        search = self._locate(scores, position, search_side, window_influence)
        if interval == 1:
            return search

        def scale_at_target():
            return self._scale_at_target(score_maps(search.position, size=architecture.SCALES_SIZE))

        # Frame 1 is the first one of all scales.
        turn = tf.equal(state.frame_index % interval, 0) | state.rescaled
        return search._replace(scale=self._where(turn, scale_at_target, search.scale))

    def _update_if(self, condition, sample, rate, learned, fill):
        """What is learned, updated by a sample (a function returns it) if the condition holds."""

        def update():
            return self.templates.updated(learned, self._sample_features(sample(), fill), rate)

        return self._where(condition, update, learned)

    # Hooks: how one target takes a branch, keeps a sample, and goes through the network.

    def _where(self, condition, make, other):
        """`make()` where the condition holds, else `other`."""
        return tf.cond(condition, make, lambda: other)

    def _sample(self, frame, position, search_side, fill):
        """What the buffer keeps of a frame: where to cut it when an update asks for it."""
        del fill
        return frame, position, search_side

    def _sample_region(self, sample, fill):
        """Search region of a sample, uint8 [..., 1, 255, 255, 3]."""
        frame, position, search_side = sample
        return self._search_region(frame, position, search_side, fill)

    def _features(self, function, regions):
        """A function of regions [b, ...] of those [..., n, 255, 255, 3]."""
        return function(regions)
