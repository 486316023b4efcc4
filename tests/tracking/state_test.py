"""Tests of gradnet_tf.tracking.state: the buffers of samples against plain Python lists."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_tf.tracking.state import CropBuffer, SampleBuffer

SHAPE = (2, 3, 3)  # of the frames here

# Few values, so that there are equal ones.
scores = st.lists(st.sampled_from([-2.5, -1.0, 0.0, 0.5, 3.0]), max_size=12)


def sample_of(number):
    """A frame, centre and side that tell which sample they are of."""
    return np.full(SHAPE, number, np.uint8), np.array([number, -number / 2]), 100.0 + number


class ListModel:
    """The buffer as lists that grow at the end and lose their first."""

    def __init__(self, size):
        self.size, self.samples, self.scores, self.frames = size, [], [], []

    def append(self, sample, score, frame):
        for values, value in (
            (self.samples, sample),
            (self.scores, score),
            (self.frames, frame),
        ):
            values.append(value)
            if len(values) > self.size:
                del values[0]


def empty(size):
    return SampleBuffer.empty(size, tf.zeros(SHAPE, tf.uint8))


def append(buffer, number, score, frame):
    image, position, side = sample_of(number)
    return buffer.append(
        tf.constant(image),
        tf.constant(position),
        tf.constant(side, tf.float64),
        tf.constant(score, tf.float64),
        tf.constant(frame),
    )


def assert_sample(actual, expected):
    """Both are image, position and side."""
    assert len(actual) == len(expected) == 3
    for value, wanted in zip(actual, expected):
        np.testing.assert_array_equal(value, wanted)


def test_an_empty_buffer():
    buffer = empty(5)
    assert len(buffer.images) == 5
    for image in buffer.images:
        assert image.shape == SHAPE and image.dtype == tf.uint8
    assert buffer.positions.shape == (5, 2) and buffer.sides.shape == (5,)
    np.testing.assert_array_equal(buffer.scores, [-math.inf] * 5)
    np.testing.assert_array_equal(buffer.frames, [-1] * 5)
    for values in (buffer.positions, buffer.sides, buffer.scores):
        assert values.dtype == tf.float64
    assert buffer.frames.dtype == tf.int32
    # As np.mean([]) is.
    assert math.isnan(float(buffer.mean_score()))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), scores)
def test_behaves_as_lists(size, values):
    model, buffer = ListModel(size), empty(size)
    for number, score in enumerate(values, start=1):
        frame = 3 * number
        model.append(sample_of(number), score, frame)
        buffer = append(buffer, number, score, frame)

        kept = len(model.scores)
        assert len(buffer.images) == size
        np.testing.assert_array_equal(buffer.scores[size - kept :], model.scores)
        np.testing.assert_array_equal(buffer.frames[size - kept :], model.frames)
        for place, sample in enumerate(model.samples, start=size - kept):
            stored = buffer.images[place], buffer.positions[place], buffer.sides[place]
            assert_sample(stored, sample)
        assert (buffer.scores.numpy()[: size - kept] == -math.inf).all()
        assert int(buffer.frames[-1]) == frame
        assert float(buffer.mean_score()) == pytest.approx(np.mean(model.scores), abs=1e-12)
        assert_sample(buffer.best(), model.samples[np.argmax(model.scores)])


def test_the_oldest_of_equal_samples_is_the_best():
    buffer = empty(3)
    for number, score in ((1, 0.0), (2, 7.0), (3, 7.0)):
        buffer = append(buffer, number, score, number)
    assert_sample(buffer.best(), sample_of(2))
    assert_sample(append(buffer, 4, 7.0, 4).best(), sample_of(2))
    assert_sample(append(append(buffer, 4, 7.0, 4), 5, 7.0, 5).best(), sample_of(3))


def test_appending_leaves_the_old_buffer_as_it_is():
    buffer = append(empty(2), 1, 1.0, 0)
    append(buffer, 2, 2.0, 1)
    np.testing.assert_array_equal(buffer.frames, [-1, 0])
    assert_sample(buffer.best(), sample_of(1))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_compiled(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def run(images, positions, sides, scores):
        buffer = SampleBuffer.empty(3, images[0])
        empty_mean = buffer.mean_score()
        for index in range(4):
            buffer = buffer.append(
                images[index], positions[index], sides[index], scores[index], tf.constant(index)
            )
        return empty_mean, buffer.mean_score(), buffer.best(), buffer

    samples = zip(*map(sample_of, (9, 8, 7, 6)))
    images, positions, sides = (tf.constant(np.stack(values)) for values in samples)
    empty_mean, mean, best, buffer = run(
        images, positions, sides, tf.constant([9.0, 1.0, 4.0, 4.0], tf.float64)
    )
    assert math.isnan(float(empty_mean))
    assert float(mean) == pytest.approx(3)
    assert_sample(best, sample_of(7))
    np.testing.assert_array_equal(buffer.frames, [1, 2, 3])
    assert [int(image[0, 0, 0]) for image in buffer.images] == [8, 7, 6]


def crop(*numbers):
    return tf.reshape(tf.constant(numbers, tf.uint8), [-1, 1, 1, 1])


def test_the_buffer_of_crops_keeps_the_newest_and_gives_the_best():
    buffer = CropBuffer.empty(2, crop(0, 0, 0))
    assert np.isnan(buffer.mean_score()).all()
    for frame, scores in enumerate(([1.0, 5.0, 2.0], [3.0, 4.0, 2.0], [2.0, 1.0, 2.0])):
        sample = crop(*(10 * frame + target for target in range(3)))
        buffer = buffer.append(sample, tf.constant(scores, tf.float64), tf.fill([3], frame))
    np.testing.assert_array_equal(buffer.scores, [[3, 2], [4, 1], [2, 2]])
    np.testing.assert_array_equal(buffer.frames, [[1, 2]] * 3)
    # The oldest of equals.
    np.testing.assert_array_equal(np.ravel(buffer.best()[0]), [10, 11, 12])
    np.testing.assert_array_equal(buffer.mean_score(), [2.5, 2.5, 2])
