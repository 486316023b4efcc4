"""Starts U2 as a descent step, with batch norm statistics of real gradients.

With random weights U2 does next to nothing for long: the gradients are so small that batch norm's
epsilon outweighs their variance. A step against the gradient is what U2 has to learn anyway
(section 3.2), so it is a better start.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training import objective
from gradnet_tf.weights.card import FILLED_LOCAL_STEP

DESCENT = 10.0  # Centre tap; with it the convolution of a usual gradient outweighs epsilon.
NOISE = 0.3  # Share of the random kernel that stays.
GAMMA = 0.3  # Step size: a change by one standard deviation of the gradient, in units of f_2.


def start_as_descent(network: GradNet) -> None:
    """Turns a new U2 into h_2 = f_2 - step size * gradient, up to tanh and some noise."""
    block = network.u2.block
    weights = block.named_weights()
    prefix = f"siamese/{block.scope}/"
    kernel = weights[prefix + "conv/weights"]
    values = NOISE * kernel.numpy()
    values[1, 1] -= DESCENT * np.eye(values.shape[2], dtype=values.dtype)
    kernel.assign(values)
    gamma = weights[prefix + "bn/gamma"]
    gamma.assign(np.full(gamma.shape, GAMMA, values.dtype))


def calibrate_update(
    network: GradNet, groups: Iterable, *, batched: bool = False, label: str = "logistic"
) -> None:
    """Sets U2's moving averages to the statistics of the gradients of some groups of pairs.

    Args:
        network: With a U2; nothing else of it changes.
        groups: Pairs of exemplars [k, 127, 127, 3] and instances [k, 239, 239, 3], BGR in 0..255.
        batched: False: template generalization; True: one template for each pair.
        label: Label map of the training, see `TrainConfig`; gradients of the Gaussian one are
            larger.
    """
    block = network.u2.block
    folded = network.folded()

    @tf.function(autograph=False)
    def moments(exemplars, instances):
        features = folded.search_features(tf.cast(instances, tf.float32))
        exemplars = exemplars if batched else exemplars[:1]
        f2 = network.template_features(exemplars)
        update = network.update(
            f2,
            tf.cast(features, f2.dtype),
            *objective.labels_of(label, features.shape[1] - 5),
            batched=batched,
            loss=objective.loss_of(label),
        )
        outputs = block.convolve(update.gradient * network.u2.scale)
        return tf.reduce_mean(outputs, [0, 1, 2]), tf.reduce_mean(outputs**2, [0, 1, 2])

    found = [[value.numpy().astype(np.float64) for value in moments(*group)] for group in groups]
    mean, square = np.mean(found, axis=0)
    weights = block.named_weights()
    prefix = f"siamese/{block.scope}/"
    for name, value in (("mean", mean), ("variance", square - mean**2)):
        weights[f"{prefix}bn/moving_{name}"].assign(value)
        nested = f"{prefix}siamese/{block.scope}/bn/moving_{name}"
        weights[f"{nested}/biased"].assign(value)
        weights[f"{nested}/local_step"].assign(FILLED_LOCAL_STEP)
