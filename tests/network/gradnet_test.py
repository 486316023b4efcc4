"""The model: variants, variables, equations put together, and the ways to run it."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf import weights
from gradnet_tf.network import compat, losses
from gradnet_tf.network.gradnet import VARIANTS, GradNet
from tests.helpers import goldens, networks

# 159 px give a feature of 10 and a score map of 5 cells: enough for both classes, and fast.
SMALL = slice(40, 199)
OUTPUTS = {"initial_score", "initial_loss", "f2", "gradient", "h2", "template", "final_score"}


@pytest.fixture(scope="module")
def nets():
    """New networks of all variants. Do not change their variables."""
    return {variant: GradNet(variant) for variant in VARIANTS}


@pytest.fixture(scope="module")
def net():
    """The golden network. Restore what a test changes."""
    return networks.hand_made()


@pytest.fixture
def restored(net):
    """The golden network, with its weights put back after the test."""
    yield net
    net.assign_weights(networks.hand_made_weights())


@pytest.fixture(scope="module")
def pairs():
    """Two exemplars and two small search regions."""
    golden = goldens.load(0, "train")
    exemplars = golden["exemplars"][:2].astype(np.float32)
    return tf.constant(exemplars), tf.constant(golden["instances"][:2, SMALL, SMALL], tf.float32)


@pytest.fixture(scope="module")
def features(net, pairs):
    exemplars, instances = pairs
    return net.template_features(exemplars), net.search_features(instances)


# Variables.


def test_variants_are_those_of_the_checkpoints():
    assert set(VARIANTS) == set(weights.VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_variables_have_the_names_and_shapes_of_the_checkpoint(nets, variant):
    variables = nets[variant].named_weights()
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    assert shapes == weights.expected_shapes(variant)
    assert all(v.dtype == tf.float32 and isinstance(v, tf.Variable) for v in variables.values())
    assert len({id(variable) for variable in variables.values()}) == len(variables)


BRANCH, BRANCH_NORMS = 2_334_080, 2 * (96 + 256 + 384 + 384)
U2 = 3 * 3 * 256 * 256 + 256 + 2 * 256
HEAD = 885_120 + 663_936 + 442_624 + 2 * (384 + 384)
PARAMETERS = {
    "baseline": BRANCH + BRANCH_NORMS,
    "without_gradient": 2 * (BRANCH + BRANCH_NORMS),
    "full": 2 * (BRANCH + BRANCH_NORMS) + U2,
    "two_subnets": 2 * (BRANCH + BRANCH_NORMS) + U2 + HEAD,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_keras_sees_every_variable_once(nets, variant):
    net = nets[variant]
    trained = sum(int(tf.size(variable)) for variable in net.trainable_variables)
    assert trained == PARAMETERS[variant]
    total = sum(int(tf.size(variable)) for variable in net.variables)
    assert total == sum(int(tf.size(variable)) for variable in net.named_weights().values())
    assert len(net.variables) == len(net.named_weights())


def test_kernels_are_those_of_the_convolutions(nets):
    assert len(nets["full"].kernels()) == 11
    assert len(nets["baseline"].kernels()) == 5
    assert all(len(kernel.shape) == 4 for kernel in nets["two_subnets"].kernels().values())


def test_branches_start_differently(nets):
    kernels = nets["two_subnets"].kernels()
    values = [
        kernels[f"siamese/{scope}/conv/weights"].numpy()
        for scope in ("scala3", "scala3_z", "scala3_zu")
    ]
    for i in range(3):
        assert np.abs(values[i] - values[i - 1]).max() > 0.01


def test_unknown_variant_is_named():
    with pytest.raises(ValueError, match="full, two_subnets.*'fancy'"):
        GradNet("fancy")


# Assigning weights.


def complete(net, value=0.5):
    return {k: np.full(v.shape, value, np.float32) for k, v in net.named_weights().items()}


def test_assign_weights_sets_everything():
    net = GradNet("baseline")
    given = complete(net)
    net.assign_weights(given)
    for name, value in networks.snapshot(net).items():
        np.testing.assert_array_equal(value, given[name], err_msg=name)


def without(given, name):
    given.pop(name)


def unknown(given, name):
    given[name.replace("scala2", "scala7")] = np.zeros(3, np.float32)


def misshapen(given, name):
    given[name] = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    "spoil, message",
    [
        (without, "'baseline'.*missing.*siamese/scala2/bn/gamma.*unknown none"),
        (unknown, "'baseline'.*missing none.*unknown.*siamese/scala7/bn/gamma"),
        (misshapen, r"siamese/scala2/bn/gamma.*\(2, 3\).*\(256,\)"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_nothing_is_set(spoil, message):
    net = GradNet("baseline")
    before = networks.snapshot(net)
    given = complete(net)
    spoil(given, "siamese/scala2/bn/gamma")
    with pytest.raises(ValueError, match=message):
        net.assign_weights(given)
    for name, value in networks.snapshot(net).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


# Equations.


@pytest.mark.parametrize("size, feature, score", [(255, 22, 17), (239, 20, 15)])
def test_shapes_of_tracking_and_training(nets, size, feature, score):
    net = nets["full"]

    @tf.function
    def everything(exemplars, instances):
        return net.search_features(instances), net((exemplars, instances))

    shapes = everything.get_concrete_function(
        tf.TensorSpec((2, 127, 127, 3)), tf.TensorSpec((2, size, size, 3))
    ).structured_outputs
    assert shapes[0].shape == (2, feature, feature, 256)
    outputs = {name: tuple(value.shape) for name, value in shapes[1].items()}
    assert outputs == {
        "initial_score": (2, score, score, 1),
        "initial_loss": (),
        "f2": (2, 12, 12, 256),
        "gradient": (2, 12, 12, 256),
        "h2": (2, 12, 12, 256),
        "template": (2, 6, 6, 256),
        "final_score": (2, score, score, 1),
    }


def test_update_is_equations_4_to_7(net, features):
    f2, f_x = features
    update = net.update(f2, f_x)
    score = net.score_map(net.initial_template(f2), f_x)
    np.testing.assert_allclose(update.score, score, rtol=1e-5)
    np.testing.assert_allclose(update.loss, net.score_loss(score), rtol=1e-5)
    h2 = net.updated_feature(f2, update.gradient)
    np.testing.assert_allclose(update.h2, h2, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(h2 - f2, net.u2(update.gradient), atol=1e-6)
    assert networks.relative_error(update.template, net.optimal_template(h2)) < 1e-5
    assert np.abs(update.gradient[0]).max() > 0


def test_update_improves_the_score(net, features):
    f2, f_x = features
    update = net.update(f2[:1], f_x[:1])
    after = net.score_loss(net.score_map(update.template, f_x[:1]))
    assert after < update.loss


def test_score_maps_of_several_templates_are_those_of_each(net, features):
    f2, f_x = features
    templates = [net.initial_template(f2[index : index + 1]) for index in range(2)]
    maps = net.score_maps(templates, f_x)
    assert len(maps) == 2
    for actual, template in zip(maps, templates):
        expected = net.score_map(template, f_x)[..., 0]
        assert actual.shape == expected.shape
        assert networks.relative_error(actual, expected) < 1e-5


def test_outputs_of_a_call_are_those_of_its_parts(net, pairs, features):
    outputs = net(pairs)
    assert set(outputs) == OUTPUTS
    update = net.update(*features)
    for name, value in [
        ("initial_score", update.score),
        ("gradient", update.gradient),
        ("h2", update.h2),
        ("template", update.template),
        ("f2", features[0]),
    ]:
        assert networks.relative_error(outputs[name], value) < 1e-5, name
    final = net.score_map(update.template, features[1])
    assert networks.relative_error(outputs["final_score"], final) < 1e-5


@pytest.mark.parametrize("variant", ["baseline", "without_gradient"])
def test_variants_without_u2(nets, pairs, variant):
    net = nets[variant]
    assert not net.has_update and net.u2 is None
    exemplars, instances = pairs
    f_x = net.search_features(instances)
    if variant == "baseline":
        template = net.siamese_template(exemplars)
    else:
        template = net.initial_template(net.template_features(exemplars))
    for batched in (False, True):
        outputs = net(pairs, batched=batched)
        assert set(outputs) == {"final_score"}
        expected = net.score_map(template, f_x, batched=batched)
        assert networks.relative_error(outputs["final_score"], expected) < 1e-5
    with pytest.raises(ValueError, match=f"'{variant}' has no gradient update"):
        net.update(tf.zeros((1, 12, 12, 256)), f_x)


def test_only_the_variant_with_two_subnets_has_a_second_u1(nets):
    for variant in ("full", "without_gradient"):
        assert nets[variant].u1_star is nets[variant].u1
    net = nets["two_subnets"]
    assert [block.scope for block in net.u1.blocks] == ["scala3_z", "scala4_z", "scala5_z"]
    assert [block.scope for block in net.u1_star.blocks] == ["scala3_zu", "scala4_zu", "scala5_zu"]


def test_second_u1_makes_the_optimal_template_only(features):
    net = networks.hand_made("two_subnets")
    before = net.update(*features)
    for name, variable in net.named_weights().items():
        if "_zu/conv/" in name:
            variable.assign(0.5 * variable)
    after = net.update(*features)
    for field in ("score", "loss", "gradient", "h2"):
        np.testing.assert_array_equal(getattr(after, field), getattr(before, field), field)
    assert networks.relative_error(after.template, before.template) > 0.1


# Labels and the loss.


def test_default_labels_are_the_balanced_ones(net):
    score = np.random.default_rng(0).normal(size=(3, 15, 15, 1)).astype(np.float32)
    labels = losses.logistic_labels(15)
    given = net.score_loss(score, labels, losses.balanced_weights(labels))
    np.testing.assert_array_equal(net.score_loss(score), given)
    np.testing.assert_allclose(net.score_loss(score, batched=True), 3 * given, rtol=1e-6)


def test_labels_of_each_region_are_balanced_as_one(net):
    score = np.random.default_rng(0).normal(size=(3, 15, 15, 1)).astype(np.float32)
    labels = np.stack([losses.logistic_labels(15)] * 3)
    np.testing.assert_allclose(net.score_loss(score, labels), net.score_loss(score), rtol=1e-6)


def test_labels_steer_the_update(net, features):
    f2, f_x = features
    labels = losses.logistic_labels(5, radius=1)
    given = losses.balanced_weights(labels)
    update = net.update(f2, f_x, labels, given)
    np.testing.assert_allclose(update.loss, net.score_loss(update.score, labels, given), rtol=1e-6)
    assert networks.relative_error(update.gradient, net.update(f2, f_x).gradient) > 1e-3


# Template generalization and batches.


def test_first_exemplar_serves_every_region(net, pairs):
    exemplars, instances = pairs
    outputs = net((exemplars, instances))
    other = net((tf.concat([exemplars[:1], exemplars[:1]], 0), instances))
    for name in ("initial_score", "final_score", "initial_loss"):
        np.testing.assert_allclose(outputs[name], other[name], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(outputs["gradient"][1], 0)


def test_batched_update_is_a_loop_of_single_ones(net, features):
    f2, f_x = features
    together = net.update(f2, f_x, batched=True)
    total = 0
    for i in range(2):
        alone = net.update(f2[i : i + 1], f_x[i : i + 1])
        total += alone.loss
        for field in ("score", "gradient", "h2", "template"):
            actual = getattr(together, field)[i : i + 1]
            assert networks.relative_error(actual, getattr(alone, field)) < 1e-4, field
    np.testing.assert_allclose(together.loss, total, rtol=1e-5)


def test_batched_update_by_several_regions_is_one_by_their_weighted_mean(net, features):
    f2, f_x = features
    regions = tf.concat([f_x, f_x[::-1]], axis=0)  # Those of the first template, of the second one.
    balanced = losses.balanced_weights(losses.logistic_labels(regions.shape[1] - 5))
    shares = np.array([0.7, 0.3, 0.2, 0.8], np.float32)[:, None, None, None]
    together = net.update(f2, regions, weights=shares * balanced, batched=True, regions=2)
    for i, own in enumerate((slice(0, 2), slice(2, 4))):
        alone = net.update(f2[i : i + 1], regions[own], weights=2 * shares[own] * balanced)
        for field in ("gradient", "h2", "template"):
            actual = getattr(together, field)[i : i + 1]
            assert networks.relative_error(actual, getattr(alone, field)) < 1e-4, field


def test_a_centred_update_leaves_out_what_u2_says_to_no_gradient(net, features):
    f2, f_x = features
    plain, centred = net.update(f2, f_x), net.update(f2, f_x, centred=True)
    nothing = net.u2(tf.zeros_like(f2))
    assert np.abs(nothing).max() > 1e-3
    np.testing.assert_array_equal(centred.gradient, plain.gradient)
    np.testing.assert_allclose(centred.h2, plain.h2 - nothing, atol=1e-6)
    np.testing.assert_array_equal(centred.template, net.optimal_template(centred.h2))
    unmoved = net.updated_feature(f2, tf.zeros_like(f2), centred=True)
    np.testing.assert_allclose(unmoved, f2, atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("search_training", [False, True])
def test_averages_move_where_asked(restored, pairs, training, search_training):
    before = networks.snapshot(restored)
    restored(pairs, training=training, search_training=search_training)
    for name, value in networks.snapshot(restored).items():
        template = "_z" in name.split("/")[1]
        moves = "/moving_" in name and (training if template else search_training)
        if name.endswith("local_step"):
            applications = 2 if name.split("/")[1] in ("scala3_z", "scala4_z") else 1
            assert value - before[name] == (applications if moves else 0), name
        else:
            assert (value != before[name]).any() == moves, name


# Gradients of the final loss.


def gradients_of_final_loss(net, pairs, training):
    variables = {name: v for name, v in net.named_weights().items() if "/moving_" not in name}
    with tf.GradientTape() as tape:
        loss = net.score_loss(net(pairs, training=training)["final_score"])
    return dict(zip(variables, tape.gradient(loss, list(variables.values()))))


@pytest.mark.parametrize("training", [False, True])
def test_every_part_learns_from_the_final_loss(restored, pairs, training):
    gradients = gradients_of_final_loss(restored, pairs, training)
    scopes = {layer.scope for layer in weights.VARIANTS["full"]}
    assert {name.split("/")[1] for name in gradients} == scopes
    for name, gradient in gradients.items():
        assert gradient is not None, name
        assert np.isfinite(gradient).all(), name
        # Batch statistics take the bias before them away.
        normed = "_z" in name and "scala5_z/" not in name
        if not (training and normed and name.endswith("biases")):
            assert np.abs(gradient).max() > 0, name


def test_averages_are_not_trained(net):
    trained = {id(compat.raw_variable(variable)) for variable in net.trainable_variables}
    for name, variable in net.named_weights().items():
        assert (id(variable) in trained) == ("/moving_" not in name), name


# Eager, graph and XLA.


@pytest.fixture(scope="module")
def eager(net, pairs, features):
    return net.update(*features), net(pairs, training=False)


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_update_is_the_same_compiled(net, features, eager, mode):
    update = networks.compiled(net.update, mode)(*features)
    for field, value in update._asdict().items():
        assert networks.relative_error(value, getattr(eager[0], field)) < 1e-4, field


@pytest.mark.parametrize("mode", ["graph", "xla"])
@pytest.mark.parametrize("batched", [False, True])
def test_call_is_the_same_compiled(net, pairs, eager, mode, batched):
    expected = net(pairs, batched=True) if batched else eager[1]
    outputs = networks.compiled(lambda z, x: net((z, x), batched=batched), mode)(*pairs)
    assert set(outputs) == OUTPUTS
    for name, value in outputs.items():
        assert networks.relative_error(value, expected[name]) < 1e-4, name


# Constants and folding.


@pytest.mark.parametrize("variant", VARIANTS)
def test_constants_give_the_same_bits(pairs, variant):
    net = networks.hand_made(variant)
    arrays = {name: variable.numpy() for name, variable in net.named_weights().items()}
    constant = GradNet(variant, constants=arrays)
    assert not constant.variables
    for name, value in constant.named_weights().items():
        np.testing.assert_array_equal(value, arrays[name])
    outputs, expected = constant(pairs), net(pairs)
    assert set(outputs) == set(expected)
    for name, value in outputs.items():
        np.testing.assert_array_equal(value, expected[name], name)


def test_a_folded_copy_may_be_the_search_branch_alone(net, pairs):
    alone = net.folded(variant="baseline")
    assert alone.variant == "baseline" and not alone.has_template_branch
    expected = net.folded().search_features(pairs[1])
    np.testing.assert_array_equal(alone.search_features(pairs[1]), expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_folded_variants_give_the_same(pairs, variant):
    net = networks.hand_made(variant)
    folded = net.folded()
    assert folded.variant == variant and not folded.variables
    outputs, expected = folded(pairs), net(pairs)
    assert set(outputs) == set(expected)
    for name, value in outputs.items():
        assert networks.relative_error(value, expected[name]) < 1e-4, name


@pytest.mark.parametrize("variant", VARIANTS)
def test_folded_variants_may_be_given_rgb(pairs, variant):
    net = networks.hand_made(variant)
    outputs = net.folded(rgb=True)([images[..., ::-1] for images in pairs])
    expected = net.folded()(pairs)
    assert set(outputs) == set(expected)
    for name, value in outputs.items():
        assert networks.relative_error(value, expected[name]) < 1e-4, name


def test_folded_network_refuses_training(net, pairs, features):
    folded = net.folded()
    for call in (
        lambda: folded.template_features(pairs[0], training=True),
        lambda: folded.update(*features, training=True),
        lambda: folded(pairs, search_training=True),
    ):
        with pytest.raises(ValueError, match="folded network is for inference only"):
            call()


# Keras's global settings are those of the user's other models.


def policy(name):
    return tf.keras.mixed_precision.set_global_policy, tf.keras.mixed_precision.global_policy, name


def backend(setting, name):
    keras = tf.keras.backend
    return getattr(keras, f"set_{setting}"), getattr(keras, setting), name


def numbers(exemplar, instance):
    """All that a tracker asks of a network, with the hand-made weights."""
    network = networks.hand_made()
    assert {v.dtype for v in network.named_weights().values()} == {tf.float32}
    features = network.search_features(instance)
    half = network.folded(dtype="bfloat16")
    return [
        *network.update(network.template_features(exemplar), features),
        network.score_map(network.siamese_template(exemplar), features),
        network.folded().search_features(exemplar),
        half.search_features(tf.cast(exemplar, tf.bfloat16)),
    ]


@pytest.mark.parametrize(
    "set_it, get_it, value",
    [
        policy("mixed_float16"),
        policy("mixed_bfloat16"),
        policy("float64"),
        backend("floatx", "float64"),
        backend("floatx", "float16"),
        backend("image_data_format", "channels_first"),
    ],
)
def test_global_settings_of_keras_change_no_number(set_it, get_it, value, pairs):
    exemplar, instance = (each[:1] for each in pairs)
    expected = numbers(exemplar, instance)
    before = get_it()
    set_it(value)
    try:
        actual = numbers(exemplar, instance)
    finally:
        set_it(before)
    for got, wanted in zip(actual, expected):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(tf.cast(got, tf.float32), tf.cast(wanted, tf.float32))
