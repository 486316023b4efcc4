"""Tests of gradnet_tf.tracking.precision: reduced precisions of f_x against float32."""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import precision
from gradnet_tf.weights import load_embedded
from tests.helpers.networks import relative_error

# Least cosine similarity, and largest difference relative to the largest feature.
TOLERANCES = {
    "float32": (0.999999, 1e-5),
    "bfloat16": (0.9995, 0.02),
    "float16": (0.99999, 0.003),
    "int8": (0.98, 0.2),
}


@pytest.fixture(scope="module")
def network():
    weights = load_embedded()
    network = GradNet(weights.variant)
    network.assign_weights(weights.arrays)
    return network


@pytest.fixture(scope="module")
def regions():
    """Two regions that no calibration has seen."""
    return precision.calibration_regions(2, seed=7)


@pytest.fixture(scope="module")
def expected(network, regions):
    return network.search_features(tf.cast(regions[..., ::-1], tf.float32)).numpy()


@pytest.mark.parametrize("name", precision.PRECISIONS)
def test_features_are_near_those_of_float32(network, regions, expected, name):
    features = precision.search_features(network, name)
    eager = features(tf.constant(regions))
    assert eager.dtype == tf.float32
    cosine, error = TOLERANCES[name]
    for one, other in zip(eager.numpy(), expected):
        norms = np.linalg.norm(one) * np.linalg.norm(other)
        assert np.sum(one * other) / norms > cosine
    assert relative_error(eager.numpy(), expected) < error

    graph = tf.function(
        features,
        autograph=False,
        input_signature=[tf.TensorSpec([None, 255, 255, 3], tf.float32)],
    )
    assert graph.get_concrete_function().output_shapes.as_list() == [None, 22, 22, 256]
    inside = graph(regions.astype(np.float32)).numpy()
    # A graph rounds to bfloat16 once where it fuses a convolution with its bias, eager code twice.
    assert relative_error(inside, eager.numpy()) < (1e-5 if name == "float32" else error / 2)
    # Any number of regions, each for itself.
    one = graph(regions[1:].astype(np.float32)).numpy()
    assert relative_error(one, inside[1:]) < (1e-5 if name == "float32" else error / 10)
    # Regions of another side, by the same function and in one graph with the others.
    smaller = regions[:, 56:199, 56:199]
    both = tf.function(lambda *sizes: [features(each) for each in sizes], autograph=False)
    found, _ = both(tf.constant(smaller), tf.constant(regions))
    assert found.shape == (2, 8, 8, 256)
    other = network.search_features(tf.cast(smaller[..., ::-1], tf.float32))
    assert relative_error(found.numpy(), other.numpy()) < error


def test_int8_rounds_and_clips_floats(network, regions):
    features = precision.search_features(network, "int8")
    rounded = features(regions[:1]).numpy()
    np.testing.assert_array_equal(features(regions[:1] + np.float32(0.25)).numpy(), rounded)
    far = regions[:1].astype(np.float32)
    far[far == 255], far[far == 0] = 300.0, -20.0
    np.testing.assert_array_equal(features(far).numpy(), rounded)


def test_int8_is_converted_once_for_the_same_weights(network, monkeypatch):
    precision.search_features(network, "int8")
    monkeypatch.setattr(precision, "_quantize", lambda *_: pytest.fail("converted again"))
    precision.search_features(network, "int8")


def test_calibration_changes_the_ranges(network, regions, expected):
    features = precision.search_features(network, "int8", regions)
    assert relative_error(features(regions).numpy(), expected) < TOLERANCES["int8"][1]
    default = precision.search_features(network, "int8")
    assert not np.array_equal(features(regions).numpy(), default(regions).numpy())


@pytest.mark.parametrize("shape", [(0, 255, 255, 3), (1, 239, 239, 3), (255, 255, 3)])
def test_calibration_of_another_shape_is_refused(network, shape):
    with pytest.raises(ValueError, match=r"calibration must be regions \[n, 255, 255, 3\]"):
        precision.search_features(network, "int8", np.zeros(shape))


def test_calibration_regions_are_always_the_same():
    first = precision.calibration_regions(3)
    assert first.shape == (3, 255, 255, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(precision.calibration_regions(3), first)
    assert all(region.min() == 0 and region.max() == 255 for region in first)


@pytest.mark.parametrize("name", ["float64", "INT8", "", 8, None])
def test_unknown_precisions_are_refused(network, name):
    message = f"precision must be one of float32, bfloat16, float16, int8, got {name!r}"
    with pytest.raises(ValueError) as error:
        precision.check_precision(name)
    assert str(error.value) == message
    with pytest.raises(ValueError, match="precision must be one of"):
        precision.search_features(network, name)


def test_int8_and_xla_exclude_each_other():
    assert precision.check_precision("int8") == "int8"
    with pytest.raises(ValueError, match="jit_compile=False"):
        precision.check_precision("int8", jit_compile=True)


@pytest.mark.parametrize(
    "flags, slow",
    [
        ("avx2 fma", ["bfloat16", "float16", "int8"]),
        ("avx2 avx512_vnni", ["bfloat16", "float16"]),
        ("avx512_vnni avx512_bf16", ["float16"]),
    ],
)
def test_slow_types_are_offered_with_a_warning(monkeypatch, flags, slow):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    cpuinfo = mock.mock_open(read_data=f"model name : x\nflags\t\t: fpu {flags}\n")
    warnings = []
    monkeypatch.setattr(precision.logging, "warning", lambda text, *args: warnings.append(args[0]))
    with mock.patch("builtins.open", cpuinfo):
        for name in precision.PRECISIONS:
            precision.check_precision(name)
    assert warnings == slow
