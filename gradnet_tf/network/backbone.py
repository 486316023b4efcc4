"""Feature extraction: SiamFC's AlexNet, and the cross-correlation of equation 1.

f_x (scala1 to scala5) sees search regions; its first two stages with weights of their own are f_2
(scala1_z, scala2_z), which sees the exemplar. Source: paper, section 3.5; `siamese.py` of the
reference, `response_map_cal`, `extract_sia_fea_template` and `extract_gra_fea_template`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from gradnet_tf.network import folding, layers
from gradnet_tf.network.architecture import Layer


def make_blocks(table: Iterable[Layer], **options: Any) -> dict[str, layers.ConvBlock]:
    """Makes new blocks for the layers of a table, by TF1 scope; the options are a `ConvBlock`'s."""
    return {layer.scope: layers.ConvBlock(layer, **options) for layer in table}


class ConvNet(tf.keras.Model):
    """Consecutive stages of the AlexNet, with the max pooling that follows stages 1 and 2.

    All five make search features [b, 22, 22, 256] of [b, 255, 255, 3] (239 -> 20, exemplar 127 ->
    6), the stem f_2 [b, 12, 12, 256] of an exemplar, the head a template [b, 6, 6, 256] of f_2.
    Images are BGR, float32 in 0..255.

    Args:
        table: The stages in order.
        blocks: Blocks by TF1 scope, variable (`ConvBlock`) or all folded; those of the table are
            taken.
        name: Name of the model.
    """

    def __init__(
        self, table: Sequence[Layer], blocks: Mapping[str, tf.keras.layers.Layer], name: str
    ):
        chosen = [blocks[layer.scope] for layer in table]
        # The type of its blocks, for Keras casts the inputs to that of the model.
        super().__init__(name=name, dtype=chosen[0].compute_dtype)
        self.blocks = chosen
        self._is_folded = all(isinstance(b, folding.FoldedConvBlock) for b in chosen)
        self._pool_after = tuple(layer.pool for layer in table)

    def call(self, x, training: bool = False):
        """Computes the features of x [b, height, width, channels]."""
        if self._is_folded and not training:
            pieces = [x]
            for block, pool in zip(self.blocks, self._pool_after):
                pieces = block.group_outputs(pieces, pool)
            return folding.joined(pieces)
        for block, pool in zip(self.blocks, self._pool_after):
            x = block(x, training=training)
            if pool:
                x = layers.max_pool(x)
        return x


def cross_correlation(template, features, *, batched: bool = False):
    """Computes S = beta * f_x(X), equation 1 (without bias or scaling).

    Args:
        template: beta, [b, 6, 6, 256].
        features: f_x(X), [b', height, width, 256].
        batched: False: the template of the first exemplar is searched in every search region, as
            the reference trains and the paper's template generalization asks (equation 10). True:
            each template is searched in its own search region (b = b').

    Returns:
        Score map [b', height - 5, width - 5, 1].
    """
    if not batched:
        return tf.nn.conv2d(features, template[0][..., tf.newaxis], strides=1, padding="VALID")
    batch, channels = tf.shape(features)[0], template.shape[-1]
    products = tf.matmul(
        tf.reshape(features, [batch, -1, channels]),
        tf.reshape(template, [batch, -1, channels]),
        transpose_b=True,
    )
    return _sum_of_taps(products, template.shape[1:3], features, count=1)


def cross_correlations(templates, features):
    """Computes S of several templates that are searched in the same regions, as a matrix product.

    On a processor this takes half the time of a convolution with so few outputs.

    Args:
        templates: [k, 6, 6, 256].
        features: f_x(X), [b', height, width, 256].

    Returns:
        Score maps [b', height - 5, width - 5, k].
    """
    count, rows, columns, channels = templates.shape
    taps = tf.transpose(tf.reshape(templates, [count, rows * columns, channels]), [1, 0, 2])
    products = tf.matmul(
        tf.reshape(features, [-1, channels]), tf.reshape(taps, [-1, channels]), transpose_b=True
    )
    return _sum_of_taps(products, (rows, columns), features, count)


def _sum_of_taps(products, template_size, features, count: int):
    """Sums products, [b, height, width, rows * columns, count], of all positions with all taps.

    Shifted maps can be differentiated any number of times, and are the same on every device.
    """
    rows, columns = template_size
    shape = tf.shape(features)
    height, width = (features.shape[axis] or shape[axis] for axis in (1, 2))
    products = tf.reshape(products, [shape[0], height, width, rows * columns, count])
    out_height, out_width = height - rows + 1, width - columns + 1
    return tf.add_n(
        [
            products[:, r : r + out_height, c : c + out_width, r * columns + c]
            for r in range(rows)
            for c in range(columns)
        ]
    )
