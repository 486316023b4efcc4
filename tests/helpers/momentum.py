"""The reference's training step in its simplest form: TensorFlow 1's momentum, and digests.

Source: `main` of the reference's train.py. Only variables with `_z` in their name are trained; the
final loss includes the L2 terms of all kernels, those of the search branch too.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from gradnet_tf import losses

U2_KERNEL = "siamese/t_scala5_zz/conv/weights"


def trained_variables(net) -> dict[str, tf.Variable]:
    """The variables that the reference's optimizer moves, by TF1 name."""
    return {
        name: variable
        for name, variable in net.named_weights().items()
        if "_z" in name and "/moving_" not in name
    }


def losses_and_gradients(net, exemplars, instances):
    """One batch, forward and backward.

    Returns:
      The model's outputs; [2] initial and final loss, each with the L2 terms that the reference's
      graph holds when it builds it (the initial one is older than U2); gradients of the final loss
      by TF1 name.
    """
    variables = trained_variables(net)
    kernels = net.kernels()
    with tf.GradientTape() as tape:
        outputs = net((exemplars, instances), training=True)
        final = net.score_loss(outputs["final_score"])
        final += losses.l2_regularization(kernels.values())
    gradients = tape.gradient(final, list(variables.values()))
    older = [kernel for name, kernel in kernels.items() if name != U2_KERNEL]
    initial = outputs["initial_loss"] + losses.l2_regularization(older)
    return outputs, tf.stack([initial, final]), dict(zip(variables, gradients))


class Momentum:
    """accumulator = momentum * accumulator + gradient; variable -= learning rate * accumulator."""

    def __init__(self, variables: dict[str, tf.Variable], rate: float = 0.01, momentum=0.9):
        self.variables = variables
        self.rate = rate
        self.momentum = momentum
        self.slots = {
            name: tf.Variable(tf.zeros_like(variable)) for name, variable in variables.items()
        }

    def apply(self, gradients) -> None:
        """Moves every variable by its gradient."""
        for name, variable in self.variables.items():
            slot = self.slots[name]
            slot.assign(self.momentum * slot + gradients[name])
            variable.assign_sub(self.rate * slot)


def digest(values) -> np.ndarray:
    """Sum, sum of absolute values, L2 norm, and 64 values spread over the array."""
    flat = np.asarray(values, np.float64).ravel()
    picked = np.linspace(0, flat.size - 1, 64).astype(int)
    summary = [flat.sum(), np.abs(flat).sum(), np.sqrt((flat**2).sum())]
    return np.concatenate([summary, flat[picked]])
