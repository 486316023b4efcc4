"""Tests of training in mixed precision: how near it comes to float32, and what stays float32."""

import functools
import json
import threading

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf import weights
from gradnet_tf.network import layers
from gradnet_tf.training import runinfo
from gradnet_tf.training.config import TrainConfig
from gradnet_tf.training.presets import preset
from gradnet_tf.training.step import TrainStep
from tests.helpers import networks, training

STEPS = 3
# A bias before batch statistics has no gradient but round-off.
BIAS_BEFORE_STATISTICS = ("scala1_z/conv/biases", "scala2_z/conv/biases", "zz/conv/biases")


@functools.cache
def batch():
    return training.images(2)


def make(precision, *, stage="gradnet", jit_compile=False, **changes):
    if stage == "siamfc":
        config = preset("short", stage, batch=2, precision=precision, steps=100, **changes)
        return TrainStep(networks.hand_made("baseline"), config, jit_compile=jit_compile)
    config = TrainConfig(batch=2, precision=precision, weight_decay=0.0, **changes)
    return TrainStep(networks.hand_made(), config, jit_compile=jit_compile)


@functools.cache
def trained(precision, stage="gradnet"):
    """Outputs of some steps, gradients at the start, and the state at the end."""
    step = make(precision, stage=stage)
    (_, gradients, _), _ = step._replica_gradients(*batch())
    gradients = {name: value.numpy() for name, value in gradients.items()}
    outputs = [step(*batch(), index) for index in range(STEPS)]
    return [{n: v.numpy() for n, v in each.items()} for each in outputs], gradients, step.state()


def similarity(actual, expected):
    """Cosine of the angle between two arrays."""
    actual, expected = actual.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
    return actual @ expected / (np.linalg.norm(actual) * np.linalg.norm(expected))


@pytest.mark.parametrize("stage", ["gradnet", "siamfc"])
def test_mixed_precision_trains_as_float32_does(stage):
    (expected, expected_gradients, _), (actual, gradients, _) = (
        trained(precision, stage) for precision in ("float32", "mixed_bfloat16")
    )
    for ours, theirs in zip(actual, expected):
        for name in ("loss", "initial_loss"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=0.02)
    assert actual[0]["loss"] != expected[0]["loss"]
    assert actual[-1]["loss"] < actual[0]["loss"]
    for name, gradient in expected_gradients.items():
        assert np.isfinite(gradients[name]).all(), name
        if not name.endswith(BIAS_BEFORE_STATISTICS):
            assert similarity(gradients[name], gradient) > 0.96, name


@pytest.mark.parametrize("stage", ["gradnet", "siamfc"])
def test_what_is_no_convolution_stays_float32(stage):
    outputs, gradients, state = trained("mixed_bfloat16", stage)
    for name, value in {**outputs[0], **gradients, **state}.items():
        assert value.dtype == np.float32, name


def test_kernels_move_by_less_than_bfloat16_resolves():
    """Master weights: a step that bfloat16 would round away counts all the same."""
    name = "siamese/scala5/conv/weights"
    before, (_, _, state) = make("float32").state()[name], trained("mixed_bfloat16", "siamfc")
    rounded = [tf.cast(kernel, tf.bfloat16) for kernel in (before, state[name])]
    assert np.mean(state[name] != before) > 0.99
    assert np.mean(rounded[0] == rounded[1]) > 0.2


def test_xla_agrees_with_the_graph():
    """Up to what bfloat16 rounds: each keeps other intermediate values in float32."""
    outputs, expected, _ = trained("mixed_bfloat16")
    step = make("mixed_bfloat16", jit_compile=True)
    (scalars, gradients, _), _ = step._replica_gradients(*batch())
    for name in ("loss", "initial_loss"):
        np.testing.assert_allclose(scalars[name], outputs[0][name], rtol=0.005)
    for name, gradient in expected.items():
        if not name.endswith(BIAS_BEFORE_STATISTICS):
            assert similarity(gradients[name].numpy(), gradient) > 0.96, name


def test_float32_is_not_touched():
    """To the bit, with and without the means of mixed precision."""
    net, (exemplars, _) = networks.hand_made(), batch()
    expected = net.template_features(exemplars)
    with layers.convolving_in(None):
        np.testing.assert_array_equal(net.template_features(exemplars), expected)
    with pytest.raises(ArithmeticError), layers.convolving_in("bfloat16"):
        rounded = net.template_features(exemplars)
        raise ArithmeticError
    assert rounded.dtype == tf.float32
    assert 0 < networks.relative_error(rounded, expected) < 0.02
    np.testing.assert_array_equal(net.template_features(exemplars), expected)


def test_each_thread_has_its_own_type():
    net, (exemplars, _) = networks.hand_made(), batch()
    expected, other = net.template_features(exemplars), []
    with layers.convolving_in("bfloat16"):
        thread = threading.Thread(target=lambda: other.append(net.template_features(exemplars)))
        thread.start()
        thread.join()
    np.testing.assert_array_equal(other[0], expected)


def test_a_training_goes_on_in_another_precision(tmp_path, tmp_path_factory):
    def run(precision, **options):
        settings = {**training.SIAMFC, "precision": precision, "steps": 3, "steps_per_epoch": 2}
        return training.run(tmp_path_factory, tmp_path, settings, **options)

    def recorded():
        return json.loads((tmp_path / runinfo.FILE).read_text())["flags"]["precision"]

    run("float32", stop_after=1)
    assert recorded() == "float32"
    run("mixed_bfloat16", stop_after=2)
    assert recorded() == "mixed_bfloat16"
    state, info = training.restore(tmp_path)
    assert {array.dtype for array in state.values()} == {np.dtype(np.float32)}
    assert info["precisions"] == [[0, "float32"], [1, "mixed_bfloat16"]]
    with pytest.raises(ValueError, match='precision: "mixed_bfloat16"/"float64"'):
        run("float64")
    outcome = run("float32")
    assert outcome.finished
    card = weights.load(outcome.weights["last"]).card["training"]
    expected = [[0, "float32"], [1, "mixed_bfloat16"], [2, "float32"]]
    assert (card["precision"], card["precisions"]) == ("float32", expected)
    assert training.table(tmp_path)["step"].tolist() == [1, 2]
