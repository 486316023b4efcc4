"""U2, the inner gradient, and the derivative through it (second order), in float64."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import architecture, backbone, update_branch
from gradnet_tf.network.gradnet import GradNet
from tests.helpers import goldens, networks

# Of a finite difference, relative to the variable's norm. Small, so that no ReLU changes sides: the
# inner gradient jumps there, and the loss with it.
STEP = 3e-9


@pytest.fixture(scope="module")
def net():
    """The golden network in float64."""
    network = GradNet(dtype="float64")
    network.assign_weights(networks.hand_made_weights())
    assert all(v.dtype == tf.float64 for v in network.named_weights().values())
    return network


@pytest.fixture(scope="module")
def batch(net):
    """f_2 of two exemplars and f_x of two search regions of 159 pixels."""
    golden = goldens.load(0, "train")
    f2 = net.template_features(tf.constant(golden["exemplars"][:2], tf.float64))
    features = net.search_features(tf.constant(golden["instances"][:2, 40:199, 40:199], tf.float64))
    return f2, features


def exact_moments(x, axes):
    """Like `tf.nn.moments`, whose second derivative takes the mean in the variance as constant."""
    mean = tf.reduce_mean(x, axes)
    return mean, tf.reduce_mean(tf.square(x - mean), axes)


def final_loss(net, f2, features, training, second_order=True):
    """Loss of the updated template; without second order, the gradient is taken as constant."""
    update = net.update(f2, features, training=training)
    if second_order:
        template = update.template
    else:
        gradient = tf.stop_gradient(update.gradient)
        h2 = net.updated_feature(f2, gradient, training=training)
        template = net.optimal_template(h2, training=training)
    return net.score_loss(net.score_map(template, features))


SOURCES = (
    "f2",
    "siamese/scala3_z/conv/weights",
    "siamese/scala4_z/bn/beta",
    "siamese/t_scala5_zz/conv/weights",
    "siamese/t_scala5_zz/bn/gamma",
)


class Slopes:
    """Directional derivatives of the final loss, by finite differences and by tape."""

    def __init__(self, net, batch, training):
        self.net, (f2, self.features), self.training = net, batch, training
        self.reset_averages()
        self.feature = tf.Variable(f2)
        weights = net.named_weights()
        self.variables = [self.feature if name == "f2" else weights[name] for name in SOURCES]
        self.directions, self.by_difference = [], []
        rng = np.random.default_rng(5)
        loss = tf.function(self.loss)
        for variable, gradient in zip(self.variables, self.gradients()):
            start = variable.numpy()
            # Along the gradient, so that the slope is large, with a random part.
            direction = gradient.numpy() / np.linalg.norm(gradient)
            noise = rng.normal(size=start.shape)
            direction += 0.5 * noise / np.linalg.norm(noise)
            step = STEP * np.linalg.norm(start)
            values = []
            for sign in (1, -1):
                variable.assign(start + sign * step * direction)
                values.append(float(loss()))
            variable.assign(start)
            self.directions.append(direction)
            self.by_difference.append((values[0] - values[1]) / (2 * step))

    def reset_averages(self):
        self.net.assign_weights(networks.hand_made_weights())

    def loss(self, second_order=True):
        feature = tf.convert_to_tensor(self.feature)
        return final_loss(self.net, feature, self.features, self.training, second_order)

    def gradients(self, second_order=True):
        with tf.GradientTape() as tape:
            value = self.loss(second_order)
        return tape.gradient(value, self.variables)

    def errors(self, second_order=True):
        """Relative errors of the tape's slopes, by source."""
        self.reset_averages()
        slopes = [
            float((gradient.numpy() * direction).sum())
            for gradient, direction in zip(self.gradients(second_order), self.directions)
        ]
        return dict(zip(SOURCES, np.abs(np.divide(slopes, self.by_difference) - 1)))


@pytest.fixture(scope="module")
def slopes(net, batch):
    return {training: Slopes(net, batch, training) for training in (False, True)}


@pytest.mark.parametrize("training", [False, True])
def test_second_order_against_finite_differences(slopes, training, monkeypatch):
    monkeypatch.setattr(tf.nn, "moments", exact_moments)
    for name, error in slopes[training].errors().items():
        assert error < 1e-5, name


