"""Tests of gradnet_tf.media.video_order; video_test has those with decoders."""

import types

import numpy as np

from gradnet_tf.media.video_order import Order

IMAGE = np.zeros((2, 2, 3), np.uint8)


def packet(pts, key=False, discard=False):
    return types.SimpleNamespace(pts=pts, is_keyframe=key, is_discard=discard, duration=1)


def numbers(rows):
    """Times of rows; those of frames that are lost are negative."""
    return [-row.pts if isinstance(row.image, str) else row.pts for row in rows]


def test_frames_of_a_stream_without_times_are_counted():
    order = Order("hevc", "hevc")
    for index in range(5):
        assert not order.sent(packet(None, key=not index), None)
    for _ in range(3):
        assert len(order.came(IMAGE, None)) == 1
    assert order.lost == 2
    (row,) = order.sent(packet(None), "it is broken")  # This one has its row.
    assert (row.image, row.pts) == ("it is broken", None)
    assert order.lost == 2


def test_packets_without_times_among_others_are_not_counted():
    order = Order("h264", "matroska,webm")
    for pts in (None, None, 3, 4):
        order.sent(packet(pts), None)
    assert numbers(order.came(IMAGE, 3)) == [3]
    assert numbers(order.came(IMAGE, 4)) == [4]
    assert order.lost == 0


def test_a_frame_that_comes_late_takes_its_place():
    """MPEG-2 gives the picture before a lost one after those between."""
    order = Order("mpeg2video", "matroska,webm")
    rows = []
    for pts in (0, 3, 1, 2):
        order.sent(packet(pts, key=not pts), None)
    for pts in (1, 2):
        rows += order.came(IMAGE, pts)
    for pts in (6, 4, 5):
        order.sent(packet(pts), None)
    for pts in (0, 4, 5, 6):
        rows += order.came(IMAGE, pts)
    assert numbers(rows + order.rest()) == [0, 1, 2, -3, 4, 5, 6]


def test_sound_packets_that_give_no_frame_are_no_frames():
    """Second fields, or frames that are never shown."""
    order = Order("h264", "matroska,webm")
    rows = []
    for pts in range(0, 20, 2):
        order.sent(packet(pts, key=not pts), "it is broken" if pts == 10 else None)
        order.sent(packet(pts + 1), None)
        rows += order.came(IMAGE, pts) if pts != 10 else []
    assert numbers(rows + order.rest()) == [0, 2, 4, 6, 8, -10, 12, 14, 16, 18]


def test_nothing_is_waited_for_in_a_sound_stream():
    order = Order("h264", "mov,mp4")
    for pts in (0, 1, 2):
        order.sent(packet(pts, key=not pts), None)
        assert numbers(order.came(IMAGE, pts)) == [pts]
