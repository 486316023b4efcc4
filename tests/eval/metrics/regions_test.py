"""Overlaps of regions, by hand."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics import regions

SIZE = (100, 80)


def test_equal_boxes_are_not_beyond_one():
    # In floating point 9.8 + 0.9 - 9.8 is more than 0.9.
    box = np.array([[9.8, 9.8, 0.9, 0.9]])
    assert 9.8 + 0.9 - 9.8 > 0.9
    assert regions.overlap_ratio(box, box) == 1


def test_vot_counts_pixels_of_rounded_boxes():
    # 2.4 and 10.4 round down: pixels 2 to 11 of rows 2 to 11. 7.6 rounds to 8: pixels 8 to 17.
    # In common are 4 columns of 10 rows: 40 of 160.
    boxes, truth = [[2.4, 2.4, 10.4, 10.4]], [[7.6, 2, 10, 10]]
    np.testing.assert_allclose(regions.vot_raster_overlap(boxes, truth, SIZE), [40 / 160])


def test_vot_rounds_halves_to_even():
    # 2.5 becomes 2 and 3.5 becomes 4: 2 columns lie between the two lefts.
    boxes, truth = [[2.5, 0, 10, 10]], [[3.5, 0, 10, 10]]
    np.testing.assert_allclose(regions.vot_raster_overlap(boxes, truth, SIZE), [8 / 12])


def test_vot_counts_only_pixels_of_the_image():
    # Columns 0 to 4 and 0 to 9 of the image, 10 rows.
    boxes, truth = [[-5, 0, 10, 10]], [[-5, 0, 15, 10]]
    np.testing.assert_allclose(regions.vot_raster_overlap(boxes, truth, SIZE), [0.5])
    # The last column of the image is 99: 5 against 10 columns.
    boxes, truth = [[95, 0, 20, 10]], [[90, 0, 15, 10]]
    np.testing.assert_allclose(regions.vot_raster_overlap(boxes, truth, SIZE), [0.5])
    # Equal boxes, but outside the image.
    assert regions.vot_raster_overlap([[120, 0, 9, 9]], [[120, 0, 9, 9]], SIZE) == 0


def test_vot_polygon_has_its_edges():
    # Rows of the diamond around (10, 10) have 1, 3, 5, 3, 1 pixels: 13. The box, columns 10 to 12
    # of all five rows, has 15 and holds 1 + 2 + 3 + 2 + 1 = 9 of them.
    diamond = [[10, 8, 12, 10, 10, 12, 8, 10]]
    overlap = regions.vot_raster_overlap([[10, 8, 3, 5]], diamond, SIZE)
    np.testing.assert_allclose(overlap, [9 / (13 + 15 - 9)])


def test_missing_apart_and_misshapen_regions():
    overlap = regions.vot_raster_overlap
    truth = [[0, 0, 9, 9], [0, 0, 9, 9], [np.nan] * 4]
    boxes = [[np.nan] * 4, [50, 50, 9, 9], [0, 0, 9, 9]]
    np.testing.assert_array_equal(overlap(boxes, truth, SIZE), [np.nan, 0, np.nan])
    with pytest.raises(ValueError, match=r"\[3, 4\] and \[2, 4\]"):
        overlap(boxes, truth[:2], SIZE)
    with pytest.raises(ValueError, match=r"\[n, 4\] or \[n, 8\]"):
        overlap(np.ones((2, 4)), np.ones((2, 6)), SIZE)


def test_bounding_boxes():
    quads = [[10, 6, 14, 10, 10, 15, 6, 10]]
    np.testing.assert_array_equal(regions.bounding_boxes(quads), [[6, 6, 8, 9]])
    np.testing.assert_array_equal(regions.bounding_boxes([[1, 2, 3, 4]]), [[1, 2, 3, 4]])
