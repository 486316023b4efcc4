"""The tracker's two templates: made in the first frame, searched in each, updated by gradients.

Values have any leading dimensions, see `step`.
"""

from __future__ import annotations

import tensorflow as tf

from gradnet_tf.network import losses
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.rules import SCORE_SIZE
from gradnet_tf.tracking.state import UpdateMemory


class Templates:
    """Makes, searches and updates the templates of one target by a network and constants."""

    def __init__(self, network: GradNet, config: TrackerConfig):
        self.network = network
        self.config = config

    def first(self, exemplar, features):
        """Makes the templates of the first frame.

        Args:
            exemplar: BGR, float32 [1 or targets, 127, 127, 3].
            features: f_x of the first search region, [..., 1, 22, 22, 256].

        Returns:
            The SiamFC template, the updated one and h_2.
        """
        network = self.network
        h2 = tf.zeros([exemplar.shape[0] or tf.shape(exemplar)[0], 12, 12, 256])
        if network.has_template_branch:
            h2 = network.template_features(exemplar)
        if network.variant == "without_gradient":
            fixed_template = network.initial_template(h2)
        else:
            fixed_template = network.siamese_template(exemplar)
        template = fixed_template
        if network.has_update and self.config.update == "none":
            template = network.initial_template(h2)
        elif network.has_update:
            h2, template = self._network_update(h2, features)
        return fixed_template, template, h2

    def score_maps(self, features, fixed_template, template):
        """Searches f_x [..., scales, 22, 22, 256] for both templates.

        Returns:
            Score maps [..., scales, 17, 17] of the SiamFC template and of the updated one. The
            updated one sees the middle scale alone, [..., 1, 17, 17], if it has no part in the
            choice of the scale; its maps are None where it takes no part in the response.
        """
        middle = features.shape[-4] // 2
        if self.config.response_mix == "template":
            share = self.config.template_influence
            fixed_template = (1.0 - share) * fixed_template + share * template
        if self.config.response_mix == "template" or not self.network.has_update:
            return self._score_map(fixed_template, features), None
        share = self.config.template_scale_influence
        scales = slice(None) if share else slice(middle, middle + 1)
        return self._both_score_maps(fixed_template, template, features, scales)

    def updated(self, learned, features, rate: float):
        """Updates (h_2, template, memory) by f_x [..., 1, 22, 22, 256] of a sample.

        h_2 moves towards the updated one, the template beta* is that of the updated one.
        """
        h2, _, memory = learned
        new, template = self._network_update(h2, *self._update_regions(memory, features))
        if self.config.update_samples > 1:
            memory = memory.append(features)
        return (1.0 - rate) * h2 + rate * new, template, memory

    def _update_regions(self, memory: UpdateMemory, features):
        """The search regions of an update, and their shares in the loss (None if it is one)."""
        weight, size = self.config.first_frame_weight, self.config.update_samples - 1
        if not weight and not size:
            return features, None
        filled = tf.range(size) >= size - memory.count[..., tf.newaxis]
        filled = tf.cast(filled, tf.float32)
        each = (1.0 - weight) / (1.0 + tf.reduce_sum(filled, axis=-1, keepdims=True))
        regions = [features, memory.features, memory.first]
        shares = [each, each * filled, tf.zeros_like(each) + weight]
        count = len(regions) if weight else 2
        return tf.concat(regions[:count], axis=-4), tf.concat(shares[:count], axis=-1)

    def _region_weights(self, shares, scale: int = 1):
        """Weights [..., n, 17, 17, 1] of the labels for the shares of n regions in the loss."""
        balanced = losses.balanced_weights(losses.logistic_labels(SCORE_SIZE))
        return scale * shares[..., tf.newaxis, tf.newaxis, tf.newaxis] * balanced

    # How one target's values go through the network; `BatchedTemplates` has others for these.

    def _score_map(self, template, features):
        """Score maps [..., n, 17, 17]."""
        return self.network.score_map(template, features)[..., 0]

    def _both_score_maps(self, fixed_template, template, features, scales: slice):
        """Score maps of both templates, of the second one for some of the scales."""
        score, updated = self.network.score_maps((fixed_template, template), features)
        return score, updated[scales]

    def _network_update(self, h2, regions, shares=None):
        """h_2 and the template beta* after one gradient step.

        Args:
            h2: h_2 before it.
            regions: f_x of the search regions whose losses the gradient is of, [..., n, 22, 22,
                256].
            shares: [..., n], of each region in the loss; equal ones by default.
        """
        weights = None if shares is None else self._region_weights(shares, regions.shape[-4])
        centred = self.config.centred_update
        update = self.network.update(h2, regions, weights=weights, centred=centred)
        return update.h2, update.template
