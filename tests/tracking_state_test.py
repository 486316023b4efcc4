"""Tests of gradnet_tf.tracking.state: the sample buffer against plain Python lists."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_tf.tracking.state import SampleBuffer

SIDE = 2  # of the crops here, in px

# Few values, so that there are equal ones.
scores = st.lists(st.sampled_from([-2.5, -1.0, 0.0, 0.5, 3.0]), max_size=12)


class ListModel:
    """The buffer as lists that grow at the end and lose their first."""

    def __init__(self, size):
        self.size, self.crops, self.scores, self.frames = size, [], [], []

    def append(self, crop, score, frame):
        for values, value in (
            (self.crops, crop),
            (self.scores, score),
            (self.frames, frame),
        ):
            values.append(value)
            if len(values) > self.size:
                del values[0]


def crop_of(number):
    return np.full((SIDE, SIDE, 3), number, np.uint8)


def append(buffer, number, score, frame):
    return buffer.append(
        tf.constant(crop_of(number)), tf.constant(score, tf.float64), tf.constant(frame)
    )


def test_an_empty_buffer():
    buffer = SampleBuffer.empty(5, SIDE)
    assert buffer.crops.shape == (5, SIDE, SIDE, 3) and buffer.crops.dtype == tf.uint8
    np.testing.assert_array_equal(buffer.scores, [-math.inf] * 5)
    np.testing.assert_array_equal(buffer.frames, [-1] * 5)
    assert buffer.scores.dtype == tf.float64 and buffer.frames.dtype == tf.int32
    # As np.mean([]) is.
    assert math.isnan(float(buffer.mean_score()))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), scores)
def test_behaves_as_lists(size, values):
    model, buffer = ListModel(size), SampleBuffer.empty(size, SIDE)
    for number, score in enumerate(values, start=1):
        frame = 3 * number
        model.append(crop_of(number), score, frame)
        buffer = append(buffer, number, score, frame)

        kept = len(model.scores)
        np.testing.assert_array_equal(buffer.scores[size - kept :], model.scores)
        np.testing.assert_array_equal(buffer.frames[size - kept :], model.frames)
        np.testing.assert_array_equal(buffer.crops[size - kept :], model.crops)
        assert (buffer.scores.numpy()[: size - kept] == -math.inf).all()
        assert int(buffer.frames[-1]) == frame
        assert float(buffer.mean_score()) == pytest.approx(np.mean(model.scores), abs=1e-12)
        np.testing.assert_array_equal(buffer.best(), model.crops[np.argmax(model.scores)])


def test_the_oldest_of_equal_samples_is_the_best():
    buffer = SampleBuffer.empty(3, SIDE)
    for number, score in ((1, 0.0), (2, 7.0), (3, 7.0)):
        buffer = append(buffer, number, score, number)
    assert int(buffer.best()[0, 0, 0]) == 2
    assert int(append(buffer, 4, 7.0, 4).best()[0, 0, 0]) == 2
    assert int(append(append(buffer, 4, 7.0, 4), 5, 7.0, 5).best()[0, 0, 0]) == 3


def test_appending_leaves_the_old_buffer_as_it_is():
    buffer = append(SampleBuffer.empty(2, SIDE), 1, 1.0, 0)
    append(buffer, 2, 2.0, 1)
    np.testing.assert_array_equal(buffer.frames, [-1, 0])


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_compiled(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def run(crops, scores):
        buffer = SampleBuffer.empty(3, SIDE)
        empty_mean = buffer.mean_score()
        for index in range(4):
            buffer = buffer.append(crops[index], scores[index], tf.constant(index))
        return empty_mean, buffer.mean_score(), buffer.best(), buffer

    crops = np.stack([crop_of(number) for number in (9, 8, 7, 6)])
    empty_mean, mean, best, buffer = run(
        tf.constant(crops), tf.constant([9.0, 1.0, 4.0, 4.0], tf.float64)
    )
    assert math.isnan(float(empty_mean))
    assert float(mean) == pytest.approx(3)
    np.testing.assert_array_equal(best, crop_of(7))
    np.testing.assert_array_equal(buffer.frames, [1, 2, 3])
