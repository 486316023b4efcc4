"""Tests of gradnet_tf.training.start: which weights a training starts from."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import losses
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training import start
from gradnet_tf.training.config import TrainConfig
from gradnet_tf.training.presets import preset
from tests.helpers import goldens, networks

U2 = "siamese/t_scala5_zz/"


def init():
    return networks.hand_made_weights()


def made(config, weights=None):
    return networks.snapshot(start.make_network(config, weights))


def assert_equal(actual, expected, names):
    for name in names:
        np.testing.assert_array_equal(actual[name], expected[name], err_msg=name)


def trained(names):
    return [name for name in names if "_z" in name]


@pytest.mark.parametrize("variant", ["full", "two_subnets", "without_gradient"])
def test_the_search_branch_is_that_of_the_checkpoint(variant):
    actual = made(TrainConfig(variant=variant), init())
    assert set(actual) == set(GradNet(variant).named_weights())
    assert_equal(actual, init(), [name for name in actual if "_z" not in name])


def test_random_is_of_the_seed():
    actual = made(TrainConfig(seed=3), init())
    assert_equal(actual, networks.snapshot(GradNet("full", seed=3)), trained(actual))
    assert_equal(actual, made(TrainConfig(seed=3), init()), actual)
    other = made(TrainConfig(seed=4), init())
    for name in trained(actual):
        assert np.array_equal(actual[name], other[name]) != name.endswith("conv/weights"), name


def test_search_copies_both_subnets():
    config = TrainConfig(variant="two_subnets", init_template="search", seed=3)
    actual = made(config, init())
    random = networks.snapshot(GradNet("two_subnets", seed=3))
    for name in trained(actual):
        if name.startswith(U2):
            np.testing.assert_array_equal(actual[name], random[name], err_msg=name)
            continue
        # siamese/scala3_zu/siamese/scala3_zu/bn/... has its scope twice.
        source = name.replace("_zu/", "/").replace("_z/", "/")
        np.testing.assert_array_equal(actual[name], init()[source], err_msg=name)


def test_search_needs_no_template_branch_in_the_checkpoint():
    weights = {name: array for name, array in init().items() if "_z" not in name}
    assert_equal(
        made(TrainConfig(init_template="search"), weights),
        made(TrainConfig(init_template="search"), init()),
        init(),
    )


def test_checkpoint_takes_all():
    assert_equal(made(TrainConfig(init_template="checkpoint"), init()), init(), init())


def test_stage_siamfc_takes_the_search_branch_or_starts_at_random():
    config = preset("reference", "siamfc", seed=3)
    actual = made(config, init())
    assert_equal(actual, init(), actual)
    actual = made(config)
    assert_equal(actual, networks.snapshot(GradNet("baseline", seed=3)), actual)


def test_a_descent_step_lowers_the_loss_of_a_new_update_branch():
    config = TrainConfig(init_template="search", init_update="descent")
    assert start.starts_as_descent(config)
    net = start.make_network(config, init())
    random = networks.snapshot(start.make_network(TrainConfig(init_template="search"), init()))
    changed = [
        name
        for name, array in networks.snapshot(net).items()
        if not np.array_equal(array, random[name])
    ]
    assert sorted(changed) == [U2 + "bn/gamma", U2 + "conv/weights"]


@pytest.mark.parametrize("changes", [{"init_template": "checkpoint"}, {"init_update": "random"}])
def test_no_descent_step_where_u2_is_given_or_asked_to_be_random(changes):
    settings = {"init_template": "search", "init_update": "descent", **changes}
    assert not start.starts_as_descent(TrainConfig(**settings))


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="stage=gradnet .*needs a trained one"):
        start.make_network(TrainConfig())
    with pytest.raises(ValueError, match="frozen_layers=2 would leave random .* from scratch"):
        start.make_network(preset("short", "siamfc"))
    start.make_network(preset("short", "siamfc", frozen_layers=0, search_statistics="batch"))
    weights = dict(init())
    del weights["siamese/scala4/bn/beta"]
    with pytest.raises(ValueError, match="no siamese/scala4/bn/beta: it has no search branch"):
        start.make_network(TrainConfig(), weights)
    with pytest.raises(ValueError, match="no siamese/scala3_zu/.*of variant two_subnets"):
        start.make_network(TrainConfig(variant="two_subnets", init_template="checkpoint"), init())


@pytest.mark.parametrize("precision", ["float64", "float32", "mixed_bfloat16"])
def test_the_variables_have_the_type_that_the_precision_asks_for(precision):
    network = start.make_network(TrainConfig(precision=precision), init())
    types = {variable.dtype.name for variable in network.named_weights().values()}
    assert types == {"float64" if precision == "float64" else "float32"}


# U2 starts as a descent step, with the statistics of real gradients.


@pytest.fixture(scope="module")
def groups():
    golden = goldens.load(0, "train")
    images = [tf.constant(golden[name], tf.float32) for name in ("exemplars", "instances")]
    return [tuple(image[first : first + 2] for image in images) for first in (0, 2)]


@pytest.fixture(scope="module")
def network(groups):
    network = networks.hand_made()
    weights = network.named_weights()
    random = np.random.default_rng(0).normal(0, 0.01, weights[U2 + "conv/weights"].shape)
    weights[U2 + "conv/weights"].assign(random)
    start.start_as_descent(network)
    start.calibrate_update(network, groups)
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
    mean = weights[U2 + "bn/moving_mean"].numpy()
    np.testing.assert_allclose(mean, outputs.mean(0), atol=1e-3 * scale)
    variance = weights[U2 + "bn/moving_variance"].numpy()
    np.testing.assert_allclose(variance, outputs.var(0), rtol=1e-2, atol=1e-4 * scale**2)
    nested = U2 + "siamese/t_scala5_zz/bn/moving_"
    np.testing.assert_array_equal(weights[nested + "mean/biased"], mean)
    np.testing.assert_array_equal(weights[nested + "variance/biased"], variance)


def test_the_gradients_are_those_of_the_label(groups):
    """Weights of a Gaussian map do not sum to 1: its gradients are many times as large."""
    network = networks.hand_made()
    start.start_as_descent(network)
    start.calibrate_update(network, groups[:1], label="gaussian")
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
    variance = network.named_weights()[U2 + "bn/moving_variance"].numpy()
    np.testing.assert_allclose(variance, outputs.var(0), rtol=1e-2, atol=1e-4 * outputs.std() ** 2)


def test_nothing_else_changes(network):
    before = networks.snapshot(networks.hand_made())
    for name, value in networks.snapshot(network).items():
        if not name.startswith(U2):
            np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_the_kernel_is_a_step_against_the_gradient_and_some_noise():
    network = networks.hand_made()
    kernel = network.named_weights()[U2 + "conv/weights"]
    before = kernel.numpy()
    start.start_as_descent(network)
    after = kernel.numpy() - start.NOISE * before
    expected = np.zeros_like(after)
    expected[1, 1] = -start.DESCENT * np.eye(256)
    np.testing.assert_allclose(after, expected, atol=1e-5)
