"""Grouped convolution, TF1's batch normalisation and convolution blocks."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import architecture, compat, layers
from tests.helpers import networks
from tests.helpers.networks import block_with_random_weights, normal

ROOT = Path(__file__).resolve().parents[2]


# Grouped convolution and pooling.


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_grouped_convolution_is_one_convolution_per_group(groups, strides, padding):
    x, kernel = normal((2, 9, 8, 6)), normal((3, 3, 6 // groups, 12), seed=1)
    # A block-diagonal kernel without groups does the same.
    dense = np.zeros((3, 3, 6, 12), np.float32)
    for group in range(groups):
        rows = slice(group * 6 // groups, (group + 1) * 6 // groups)
        columns = slice(group * 12 // groups, (group + 1) * 12 // groups)
        dense[:, :, rows, columns] = kernel[..., columns]
    actual = layers.grouped_conv2d(x, kernel, strides=strides, groups=groups, padding=padding)
    np.testing.assert_allclose(
        actual, tf.nn.conv2d(x, dense, strides, padding), rtol=1e-5, atol=1e-5
    )


def test_grouped_convolution_equals_the_native_one():
    x, kernel = normal((2, 14, 14, 96)), normal((5, 5, 48, 256), seed=1)
    try:
        native = tf.nn.conv2d(x, kernel, 1, "VALID")
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        pytest.skip(f"no native grouped convolution here: {error}")
    actual = layers.grouped_conv2d(x, kernel, strides=1, groups=2, padding="VALID")
    assert networks.relative_error(actual, native) < 1e-5


WITHOUT_ONEDNN = """
import numpy as np
import tensorflow as tf
from gradnet_tf.network.gradnet import GradNet

tf.config.set_visible_devices([], "GPU")
net = GradNet("baseline")
image = tf.constant(np.random.default_rng(0).uniform(0, 255, (2, 127, 127, 3)), tf.float32)
kernels = list(net.kernels().values())
with tf.GradientTape() as tape:
    with tf.GradientTape() as inner:
        inner.watch(image)
        total = tf.reduce_sum(net.search_features(image) ** 2)
    loss = tf.reduce_sum(inner.gradient(total, image) ** 2)
