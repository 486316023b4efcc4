"""Blocks for inference: batch normalization folded into the convolution, constant weights."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from gradnet_tf.network import compat, layers, winograd


def fold_batch_norm(kernel, bias, *, gamma, beta, mean, variance):
    """Makes kernel and bias of a convolution that does what convolution and batch norm did.

    Args:
        kernel: [size, size, channels, filters]; all the others are [filters].
        bias: Of the convolution.
        gamma: Scale of the batch norm.
        beta: Offset of the batch norm.
        mean: Moving mean.
        variance: Moving variance.

    Returns:
        float32 kernel and bias; computed in float64, so that folding costs no accuracy.
    """
    kernel, bias, gamma, beta, mean, variance = (
        np.asarray(array, np.float64) for array in (kernel, bias, gamma, beta, mean, variance)
    )
    scale = gamma / np.sqrt(variance + layers.BATCH_NORM_EPSILON)
    return (kernel * scale).astype(np.float32), ((bias - mean) * scale + beta).astype(np.float32)


class FoldedConvBlock(tf.keras.layers.Layer):
    """Does what a `ConvBlock` does now, with constants for its variables, for inference.

    Args:
        block: What to copy.
        reverse_input: Whether the input's channels come in reverse order.
        dtype: Type of the arithmetic and the output.
        minimal: Whether to convolve by minimal filtering (`winograd`) where it is fewer
            multiplications; for float32 inputs of static height and width.
    """

    def __init__(
        self,
        block: layers.ConvBlock,
        *,
        reverse_input: bool = False,
        dtype: str = "float32",
        minimal: bool = False,
    ):
        super().__init__(name=block.scope, dtype=dtype)
        self.layer = layer = block.layer
        kernel, bias = (compat.raw_variable(v).numpy() for v in (block.kernel, block.bias))
        if reverse_input:
            kernel = kernel[:, :, ::-1]
        if block.bn is not None:
            bn = block.bn.named_weights()
            kernel, bias = fold_batch_norm(
                kernel,
                bias,
                gamma=bn["bn/gamma"],
                beta=bn["bn/beta"],
                mean=bn["bn/moving_mean"],
                variance=bn["bn/moving_variance"],
            )
        self._minimal = minimal and winograd.suits(kernel, layer.strides, layer.padding)
        # The groups are split once, here.
        make = winograd.make_conv2d if self._minimal else self._plain
        kernels, biases = np.split(kernel, layer.groups, axis=3), np.split(bias, layer.groups)
        self._pieces = tuple((make(k), tf.cast(b, dtype)) for k, b in zip(kernels, biases))
        self.built = True  # There is nothing to build, and Keras 3 asks before the first call.

    def _plain(self, kernel: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
        # A tensor, not an array: a graph captures it, while as a constant inside it it makes
        # tracing and XLA's compilation many times slower.
        kernel = tf.cast(kernel, self.compute_dtype)
        return functools.partial(
            tf.nn.conv2d, filters=kernel, strides=self.layer.strides, padding=self.layer.padding
        )

    def call(self, x, training: bool = False):
        """Computes [batch, height', width', filters] of x [batch, height, width, channels].

        Raises:
            ValueError: If training is asked for; the weights are constants.
        """
        if training:
            raise ValueError(f"{self.name}: a folded network is for inference only")
        return joined(self.group_outputs([x]))

    def group_outputs(self, inputs: list, pool: bool = False) -> list:
        """Computes the outputs of the groups, from inputs that may be pieces of the channels, too.

        The next block often wants the same pieces, and pooling treats every channel alone: what
        is not put together need not be taken apart.

        Args:
            inputs: Pieces of the channels.
            pool: Whether `layers.max_pool` follows.
        """
        if len(inputs) != self.layer.groups:
            x = joined(inputs)
            inputs = tf.split(x, self.layer.groups, axis=3) if self.layer.groups > 1 else [x]
        outputs = [convolve(x) for x, (convolve, _) in zip(inputs, self._pieces)]
        # TensorFlow fuses a convolution with bias and activation. Where it cannot, they are cheaper
        # after pooling, and the same: none of them changes which value is the largest.
        if pool and self._minimal:
            outputs = [layers.max_pool(x) for x in outputs]
        activation = layers.ACTIVATIONS[self.layer.activation]
        outputs = [
            activation(tf.nn.bias_add(x, bias)) for x, (_, bias) in zip(outputs, self._pieces)
        ]
        if pool and not self._minimal:
            outputs = [layers.max_pool(x) for x in outputs]
        return outputs


def joined(pieces: list):
    """Joins pieces of the channels."""
    return tf.concat(pieces, axis=3) if len(pieces) > 1 else pieces[0]
