"""Blocks with batch normalisation folded into the convolution."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import folding
from tests.helpers import networks
from tests.helpers.networks import block_with_random_weights, normal


@pytest.mark.parametrize(
    "settings",
    [
        dict(),
        dict(groups=1, strides=2),
        dict(padding="SAME", activation="tanh"),
        dict(batch_norm=False, activation=None),
    ],
    ids=["groups", "strides", "tanh", "plain"],
)
def test_folding_changes_nothing(settings):
    block = block_with_random_weights(**settings)
    folded = folding.FoldedConvBlock(block)
    assert not folded.variables
    x = tf.constant(normal((2, 9, 9, 6)))
    expected = block(x)
    assert networks.relative_error(folded(x), expected) < 1e-5
    for mode in ("graph", "xla"):
        assert networks.relative_error(networks.compiled(folded, mode)(x), expected) < 1e-5


def test_folding_can_reverse_the_input():
    block = block_with_random_weights(in_channels=3, groups=1)
    x = tf.constant(normal((2, 9, 9, 3)))
    expected = folding.FoldedConvBlock(block)(x[..., ::-1])
    actual = folding.FoldedConvBlock(block, reverse_input=True)
    assert networks.relative_error(actual(x), expected) < 1e-5
    # Of x as it is, it makes something else.
    assert networks.relative_error(actual(x[..., ::-1]), expected) > 0.1
    for mode in ("graph", "xla"):
        assert networks.relative_error(networks.compiled(actual, mode)(x), expected) < 1e-5


def test_folded_weights_against_float64():
    arrays = [normal(8, seed=seed).astype(np.float64) for seed in range(4)]
    bias, gamma, beta, mean = arrays
    variance = np.exp(normal(8, seed=5)).astype(np.float64)
    kernel = normal((3, 3, 2, 8), seed=6)
    actual = folding.fold_batch_norm(
        kernel, bias, gamma=gamma, beta=beta, mean=mean, variance=variance
    )
    scale = gamma / np.sqrt(variance + 1e-3)
    for array, expected in zip(actual, (kernel * scale, (bias - mean) * scale + beta)):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected.astype(np.float32))


def test_folded_block_is_a_copy():
    block = block_with_random_weights()
    folded = folding.FoldedConvBlock(block)
    x = normal((1, 5, 5, 6))
    before = folded(x).numpy()
    block.kernel.assign(tf.zeros_like(block.kernel))
    np.testing.assert_array_equal(folded(x), before)


def test_folded_block_refuses_training():
    folded = folding.FoldedConvBlock(block_with_random_weights())
    with pytest.raises(ValueError, match="folded network is for inference only"):
        folded(normal((1, 5, 5, 6)), training=True)
