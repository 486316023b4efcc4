"""errDisp, errMax and the measures of the gradient."""

import numpy as np
import tensorflow as tf

from gradnet_tf.training import metrics
from tests.helpers import goldens


def maps(*peaks, size=15, height=1.0):
    score = np.zeros((len(peaks), size, size, 1), np.float32)
    for one, (row, column) in zip(score, peaks):
        one[row, column] = height
    return score


def test_errors_are_the_references():
    golden = goldens.load(0, "train_metrics")
    disp, top = metrics.err_disp(golden["score"]), metrics.err_max(golden["score"])
    assert disp.shape == top.shape == (8,)
    assert np.mean(disp) == golden["err_disp"]
    assert np.mean(top) == golden["err_max"]


def test_err_disp_counts_thresholds_below_the_distance():
    # One cell is 8 of 50 px: thresholds 0 to 15 of 0..99 lie below it; the first counts half.
    assert metrics.err_disp(maps((7, 7), (7, 8), (4, 3))).tolist() == [0, 15.5, 79.5]


def test_err_disp_saturates_at_50_px():
    # 6.25 cells is the last threshold, which counts half: 6 cells exceed all but it and four more.
    disp = metrics.err_disp(maps((1, 7), (7, 0), (0, 0), (14, 14)))
    np.testing.assert_array_equal(disp, [95.5, 99, 99, 99])


def test_err_disp_takes_the_first_of_equal_peaks():
    score = maps((7, 7))
    score[0, 7, 6] = 1
    assert metrics.err_disp(score) == metrics.err_disp(maps((7, 6)))


def test_err_disp_of_a_map_of_the_tracker():
    assert metrics.err_disp(maps((8, 8), size=17)).tolist() == [0]


def test_err_max_looks_at_the_centre():
    score = np.concatenate([maps((7, 7)), maps((7, 8)), maps((7, 7), height=-1.0)])
    assert metrics.err_max(score).tolist() == [0, 1, 1]


def test_gradient_size_of_each_template():
    gradient = np.zeros((2, 12, 12, 256), np.float32)
    gradient[0, 0, 0, 0], gradient[0, 5, 5, 5] = 3, -4
    np.testing.assert_allclose(metrics.gradient_size(gradient), [5, 0])


def test_gradient_share_of_each_template():
    f2 = np.zeros((4, 12, 12, 256), np.float32)
    f2[:3, :, :, :4] = 3
    h2 = f2.copy()
    h2[0, :, :, :4] += np.float32([1, -1, 1, -1])
    h2[1, :, :, 4:8] -= 3
    share = tf.function(metrics.gradient_share)(f2, h2)
    # The last two: nothing changed, and nothing there at all.
    np.testing.assert_allclose(share, [0.25, 0.5, 0, 0], rtol=1e-5)
