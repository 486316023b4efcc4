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

from gradnet_tf.data import task as tasks
from gradnet_tf.network import architecture, backbone, layers, losses
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training import metrics, unrolled
from gradnet_tf.training.config import TrainConfig

OFFSET = "score_offset"
# By `TrainConfig.label`: what makes labels, their weights, and the loss.
_LABELS = {
    "logistic": (losses.logistic_labels, losses.balanced_weights, losses.logistic_loss),
    "gaussian": (losses.gaussian_labels, losses.gaussian_weights, losses.soft_logistic_loss),
}


class Objective:
    """Losses of a group of pairs.

    With precision "mixed_bfloat16" every convolution is computed in bfloat16, those that the inner
    gradient passes backwards among them: with U1 and U2 in float32 it would be as far from
    float32's (on golden weights 11% to 13%, on trained ones 1% to 2% of its norm, instead of 1% to
    4%), since what f_2 and the search features have lost stays lost. All else stays float32. No
    loss is scaled: bfloat16 has the exponents of float32.

    Args:
        network: What is trained; of the variant `config.network_variant`. The search branch's
            weights are read here and now in stage "gradnet", where they stay as they are.
        config: See `TrainConfig`.
        offset: In stage "siamfc", the constant added to the scores.
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

    def __call__(
        self, exemplars, instances, task=None, training: bool = True
    ) -> dict[str, tf.Tensor]:
        """Losses and score maps of one group.

        Args:
            exemplars: [k, 127, 127, 3], BGR, 0..255; where `config.exemplars` is 1, the first of
                them will do.
            instances: [k * regions, 239, 239, 3], BGR, 0..255; those of a pair stand together. Or,
                in stage "gradnet", their features f_x, [k * regions, 20, 20, 256], in any type.
            task: With several updates, what `gradnet_tf.data.task.Sequence` calls label, gradient
                and loss.
            training: Whether batch norm of the search branch uses the group's statistics where
                `config` says so. The template branch's does in validation, too, as in the
                reference.

        Returns:
            Scalars `loss` (of S*), `initial_loss` (of S), `regularization`, `objective` (what is
            minimised); `final_score` S* and `initial_score` S, [k, 15, 15, 1]; with an update also
            the scalars `gradient_size` and `gradient_share`. With several updates: `loss` is the
            mean over what follows each of them, score maps are those of the template's own video
            after the last one, `target` int32 [n, 2] is where on them the target is, in cells from
            the centre, `gradient_size` is that of the last one, and `gradient_share` that of all.
        """
        with layers.convolving_in(self.config.convolution_type):
            if self.config.stage == "siamfc":
                return self._siamfc(exemplars, instances, training)
            if task is not None:
                return self._sequence(exemplars, self._features(instances), *task)
            return self._gradnet(exemplars, self._features(instances))

    def gradients(self, exemplars, instances, task=None) -> tuple[dict, dict[str, tf.Tensor]]:
        """Outputs as of a call, and the gradient of `objective` for every trained variable."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(self.variables.values()))
            outputs = self(exemplars, instances, task)
        gradients = tape.gradient(outputs["objective"], list(self.variables.values()))
        return outputs, dict(zip(self.variables, gradients))

    def _features(self, instances):
        """f_x of images, in the type of the variables; features that are given are those."""
        floatx = tf.keras.backend.floatx()
        if instances.shape[-1] != 3:
            return tf.cast(instances, floatx)
        if self._folded is None:
            return self.network.search_features(instances)
        features = self._folded.search_features(tf.cast(instances, self.config.search_type))
        return tf.cast(features, floatx)

    def _gradnet(self, exemplars, features):
        network, batched = self.network, not self.config.generalizes
        labels, weights = labels_of(self.config.label, features.shape[1] - 5)
        several, features = features, features[:: self.config.regions]
        training = self.config.template_statistics == "batch"
        exemplars = exemplars[: self.config.exemplars]
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

    def _sequence(self, exemplars, features, cells, shares, loss_shares):
        """Losses of a template that goes through several updates."""
        network, config = self.network, self.config
        size = features.shape[1] - 5
        whole = labels_of(config.label, size + 2 * tasks.WRONG_CELLS)[0]
        labels = unrolled.label_table(whole)
        tables = labels, _LABELS[config.label][1](labels)
        rows = unrolled.rows_of_table(cells)
        labels, weights = (tf.gather(table.astype(features.dtype.name), rows) for table in tables)
        shares, loss_shares = (tf.cast(each, features.dtype) for each in (shares, loss_shares))
        places = unrolled.Places.of(config, features.shape[0])
        f2 = network.template_features(exemplars[:1])
        regions = features, labels, weights
        found = unrolled.updates(
            network, f2, regions, shares, places.used, config.update_rate, self._loss
        )
        judged = [tf.gather(each, places.judged) for each in regions]
        judged_features, judged_labels, judged_weights = judged
        judged_shares = tf.gather(loss_shares, places.judged)
        influence, fixed_score = config.template_influence, 0.0
        if influence < 1:
            fixed = self._features(exemplars[:1])
            fixed_score = (1 - influence) * backbone.cross_correlations(fixed, judged_features)
        templates = tf.concat(found.templates, axis=0)
        maps = influence * backbone.cross_correlations(templates, judged_features) + fixed_score
        losses_after, scores = [], []
        for score in tf.split(maps, len(found.templates), axis=3):
            each = self._loss(score, judged_labels, judged_weights)
            losses_after.append(self._cells(size) * tf.reduce_sum(judged_shares * each))
            scores.append(score[: len(places.own)])
        return {
            **self._totals(tf.add_n(losses_after[1:]) / config.updates, losses_after[0]),
            "final_score": scores[-1],
            "initial_score": scores[0],
            "target": tf.gather(cells, places.own),
            "gradient_size": metrics.gradient_size(found.gradient)[0],
            "gradient_share": metrics.gradient_share(f2, found.h2)[0],
        }

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
        return self._cells(labels.shape[0]) * tf.reduce_mean(self._loss(score, labels, weights))

    def _cells(self, size: int) -> int:
        """Factor of a mean over a map."""
        return size**2 if self.config.loss_scale == "sum" else 1

    def _totals(self, loss, initial_loss):
        """The scalars of the losses."""
        kernels = self.network.kernels().values()
        regularization = losses.l2_regularization(kernels, self.config.weight_decay)
        return {
            "loss": loss,
            "initial_loss": initial_loss,
            "regularization": regularization,
            "objective": loss + regularization,
        }

    def _outputs(self, final_score, initial_score, labels, weights):
        return {
            **self._totals(
                self._scaled_loss(final_score, labels, weights),
                self._scaled_loss(initial_score, labels, weights),
            ),
            "final_score": final_score,
            "initial_score": initial_score,
        }


def labels_of(label: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a score map and their weights, float32 [size, size, 1], by `TrainConfig.label`."""
    make, weights, _ = _LABELS[label]
    labels = make(size)
    return labels, weights(labels)


def loss_of(label: str) -> Callable:
    """The loss of `gradnet_tf.network.losses` that takes the labels of `labels_of`."""
    return _LABELS[label][2]


def trained_variables(network: GradNet, config: TrainConfig) -> dict[str, tf.Variable]:
    """The variables that a stage moves, by TF1 name.

    Stage "gradnet": those with `_z` in their name, as the reference chooses them: template branch
    and U2, or U2 alone. Stage "siamfc": the search branch above `config.frozen_layers`.
    """
    trained = f"/{architecture.U2.scope}/" if config.trained == "update" else "_z"
    frozen = tuple(f"siamese/scala{i + 1}/" for i in range(config.frozen_layers))
    return {
        name: variable
        for name, variable in network.named_weights().items()
        if "/moving_" not in name
        and not name.startswith(frozen)
        and (config.stage == "siamfc" or trained in name)
    }
