"""The update branch: U1, U2 and the gradient between them (paper, section 3.2).

Source: `siamese.py` of the reference, `extract_gra_fea_template`, `template_update_based_grad`.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

GRADIENT_SCALE = 10_000.0


class GradientNet(tf.keras.Model):
    """U2: turns the gradient of the loss into a change of the shallow feature.

    U2(g) = tanh(BN(conv(10000 g))), [b, 12, 12, 256] -> [b, 12, 12, 256].

    Args:
        block: Convolution 3x3 SAME, batch norm, tanh (`architecture.U2`), variable or folded.
    """

    def __init__(self, block: tf.keras.layers.Layer):
        super().__init__(name="U2", dtype=block.compute_dtype)
        self.block = block
        self.scale = GRADIENT_SCALE

    def call(self, gradient, training: bool = False):
        """Computes the change of f_2 for its gradient."""
        return self.block(gradient * self.scale, training=training)


def gradient_of_loss(loss: Callable, feature):
    """Computes the gradient dL / df_2(Z), the input of U2 in equation 6.

    An outer tape differentiates through it: the second-order guidance of section 3.2.

    Args:
        loss: Function of the feature, returning (scalar loss L, anything else to keep).
        feature: f_2(Z) or h_2(Z), [b, 12, 12, 256].

    Returns:
        The gradient (shape of the feature) and what the function returned.
    """
    with tf.GradientTape() as tape:
        tape.watch(feature)
        results = loss(feature)
    return tape.gradient(results[0], feature), results
