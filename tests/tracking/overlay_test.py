"""Boxes drawn on one frame after the other, and the video of them."""

import os

import numpy as np
import pytest

from gradnet_tf.media.frames import open_frames
from gradnet_tf.tracking.overlay import Overlay, OverlayVideo, frame_label

BOX = np.array([8.0, 10, 20, 16])


def grey(value, size=(48, 64)):
    return np.full((*size, 3), value, np.uint8)


def test_labels():
    assert frame_label(3, False) == "3" and frame_label(3, True) == "3 held"


def test_a_frame_that_is_missing_shows_the_one_before():
    overlay = Overlay()
    overlay.draw(grey(100), BOX, "0")
    held = overlay.draw(None, BOX + [4, 4, 0, 0], "1 held")
    assert (held[40:, 40:] == 100).all()
    assert (held[29, 12:32] == (255, 40, 40)).all()


def test_all_frames_have_the_first_ones_size():
    overlay = Overlay()
    assert overlay.draw(grey(1), BOX, "0").shape == (48, 64, 3)
    assert overlay.draw(grey(2, (96, 64)), BOX, "1").shape == (48, 64, 3)


def test_truth_is_drawn_below():
    overlay = Overlay(np.array([[40.0, 20, 10, 10]]))
    first, second = overlay.draw(grey(1), BOX, "0"), overlay.draw(grey(1), BOX, "1")
    assert (first[20, 40:50] == (40, 220, 60)).all()
    assert (second[20, 40:50] == 1).all()


def test_video(tmp_path):
    pytest.importorskip("av")
    with OverlayVideo(tmp_path / "v.mp4", None) as video:
        for value in (40, 80):
            video.write(grey(value), 0.5)
    source = open_frames(tmp_path / "v.mp4")
    assert [round(frame.image.mean(), -1) for frame in source] == [40, 80]
    assert [frame.duration for frame in source] == pytest.approx([0.5, 0.5], abs=1e-3)


def test_nothing_is_left_of_a_video_that_fails_or_is_empty(tmp_path):
    pytest.importorskip("av")
    with pytest.raises(KeyError), OverlayVideo(tmp_path / "v.mp4", 25) as video:
        video.write(grey(1))
        raise KeyError
    with OverlayVideo(tmp_path / "v.mp4", 25):
        pass
    assert os.listdir(tmp_path) == []
