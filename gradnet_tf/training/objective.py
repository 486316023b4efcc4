"""What a group of k pairs is trained on: losses, gradients and what is logged of them.

One group is what the reference calls a batch: one template, that of its first exemplar, meets the
search regions of k videos (template generalization, section 3.3 and equation 10), and batch norm
uses the statistics of the group. Source: `main` of the reference's train.py, which runs the network
three times a step for it; here it runs once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

import numpy as np
import tensorflow as tf

from gradnet_tf import layers, losses
from gradnet_tf.gradnet import GradNet
from gradnet_tf.training import metrics
from gradnet_tf.training.config import TrainConfig

OFFSET = "score_offset"


class Objective:
    """Losses of a group of pairs.

    With precision "mixed_bfloat16" every convolution is computed in bfloat16, those that the inner
    gradient passes backwards among them: with U1 and U2 in float32 it would be as far from
    float32's (on golden weights 11% to 13%, on trained ones 1% to 2% of its norm, instead of 1% to
    4%), since what f_2 and the search features have lost stays lost. What is not a convolution
    stays float32: variables, biases, batch norm and its statistics, tanh, the gradient's factor of
    10,000, score maps and losses. No loss is scaled: bfloat16 has the exponents of float32.

    Args:
      network: what is trained; of the variant `config.network_variant`. The search branch's
        weights are read here and now in stage "gradnet", where they stay as they are.
      config: see `TrainConfig`.
      offset: in stage "siamfc", the constant added to the scores.
    """

    def __init__(self, network: GradNet, config: TrainConfig, offset: Optional[tf.Variable] = None):
        self.network = network
        self.config = config
        self._offset = offset
        self._folded = None
        if config.stage == "gradnet" and config.precision != "float64":
            self._folded = network.folded(dtype=config.search_type)
        self._loss = loss_of(config.label)
        self.variables = trained_variables(network, config)
        if offset is not None:
            self.variables[OFFSET] = offset

    def __call__(self, exemplars, instances, training: bool = True) -> dict[str, tf.Tensor]:
        """Losses and score maps of one group.

        Args:
          exemplars: [k, 127, 127, 3], BGR, 0..255.
          instances: [k * regions, 239, 239, 3], BGR, 0..255; those of a pair stand together.
          training: whether batch norm of the search branch uses the group's statistics where
            `config` says so. The template branch's does in validation, too, as in the reference.

        Returns:
          Scalars `loss` (of S*), `initial_loss` (of S), `regularization`, `objective` (what is
          minimised); `final_score` S* and `initial_score` S, [k, 15, 15, 1]; with an update also
          the scalars `gradient_size` and `gradient_share`.
        """
        with layers.convolving_in(self.config.convolution_type):
            if self.config.stage == "siamfc":
                return self._siamfc(exemplars, instances, training)
            return self._gradnet(exemplars, instances)

    def gradients(self, exemplars, instances) -> tuple[dict, dict[str, tf.Tensor]]:
        """Outputs as of a call, and the gradient of `objective` for every trained variable."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(self.variables.values()))
            outputs = self(exemplars, instances)
        gradients = tape.gradient(outputs["objective"], list(self.variables.values()))
        return outputs, dict(zip(self.variables, gradients))

    def _gradnet(self, exemplars, instances):
        network, batched = self.network, not self.config.generalizes
        if self._folded is None:
            features = network.search_features(instances)
        else:
            features = self._folded.search_features(tf.cast(instances, self.config.search_type))
            features = tf.cast(features, exemplars.dtype)
        labels, weights = labels_of(self.config.label, features.shape[1] - 5)
        several, features = features, features[:: self.config.regions]
        training = self.config.template_statistics == "batch"
        if not batched and not training and self.config.regions == 1:
            exemplars = exemplars[:1]  # The others take part through batch statistics only.
        f2 = network.template_features(exemplars, training=training)
        if not network.has_update:
            template = network.initial_template(f2, training=training)
            score = network.score_map(template, features, batched=True)
            return self._outputs(score, score, labels, weights)
        update = network.update(
            f2, features, labels, weights, training=training, batched=batched, loss=self._loss
        )
        score = network.score_map(update.template, features, batched=batched)
        outputs = self._outputs(score, update.score, labels, weights)
        sizes = metrics.gradient_size(update.gradient)
        shares = metrics.gradient_share(f2, update.h2)
        pick = tf.reduce_mean if batched else (lambda values: values[0])
        if self.config.regions > 1:
            self._add_frames(outputs, f2, several, labels, weights)
        return {**outputs, "gradient_size": pick(sizes), "gradient_share": pick(shares)}

    def _add_frames(self, outputs, f2, features, labels, weights) -> None:
        """Adds the losses of templates that the first region of their own video has updated."""
        network, count = self.network, f2.shape[0]
        own = tf.reshape(features, [count, self.config.regions, *features.shape[1:]])
        update = network.update(f2, own[:, 0], labels, weights, batched=True, loss=self._loss)
        templates = tf.unstack(update.template, count)
        initial = tf.unstack(network.initial_template(f2), count)
        negative_loss = 0.0
        for index in range(count):
            unseen = own[index, 1:]
            for name, template in (("loss", templates), ("initial_loss", initial)):
                score = network.score_map(template[index][tf.newaxis], unseen)
                outputs[name] += self._scaled_loss(score, labels, weights) / count
            other = network.score_map(templates[index][tf.newaxis], own[index - 1, :1])
            negative_loss += tf.nn.softplus(tf.reduce_max(other)) / count
        negatives = self.config.negatives * negative_loss
        outputs["objective"] = outputs["loss"] + outputs["regularization"] + negatives

    def _siamfc(self, exemplars, instances, training):
        network = self.network
        training = training and self.config.search_statistics == "batch"
        features = network.search_features(instances, training=training)
        template = network.siamese_template(exemplars, training=training)
        score = network.score_map(template, features, batched=True) + self._offset
        labels, weights = labels_of(self.config.label, features.shape[1] - 5)
        outputs = self._outputs(score, score, labels, weights)
        if self.config.negatives:
            other = network.score_map(tf.roll(template, 1, axis=0), features, batched=True)
            highest = tf.reduce_max(other + self._offset, axis=[1, 2, 3])
            outputs["objective"] += self.config.negatives * tf.reduce_mean(tf.nn.softplus(highest))
        return outputs

    def _scaled_loss(self, score, labels, weights):
        cells = np.prod(labels.shape) if self.config.loss_scale == "sum" else 1
        return cells * tf.reduce_mean(self._loss(score, labels, weights))

    def _outputs(self, final_score, initial_score, labels, weights):
        kernels = self.network.kernels().values()
        regularization = losses.l2_regularization(kernels, self.config.weight_decay)
        final = self._scaled_loss(final_score, labels, weights)
        return {
            "loss": final,
            "initial_loss": self._scaled_loss(initial_score, labels, weights),
            "regularization": regularization,
            "objective": final + regularization,
            "final_score": final_score,
            "initial_score": initial_score,
        }


def labels_of(label: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a score map and their weights, float32 [size, size, 1], by `TrainConfig.label`."""
    if label == "gaussian":
        labels = losses.gaussian_labels(size)
        return labels, losses.gaussian_weights(labels)
    labels = losses.logistic_labels(size)
    return labels, losses.balanced_weights(labels)


def loss_of(label: str) -> Callable:
    """The loss of `gradnet_tf.losses` that takes the labels of `labels_of`."""
    return losses.soft_logistic_loss if label == "gaussian" else losses.logistic_loss


def trained_variables(network: GradNet, config: TrainConfig) -> dict[str, tf.Variable]:
    """The variables that a stage moves, by TF1 name.

    Stage "gradnet": those with `_z` in their name, as the reference chooses them: template branch
    and U2. Stage "siamfc": the search branch above `config.frozen_layers`.
    """
    frozen = tuple(f"siamese/scala{i + 1}/" for i in range(config.frozen_layers))
    return {
        name: variable
        for name, variable in network.named_weights().items()
        if "/moving_" not in name
        and not name.startswith(frozen)
        and (config.stage == "siamfc" or "_z" in name)
    }
