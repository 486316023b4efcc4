"""Tests of gradnet_tf.boxes.geometry: boxes, context and scales."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_tf.boxes import geometry

coordinates = st.floats(-2000, 2000, width=32)
sizes = st.floats(0.125, 1000, width=32)
boxes = st.tuples(coordinates, coordinates, sizes, sizes)
relaxed = settings(deadline=None, max_examples=50)


def f64(values):
    return tf.constant(values, tf.float64)


@relaxed
@given(boxes)
def test_box_survives_the_way_to_center_and_back(box):
    center, size = geometry.box_to_center(f64(box))
    assert center.dtype == size.dtype == tf.float64
    np.testing.assert_allclose(geometry.center_to_box(center, size), box, rtol=1e-12, atol=1e-9)


@relaxed
@given(boxes)
def test_center_is_y_x_and_size_is_height_width(box):
    x, y, width, height = box
    center, size = geometry.box_to_center(f64(box))
    np.testing.assert_allclose(center, [y + height / 2, x + width / 2], rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(size, [height, width])


def test_conversions_by_hand():
    center, size = geometry.box_to_center(f64([130, 132, 31, 115]))
    np.testing.assert_array_equal(center, [189.5, 145.5])
    np.testing.assert_array_equal(size, [115, 31])
    box = geometry.center_to_box(f64([10, 20]), f64([4, 5]))
    np.testing.assert_array_equal(box, [17.5, 8, 5, 4])


def test_exemplar_side_by_hand():
    # A target of 20 x 30 gets 0.5 * 50 more on each side: 45 x 55.
    assert float(geometry.exemplar_side(f64([30, 20]), 0.5)) == pytest.approx(math.sqrt(45 * 55))
    # A square's exemplar is twice as wide, and without context it is the target's own area.
    assert float(geometry.exemplar_side(f64([10, 10]), 0.5)) == pytest.approx(20)
    assert float(geometry.exemplar_side(f64([9, 4]), 0.0)) == pytest.approx(6)


@relaxed
@given(sizes, sizes, st.floats(0.5, 8))
def test_exemplar_side_grows_with_the_target(height, width, factor):
    side = float(geometry.exemplar_side(f64([height, width]), 0.5))
    larger = float(geometry.exemplar_side(f64([height * factor, width * factor]), 0.5))
    assert larger == pytest.approx(side * factor)
    assert side > math.sqrt(height * width)
    assert float(geometry.exemplar_side(f64([width, height]), 0.5)) == pytest.approx(side)


def test_instance_side_by_hand():
    # 64 network pixels more on each side of 127, here at one frame pixel each, then at two.
    assert float(geometry.instance_side(f64(127), 127, 255)) == pytest.approx(255)
    assert float(geometry.instance_side(f64(254), 127, 255)) == pytest.approx(510)
    assert float(geometry.instance_side(f64(50), 127, 255)) == pytest.approx(50 * 255 / 127)


def test_scale_factors():
    np.testing.assert_allclose(geometry.scale_factors(3, 1.04), [1 / 1.04, 1, 1.04], rtol=1e-15)
    np.testing.assert_allclose(geometry.scale_factors(5, 2.0), [0.25, 0.5, 1, 2, 4])
    np.testing.assert_array_equal(geometry.scale_factors(1, 1.04), [1])
    assert geometry.scale_factors(3, 1.04).dtype == np.float64
