"""Tests of gradnet_tf.boxes.checks."""

import math
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_tf.boxes import checks

FRAME_HW = (144, 192)

sizes = st.floats(0.125, 1000, width=32)
relaxed = settings(deadline=None, max_examples=50)


@pytest.mark.parametrize(
    "text",
    [
        "205,151,17,50",
        "205 151 17 50",
        " 205,  151 , 17,50 ",
        "205\t151\t17\t50",
        "205;151;17;50",
        "205; 151; 17; 50",
        "[205, 151, 17, 50]",
        "(205 151 17 50)",
        "205.0,151.,1.7e1,+50",
    ],
)
def test_spellings_of_a_box(text):
    box = checks.parse_box(text)
    assert box.dtype == np.float64
    np.testing.assert_array_equal(box, [205, 151, 17, 50])


def test_negative_corners_and_fractions():
    np.testing.assert_array_equal(checks.parse_box("-1.5 -2 3.25 4"), [-1.5, -2, 3.25, 4])


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3",
        "1,2,3,4,5",
        "1 2 3",
        "1 2 3 4 5",
        "1,2,3,x",
        "1,2,3,",
        "1,2,,4",
        " ",
        "x,y,w,h",
        "31,0 26,0 24,0 20,0",  # Commas as decimal points.
        "31,5;26,5;24,0;20,0",
        "31,5, 26,5, 24,0, 20,0",
        "31,5 26 24 20",
    ],
)
def test_what_is_not_four_numbers_is_refused(text):
    with pytest.raises(ValueError, match="must be four numbers x,y,width,height, got"):
        checks.parse_box(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 nan 4", "finite"),
        ("1,2,inf,4", "finite"),
        ("1,2,0,4", "positive width and height, got width 0"),
        ("1,2,3,-4", "positive width and height, got width 3, height -4"),
    ],
)
def test_four_numbers_that_are_no_box(text, message):
    with pytest.raises(ValueError, match=message):
        checks.parse_box(text)


def test_no_tensorflow_is_needed():
    code = "import sys; from gradnet_tf.boxes import checks; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@relaxed
@given(
    st.floats(-50, 191.5, width=32), st.floats(-60, 143.5, width=32), st.floats(50.5, 400, width=32)
)
def test_every_box_that_touches_the_frame_is_taken(x, y, side):
    checked = checks.check_box((x, y, side, side + 10), FRAME_HW)
    assert checked.dtype == np.float64
    np.testing.assert_array_equal(checked, [x, y, side, side + 10])


@relaxed
@given(
    st.sampled_from(["left", "right", "above", "below"]),
    st.floats(0, 500, width=32),
    sizes,
    sizes,
)
def test_every_box_outside_the_frame_is_refused(where, distance, width, height):
    x, y = 10.0, 10.0
    if where == "left":
        x = -width - distance
    elif where == "right":
        x = FRAME_HW[1] + distance
    elif where == "above":
        y = -height - distance
    else:
        y = FRAME_HW[0] + distance
    with pytest.raises(ValueError, match="outside the frame of 192x144 pixels"):
        checks.check_box((x, y, width, height), FRAME_HW)
    checks.check_box((x, y, width, height))  # Where there is no frame, there is no outside.


@pytest.mark.parametrize(
    "box",
    [
        (1, 2, 3, 4),
        [1, 2, 3, 4],
        (1.0, 2, np.float32(3), np.int64(4)),
        np.array([1, 2, 3, 4], np.uint8),
        np.array([1, 2, 3, 4], np.float32),
        tf.constant([1, 2, 3, 4]),
        tf.constant([1.0, 2.0, 3.0, 4.0]),
    ],
    ids=lambda box: type(box).__name__,
)
def test_kinds_of_boxes(box):
    checked = checks.check_box(box, FRAME_HW)
    assert isinstance(checked, np.ndarray) and checked.dtype == np.float64
    np.testing.assert_array_equal(checked, [1, 2, 3, 4])


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite(value, position):
    box = [10.0, 10.0, 20.0, 20.0]
    box[position] = value
    with pytest.raises(ValueError, match=rf"must be finite.*{value}"):
        checks.check_box(box, FRAME_HW)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-3, 5), (5, -0.5), (0, 0)])
def test_sizes_that_are_not_positive(size):
    width, height = size
    with pytest.raises(ValueError, match=rf"positive.*width {width:g}, height {height:g}"):
        checks.check_box((10, 10, width, height), FRAME_HW)


@pytest.mark.parametrize(
    "box", [(), (1,), (1, 2, 3), (1, 2, 3, 4, 5), 7, None, [[1, 2, 3, 4]], np.zeros((4, 1))]
)
def test_other_than_four_numbers(box):
    with pytest.raises(ValueError, match="must be 4 numbers.*got"):
        checks.check_box(box, FRAME_HW)


@pytest.mark.parametrize(
    "box", ["1,2,3,4", ("a", "b", "c", "d"), {"x": 1}, object(), [1, 2, 3, [4, 5]], (1, 2, 3, "?")]
)
def test_what_is_no_numbers(box):
    with pytest.raises(ValueError, match="must be 4 numbers"):
        checks.check_box(box, FRAME_HW)


def test_numbers_too_large_for_a_float():
    with pytest.raises(ValueError, match="must be 4 numbers"):
        checks.check_box((10**400, 0, 1, 1), FRAME_HW)


def test_the_checked_box_is_a_copy():
    box = np.array([1.0, 2.0, 3.0, 4.0])
    checked = checks.check_box(box, FRAME_HW)
    box[:] = -1
    np.testing.assert_array_equal(checked, [1, 2, 3, 4])


@pytest.mark.parametrize(
    "box, expected",
    [
        ((0, 0, 1, 1), True),
        ((-5, -5, 0.5, 0.5), True),
        ((0, 0, 0, 1), False),
        ((0, 0, 1, -1), False),
        ((np.nan, 0, 1, 1), False),
        ((0, 0, np.inf, 1), False),
    ],
)
def test_boxes_that_are_known(box, expected):
    assert checks.is_known(np.array([box], np.float64)).tolist() == [expected]
