"""Blocks for inference: batch normalization folded into the convolution, constant weights."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.network import compat, layers, winograd


def fold(
    block: layers.ConvBlock,
    reverse_input: bool = False,
    dtype: str = "float32",
    minimal: bool = False,
) -> FoldedConvBlock:
    """Makes a block for inference that does what a `ConvBlock` does now.

    Args:
        block: With variables; they are copied.
        reverse_input: Whether the input's channels come in reverse order.
        dtype: Type of the arithmetic and the output.
        minimal: See `FoldedConvBlock`.
    """
    kernel, bias = (compat.raw_variable(v).numpy() for v in (block.kernel, block.bias))
    if reverse_input:
        kernel = kernel[:, :, ::-1]
    if block.bn is not None:
        weights = {name: value.numpy() for name, value in block.bn.named_weights().items()}
        kernel, bias = fold_batch_norm(
            kernel,
            bias,
            gamma=weights["bn/gamma"],
            beta=weights["bn/beta"],
            mean=weights["bn/moving_mean"],
            variance=weights["bn/moving_variance"],
            epsilon=block.bn.epsilon,
        )
    return FoldedConvBlock(
        block.scope,
        kernel,
        bias,
        strides=block.strides,
        groups=block.groups,
        padding=block.padding,
        activation=block.activation,
        dtype=dtype,
        minimal=minimal,
    )


def fold_batch_norm(
    kernel, bias, *, gamma, beta, mean, variance, epsilon=layers.BATCH_NORM_EPSILON
):
    """Makes kernel and bias of a convolution that does what convolution and batch norm did.

    Args:
        kernel: [size, size, channels, filters]; all the others are [filters].
        bias: Of the convolution.
        gamma: Scale of the batch norm.
        beta: Offset of the batch norm.
        mean: Moving mean.
        variance: Moving variance.
        epsilon: Is added to the variance.

    Returns:
        float32 kernel and bias; computed in float64, so that folding costs no accuracy.
    """
    kernel, bias, gamma, beta, mean, variance = (
        np.asarray(array, np.float64) for array in (kernel, bias, gamma, beta, mean, variance)
    )
    scale = gamma / np.sqrt(variance + epsilon)
    return (kernel * scale).astype(np.float32), ((bias - mean) * scale + beta).astype(np.float32)


class FoldedConvBlock(tf.keras.layers.Layer):
    """A `ConvBlock` for inference: constant kernel and bias, batch normalisation folded in.

    Args:
        scope: TF1 scope below `siamese/`.
        kernel: [size, size, channels / groups, filters].
        bias: [filters].
        strides: Pixels.
        groups: Groups of the convolution.
        padding: "VALID" or "SAME".
        activation: None, "relu" or "tanh".
        dtype: Type of the arithmetic and the output.
        minimal: Whether to convolve by minimal filtering (`winograd`) where it is fewer
            multiplications; for float32 inputs of static height and width.
    """

    def __init__(
        self,
        scope: str,
        kernel: np.ndarray,
        bias: np.ndarray,
        *,
        strides: int,
        groups: int,
        padding: str,
        activation: Optional[str],
        dtype: str = "float32",
        minimal: bool = False,
    ):
        super().__init__(name=scope, dtype=dtype)
        self.strides = strides
        self.groups = groups
        self.padding = padding
        self.activation = activation
        self._minimal = minimal and winograd.suits(kernel, strides, padding)
        # The groups are split once, here.
        make = winograd.make_conv2d if self._minimal else self._plain
        self._pieces = tuple(
            (make(piece), tf.cast(of_piece, dtype))
            for piece, of_piece in zip(np.split(kernel, groups, axis=3), np.split(bias, groups))
        )
        self.built = True  # There is nothing to build, and Keras 3 asks before the first call.

    def _plain(self, kernel: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
        # A tensor, not an array: a graph captures it, while as a constant inside it it makes
        # tracing and XLA's compilation many times slower.
        kernel = tf.cast(kernel, self.compute_dtype)
        return functools.partial(
            tf.nn.conv2d, filters=kernel, strides=self.strides, padding=self.padding
        )

    def call(self, x, training: bool = False):
        """[batch, height, width, channels] -> [batch, height', width', filters].

        Raises:
            ValueError: If training is asked for; the weights are constants.
        """
        if training:
            raise ValueError(f"{self.name}: a folded network is for inference only")
        outputs = self.group_outputs([x])
        return tf.concat(outputs, axis=3) if len(outputs) > 1 else outputs[0]

    def group_outputs(self, inputs: list, pool: bool = False) -> list:
        """Outputs of the groups, from inputs that may come in pieces of the channels as well.

        The next block often wants the same pieces, and pooling treats every channel alone: what
        is not put together need not be taken apart.

        Args:
            inputs: Pieces of the channels.
            pool: Whether `layers.max_pool` follows.
        """
        if len(inputs) != self.groups:
            joined = tf.concat(inputs, axis=3) if len(inputs) > 1 else inputs[0]
            inputs = tf.split(joined, self.groups, axis=3) if self.groups > 1 else [joined]
        outputs = [convolve(x) for x, (convolve, _) in zip(inputs, self._pieces)]
        # TensorFlow fuses a convolution with bias and activation. Where it cannot, they are cheaper
        # after pooling, and the same: none of them changes which value is the largest.
        if pool and self._minimal:
            outputs = [layers.max_pool(x) for x in outputs]
        activation = layers.ACTIVATIONS[self.activation]
        outputs = [
            activation(tf.nn.bias_add(x, bias)) for x, (_, bias) in zip(outputs, self._pieces)
        ]
        if pool and not self._minimal:
            outputs = [layers.max_pool(x) for x in outputs]
        return outputs
