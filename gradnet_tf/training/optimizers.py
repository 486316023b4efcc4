"""Momentum as TensorFlow 1 has it, and Adam, over variables by name, and their learning rates.

Keras's SGD moves its velocity by learning rate times gradient, TensorFlow 1's momentum by the
gradient alone: they differ as soon as the learning rate changes. Both optimizers here keep every
slot in a plain dict, so that a checkpoint holds all of them by name on both generations of Keras.
Learning rates are functions of the step alone, which counts from 0, so that a resumed run goes on
exactly; `TrainConfig` checks their values.

Source: `train.py` of the reference, `tf.train.MomentumOptimizer`; Kingma and Ba, "Adam", 2015.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

ADAM_BETA_1 = 0.9
ADAM_BETA_2 = 0.999
ADAM_EPSILON = 1e-8


class Optimizer:
    """Moves variables, by name, by their gradients; make it inside the strategy's scope."""

    SLOTS: tuple[str, ...]  # What each variable has beside it, by name.

    def __init__(self, variables: Mapping[str, tf.Variable]):
        self.variables = dict(variables)
        self._slots = {
            name: [
                tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)
                for _ in self.SLOTS
            ]
            for name, variable in self.variables.items()
        }

    def state(self) -> dict[str, tf.Variable]:
        """Every slot by name, such as `siamese/scala1_z/conv/weights/Momentum`."""
        return {
            f"{name}/{slot_name}": slot
            for name, slots in self._slots.items()
            for slot_name, slot in zip(self.SLOTS, slots)
        }

    def apply(self, gradients: Mapping[str, tf.Tensor], learning_rate, step) -> None:
        """Moves every variable once; call it in cross-replica context.

        Args:
            gradients: Summed over replicas, by the names of the variables.
            learning_rate: Scalar.
            step: Scalar integer, the number of steps done before this one.
        """
        extended = tf.distribute.get_strategy().extended
        for name, variable in self.variables.items():
            factors = (tf.cast(factor, variable.dtype) for factor in (learning_rate, step))
            arguments = (gradients[name], *self._slots[name], *factors)
            if tf.distribute.has_strategy():
                extended.update(variable, self._move, args=arguments)
            else:
                self._move(variable, *arguments)

    def _move(self, variable, gradient, *slots_learning_rate_step):
        raise NotImplementedError


class Momentum(Optimizer):
    """accumulator = momentum * accumulator + gradient; variable -= learning rate * accumulator."""

    SLOTS = ("Momentum",)

    def __init__(self, variables: Mapping[str, tf.Variable], momentum: float):
        super().__init__(variables)
        self.momentum = momentum

    def _move(self, variable, gradient, accumulator, learning_rate, step):
        del step
        accumulator.assign(self.momentum * accumulator + gradient)
        variable.assign_sub(learning_rate * accumulator)


class Adam(Optimizer):
    """Adam with bias correction.

    By TensorFlow's kernel, which goes over the memory once: as single operations it takes a fifth
    of a step with kept features. The kernel adds epsilon to the root before it is corrected.
    """

    SLOTS = ("Adam_m", "Adam_v")

    def _move(self, variable, gradient, first, second, learning_rate, step):
        betas = [tf.constant(beta, variable.dtype) for beta in (ADAM_BETA_1, ADAM_BETA_2)]
        powers = [tf.pow(beta, step + 1.0) for beta in betas]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=first.handle,
            v=second.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            epsilon=ADAM_EPSILON * tf.sqrt(1.0 - powers[1]),
            grad=gradient,
        )


def log_steps(step: int, steps_per_epoch: int, epochs: int, first: float, last: float) -> float:
    """Returns one rate for each epoch, evenly spaced in the logarithm; later steps have the last.

    Source: `train.py`, `getOpts` of the reference: `trainLr1 = logspace(-2, -5, 50)`.
    """
    rates = np.logspace(math.log10(first), math.log10(last), epochs)
    return float(rates[min(step // steps_per_epoch, epochs - 1)])


def cosine(step: int, steps: int, peak: float, warmup_steps: int, floor: float) -> float:
    """Rises linearly to the peak, which step `warmup_steps` has, then falls by half a cosine.

    No rate of the warm-up is zero, and from step `steps` on the rate is `floor`.
    """
    if step < warmup_steps:
        return peak * (step + 1) / (warmup_steps + 1)
    progress = min((step - warmup_steps) / (steps - warmup_steps), 1.0)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))
