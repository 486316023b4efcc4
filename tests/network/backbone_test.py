"""AlexNet's stages and the cross-correlation."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import architecture, backbone
from tests.helpers import networks

# Variables without batch norm's averages; then averages and their bookkeeping.
CONVOLUTIONS = {
    "scala1": 11 * 11 * 3 * 96 + 96,
    "scala2": 5 * 5 * 48 * 256 + 256,
    "scala3": 3 * 3 * 256 * 384 + 384,
    "scala4": 3 * 3 * 192 * 384 + 384,
    "scala5": 3 * 3 * 192 * 256 + 256,
}
NORMED = {"scala1": 96, "scala2": 256, "scala3": 384, "scala4": 384}
# Side after each stage, pooling included, of the sizes that the tracker and its training use.
SIDES = {
    255: (61, 28, 26, 24, 22),
    239: (57, 26, 24, 22, 20),
    127: (29, 12, 10, 8, 6),
}
CHANNELS = (96, 256, 384, 384, 256)


@pytest.fixture(scope="module")
def f_x():
    return part(architecture.F_X, backbone.make_blocks(architecture.F_X).values(), "f_x")


def part(table, blocks, name="part"):
    scopes = [layer.scope for layer in table]
    return backbone.ConvNet(table, dict(zip(scopes, blocks)), name=name)


@pytest.mark.parametrize("size", SIDES)
def test_shape_of_every_stage(f_x, size):
    x = tf.zeros((2, size, size, 3))
    for count, (side, channels) in enumerate(zip(SIDES[size], CHANNELS), start=1):
        net = part(architecture.F_X[:count], f_x.blocks)
        shape = tf.function(net).get_concrete_function(x).output_shapes
        assert shape == (2, side, side, channels)
    assert f_x(x[:1]).shape == (1, SIDES[size][-1], SIDES[size][-1], 256)


def test_stem_and_head_make_up_the_whole(f_x):
    stem = part(architecture.STEM, f_x.blocks[:2])
    head = part(architecture.HEAD, f_x.blocks[2:])
    x = tf.random.stateless_uniform((1, 127, 127, 3), (0, 1), 0, 255)
    feature = stem(x)
    assert feature.shape == (1, 12, 12, 256)
    np.testing.assert_array_equal(head(feature), f_x(x))


def test_side_grows_with_the_total_stride():
    training, tracking = architecture.TRAINING_INSTANCE_SIZE, architecture.INSTANCE_SIZE
    assert (training, tracking) == (239, 255)
    assert SIDES[tracking][-1] - SIDES[training][-1] == 16 / architecture.TOTAL_STRIDE
    assert SIDES[architecture.EXEMPLAR_SIZE][-1] == 6


def test_parameter_counts(f_x):
    for block in f_x.blocks:
        scope = block.scope
        normed = NORMED.get(scope, 0)
        trained = sum(int(tf.size(v)) for v in block.trainable_variables)
        assert trained == CONVOLUTIONS[scope] + 2 * normed, scope
        others = sum(int(tf.size(v)) for v in block.non_trainable_variables)
        assert others == (4 * normed + 2 if normed else 0), scope
    assert sum(int(tf.size(v)) for v in f_x.trainable_variables) == 2_334_080 + 2_240


def test_suffix_names_the_branch():
    blocks = backbone.make_blocks(architecture.branch(architecture.HEAD, "_z"))
    assert list(blocks) == ["scala3_z", "scala4_z", "scala5_z"]
    names = [name for block in blocks.values() for name in block.named_weights()]
    assert len(names) == len(set(names)) == 10 + 10 + 2
    assert all(name.split("/")[1] in blocks for name in names)


def test_last_stage_is_linear(f_x):
    x = tf.random.stateless_uniform((1, 127, 127, 3), (0, 2), 0, 255)
    f_x.blocks[-1].bias.assign(tf.fill((256,), -1e3))
    try:
        assert float(tf.reduce_max(f_x(x))) < 0
    finally:
        f_x.blocks[-1].bias.assign(tf.fill((256,), 0.1))


# Cross-correlation.


def correlate(template, features):
    """Equation 1 for one template [r, c, k] and one feature map [h, w, k], position by position."""
    rows, columns, _ = template.shape
    height, width, _ = features.shape
    score = np.zeros((height - rows + 1, width - columns + 1, 1))
    for y in range(score.shape[0]):
        for x in range(score.shape[1]):
            score[y, x, 0] = (template * features[y : y + rows, x : x + columns]).sum()
    return score


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 6, 6, 16)), rng.normal(size=(3, 11, 9, 16))


@pytest.mark.parametrize("mode", networks.MODES)
@pytest.mark.parametrize("batched", [False, True])
def test_cross_correlation_against_loops(pairs, batched, mode):
    templates, features = pairs
    expected = [
        correlate(templates[i if batched else 0], features[i]) for i in range(len(features))
    ]
    function = networks.compiled(
        lambda t, f: backbone.cross_correlation(t, f, batched=batched), mode
    )
    actual = function(tf.constant(templates), tf.constant(features))
    assert actual.shape == (3, 6, 4, 1)
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def test_one_template_searches_any_number_of_regions(pairs):
    templates, features = pairs
    one = backbone.cross_correlation(templates[:1], features)
    np.testing.assert_array_equal(one, backbone.cross_correlation(templates, features))


@pytest.mark.parametrize("mode", networks.MODES)
def test_several_templates_are_searched_at_once(pairs, mode):
    templates, features = pairs
    function = networks.compiled(backbone.cross_correlations, mode)
    actual = function(tf.constant(templates[:2]), tf.constant(features))
    assert actual.shape == (3, 6, 4, 2)
    for index in range(2):
        expected = [correlate(templates[index], region) for region in features]
        np.testing.assert_allclose(actual[..., index : index + 1], expected, rtol=1e-10, atol=1e-10)


def test_several_templates_in_a_graph_of_unknown_size(pairs):
    templates, features = pairs
    function = tf.function(
        backbone.cross_correlations,
        input_signature=[
            tf.TensorSpec((2, 6, 6, 16), tf.float64),
            tf.TensorSpec((None, None, None, 16), tf.float64),
        ],
    )
    expected = backbone.cross_correlations(templates[:2], features)
    np.testing.assert_allclose(function(templates[:2], features), expected, rtol=1e-10)


def test_only_the_first_template_counts_unless_batched(pairs):
    templates, features = map(tf.constant, pairs)
    with tf.GradientTape() as tape:
        tape.watch(templates)
        score = backbone.cross_correlation(templates, features)
    used = np.abs(tape.gradient(score, templates)).max(axis=(1, 2, 3)) > 0
    np.testing.assert_array_equal(used, [True, False, False])


def derivatives(templates, features, batched):
    """First derivatives of a nonlinear function of the scores, and second ones along themselves."""
    with tf.GradientTape() as outer:
        outer.watch([templates, features])
        with tf.GradientTape() as inner:
            inner.watch([templates, features])
            score = backbone.cross_correlation(templates, features, batched=batched)
            total = tf.reduce_sum(tf.nn.softplus(score / 10))
        first = inner.gradient(total, [templates, features])
        square = tf.reduce_sum(first[0] ** 2) + tf.reduce_sum(first[1] ** 2)
    return first + outer.gradient(square, [templates, features])


def test_derivatives_of_batched_mode_are_those_of_single_pairs(pairs):
    templates, features = map(tf.constant, pairs)
    together = derivatives(templates, features, batched=True)
    for i in range(len(templates)):
        alone = derivatives(templates[i : i + 1], features[i : i + 1], batched=False)
        for actual, expected in zip(together, alone):
            assert np.abs(expected).max() > 0
            np.testing.assert_allclose(actual[i : i + 1], expected, rtol=1e-9, atol=1e-12)


def test_batched_mode_in_a_graph_of_unknown_size(pairs):
    spec = tf.TensorSpec((None, None, None, 16), tf.float64)
    function = tf.function(
        lambda t, f: backbone.cross_correlation(t, f, batched=True),
        input_signature=[tf.TensorSpec((None, 6, 6, 16), tf.float64), spec],
    )
    templates, features = pairs
    expected = backbone.cross_correlation(templates, features, batched=True)
    np.testing.assert_allclose(function(templates, features), expected, rtol=1e-10, atol=1e-10)
