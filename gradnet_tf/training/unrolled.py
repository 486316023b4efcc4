"""Successive updates of one template, as tracking makes them, and the losses after each.

    h = f_2(Z)
    for each update:  g = gradient of the weighted losses of U1(h) on the regions it may see
                      new = h + U2(g), beta* = U1(new)
                      h = new after the first update, (1 - rate) h + rate new after the others

as `tracking.step.TrackingStep` does it: the first update makes the template of the first frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gradnet_tf.data import task
from gradnet_tf.network import backbone
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.network.update_branch import gradient_of_loss
from gradnet_tf.training.config import TrainConfig


class Unrolled(NamedTuple):
    """What successive updates have given."""

    # beta of the feature itself, then beta* after each update, [1, 6, 6, 256] each.
    templates: list
    gradient: tf.Tensor  # Of the last update, [1, 12, 12, 256].
    h2: tf.Tensor  # h_2 after the last update, [1, 12, 12, 256].


def updates(
    network: GradNet, f2, regions, shares, used: list[list[int]], rate: float, loss: Callable
) -> Unrolled:
    """Goes through successive updates.

    Args:
        network: With a U2; batch norm uses its moving averages.
        f2: f_2(Z), [1, 12, 12, 256].
        regions: Features f_x of n search regions, [n, h, w, 256], their labels, [n, s, s, 1], and
            the weights of the labels, [n, s, s, 1].
        shares: Weights of the regions in the gradient of each update, [updates, n].
        used: For each update, the places of the regions whose share may be other than 0.
        rate: Share of the new h_2 at every update but the first.
        loss: Function of (score, labels, weights), returning [n].
    """
    templates: list[tf.Tensor] = []
    h2, gradient = f2, None
    for number, places in enumerate(used):
        seen = [tf.gather(each, places) for each in (*regions, shares[number])]

        def seen_loss(feature, seen=seen):
            seen_features, seen_labels, seen_weights, share = seen
            template = network.initial_template(feature)
            # By a product of matrices: half the time of a convolution with one output.
            score = backbone.cross_correlations(template, seen_features)
            return tf.reduce_sum(share * loss(score, seen_labels, seen_weights)), template

        gradient, (_, template) = gradient_of_loss(seen_loss, h2)
        if not templates:
            templates.append(template)
        new = network.updated_feature(h2, gradient)
        templates.append(network.optimal_template(new))
        h2 = (1.0 - rate) * h2 + rate * new if number else new
    return Unrolled(templates, gradient, h2)


class Places(NamedTuple):
    """Where a sequence's regions stand, see `gradnet_tf.data.task.draw`."""

    used: list[list[int]]  # For each update, the regions that may take part in its gradient.
    own: list[int]  # Regions of the template's own video that losses are taken on.
    judged: list[int]  # All regions that losses are taken on, `own` first.

    @classmethod
    def of(cls, config: TrainConfig, count: int) -> Places:
        """Those of a sequence of `count` regions; what never takes part is left out."""
        others = range(config.regions, count, 2) if config.generalization else ()
        used = [[0, *others]]
        used += [[0, number, *others] for number in range(1, config.updates)]
        own = list(range(config.updates, config.regions))
        return cls(used, own, [*own, *(place + 1 for place in others)])


def label_table(labels: np.ndarray) -> np.ndarray:
    """A label map moved by any number of cells that a task can ask for.

    Args:
        labels: Of a larger map with the target in its centre, [s + 2 m, s + 2 m, 1]; m is
            `task.WRONG_CELLS`.

    Returns:
        [(2 m + 1)^2, s, s, 1]; row (y + m) (2 m + 1) + x + m has the target y and x cells off.
    """
    most = task.WRONG_CELLS
    size = labels.shape[0] - 2 * most
    return np.stack(
        [
            labels[most - y : most - y + size, most - x : most - x + size]
            for y in range(-most, most + 1)
            for x in range(-most, most + 1)
        ]
    )


def rows_of_table(cells):
    """Rows of a `label_table` for cells int32 [n, 2], (y, x)."""
    most = task.WRONG_CELLS
    return (cells[:, 0] + most) * (2 * most + 1) + cells[:, 1] + most
