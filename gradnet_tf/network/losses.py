"""Labels, the balanced logistic loss (equation 5) and the L2 regularization.

Source: `track.py` and `train.py` of the reference, `createLogLossLabel` and `createLabels`;
`siamese.py`, `SiameseNet.loss` and `SiameseNet.getVariable`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

POSITIVE_RADIUS = 16 / 8  # 16 px of the search region at a total stride of 8.
WEIGHT_DECAY = 5e-4


def logistic_labels(size: int, radius: float = POSITIVE_RADIUS) -> np.ndarray:
    """Makes the label Y of a score map with the target in its centre.

    Args:
        size: Side of the score map (17 in tracking, 15 in training).
        radius: Cells within this distance of the centre are positive.

    Returns:
        float32 [size, size, 1], +1 or -1.

    Raises:
        ValueError: If the map would have no negative cell, or no cell at all.
    """
    if size < 1:
        raise ValueError(f"size must be a positive number of cells, got {size}")
    offset = np.arange(size) - size // 2
    distance = np.hypot(offset[:, None], offset[None, :])
    labels = np.where(distance <= radius, 1.0, -1.0).astype(np.float32)[..., None]
    if labels.min() == labels.max():
        raise ValueError(f"radius {radius} leaves one class of a {size}x{size} map empty")
    return labels


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """Makes weights under which the positive cells count 0.5 together, the negative ones 0.5.

    Args:
        labels: [size, size, 1] or [b, size, size, 1] of +1 and -1.

    Returns:
        float32, shape of the labels; each map sums to 1.
    """
    positive = labels > 0
    count = positive.sum(axis=(-3, -2, -1), keepdims=True)
    negative_count = np.prod(labels.shape[-3:]) - count
    return np.where(positive, 0.5 / count, 0.5 / negative_count).astype(np.float32)


def gaussian_labels(size: int) -> np.ndarray:
    """Makes a Gaussian map: exp(-(x^2 + y^2) / (4 * 0.7^2)), x, y in cells from the centre.

    Algorithm 1 of the paper calls the labels Gaussian maps. The reference has this one (`train.py`,
    `gaussian_shaped_labels`) and does not use it: the line that would is commented out. Equation 5
    has no minimum with such labels, for every label above 0 asks for a higher score. Neither says
    which loss goes with them: see `soft_logistic_loss`.

    Args:
        size: Side of the score map. The centre of an even one is the cell before the middle, while
            in `logistic_labels` it is the one after, both as in the reference.

    Returns:
        float32 [size, size, 1], 1 in the centre and above 0 elsewhere.

    Raises:
        ValueError: If there would be no cell.
    """
    if size < 1:
        raise ValueError(f"size must be a positive number of cells, got {size}")
    offset = np.arange(size) - (size - 1) // 2
    square = offset[:, None] ** 2 + offset[None, :] ** 2
    return np.exp(-0.25 * square / 0.7**2).astype(np.float32)[..., None]


def gaussian_weights(labels: np.ndarray) -> np.ndarray:
    """Makes the weights of a Gaussian map: 5 in its centre, 1 elsewhere, in the labels' shape.

    Source: `train.py`, `createLabels_G`. Unlike `balanced_weights` they do not sum to 1.
    """
    return np.where(labels == 1, 5.0, 1.0).astype(np.float32)


def logistic_loss(score, labels, weights):
    """Computes l(S, Y) of every search region: the mean of weight * log(1 + exp(-y s)).

    The weights sum to 1 already; the reference still divides by the number of cells. The logarithm
    is written as the reference writes it, not as `tf.nn.softplus`: their gradients differ in the
    last bit, which is enough to send the recurrent template another way after some updates.

    Args:
        score: S, [b, size, size, 1].
        labels: Y, [size, size, 1] or [b, size, size, 1].
        weights: As the labels.

    Returns:
        [b]. The reference's loss is its mean over the batch.
    """
    margin = -labels * score
    positive = tf.nn.relu(margin)
    loss = positive + tf.math.log(tf.exp(-positive) + tf.exp(margin - positive))
    return tf.reduce_mean(weights * loss, axis=[1, 2, 3])


def soft_logistic_loss(score, labels, weights):
    """Computes the logistic loss of every search region for labels that are probabilities.

    It is equation 5 for labels of 0 (not the target) and 1, and a mean of both in proportion for
    what lies between, such as `gaussian_labels`. Shapes are those of `logistic_loss`.
    """
    return logistic_loss(score, 1.0, weights * labels) + logistic_loss(
        score, -1.0, weights * (1.0 - labels)
    )


def l2_regularization(kernels: Iterable, weight_decay: float = WEIGHT_DECAY):
    """Computes weight_decay * sum of half the squared norms, as `tf.contrib.layers` did; a scalar.

    Args:
        kernels: Kernels of the convolutions; the reference regularizes no bias and no batch norm.
        weight_decay: Factor.
    """
    return weight_decay * tf.add_n([tf.nn.l2_loss(tf.convert_to_tensor(k)) for k in kernels])
