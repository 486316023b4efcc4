"""Tests of gradnet_tf.export.graphs: the network in forward operations, in each format's own."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.export import graphs
from gradnet_tf.export.tensorflow_operations import TensorFlowOperations
from gradnet_tf.network import losses
from gradnet_tf.tracking import precision
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.weights import Weights
from tests.helpers import networks
from tests.helpers.networks import relative_error

SHARES = np.array([0.7, 0.3], np.float32)


def by_tensorflow(built, name, inputs):
    outputs = getattr(built, name)(TensorFlowOperations(), **inputs)
    return {key: value.numpy() for key, value in outputs.items()}


def by_onnx(built, name, inputs):
    pytest.importorskip("onnx", reason="needs onnx, which the extra onnx installs")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime, of the extra onnx")
    from gradnet_tf.export.onnx_operations import OnnxOperations

    operations = OnnxOperations()
    outputs = getattr(built, name)(operations, **{key: key for key in inputs})
    model = operations.model(name, built.inputs()[name], outputs)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    fed = {
        key: value if value.ndim < 4 or value.dtype == np.uint8 else value.transpose(0, 3, 1, 2)
        for key, value in inputs.items()
    }
    return {
        key: value.transpose(0, 2, 3, 1)
        for key, value in zip(outputs, session.run(list(outputs), fed))
    }


evaluators = pytest.mark.parametrize("evaluate", [by_tensorflow, by_onnx])


@pytest.fixture(scope="module")
def network():
    """Two subnets, whose second U1 differs from the first."""
    network = networks.hand_made("two_subnets")
    for name, variable in network.named_weights().items():
        if name.startswith("siamese/scala5_zu"):
            variable.assign(1.5 * variable)
    return network


@pytest.fixture(scope="module")
def regions():
    return precision.calibration_regions(2, seed=3)


@pytest.fixture(scope="module")
def exemplar(regions):
    return np.ascontiguousarray(regions[:1, 60:187, 60:187])


def as_input(image):
    """As the network itself takes an image: BGR."""
    return tf.cast(image[..., ::-1], tf.float32)


def make(network, **constants):
    weights = Weights(networks.snapshot(network), {}, network.variant)
    return graphs.Graphs(weights, TrackerConfig(**constants))


@evaluators
def test_features_and_score_maps(network, regions, exemplar, evaluate):
    found = evaluate(make(network), "exemplar", {"exemplar": exemplar})
    template = network.siamese_template(as_input(exemplar))
    h2 = network.template_features(as_input(exemplar))
    assert set(found) == {"template", "h2"}
    assert relative_error(found["template"], template) < 2e-5
    assert relative_error(found["h2"], h2) < 2e-5

    templates = np.concatenate([template, network.initial_template(h2)])
    found = evaluate(make(network), "search", {"regions": regions, "templates": templates})
    features = network.search_features(as_input(regions))
    assert relative_error(found["features"], features) < 2e-5
    expected = network.score_maps(tf.split(templates, 2), features)
    assert relative_error(found["scores"], np.stack(expected, axis=-1)) < 2e-5

    around = np.ascontiguousarray(regions[:, 56:199, 56:199])
    built = make(network, scale_interval=2)
    found = evaluate(built, "scales", {"regions": around, "templates": templates})
    expected = network.score_maps(tf.split(templates, 2), network.search_features(as_input(around)))
    assert set(found) == {"scores"} and found["scores"].shape == (2, 3, 3, 2)
    assert relative_error(found["scores"], np.stack(expected, axis=-1)) < 2e-5


@evaluators
@pytest.mark.parametrize("centred", [False, True])
def test_update_equals_that_of_the_tape(network, regions, exemplar, evaluate, centred):
    # Folded, so that no activation near zero changes its sign between the two.
    folded = network.folded()
    h2 = folded.template_features(as_input(exemplar))
    features = folded.search_features(as_input(regions)).numpy()
    balanced = losses.balanced_weights(losses.logistic_labels(17))
    weights = len(SHARES) * SHARES[:, np.newaxis, np.newaxis, np.newaxis] * balanced
    expected = folded.update(h2, features, weights=weights, centred=centred)
    h2 = h2.numpy()

    built = make(network, centred_update=centred)
    found = evaluate(built, "update", {"h2": h2, "features": features, "shares": SHARES})
    assert set(found) == {"gradient", "new_h2", "template"}
    assert relative_error(found["gradient"], expected.gradient) < 1e-5
    assert relative_error(found["new_h2"], expected.h2) < 1e-5
    assert relative_error(found["template"], expected.template) < 1e-4
    assert np.abs(found["new_h2"] - h2).max() > 0.01  # It has changed.


@pytest.mark.parametrize("variant", ["without_gradient", "baseline"])
def test_variants_without_update(variant, regions, exemplar):
    network = networks.hand_made(variant)
    built = make(network)
    assert set(built.inputs()) == {"exemplar", "search"}
    assert built.inputs()["search"]["templates"].largest == 1
    found = by_tensorflow(built, "exemplar", {"exemplar": exemplar})
    assert set(found) == {"template"}
    image = as_input(exemplar)
    if variant == "baseline":
        expected = network.siamese_template(image)
    else:
        expected = network.initial_template(network.template_features(image))
    assert relative_error(found["template"], expected) < 2e-5