gradients = tape.gradient(loss, kernels)
assert np.isfinite(loss), loss
for gradient in gradients:
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0
print("fine")
"""


def test_forward_and_gradient_without_onednn():
    """There the native grouped convolution of TensorFlow 2.21 fails at run time."""
    environment = dict(os.environ, TF_ENABLE_ONEDNN_OPTS="0", PYTHONPATH=str(ROOT))
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_ONEDNN],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.split() == ["fine"]


@pytest.mark.parametrize("size, expected", [(59, 29), (58, 28), (3, 1)])
def test_max_pool(size, expected):
    x = normal((1, size, size, 2))
    actual = layers.max_pool(x).numpy()
    assert actual.shape == (1, expected, expected, 2)
    for row in range(0, expected, 7):
        window = x[0, 2 * row : 2 * row + 3, :3].max(axis=(0, 1))
        np.testing.assert_array_equal(actual[0, row, 0], window)


# Batch normalisation.


def test_batch_norm_starts_as_tensorflow_1_did():
    values = {name: v.numpy() for name, v in layers.BatchNorm(4).named_weights().items()}
    ones = {name for name, value in values.items() if (value == 1).all()}
    zeros = {name for name, value in values.items() if (value == 0).all()}
    assert ones == {"bn/gamma", "bn/moving_variance"}
    assert ones | zeros == set(values) and len(values) == 8


def test_only_gamma_and_beta_are_trained():
    bn = layers.BatchNorm(4)
    trained = [compat.raw_variable(variable) for variable in bn.trainable_variables]
    expected = [bn.named_weights()[name] for name in ("bn/gamma", "bn/beta")]
    assert {id(variable) for variable in trained} == {id(variable) for variable in expected}


def test_training_normalises_by_the_batch():
    bn = layers.BatchNorm(4)
    gamma, beta = normal(4, seed=1), normal(4, seed=2)
    bn.gamma.assign(gamma)
    bn.beta.assign(beta)
    x = 3 + 2 * normal((5, 3, 2, 4))
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    expected = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(bn(x, training=True), expected, rtol=1e-4, atol=1e-5)


def test_inference_normalises_by_the_averages_and_leaves_them():
    bn = layers.BatchNorm(4)
    mean, variance = normal(4, seed=1), np.exp(normal(4, seed=2))
    bn.moving_mean.assign(mean)
    bn.moving_variance.assign(variance)
    before = {name: v.numpy() for name, v in bn.named_weights().items()}
    x = normal((2, 3, 3, 4))
    np.testing.assert_allclose(
        bn(x, training=False), (x - mean) / np.sqrt(variance + 1e-3), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_array_equal(bn(x), bn(x, training=False))
    for name, variable in bn.named_weights().items():
        np.testing.assert_array_equal(variable, before[name], err_msg=name)


@pytest.mark.parametrize("mode", networks.MODES)
@pytest.mark.parametrize("decay", [0.9, 0.9997])
def test_averages_are_zero_debiased(decay, mode):
    bn = layers.BatchNorm(4, decay=decay)
    step = networks.compiled(lambda x: bn(x, training=True), mode)
    # The recurrence in float64, with 1 - decay rounded to float32 as TensorFlow 1 had it.
    rate = float(np.float32(1 - decay))
    biased = {"mean": np.zeros(4), "variance": np.zeros(4)}
    for count in range(1, 6):
        x = count + normal((2, 3, 3, 4), seed=count)
        step(tf.constant(x))
        weights = {name: v.numpy() for name, v in bn.named_weights().items()}
        batch = {"mean": x.mean(axis=(0, 1, 2)), "variance": x.var(axis=(0, 1, 2))}
        for kind, value in batch.items():
            biased[kind] += (value - biased[kind]) * rate
            slots = f"siamese/{{scope}}/bn/moving_{kind}"
            assert weights[f"{slots}/local_step"] == count
            np.testing.assert_allclose(weights[f"{slots}/biased"], biased[kind], rtol=1e-5)
            # 1 - (1 - rate)^count has few digits left in float32 at a decay of 0.9997.
            np.testing.assert_allclose(
                weights[f"bn/moving_{kind}"],
                biased[kind] / (1 - (1 - rate) ** count),
                rtol=1e-5 if decay == 0.9 else 3e-4,
            )


def test_first_average_is_the_first_batch():
    bn = layers.BatchNorm(4, decay=0.9)
    x = 5 + normal((2, 3, 3, 4))
    bn(x, training=True)
    np.testing.assert_allclose(bn.moving_mean, x.mean(axis=(0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(bn.moving_variance, x.var(axis=(0, 1, 2)), rtol=1e-5)


def test_no_gradient_flows_through_the_averages():
    bn = layers.BatchNorm(4)
    bn(normal((2, 3, 3, 4)), training=True)
    x = tf.constant(normal((2, 3, 3, 4)))

    @tf.function
    def through_averages():
        with tf.GradientTape() as tape:
            tape.watch(x)
            bn(x, training=True)
            total = tf.reduce_sum(bn(tf.ones_like(x), training=False))
        return tape.gradient(total, [x] + [compat.raw_variable(v) for v in bn.weights])

    gradients = through_averages()
    assert gradients[0] is None
    assert sum(gradient is not None for gradient in gradients[1:]) <= 4
    moved = {
        id(compat.raw_variable(v))
        for v in (bn.mean_biased, bn.variance_biased, bn.mean_local_step, bn.variance_local_step)
    }
    for variable, gradient in zip(bn.weights, gradients[1:]):
        if id(compat.raw_variable(variable)) in moved:
            assert gradient is None, variable.name


# Blocks.


def test_block_is_convolution_bias_norm_activation():
    block = block_with_random_weights(activation="tanh", padding="SAME", strides=2)
    weights = {k.split("/", 2)[2]: v.numpy() for k, v in block.named_weights().items()}
    x = normal((2, 7, 7, 6))
    y = layers.grouped_conv2d(
        x, weights["conv/weights"], strides=2, groups=2, padding="SAME"
    ).numpy()
    y = y + weights["conv/biases"] - weights["bn/moving_mean"]
    y = y / np.sqrt(weights["bn/moving_variance"] + 1e-3)
    expected = np.tanh(y * weights["bn/gamma"] + weights["bn/beta"])
    np.testing.assert_allclose(block(x), expected, rtol=1e-4, atol=1e-5)


def test_block_has_its_variables_before_the_first_call():
    block = layers.ConvBlock(architecture.Layer("scala2_z", 5, 96, 256, groups=2))
    before = {name: id(variable) for name, variable in block.named_weights().items()}
    shapes = {name: tuple(variable.shape) for name, variable in block.named_weights().items()}
    prefix = "siamese/scala2_z/"
    assert shapes[prefix + "conv/weights"] == (5, 5, 48, 256)
    assert shapes[prefix + "conv/biases"] == (256,)
    assert shapes[prefix + prefix + "bn/moving_mean/biased"] == (256,)
    assert shapes[prefix + prefix + "bn/moving_variance/local_step"] == ()
    assert len(shapes) == 10
    block(tf.zeros((1, 6, 6, 96)))
    assert {name: id(variable) for name, variable in block.named_weights().items()} == before


def test_block_starts_as_the_reference_does():
    block = layers.ConvBlock(architecture.Layer("scala9", 5, 64, 64))
    kernel, bias = block.kernel.numpy(), block.bias.numpy()
    np.testing.assert_array_equal(bias, np.float32(0.1))
    assert np.abs(kernel).max() <= 0.02 * (1 + 1e-6)  # truncated at two standard deviations
    assert 0.0085 < kernel.std() < 0.0101
    assert abs(kernel.mean()) < 1e-4


@pytest.mark.parametrize("in_channels, filters", [(7, 8), (6, 9)])
def test_groups_must_divide_the_channels(in_channels, filters):
    with pytest.raises(ValueError, match=f"scala9.*groups=2.*{in_channels}.*{filters}"):
        layers.ConvBlock(architecture.Layer("scala9", 3, in_channels, filters, groups=2))
