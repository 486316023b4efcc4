"""U2 starts as a descent step, with the statistics of real gradients."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import losses
from gradnet_tf.training import calibration
from tests.helpers import goldens, networks

SCOPE = "siamese/t_scala5_zz/"


@pytest.fixture(scope="module")
def groups():
    golden = goldens.load(0, "train")
    images = [tf.constant(golden[name], tf.float32) for name in ("exemplars", "instances")]
    return [tuple(image[first : first + 2] for image in images) for first in (0, 2)]


@pytest.fixture(scope="module")
def network(groups):
    network = networks.hand_made()
    weights = network.named_weights()
    random = np.random.default_rng(0).normal(0, 0.01, weights[SCOPE + "conv/weights"].shape)
    weights[SCOPE + "conv/weights"].assign(random)
    calibration.start_as_descent(network)
    calibration.calibrate_update(network, groups)
    return network


def losses_of(network, exemplars, instances):
    features = network.search_features(instances)
    update = network.update(network.template_features(exemplars[:1]), features)
    return float(update.loss), float(
        network.score_loss(network.score_map(update.template, features))
    )


def test_an_untrained_update_finds_the_targets_better(network, groups):
    for group in groups:
        initial, final = losses_of(network, *group)
        assert final < initial


def test_statistics_are_those_of_the_gradients(network, groups):
    outputs = []
    for exemplars, instances in groups:
        features = network.search_features(instances)
        update = network.update(network.template_features(exemplars[:1]), features)
        outputs.append(network.u2.block.convolve(update.gradient * 10_000.0).numpy())
    outputs = np.concatenate(outputs).reshape(-1, 256).astype(np.float64)
    weights = network.named_weights()
    scale = outputs.std()
    mean = weights[SCOPE + "bn/moving_mean"].numpy()
    np.testing.assert_allclose(mean, outputs.mean(0), atol=1e-3 * scale)
    variance = weights[SCOPE + "bn/moving_variance"].numpy()
    np.testing.assert_allclose(variance, outputs.var(0), rtol=1e-2, atol=1e-4 * scale**2)
    nested = SCOPE + "siamese/t_scala5_zz/bn/moving_"
    np.testing.assert_array_equal(weights[nested + "mean/biased"], mean)
    np.testing.assert_array_equal(weights[nested + "variance/biased"], variance)


def test_the_gradients_are_those_of_the_label(groups):
    """Weights of a Gaussian map do not sum to 1: its gradients are many times as large."""
    network = networks.hand_made()
    calibration.start_as_descent(network)
    calibration.calibrate_update(network, groups[:1], label="gaussian")
    exemplars, instances = groups[0]
    labels = losses.gaussian_labels(15)
    update = network.update(
        network.template_features(exemplars[:1]),
        network.search_features(instances),
        labels,
        losses.gaussian_weights(labels),
        loss=losses.soft_logistic_loss,
    )
    outputs = network.u2.block.convolve(update.gradient * network.u2.scale).numpy()
    outputs = outputs.reshape(-1, 256).astype(np.float64)
    variance = network.named_weights()[SCOPE + "bn/moving_variance"].numpy()
    np.testing.assert_allclose(variance, outputs.var(0), rtol=1e-2, atol=1e-4 * outputs.std() ** 2)


def test_nothing_else_changes(network):
    start = networks.snapshot(networks.hand_made())
    for name, value in networks.snapshot(network).items():
        if not name.startswith(SCOPE):
            np.testing.assert_array_equal(value, start[name], err_msg=name)


def test_the_kernel_is_a_step_against_the_gradient_and_some_noise():
    network = networks.hand_made()
    kernel = network.named_weights()[SCOPE + "conv/weights"]
    before = kernel.numpy()
    calibration.start_as_descent(network)
    after = kernel.numpy() - calibration.NOISE * before
    expected = np.zeros_like(after)
    expected[1, 1] = -calibration.DESCENT * np.eye(256)
    np.testing.assert_allclose(after, expected, atol=1e-5)
