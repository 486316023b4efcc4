"""Tests of many targets in gradnet_tf.tracking: as `Tracker` shows them."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.tracking import target_group
from gradnet_tf.tracking.config import preset
from gradnet_tf.tracking.state import CropBuffer
from gradnet_tf.tracking.target_group import TargetGroup
from gradnet_tf.tracking.tracker import Tracker
from tests.helpers import recipe

BOXES = np.array([[60, 40, 40, 30], [120, 60, 30, 20], [150, 100, 60, 50.5]])


@pytest.fixture(scope="module")
def frames():
    """Each frame has a size of its own."""
    frames = recipe.sequence(100)[0][:8, ..., ::-1]
    return [frame[: 144 - 3 * (i % 3), : 192 - 7 * (i % 4)] for i, frame in enumerate(frames)]


@pytest.fixture(scope="module")
def make_tracker():
    weights = recipe.with_bookkeeping(recipe.weights(0))
    return lambda jit_compile=False: Tracker(weights=weights, jit_compile=jit_compile)


@pytest.fixture(scope="module")
def tracker(make_tracker):
    """Keeps the compiled functions; every test starts it anew."""
    return make_tracker()


def alone(tracker, frames, box):
    """Boxes of one target."""
    tracker.init(frames[0], box)
    return np.array([tracker.update(frame) for frame in frames[1:]])


@pytest.fixture(scope="module")
def expected(tracker, frames):
    """Boxes [frames, targets, 4] of single targets from the first frame on."""
    return np.stack([alone(tracker, frames, box) for box in BOXES], axis=1)


def test_k_boxes_give_k_boxes(tracker, frames, expected):
    tracker.init(frames[0], BOXES)
    np.testing.assert_array_equal(tracker.box, BOXES)
    assert tracker.ids == [0, 1, 2]
    got = np.array([tracker.update(frame) for frame in frames[1:]])
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert tracker.score.shape == tracker.confidence.shape == (3,)
    assert tracker.output.position.shape == (3, 2)


def test_one_row_is_many_targets_too(tracker, frames, expected):
    tracker.init(frames[0], BOXES[:1].tolist())
    np.testing.assert_allclose(tracker.update(frames[1]), expected[0, :1], atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_each_target_has_its_own_turn_for_all_scales(jit_compile, frames):
    weights = recipe.with_bookkeeping(recipe.weights(0))
    config = preset("tuned", scale_interval=2)
    graph, tracker = (
        Tracker(weights=weights, config=config, jit_compile=jit) for jit in (False, jit_compile)
    )
    expected = [alone(graph, frames[:5], BOXES[0]), alone(graph, frames[1:5], BOXES[2])]
    tracker.init(frames[0], BOXES[:1])
    tracker.update(frames[1])
    tracker.add(frames[1], BOXES[2])
    for index in (2, 3, 4):
        wanted = [expected[0][index - 1], expected[1][index - 2]]
        np.testing.assert_allclose(tracker.update(frames[index]), wanted, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_targets_come_and_go_without_retracing(make_tracker, jit_compile, frames, expected):
    tracker = make_tracker(jit_compile)
    tracker.init(frames[0], BOXES[:2])
    for index in (1, 2):
        np.testing.assert_allclose(
            tracker.update(frames[index]), expected[index - 1, :2], atol=1e-6
        )
    late = alone(make_tracker(), frames[2:], BOXES[2])
    assert tracker.add(frames[2], BOXES[2]) == [2]
    assert tracker.ids == [0, 1, 2]
    np.testing.assert_array_equal(tracker.box[2], BOXES[2])
    got = tracker.update(frames[3])
    np.testing.assert_allclose(got, [*expected[2, :2], late[0]], atol=1e-6)
    tracker.drop([0])
    assert tracker.ids == [1, 2]
    np.testing.assert_array_equal(tracker.box, got[1:])
    for index in (4, 5, 6):
        np.testing.assert_allclose(
            tracker.update(frames[index]), [expected[index - 1, 1], late[index - 3]], atol=1e-6
        )
    tracker.drop(1)
    assert tracker.ids == [2]
    # A number is never given twice.
    assert tracker.add(frames[6], BOXES[:1]) == [3]
    np.testing.assert_allclose(tracker.update(frames[7])[0], late[4], atol=1e-6)
    compiled = tracker._compiled.many if jit_compile else tracker._compiled.one
    assert compiled.step.experimental_get_tracing_count() == 1
    if jit_compile:
        assert compiled._init.experimental_get_tracing_count() == 1


def test_one_compilation_serves_counts_and_sizes():
    counts = (1, 2, 3, 4, 5, 8, 9)
    assert [target_group.padded_count(n) for n in counts] == [1, 2, 4, 4, 8, 8, 16]


def test_videos_of_several_sizes_side_by_side(tracker, frames):
    small = [frame[:100, :150] for frame in frames]
    targets = TargetGroup(tracker._compiled, [frames[0], small[0]], BOXES[:2], of_target=[0, 1])
    for one, other in zip(frames[1:4], small[1:4]):
        targets.update([one, other])
    boxes = targets.output.box
    np.testing.assert_allclose(boxes[0], alone(tracker, frames[:4], BOXES[0])[-1], atol=1e-6)
    np.testing.assert_allclose(boxes[1], alone(tracker, small[:4], BOXES[1])[-1], atol=1e-6)


def test_after_one_target_many_and_after_many_one(tracker, frames, expected):
    tracker.init(frames[0], BOXES)
    tracker.init(frames[0], BOXES[0])
    assert tracker.update(frames[1]).shape == (4,)
    assert isinstance(tracker.score, float)
    with pytest.raises(RuntimeError, match="ids needs many targets"):
        tracker.ids  # noqa: B018
    tracker.init(frames[0], BOXES)
    np.testing.assert_allclose(tracker.update(frames[1]), expected[0], atol=1e-6)


@pytest.mark.parametrize(
    "boxes, message",
    [
        (np.zeros((0, 4)), "boxes must be at least one"),
        ([[1, 2, 3, 4], [1, 2, 3]], "box must be 4 numbers"),
        (np.ones((2, 3)), r"boxes\[0\]: box must be 4 numbers"),
        ([[60, 40, 40, 30], [60, 40, 0, 30]], r"boxes\[1\]: .*positive width"),
        ([[60, 40, 40, 30], [600, 40, 10, 30]], r"boxes\[1\]: .*outside the frame"),
    ],
)
def test_wrong_boxes(tracker, frames, boxes, message):
    with pytest.raises(ValueError, match=message):
        tracker.init(frames[0], boxes)


def test_wrong_changes_change_nothing(tracker, frames, expected):
    with pytest.raises(RuntimeError, match="add.. needs many targets"):
        tracker.init(frames[0], BOXES[0])
        tracker.add(frames[0], BOXES)
    tracker.init(frames[0], BOXES)
    with pytest.raises(ValueError, match=r"\[7\], not tracked"):
        tracker.drop([0, 7])
    with pytest.raises(ValueError, match=r"got \[1.5\], not tracked"):
        tracker.drop([0, 1.5])
    with pytest.raises(ValueError, match=r"got \[True, False\], not tracked"):
        tracker.drop([True, False])
    with pytest.raises(ValueError, match="at least one target must stay"):
        tracker.drop([0, 1, 2])
    with pytest.raises(ValueError, match=r"boxes\[1\]"):
        tracker.add(frames[0], [BOXES[0], [0, 0, -1, 1]])
    with pytest.raises(ValueError, match="given last, which is 192x144 .*, got one of 100x50"):
        tracker.add(frames[0][:50, :100], BOXES[0])
    assert tracker.ids == [0, 1, 2]
    np.testing.assert_allclose(tracker.update(frames[1]), expected[0], atol=1e-6)


def test_track_follows_all_targets(tracker, frames, expected):
    run = tracker.track(list(frames), BOXES)
    np.testing.assert_array_equal(run.boxes[0], BOXES)
    np.testing.assert_allclose(run.boxes[1:], expected, atol=1e-6)
    assert run.scores.shape == run.confidences.shape == (len(frames), 3)
    assert np.isnan(run.scores[0]).all() and not np.isnan(run.confidences[1:]).any()


def test_targets_are_taken_and_joined():
    crops = tf.reshape(tf.constant([1, 2, 3], tf.uint8), [-1, 1, 1, 1])
    buffer = CropBuffer.empty(2, crops)
    taken = target_group.take_targets(buffer, [2, 0])
    np.testing.assert_array_equal(np.ravel(taken.crops[:, 0]), [3, 1])
    joined = target_group.join_targets(taken, buffer)
    np.testing.assert_array_equal(np.ravel(joined.crops[:, 1]), [3, 1, 1, 2, 3])
    assert joined.scores.shape == (5, 2)
