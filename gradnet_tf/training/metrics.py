"""What is measured while training: errors of the score maps, and how much the gradient does.

Source: `train.py` of the reference, `centerThrErr`, `precisionAuc`, `maxScoreErr`. Its labels say
of each pair that it shows the target, always; so they are left out here.
"""

from __future__ import annotations

from typing import Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.network import architecture

RADIUS = 50  # px
THRESHOLDS = 100


def err_disp(score: np.ndarray, target: Optional[np.ndarray] = None) -> np.ndarray:
    """The errDisp of each score map: how far its peak lies from the target, float64 [b].

    It is the area over the precision curve, by the trapezoid rule over 100 thresholds from 0 to 50
    px with a step of one: 0 for a peak in the centre, 99 for one more than 50 px away. The first of
    equal peaks counts, row by row. The reference's errDisp of a batch is the mean.

    Args:
        score: S*, [b, size, size, 1], finite.
        target: Where the target is, (y, x) in cells from the centre, [b, 2]; there by default.
    """
    score = np.asarray(score)
    size = score.shape[1]
    peak = np.argmax(score.reshape(len(score), -1), axis=1)
    offset = np.stack([peak // score.shape[2], peak % score.shape[2]], axis=1) - size // 2
    if target is not None:
        offset = offset - target
    distance = np.hypot(offset[:, 0], offset[:, 1])
    missed = (
        distance[:, np.newaxis] > np.linspace(0, RADIUS / architecture.TOTAL_STRIDE, THRESHOLDS)
    ).astype(float)
    return missed.sum(axis=1) - (missed[:, 0] + missed[:, -1]) / 2


def err_max(score: np.ndarray, target: Optional[np.ndarray] = None) -> np.ndarray:
    """The errMax of each score map: whether the score of the target is not positive, 0 or 1, [b].

    See `err_disp` for the arguments. The reference's errMax of a batch is the mean.
    """
    score = np.asarray(score)
    place = np.zeros([len(score), 2], int) + [(side - 1) // 2 for side in score.shape[1:3]]
    if target is not None:
        place += target
    return (score[np.arange(len(score)), place[:, 0], place[:, 1], 0] <= 0).astype(float)


def gradient_size(gradient):
    """L2 norm of the gradient dL / df_2 [b, 12, 12, 256] of each template, which U2 sees: [b].

    By template generalization L depends on the first exemplar's template alone: the other rows are
    what batch statistics pass on. So take the first there, and the mean with one template a pair.
    """
    return tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))


def gradient_share(f2, h2):
    """Share of the gradient in each updated feature, sum|U2(g)| / (sum|f_2| + sum|U2(g)|): [b].

    Figure 4 of the paper shows "the proportion of the gradient during the template update",
    "calculated by the absolute value of alpha_2", the weights of U2. It does not say how, nor does
    the published code, and batch norm divides the size of alpha_2 out. So the proportion itself is
    counted, in equation 6: h_2 = f_2 + U2(g). Sums are taken before the ratio, because f_2 is zero
    at many places (ReLU), where any U2(g) would count as 1.

    0: the template ignores the gradient; 0.5: as much gradient as appearance. See `gradient_size`
    for what the rows of f_2 and h_2 [b, 12, 12, 256] mean; 0 where both are all zero.
    """
    change = tf.reduce_sum(tf.abs(h2 - f2), axis=[1, 2, 3])
    feature = tf.reduce_sum(tf.abs(f2), axis=[1, 2, 3])
    return tf.math.divide_no_nan(change, feature + change)
