"""What each convention counts, by hand-worked sequences."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics import conventions

# A box moved right by 5 px has IoU 50 / 150 and error 5, one moved by 20 px IoU 0.
BOX = [20.0, 20, 10, 10]


def moved(*steps):
    return np.array([[20.0 + step, 20, 10, 10] for step in steps])


def count(convention, boxes, truth, absent=None, cover=None, resolution=(100, 100)):
    tracked = conventions.Tracked(boxes, truth, absent, cover, resolution)
    return conventions.COUNTERS[convention](tracked)


def test_first_frame():
    boxes, truth = moved(5, 0, 20), moved(0, 0, 0)
    for name in ("otb", "lasot"):  # Replaced by the truth, and counted.
        np.testing.assert_allclose(count(name, boxes, truth).iou, [1, 1, 0])
    for name in ("pysot", "reference"):  # As it is.
        np.testing.assert_allclose(count(name, boxes, truth).iou, [1 / 3, 1, 0])
    counted = count("got10k", boxes, truth)  # Left out.
    np.testing.assert_allclose(counted.iou, [1, 0])
    assert counted.frames == 2 and counted.weight == 2


def test_invalid_truth():
    truth = moved(0, 0, 0, 0, 0)
    truth[1, 2] = 0  # no area
    truth[2] = np.nan
    truth[3] = [-1, 20, 10, 10]  # x is 0 in the file, which counts from 1
    boxes = truth.copy()
    boxes[1:] = BOX
    for name in ("otb", "lasot"):
        counted = count(name, boxes, truth)
        np.testing.assert_allclose(counted.iou, [1, -1, -1, -1, 1])
        np.testing.assert_array_equal(counted.error, [0, -1, -1, -1, 0])
        np.testing.assert_array_equal(counted.normalized_error, [0, -1, -1, -1, 0])
        assert counted.frames == 5
    # pysot asks for an area, and for a centre above 0 in the error: that is so in frames 1 and 3.
    counted = count("pysot", boxes, truth)
    np.testing.assert_allclose(counted.iou, [1, -1, -1, 0, 1])
    np.testing.assert_allclose(counted.error, [0, 5, -1, 21, 0])
    # The reference marks nothing: what cannot be measured is a miss.
    counted = count("reference", boxes, truth)
    np.testing.assert_allclose(counted.iou, [1, 0, 0, 0, 1])
    np.testing.assert_allclose(counted.error, [0, 5, np.inf, 21, 0])


def test_smallest_valid_truth_of_otb():
    # x = 0.5 in a file that counts from 1.
    truth = np.array([BOX, [-0.5, 20, 10, 10]])
    np.testing.assert_allclose(count("otb", truth, truth).iou, [1, 1])


def test_missing_box():
    truth, boxes = moved(0, 0, 0), moved(0, 5, 0)
    boxes[2] = np.nan
    for name in ("otb", "pysot", "reference"):
        counted = count(name, boxes, truth)
        np.testing.assert_allclose(counted.iou, [1, 1 / 3, 0])
        np.testing.assert_allclose(counted.error, [0, 5, np.inf])
    # LaSOT takes the box before.
    np.testing.assert_allclose(count("lasot", boxes, truth).iou, [1, 1 / 3, 1 / 3])
    boxes[2] = [20, 20, 0, 10]
    np.testing.assert_allclose(count("lasot", boxes, truth).iou, [1, 1 / 3, 1 / 3])
    # From the second frame it takes the tracker's own first box, not the truth.
    boxes = moved(5, 0, 0)
    boxes[1:] = np.nan
    np.testing.assert_allclose(count("lasot", boxes, truth).iou, [1, 1 / 3, 1 / 3])


def test_absent_frames():
    boxes, truth = moved(0, 0, 0, 20), moved(0, 0, 0, 0)
    absent = np.array([False, True, False, False])
    for name in ("lasot", "pysot"):  # Left out, but still in the divisor: misses.
        counted = count(name, boxes, truth, absent=absent)
        np.testing.assert_allclose(counted.iou, [1, 1, 0])
        assert counted.frames == 4
    counted = count("otb", boxes, truth, absent=absent)
    np.testing.assert_allclose(counted.iou, [1, 1, 1, 0])
    counted = count("got10k", boxes, truth, absent=absent)
    np.testing.assert_allclose(counted.iou, [1, 0])
    assert counted.frames == 2
    # Its own flag is the cover.
    counted = count("got10k", boxes, truth, absent=absent, cover=np.array([8, 1, 0, 3]))
    np.testing.assert_allclose(counted.iou, [1, 0])


def test_got10k_without_a_visible_frame():
    counted = count("got10k", moved(0, 0), moved(0, 0), cover=np.array([8, 0]))
    assert counted.frames == counted.weight == 0 and not len(counted.iou)


def test_got10k_clips_to_the_image():
    # In the file's coordinates the box is [-10, 21, 30, 10] and becomes [0, 21, 30, 10]: its width
    # stays. Truth [0, 21, 30, 10] is the same; without clipping the IoU would be 20 / 40.
    boxes = np.array([BOX, [-11, 20, 30, 10]])
    truth = np.array([BOX, [-1, 20, 30, 10]])
    np.testing.assert_allclose(count("got10k", boxes, truth).iou, [1])
    # At the right border, 100 in the file: [91, ..., 30] becomes 9 wide, [82, ..., 18] stays.
    boxes = np.array([BOX, [90, 20, 30, 10]])
    truth = np.array([BOX, [81, 20, 18, 10]])
    np.testing.assert_allclose(count("got10k", boxes, truth).iou, [9 / 18])


def test_vot_leaves_out_ten_frames():
    steps = [20] * 10 + [0, 5, 20]
    counted = count("vot", moved(*steps), moved(*[0] * 13))
    # By pixels: moved by 5, 50 of 150; moved by 20, none.
    np.testing.assert_allclose(counted.iou, [1, 1 / 3, 0])
    assert counted.frames == 3 and counted.weight == 13
    counted = count("vot", moved(0, 0), moved(0, 0))
    assert counted.frames == 0 and counted.weight == 2


def test_vot_of_corners():
    corners = np.tile([25.0, 20, 30, 25, 25, 30, 20, 25], (11, 1))
    counted = count("vot", np.tile([20.0, 20, 11, 11], (11, 1)), corners)
    # Pixels of the diamond: 1 + 3 + ... + 11 + ... + 1 = 61 of 121.
    np.testing.assert_allclose(counted.iou, [61 / 121])
    np.testing.assert_allclose(counted.error, [np.hypot(0.5, 0.5)])


def test_normalized_error():
    # Moved by 5 of 10 and 6 of 20 px.
    boxes, truth = np.array([BOX, [25.0, 26, 10, 20]]), np.array([BOX, [20.0, 20, 10, 20]])
    for name in ("otb", "lasot", "pysot", "reference"):
        normalized = count(name, boxes, truth).normalized_error
        np.testing.assert_allclose(normalized, [0, np.hypot(0.5, 0.3)])


@pytest.mark.parametrize("name", ["got10k", "vot"])
def test_resolution_is_needed(name):
    with pytest.raises(ValueError, match=f"{name} .* needs the resolution"):
        count(name, moved(0, 0), moved(0, 0), resolution=None)
