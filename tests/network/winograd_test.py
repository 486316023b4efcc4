"""Tests of gradnet_tf.network.winograd: minimal filtering against plain convolution."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import winograd


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def plain(x, kernel):
    """By NumPy, in float64."""
    taps = kernel.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(x, (taps, taps), axis=(1, 2))
    return np.einsum("bhwcrs,rscf->bhwf", windows, kernel, optimize=True)


def relative_error(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize(
    ("outputs", "taps", "points"),
    [
        (4, 3, winograd._POINTS[3]),
        (4, 5, winograd._POINTS[5]),
        (2, 3, (0, 1, -1)),
        (3, 2, (0.0, 2.0, -0.5)),
    ],
)
def test_an_algorithm_filters_exactly(outputs, taps, points):
    algorithm = winograd.filtering(outputs, taps, points)
    x, kernel = normal(outputs + taps - 1), normal(taps, seed=1)
    actual = algorithm.outputs @ ((algorithm.taps @ kernel) * (algorithm.inputs @ x))
    np.testing.assert_allclose(actual, np.correlate(x, kernel, "valid"), atol=1e-13)


def test_algorithm_of_two_outputs_is_the_one_of_the_paper():
    # Lavin and Gray, equation 7, up to the sign and scale that two of its matrices may share.
    algorithm = winograd.filtering(2, 3, (0, 1, -1))
    np.testing.assert_array_equal(algorithm.outputs, [[1, 1, 1, 0], [0, 1, -1, 1]])
    np.testing.assert_array_equal(np.abs(algorithm.taps[1]), [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(algorithm.inputs[3], [0, -1, 0, 1])


# The network's own sizes, and those of one tile, less than one, and a rest of each length.
@pytest.mark.parametrize(
    ("taps", "height", "width", "channels", "filters"),
    [
        (3, 28, 28, 256, 384),
        (3, 24, 24, 192, 128),
        (3, 6, 6, 3, 2),
        (3, 3, 3, 1, 1),
        (3, 9, 11, 5, 7),
        (3, 8, 10, 5, 7),
        (5, 61, 61, 48, 128),
        (5, 8, 8, 3, 2),
        (5, 5, 5, 1, 1),
        (5, 10, 13, 5, 7),
        (5, 11, 9, 5, 7),
    ],
)
def test_equals_plain_convolution(taps, height, width, channels, filters):
    x = np.maximum(normal(2, height, width, channels), 0)
    kernel = normal(taps, taps, channels, filters, seed=1)
    conv2d = winograd.make_conv2d(kernel.astype(np.float32))
    expected = plain(x, kernel.astype(np.float32).astype(np.float64))
    x = tf.constant(x, tf.float32)
    for jit_compile in (None, False, True):
        function = conv2d
        if jit_compile is not None:
            function = tf.function(conv2d, autograph=False, jit_compile=jit_compile)
        actual = function(x)
        assert actual.dtype == tf.float32
        assert actual.shape == expected.shape
        assert relative_error(actual.numpy(), expected) < 1e-5


def test_rounding_is_near_that_of_a_plain_convolution():
    x = np.maximum(normal(3, 28, 28, 256), 0).astype(np.float32)
    kernel = normal(3, 3, 256, 384, seed=1).astype(np.float32)
    expected = plain(x.astype(np.float64), kernel.astype(np.float64))

    def rms(actual):
        return np.sqrt(np.mean((actual.numpy() - expected) ** 2)) / expected.std()

    conv2d = winograd.make_conv2d(kernel)
    assert rms(conv2d(tf.constant(x))) < 5e-6
    assert rms(conv2d(tf.constant(x))) < 10 * rms(tf.nn.conv2d(x, kernel, 1, "VALID"))


@pytest.mark.parametrize("taps", [3, 5])
def test_serves_batches_of_unknown_size(taps):
    conv2d = winograd.make_conv2d(normal(taps, taps, 4, 6))
    graph = tf.function(
        conv2d, autograph=False, input_signature=[tf.TensorSpec([None, 13, 12, 4], tf.float32)]
    )
    for batch in (1, 3):
        x = normal(batch, 13, 12, 4).astype(np.float32)
        assert graph(x).shape == (batch, 14 - taps, 13 - taps, 6)
        np.testing.assert_allclose(graph(x), conv2d(tf.constant(x)), atol=1e-4)
    assert graph.get_concrete_function().output_shapes[1:] == (14 - taps, 13 - taps, 6)


@pytest.mark.parametrize("taps", [3, 5])
def test_unknown_sizes_are_refused(taps):
    conv2d = tf.function(winograd.make_conv2d(np.zeros([taps, taps, 4, 6])), autograph=False)
    with pytest.raises(ValueError, match=r"height and width must be static, got shape \(2, None"):
        conv2d.get_concrete_function(tf.TensorSpec([2, None, 9, 4], tf.float32))


@pytest.mark.parametrize("taps", [3, 5])
def test_gradient_is_that_of_a_plain_convolution(taps):
    kernel = normal(taps, taps, 4, 6).astype(np.float32)
    x = tf.constant(normal(2, 9, 9, 4, seed=1), tf.float32)
    gradients = []
    for conv2d in (
        winograd.make_conv2d(kernel),
        lambda x: tf.nn.conv2d(x, kernel, strides=1, padding="VALID"),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(conv2d(x) ** 2)
        gradients.append(tape.gradient(loss, x).numpy())
    assert relative_error(*gradients) < 1e-5


@pytest.mark.parametrize("shape", [(4, 4, 2, 2), (3, 5, 2, 2), (3, 3, 2)])
def test_other_kernels_do_not_suit(shape):
    assert not winograd.suits(np.zeros(shape))


def test_strides_and_padding_do_not_suit():
    kernel = np.zeros([3, 3, 2, 2])
    assert winograd.suits(kernel)
    assert not winograd.suits(kernel, strides=2)
    assert not winograd.suits(kernel, padding="SAME")
