"""Tests of gradnet_tf.app.frame_reader."""

import numpy as np
import pytest

from gradnet_tf.app.frame_reader import FrameReader
from gradnet_tf.media.frames import open_frames
from tests.helpers import videos


def reader(images):
    return FrameReader(open_frames(images, on_bad_frame="hold", prefetch=0))


def test_frames_in_any_order():
    images = np.arange(100, dtype=np.uint8)[:, None, None, None] + np.zeros((4, 6, 3), np.uint8)
    frames = reader(images)
    for index in (0, 50, 49, 3, 99, 98, 0):
        assert frames.read(index)[0, 0, 0] == index
    assert frames.length == 100


def test_numbers_of_a_video_are_those_of_tracking(tmp_path):
    path = tmp_path / "clip.mp4"
    videos.write(path, "libx264", 60)
    expected = [frame.image for frame in open_frames(path)]
    frames = reader(path)
    for index in (40, 2, 59):
        np.testing.assert_array_equal(frames.read(index), expected[index])


def test_a_frame_after_the_end_is_named_with_the_length():
    frames = reader([np.zeros((4, 6, 3), np.uint8)] * 3)
    frames.length = 5  # As a header may say that is wrong.
    with pytest.raises(ValueError, match="has 3 frames, 0 to 2, got 4"):
        frames.read(4)
    assert frames.length == 3
    assert frames.read(2).shape == (4, 6, 3)
