"""The reference's way of the benchmark gives the tracker's boxes."""

import numpy as np

import gradnet_tf
from gradnet_tf.bench import video
from gradnet_tf.bench.reference_way import ReferencesWay
from gradnet_tf.media import images
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking.config import preset
from gradnet_tf.weights import load_embedded


def test_boxes_are_those_of_the_tracker(tmp_path):
    frames = [images.as_rgb(path) for path in video.make_video(str(tmp_path), 17, 160, 120)]
    box = video.first_boxes(1, 160, 120)[0]
    weights = load_embedded()
    network = GradNet(weights.variant)
    network.assign_weights(weights.arrays)
    tracker = gradnet_tf.Tracker(preset="reference", jit_compile=False)
    tracker.init(frames[0], box)
    reference = ReferencesWay(network, preset("reference"), frames[0], box)
    moved = 0.0
    for frame in frames[1:]:
        wanted = tracker.update(frame)
        moved = max(moved, np.abs(wanted - box).max())
        # Less than a cell of the response: folding can decide between two that are nearly equal.
        np.testing.assert_allclose(reference.next_frame(frame), wanted, atol=0.5)
    assert moved > 5
