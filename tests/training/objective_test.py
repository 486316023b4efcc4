"""Tests of gradnet_tf.training.objective: losses, gradients and what they depend on."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import layers, losses
from gradnet_tf.training import objective, start
from gradnet_tf.training.config import TrainConfig
from gradnet_tf.training.objective import Objective
from gradnet_tf.training.presets import preset
from tests.helpers import networks, training

BATCH = 2
VARIANTS = ("full", "without_generalization", "without_gradient", "two_subnets")
# A step against round-off: a bias before batch statistics has no gradient.
BIAS_BEFORE_STATISTICS = ("scala1_z/conv/biases", "scala2_z/conv/biases", "zz/conv/biases")


@functools.cache
def batch():
    return training.images(BATCH)


def make(network=None, **settings):
    config = TrainConfig(**{"batch": BATCH, **settings})
    offset = tf.Variable(config.score_offset) if config.stage == "siamfc" else None
    return Objective(network or networks.hand_made(config.network_variant), config, offset)


def siamfc(**settings):
    config = preset("reference", "siamfc", batch=BATCH, **settings)
    return Objective(networks.hand_made("baseline"), config, tf.Variable(config.score_offset))


def evaluate(made, mode="eager", gradients=False):
    """Outputs, with gradients on request; nothing moves."""

    def call():
        with layers.collecting_statistics():
            return made.gradients(*batch()) if gradients else made(*batch())

    return tf.nest.map_structure(lambda t: t.numpy(), networks.compiled(call, mode)())


@pytest.mark.parametrize("label", ["logistic", "gaussian"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_outputs_of_every_variant_and_label(variant, label):
    made = make(variant=variant, label=label)
    outputs = evaluate(made)
    final = outputs["final_score"]
    assert final.shape == outputs["initial_score"].shape == (BATCH, 15, 15, 1)
    if label == "gaussian":
        labels = losses.gaussian_labels(15)
        each = losses.soft_logistic_loss(final, labels, losses.gaussian_weights(labels))
    else:
        labels = losses.logistic_labels(15)
        each = losses.logistic_loss(final, labels, losses.balanced_weights(labels))
    np.testing.assert_allclose(outputs["loss"], np.mean(each), rtol=1e-5)
    decay = losses.l2_regularization(made.network.kernels().values(), 5e-4)
    np.testing.assert_allclose(outputs["regularization"], decay, rtol=1e-5)
    np.testing.assert_allclose(outputs["objective"], outputs["loss"] + decay, rtol=1e-6)
    assert ("gradient_size" in outputs) == ("gradient_share" in outputs) == made.config.has_update
    if made.config.has_update:
        assert outputs["gradient_size"] > 0 and 0 < outputs["gradient_share"] < 1
        assert outputs["loss"] != outputs["initial_loss"]
    else:
        np.testing.assert_array_equal(final, outputs["initial_score"])


@pytest.mark.parametrize("statistics", ["batch", "moving"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_trained_variable_has_a_gradient(variant, statistics):
    made = make(variant=variant, template_statistics=statistics, weight_decay=0.0)
    _, gradients = evaluate(made, gradients=True)
    assert set(gradients) == set(made.variables)
    names = set(made.network.named_weights())
    assert set(gradients) == {n for n in names if "_z" in n and "/moving_" not in n}
    for name, gradient in gradients.items():
        assert np.isfinite(gradient).all(), name
        if not (statistics == "batch" and name.endswith(BIAS_BEFORE_STATISTICS)):
            assert np.abs(gradient).max() > 0, name


def test_one_template_meets_all_search_regions_where_it_generalizes():
    """Without generalization the second region's score follows the second exemplar, and alone."""
    for variant, follows in (("full", False), ("without_generalization", True)):
        made = make(variant=variant, template_statistics="moving")
        exemplars, instances = batch()
        other = tf.concat([exemplars[:1], exemplars[1:][:, ::-1]], axis=0)
        changed = make(variant=variant, template_statistics="moving")(other, instances)
        outputs = made(exemplars, instances)
        same = np.array_equal(outputs["final_score"][1], changed["final_score"][1])
        assert same != follows
        if follows:
            np.testing.assert_allclose(
                outputs["final_score"][0], changed["final_score"][0], rtol=1e-5, atol=1e-5
            )


def test_sum_counts_every_cell():
    mean, total = (
        evaluate(make(weight_decay=0.0)),
        evaluate(make(weight_decay=0.0, loss_scale="sum")),
    )
    for name in ("loss", "initial_loss", "objective"):
        np.testing.assert_allclose(total[name], 225 * mean[name], rtol=1e-6)
    # The update itself is the reference's in both cases.
    np.testing.assert_array_equal(total["final_score"], mean["final_score"])


@pytest.mark.parametrize("statistics, applications", [("batch", 2), ("moving", 0)])
def test_statistics_of_stage_siamfc(statistics, applications):
    made = siamfc(search_statistics=statistics)
    for is_training in (True, False):
        with layers.collecting_statistics() as collected:
            made(*batch(), training=is_training)
        # Four batch norms, for exemplars and for instances.
        assert len(collected) == (4 * applications if is_training else 0)


@pytest.mark.parametrize("statistics, applications", [("batch", 7), ("moving", 0)])
def test_statistics_of_stage_gradnet(statistics, applications):
    made = make(template_statistics=statistics)
    for is_training in (True, False):  # The reference validates with the group's statistics.
        with layers.collecting_statistics() as collected:
            made(*batch(), training=is_training)
        assert len(collected) == applications  # f_2 twice, U1 two times two, U2.


