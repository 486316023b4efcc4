"""Tests of gradnet_tf.tracking.compiled: what the trackers share."""

import gc

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf import weights as weights_lib
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import compiled as compiled_lib
from gradnet_tf.tracking import precision as precision_lib
from gradnet_tf.tracking.compiled import CompiledStep
from gradnet_tf.tracking.config import preset
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.tracking.tracker import Tracker
from tests.helpers import networks, recipe


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_a_reduced_precision_stays_on_the_target(precision):
    weights = recipe.with_bookkeeping(recipe.weights(0))
    frames, boxes = recipe.sequence(100)
    frames = np.ascontiguousarray(frames[:3, ..., ::-1])
    runs = []
    for tracker in (
        Tracker(weights=weights, jit_compile=False, precision=precision),
        Tracker(weights=weights, jit_compile=False),
    ):
        tracker.init(frames[0], boxes[0])
        runs.append([tracker.update(frame) for frame in frames[1:]])
    reduced, full = np.array(runs)
    np.testing.assert_allclose(reduced, full, atol=3)


@pytest.mark.parametrize("precision, is_folded", [("float32", True), ("bfloat16", False)])
def test_inexact_updates_look_at_the_features_of_a_search_in_float32(precision, is_folded):
    network = networks.hand_made()
    regions = precision_lib.calibration_regions(1)
    step = CompiledStep(network, preset("fast"), False, precision)._step
    exact = CompiledStep(network, preset("tuned"), False, precision)._step
    expected = exact._update_features(regions)
    assert np.array_equal(step._update_features(regions), expected) is not is_folded
    assert networks.relative_error(step._update_features(regions), expected) < 1e-5


@pytest.mark.parametrize("name, updates", [("reference", 1), ("tuned", 2), ("fast", 2)])
def test_parts_that_several_places_share_are_traced_once_and_change_no_bit(name, updates):
    weights = recipe.with_bookkeeping(recipe.weights(0))
    frames, boxes = recipe.sequence(100)
    frames = [tf.constant(frame[..., ::-1]) for frame in frames[:7]]  # An update is in the sixth.
    network = GradNet()
    network.assign_weights(weights)
    features = precision_lib.search_features(network, "float32")
    plain = TrackingStep(network, preset(name), search_features=features, update_features=features)
    init, step = (tf.function(each, autograph=False) for each in (plain.init, plain.step))
    tracker = Tracker(weights=weights, preset=name, jit_compile=False)
    tracker.init(frames[0], boxes[0])
    shared = tracker.compiled._step
    update = shared.templates._network_update
    functions = shared._search_function, shared._update_features, update, tracker.compiled.one.step

    def traces():
        return [function.experimental_get_tracing_count() for function in functions]

    tolerance = 0 if preset(name).exact_updates else 1e-5
    # The first frame's update may look at fewer regions than those that follow.
    assert traces() == [1, 1, updates, 1]
    state, _ = init(frames[0], tf.constant(boxes[0]))
    for frame in frames[1:]:
        state, output = step(state, frame)
        tracker.update(frame)
        for actual, expected in zip(tf.nest.flatten(tracker.output), tf.nest.flatten(output)):
            np.testing.assert_allclose(actual, expected, rtol=tolerance)
    np.testing.assert_allclose(tracker._state.template, state.template, rtol=0, atol=tolerance)
    assert traces() == [1, 1, updates, 1]


@pytest.mark.parametrize(
    "jit_compile, precision, message",
    [(False, "float64", "got 'float64'"), (True, "int8", "jit_compile=False")],
)
def test_a_precision_that_cannot_be(jit_compile, precision, message):
    with pytest.raises(ValueError, match=message):
        Tracker(jit_compile=jit_compile, precision=precision)


def test_under_xla_frames_of_similar_sizes_have_one_shape():
    compiled = CompiledStep(GradNet("baseline"), preset("reference"), True)
    shapes = {
        compiled.frame(np.zeros([*size, 3], np.uint8)).pixels.shape[1]
        for size in ((240, 320), (360, 480), (512, 512))
    }
    assert shapes == {2**18}


def test_the_steps_used_last_outlive_their_trackers(monkeypatch):
    """Without compiling: a step is only its constants here."""

    class Step:
        def __init__(self, network, config, jit_compile, precision):
            self.config = config
            made.append(config)

    made = []
    monkeypatch.setattr(compiled_lib, "CompiledStep", Step)
    for cache in ("_living", "_kept"):
        monkeypatch.setattr(compiled_lib, cache, type(getattr(compiled_lib, cache))())
    names = weights_lib.expected_shapes("baseline")
    full = recipe.with_bookkeeping(recipe.weights(0))
    weights = weights_lib.make_weights({n: full[n] for n in names}, source="x", kind="npz")
    one, two, three = (preset("reference", scale_damping=value) for value in (0.1, 0.2, 0.3))

    def use(config):
        """How many were made for it, after nobody holds it any more."""
        before = len(made)
        assert compiled_lib.shared_step(weights, config, False, "float32").config == config
        gc.collect()
        return len(made) - before

    assert [use(config) for config in (one, two, one, two)] == [1, 1, 0, 0]
    held = compiled_lib.shared_step(weights, one, False, "float32")
    # The third takes the place of the one that was not used for longest.
    assert [use(config) for config in (three, one, two, three)] == [1, 0, 1, 1]
    # What is held is shared in any case.
    assert compiled_lib.shared_step(weights, one, False, "float32") is held
