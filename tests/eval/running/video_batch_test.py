"""Videos side by side in one step, against trackers of one video each."""

import types

import numpy as np
import pytest

from gradnet_tf import Tracker
from gradnet_tf.eval.running.video_batch import VideoBatch
from gradnet_tf.tracking.batched_step import BatchedStep
from gradnet_tf.tracking.config import preset
from tests.helpers import networks, recipe

SIZES = ((200, 260), (150, 190), (120, 230))  # height, width
FRAMES = 5


@pytest.fixture(scope="module")
def tracker():
    return Tracker(weights=recipe.weights(0), jit_compile=False)


@pytest.fixture(scope="module")
def videos():
    """Frames [FRAMES] and first box of each video."""
    found = []
    for number, (height, width) in enumerate(SIZES):
        frames, boxes = recipe.sequence(100 + number)
        # Each frame has a size of its own.
        cut = [
            np.ascontiguousarray(frame[: height - 4 * index, : width - 6 * index, ::-1])
            for index, frame in enumerate(frames[:FRAMES])
        ]
        found.append((cut, np.array(boxes[0], np.float64)))
    return found


@pytest.fixture(scope="module")
def alone(tracker, videos):
    """Boxes [FRAMES - 1, 4] of each video by itself."""
    boxes = []
    for frames, box in videos:
        tracker.init(frames[0], box)
        boxes.append(np.stack([tracker.update(frame) for frame in frames[1:]]))
    return boxes


def add(batch, video):
    frames, box = video
    batch.warm_up(frames[0], box)
    batch.add(frames[0], box)


def test_videos_come_and_go_as_if_alone(tracker, videos, alone):
    """To the bit: else where two places are nearly as good, a whole track may differ."""
    batch = VideoBatch(tracker, 2)
    add(batch, videos[0])
    assert len(batch) == 1
    add(batch, videos[1])
    for index in (1, 2):
        boxes = batch.update([frames[index] for frames, _ in videos[:2]])
        np.testing.assert_array_equal(boxes, [b[index - 1] for b in alone[:2]])
    # The first video ends, the second moves up, and a third one of another size comes.
    batch.drop(0)
    add(batch, videos[2])
    boxes = batch.update([videos[1][0][3], videos[2][0][1]])
    np.testing.assert_array_equal(boxes, [alone[1][2], alone[2][0]])
    batch.drop(0)
    for index in (2, 3):
        boxes = batch.update([videos[2][0][index]])
        np.testing.assert_array_equal(boxes, [alone[2][index - 1]])
    batch.drop(0)
    assert len(batch) == 0
    add(batch, videos[1])
    boxes = batch.update([videos[1][0][1]])
    np.testing.assert_array_equal(boxes, alone[1][:1])
    assert tracker.compiled.one.step.experimental_get_tracing_count() == 1


def test_shapes_stay_the_same_for_xla(videos):
    """What XLA would compile for, without compiling."""
    step, shapes = BatchedStep(networks.small(), preset("reference")), []

    def record(state, frames):
        shapes.append((state.position.shape[0], *frames.pixels.shape[:2], len(frames.of_target)))
        return step.step(state, frames)

    many = types.SimpleNamespace(init=step.init, step=record, warm_up=lambda *_: None)
    compiled = types.SimpleNamespace(jit_compile=True, many=many)
    tracker = types.SimpleNamespace(compiled=compiled)
    batch = VideoBatch(tracker, 3)
    add(batch, videos[0])
    batch.update([videos[0][0][1]])
    add(batch, videos[1])
    batch.update([frames[1] for frames, _ in videos[:2]])
    batch.drop(0)
    batch.update([videos[1][0][2]])
    assert set(shapes) == {(4, 4, 2**18, 4)}
    # Where frames grow within a video, they stay as large.
    shapes.clear()
    batch.update([np.resize(videos[1][0][3], [600, 600, 3])])
    batch.update([videos[1][0][4]])
    assert set(shapes) == {(4, 4, 2**19, 4)}


def test_bad_boxes(tracker, videos):
    batch = VideoBatch(tracker, 1)
    image = videos[0][0][0]
    for method in (batch.warm_up, batch.add):
        with pytest.raises(ValueError, match="positive width and height"):
            method(image, [1, 2, 0, 4])