@pytest.mark.parametrize("count", [0, 2, 4])
def test_stage_siamfc_trains_all_but_the_frozen_layers(count):
    made = siamfc(search_statistics="moving", frozen_layers=count, weight_decay=0.0)
    _, gradients = evaluate(made, gradients=True)
    expected = {
        name
        for name in made.network.named_weights()
        if "/moving_" not in name and int(name[len("siamese/scala")]) > count
    }
    assert set(gradients) == expected | {objective.OFFSET}
    for name, gradient in gradients.items():
        assert np.abs(gradient).max() > 0, name


def test_offset_and_negatives_of_stage_siamfc():
    settings = dict(search_statistics="moving", weight_decay=0.0)
    plain = evaluate(siamfc(**settings))
    shifted = evaluate(siamfc(score_offset=-2.0, **settings))
    np.testing.assert_allclose(shifted["final_score"], plain["final_score"] - 2, atol=1e-5)
    made = siamfc(negatives=0.5, **settings)
    outputs = evaluate(made)
    np.testing.assert_allclose(outputs["loss"], plain["loss"], rtol=1e-6)
    net, (exemplars, instances) = made.network, batch()
    # Each region under the template of the other video.
    swapped = net.score_map(
        net.siamese_template(exemplars)[::-1], net.search_features(instances), batched=True
    )
    penalty = np.mean(np.log1p(np.exp(np.max(swapped, axis=(1, 2, 3)).astype(np.float64))))
    np.testing.assert_allclose(outputs["objective"], outputs["loss"] + 0.5 * penalty, rtol=1e-4)


def test_a_perfect_start_of_stage_siamfc_is_that_of_the_network():
    made = siamfc(search_statistics="moving")
    expected = made.network(batch(), batched=True)["final_score"]
    np.testing.assert_allclose(evaluate(made)["final_score"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("precision, tolerance", [("bfloat16", 0.05), ("float16", 0.01)])
def test_lower_precision_is_close(precision, tolerance):
    expected, actual = evaluate(make()), evaluate(make(precision=precision))
    for name in ("initial_score", "final_score"):
        assert actual[name].dtype == np.float32
        assert 0 < networks.relative_error(actual[name], expected[name]) < tolerance


def test_float64_agrees_with_float32():
    config = TrainConfig(batch=BATCH, precision="float64", init_template="checkpoint")
    network = start.make_network(config, networks.hand_made_weights())
    actual, gradients = evaluate(Objective(network, config), gradients=True)
    expected, expected_gradients = evaluate(make(), gradients=True)
    assert actual["final_score"].dtype == np.float64
    for name in ("initial_score", "final_score"):
        assert networks.relative_error(actual[name], expected[name]) < 1e-4
    for name in ("siamese/scala1_z/conv/weights", "siamese/t_scala5_zz/conv/weights"):
        assert gradients[name].dtype == np.float64
        assert networks.relative_error(expected_gradients[name], gradients[name]) < 1e-3


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_compiled_is_what_it_is_eagerly(mode):
    made = make(template_statistics="moving")
    expected, expected_gradients = evaluate(made, gradients=True)
    actual, gradients = evaluate(made, mode, gradients=True)
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-3, atol=1e-4, err_msg=name)
    for name, gradient in expected_gradients.items():
        assert networks.relative_error(gradients[name], gradient) < 1e-3, name


def test_several_regions_train_updates_as_in_tracking():
    """Both losses by hand: over videos (first regions), and over the frames of each video."""
    regions, settings = 2, dict(template_statistics="moving", loss_scale="sum", negatives=0.5)
    network = networks.hand_made()
    exemplars, instances = batch()
    doubled = tf.stack([instances, tf.roll(instances, 3, axis=2)], axis=1)
    doubled = tf.reshape(doubled, [-1, *instances.shape[1:]])
    made = make(network, regions=regions, **settings)
    outputs, gradients = made.gradients(exemplars, doubled)
    plain = make(network, template_statistics="moving", loss_scale="sum")(exemplars, instances)

    labels = losses.logistic_labels(15)
    weights = losses.balanced_weights(labels)
    f2, features = network.template_features(exemplars), network.search_features(doubled)
    final = initial = negative = 0.0
    for index in range(BATCH):
        feature = f2[index : index + 1]
        update = network.update(feature, features[regions * index : regions * index + 1])
        unseen = features[regions * index + 1 : regions * index + 2]
        score = network.score_map(update.template, unseen)
        final += 225 * np.mean(losses.logistic_loss(score, labels, weights)) / BATCH
        score = network.score_map(network.initial_template(feature), unseen)
        initial += 225 * np.mean(losses.logistic_loss(score, labels, weights)) / BATCH
        other = regions * ((index - 1) % BATCH)
        score = network.score_map(update.template, features[other : other + 1])
        negative += np.logaddexp(0, np.max(score)) / BATCH
    np.testing.assert_allclose(outputs["loss"], plain["loss"] + final, rtol=1e-4)
    np.testing.assert_allclose(outputs["initial_loss"], plain["initial_loss"] + initial, rtol=1e-4)
    expected = outputs["loss"] + outputs["regularization"] + 0.5 * negative
    np.testing.assert_allclose(outputs["objective"], expected, rtol=1e-4)
    assert all(np.abs(g).max() > 0 for name, g in gradients.items() if "weights" in name)


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(regions=2), "template_statistics=moving"),
        (dict(regions=2, batch=1, template_statistics="moving"), "at least 2"),
        (dict(regions=2, variant="without_gradient"), "variant=without_gradient"),
        (dict(negatives=0.1), "regions of at least 2"),
    ],
)
def test_settings_that_several_regions_contradict(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**settings)
