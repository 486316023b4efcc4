"""The operations of `graphs` in TensorFlow, of which a converter makes TensorFlow Lite's."""

from __future__ import annotations

import tensorflow as tf

from gradnet_tf.export.graphs import Convolution
from gradnet_tf.network import backbone, layers


class TensorFlowOperations:
    """`graphs.Operations` on tensors [n, height, width, channels]."""

    def pixels(self, image):
        """See `graphs.Operations`, as for all methods."""
        return tf.cast(image, tf.float32)

    def float32(self, x):  # noqa: D102
        return x

    def convolve(self, x, convolution: Convolution):  # noqa: D102
        layer = convolution.layer
        x = layers.grouped_conv2d(
            x,
            convolution.kernel,
            strides=layer.strides,
            groups=layer.groups,
            padding=layer.padding,
        )
        return tf.nn.bias_add(x, convolution.bias)

    def convolve_back(self, gradient, convolution: Convolution):  # noqa: D102
        groups = convolution.layer.groups
        parts = zip(
            tf.split(gradient, groups, axis=3), tf.split(convolution.kernel, groups, axis=3)
        )
        return tf.concat([_transposed(part, kernel) for part, kernel in parts], axis=3)

    max_pool = staticmethod(layers.max_pool)
    relu = staticmethod(tf.nn.relu)
    tanh = staticmethod(tf.nn.tanh)
    sigmoid = staticmethod(tf.nn.sigmoid)
    multiply = staticmethod(tf.multiply)
    add = staticmethod(tf.add)

    def where_positive(self, x, chosen):  # noqa: D102
        return tf.where(x > 0, chosen, tf.zeros_like(chosen))

    def column(self, values):  # noqa: D102
        return tf.reshape(values, [-1, 1, 1, 1])

    def correlate(self, features, templates):  # noqa: D102
        return backbone.cross_correlations(templates, features)

    def correlate_back(self, features, slopes):  # noqa: D102
        # Channels take the place of the batch, regions that of the channels.
        swapped = tf.transpose(features, [3, 1, 2, 0])
        kernel = tf.transpose(slopes, [1, 2, 0, 3])
        gradient = tf.nn.conv2d(swapped, kernel, strides=1, padding="VALID")
        return tf.transpose(gradient, [3, 1, 2, 0])


def _transposed(gradient, kernel):
    size, _, channels, _ = kernel.shape
    batch, height, width, _ = gradient.shape
    shape = [batch, height + size - 1, width + size - 1, channels]
    return tf.nn.conv2d_transpose(gradient, kernel, shape, strides=1, padding="VALID")