def test_difference_would_show_a_missing_second_order(slopes):
    errors = slopes[False].errors(second_order=False)
    for name in ("f2", "siamese/scala3_z/conv/weights", "siamese/scala4_z/bn/beta"):
        assert errors[name] > 1e-3, name


def test_batch_statistics_are_differentiated_as_by_the_reference(slopes):
    """The reference's `tf.nn.moments`, which holds the mean in the variance, loses little."""
    errors = slopes[True].errors()
    assert 1e-5 < max(errors.values()) < 2e-2


def test_a_bias_before_batch_statistics_has_no_gradient(net, batch, monkeypatch):
    monkeypatch.setattr(tf.nn, "moments", exact_moments)
    biases = [
        net.named_weights()[f"siamese/{scope}/conv/biases"]
        for scope in ("scala3_z", "scala4_z", "t_scala5_zz")
    ]
    offsets = [
        net.named_weights()[f"siamese/{scope}/bn/beta"]
        for scope in ("scala3_z", "scala4_z", "t_scala5_zz")
    ]
    with tf.GradientTape() as tape:
        loss = final_loss(net, *batch, training=True)
    gradients = tape.gradient(loss, biases + offsets)
    for bias, offset in zip(gradients[:3], gradients[3:]):
        assert np.linalg.norm(bias) < 1e-9 * np.linalg.norm(offset)


def test_inner_gradient_is_a_gradient(net, batch):
    f2, features = batch

    def loss(feature):
        score = net.score_map(net.initial_template(feature), features)
        return net.score_loss(score), score

    gradient, (value, score) = update_branch.gradient_of_loss(loss, f2)
    direction = gradient / tf.norm(gradient)
    up, down = (loss(f2 + sign * 1e-4 * direction)[0] for sign in (1, -1))
    np.testing.assert_allclose((up - down) / 2e-4, tf.norm(gradient), rtol=1e-6)
    np.testing.assert_array_equal(score, loss(f2)[1])
    np.testing.assert_array_equal(value, loss(f2)[0])


def test_inner_gradient_of_a_plain_function():
    feature = tf.constant([[1.0, 2.0]])
    gradient, results = update_branch.gradient_of_loss(
        lambda x: (tf.reduce_sum(x**3), "kept", x), feature
    )
    np.testing.assert_array_equal(gradient, [[3.0, 12.0]])
    assert results[0] == 9.0 and results[1] == "kept" and results[2] is feature


def test_gradient_reaches_every_exemplar_only_through_batch_statistics(net, batch):
    f2, features = batch
    for training, others in ((False, 0), (True, 1)):
        gradient = net.update(f2, features, training=training).gradient
        reached = np.abs(gradient).max(axis=(1, 2, 3)) > 0
        np.testing.assert_array_equal(reached, [1, others])


def test_u2_is_the_tanh_of_the_enlarged_gradient():
    block = backbone.make_blocks([architecture.U2])[architecture.U2.scope]
    u2 = update_branch.GradientNet(block)
    kernel = np.zeros((3, 3, 256, 256), np.float32)
    kernel[1, 1] = np.eye(256)
    block.kernel.assign(kernel)
    gradient = 1e-4 * np.random.default_rng(0).normal(size=(2, 12, 12, 256)).astype(np.float32)
    expected = np.tanh((1e4 * gradient + 0.1) / np.sqrt(1 + 1e-3))
    np.testing.assert_allclose(u2(gradient), expected, rtol=1e-4, atol=1e-6)


def test_u2_block_and_its_parameters():
    block = backbone.make_blocks([architecture.U2])[architecture.U2.scope]
    shapes = {name: tuple(v.shape) for name, v in block.named_weights().items()}
    assert shapes["siamese/t_scala5_zz/conv/weights"] == (3, 3, 256, 256)
    trained = sum(int(tf.size(v)) for v in block.trainable_variables)
    assert trained == 3 * 3 * 256 * 256 + 256 + 2 * 256
    assert block(tf.zeros((1, 12, 12, 256))).shape == (1, 12, 12, 256)
