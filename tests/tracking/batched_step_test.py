"""Tests of gradnet_tf.tracking.batched_step: many targets against the same ones alone."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network.frame_batch import make_frame_batch
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import precision
from gradnet_tf.tracking.batched_step import BatchedStep
from gradnet_tf.tracking.config import preset
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.weights import expected_shapes
from tests.helpers import recipe

# Videos, and the video of each target.
OF_TARGET = (0, 1, 0)


@pytest.fixture(scope="module")
def videos():
    first, boxes = recipe.sequence(100)
    second, other_boxes = recipe.sequence(101)
    # The second video has frames of another size.
    frames = [np.ascontiguousarray(first[:7, ..., ::-1]), second[:7, :130, :170, ::-1].copy()]
    starts = [boxes[0], other_boxes[0], [120, 60, 30, 20]]
    return frames, np.array(starts, np.float64)


def network_of(variant):
    full = recipe.with_bookkeeping(recipe.weights(0))
    network = GradNet(variant)
    network.assign_weights(
        {name: full[name.replace("_zu", "_z")] for name in expected_shapes(variant)}
    )
    return network


def run_alone(network, config, videos, count):
    step = TrackingStep(
        network, config, search_features=precision.search_features(network, "float32")
    )
    init, update = (tf.function(f, autograph=False) for f in (step.init, step.step))
    frames, boxes = videos
    runs = []
    for box, video in zip(boxes, OF_TARGET):
        state, output = init(tf.constant(frames[video][0]), tf.constant(box))
        outputs = [output]
        for index in range(1, count):
            state, output = update(state, tf.constant(frames[video][index]))
            outputs.append(output)
        runs.append(outputs)
    return runs


def run_together(network, config, videos, count, mode):
    step = BatchedStep(
        network,
        config,
        search_features=precision.search_features(network, "float32", jit_compile=mode == "xla"),
    )
    init, update = step.init, step.step
    if mode != "eager":
        init, update = (
            tf.function(f, autograph=False, jit_compile=mode == "xla") for f in (init, update)
        )
    videos, boxes = videos
    state, output = init(
        make_frame_batch([frames[0] for frames in videos], OF_TARGET, padded=mode == "xla"),
        tf.constant(boxes),
    )
    outputs = [output]
    for index in range(1, count):
        images = [frames[index] for frames in videos]
        state, output = update(state, make_frame_batch(images, OF_TARGET, padded=mode == "xla"))
        outputs.append(output)
    return outputs


def assert_same(together, alone):
    for index, output in enumerate(together):
        for target, outputs in enumerate(alone):
            expected = outputs[index]
            where = f"frame {index}, target {target}"
            np.testing.assert_allclose(output.box[target], expected.box, atol=1e-6, err_msg=where)
            for name in ("score", "confidence"):
                got, wanted = (getattr(each, name) for each in (output, expected))
                np.testing.assert_allclose(got[target], wanted, rtol=1e-4, err_msg=where)
            for name in ("reliable", "early_update", "update", "redetected"):
                got, wanted = (getattr(each, name) for each in (output, expected))
                assert bool(got[target]) == bool(wanted), f"{where}: {name}"
            assert int(output.search.scale[target]) == int(expected.search.scale), where
            assert int(output.redetection.scale[target]) == int(expected.redetection.scale), where


@pytest.mark.parametrize(
    "mode, name, frames",
    [
        ("eager", "reference", 3),
        ("graph", "reference", 7),
        ("xla", "tuned", 3),
        ("graph", "paper", 6),
        # The one sample of the first frame gives the threshold and then updates.
        ("graph", preset("reference", threshold_source="first_frame"), 3),
    ],
)
def test_targets_are_tracked_as_if_alone(mode, name, frames, videos):
    network = network_of("full")
    config = preset(name) if isinstance(name, str) else name
    alone = run_alone(network, config, videos, frames)
    assert_same(run_together(network, config, videos, frames, mode), alone)


@pytest.mark.parametrize("variant", ["two_subnets", "baseline"])
def test_variants(variant, videos):
    network, config = network_of(variant), preset("reference")
    alone = run_alone(network, config, videos, 3)
    assert_same(run_together(network, config, videos, 3, "graph"), alone)


def test_early_updates_and_redetections_of_some_targets(videos):
    """Thresholds at which some targets take the rare branches, and others do not."""
    network = network_of("full")
    config = preset("reference", early_update_threshold=0.9, reliable_threshold=1.0)
    frames, boxes = videos
    boxes = boxes.copy()
    boxes[2] = 165, 60, 40, 30  # Over the right border.
    videos = frames, boxes
    alone = run_alone(network, config, videos, 7)
    outputs = [output for run in alone for output in run[1:]]
    for name in ("early_update", "reliable"):
        assert len({bool(getattr(output, name)) for output in outputs}) == 2, name
    assert {int(output.redetection.scale) >= 0 for output in outputs} == {False, True}
    for mode in ("graph", "xla"):
        assert_same(run_together(network, config, videos, 7, mode), alone)
