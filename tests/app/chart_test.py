"""Tests of gradnet_tf.app.chart."""

import io

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.app import chart

COLOURS = [(255, 40, 40), (70, 150, 255)]


def picture(confidences):
    return np.asarray(Image.open(io.BytesIO(chart.plot_confidences(confidences, COLOURS))))


def test_frames_of_low_confidence_are_marked_where_a_click_finds_them():
    values = np.full(50, 0.9)
    values[30:33] = 0.2
    image = picture({0: values})[..., :3].astype(int)
    row = image[30]  # Above the curve.
    marked = np.flatnonzero((row[:, 0] - row[:, 2] > 30) & (row[:, 0] > 200))
    assert {chart.frame_at(x, 50) for x in marked[2:-2]} == {30, 31, 32}


def test_a_click_beside_the_axes_is_the_first_or_the_last_frame():
    assert chart.frame_at(0, 50) == 0
    assert chart.frame_at(1079, 50) == 49


def test_low_frames_are_told_in_runs():
    values = np.array([np.nan, 0.9, 0.4, 0.3, 0.8, 0.1])
    text = chart.describe_low_frames({0: values, 1: np.ones(6)})
    assert text == "Confidence below 0.5: target 0 in frames 2–3, 5."
    assert chart.describe_low_frames({0: np.ones(6)}) == "Confidence stays above 0.5."


@pytest.mark.parametrize("count", [1, 12])
def test_any_number_of_targets_is_plotted(count):
    assert picture({i: np.linspace(0, 1, 7) for i in range(count)}).shape[2] == 4
