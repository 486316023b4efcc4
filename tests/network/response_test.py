"""Tests of gradnet_tf.network.response: upsampling, normalising, windows, peak."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import response

SIZES = [(17, 272), (15, 240), (17, 136), (17, 17), (5, 7)]


def random_scores(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("source, output", SIZES)
def test_rows_of_the_bicubic_matrix_sum_to_one(source, output):
    matrix = response.bicubic_matrix(source, output)
    assert matrix.shape == (output, source) and matrix.dtype == np.float64
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-14)
    assert ((matrix != 0).sum(axis=1) <= 4).all()
    # Seen from the other end it is the same.
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-14)


def test_bicubic_kernel_by_hand():
    # Twice as many: taps lie 1.25, 0.25, 0.75, 1.75 away, or the same mirrored.
    taps = np.array([-0.10546875, 0.87890625, 0.26171875, -0.03515625])
    matrix = response.bicubic_matrix(8, 16)
    np.testing.assert_array_equal(matrix[7], [0, 0, *taps, 0, 0])
    np.testing.assert_array_equal(matrix[8], [0, 0, *taps[::-1], 0, 0])
    # The border is replicated: taps that fall beyond it count for the outermost cell.
    np.testing.assert_array_equal(matrix[0], [1 - taps[0], taps[0], 0, 0, 0, 0, 0, 0])
    # Four times as many: row 13 lies at 2.875, its taps 1.875, 0.875, 0.125, 1.125 away.
    taps = [-0.01025390625, 0.11474609375, 0.96728515625, -0.07177734375]
    matrix = response.bicubic_matrix(8, 32)
    np.testing.assert_array_equal(matrix[13], [0, *taps, 0, 0, 0])


def test_same_size_is_the_identity():
    matrix = response.bicubic_matrix(9, 9)
    np.testing.assert_array_equal(matrix, np.eye(9))
    score = random_scores(9, 9)
    np.testing.assert_array_equal(response.upsample(score, matrix), score)


@pytest.mark.parametrize("source, output", SIZES)
def test_upsampling_equals_opencv(source, output):
    cv2 = pytest.importorskip("cv2")
    score = random_scores(3, source, source)
    upsampled = response.upsample(score, response.bicubic_matrix(source, output))
    assert upsampled.dtype == tf.float32 and upsampled.shape == (3, output, output)
    for index in range(3):
        expected = cv2.resize(score[index], (output, output), interpolation=cv2.INTER_CUBIC)
        # All but the last bits: OpenCV computes in float32.
        np.testing.assert_allclose(upsampled[index], expected, atol=1e-6)


@pytest.mark.parametrize("source, output", SIZES)
def test_upsampling_equals_the_matrix_product(source, output):
    matrix = response.bicubic_matrix(source, output)
    score = random_scores(2, 3, source, source)
    upsampled = response.upsample(score, matrix)
    assert upsampled.dtype == tf.float32
    # Rounded once, at the end.
    np.testing.assert_allclose(upsampled, matrix @ score @ matrix.T, rtol=6.1e-8, atol=1e-12)


def test_upsampling_keeps_axes_apart():
    rows = np.zeros((17, 17), np.float32)
    rows[3] = 1
    upsampled = response.upsample(rows, response.bicubic_matrix(17, 272)).numpy()
    # Constant along the columns, peaked around row 3 * 16 + 8.
    np.testing.assert_allclose(upsampled, np.tile(upsampled[:, :1], 272), atol=1e-6)
    assert upsampled[:, 0].argmax() in (55, 56)


@pytest.mark.parametrize("size", [17, 240, 272])
def test_hanning_window(size):
    window = response.hanning_window(size)
    assert window.shape == (size, size) and window.dtype == np.float64
    assert window.sum() == pytest.approx(1, abs=1e-12)
    assert window[0].max() == window[:, -1].max() == 0
    np.testing.assert_allclose(window, window.T, atol=1e-18)
    np.testing.assert_allclose(window, window[::-1], atol=1e-18)
    row = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / (size - 1))
    np.testing.assert_allclose(window, np.outer(row, row) / row.sum() ** 2, atol=1e-15)


def test_normalize():
    maps = np.array([[[1, 2], [3, 5]], [[-4, -4], [-4, 0]]], np.float64)
    expected = [[[0, 1 / 7], [2 / 7, 4 / 7]], [[0, 0], [0, 1]]]
    np.testing.assert_allclose(response.normalize(tf.constant(maps)), expected, atol=1e-15)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("value", [0.0, 3.5, -1e30])
def test_a_constant_map_becomes_zeros(value, dtype):
    normalized = response.normalize(tf.fill([2, 4, 4], tf.constant(value, dtype)))
    assert normalized.dtype == dtype
    np.testing.assert_array_equal(normalized, np.zeros((2, 4, 4)))


def peaks(*values):
    maps = np.full((len(values), 4, 4), -100.0, np.float32)
    for index, value in enumerate(values):
        maps[index, index % 4, 2] = value
    return tf.constant(maps)


@pytest.mark.parametrize(
    "values, penalty, expected",
    [
        ((1.0, 0.98, 1.0), 0.97, 1),  # 0.97 each: the middle one is spared
        ((1.0, 0.96, 0.5), 0.97, 0),
        ((0.5, 0.96, 1.0), 0.97, 2),
        ((1.0, 1.0, 1.0), 1.0, 0),  # the first one of equals
        ((0.0, 1.0, 1.0), 1.0, 1),
        ((1.0, 0.5, 1.0), 0.5, 0),
        ((-1.0, -0.99, -1.0), 0.97, 0),  # a penalty lifts what is negative, as in the reference
        ((5.0,), 0.97, 0),
        ((1.0, 1.0, 0.98, 1.0, 1.0), 0.97, 2),  # the middle one of five
        ((1.0, 1.0, 0.96, 1.0, 1.1), 0.97, 4),
    ],
)
def test_best_scale(values, penalty, expected):
    scale = response.best_scale(peaks(*values), penalty)
    assert scale.dtype == tf.int32 and int(scale) == expected


def single_peak(side, row, column):
    cells = np.zeros((side, side))
    cells[row, column] = 1
    return tf.constant(cells)


@pytest.mark.parametrize(
    "row, column, expected",
    [
        (136, 136, (0, 0)),
        (0, 0, (-68, -68)),
        (0, 271, (-68, 67.5)),
        (271, 0, (67.5, -68)),
        (271, 271, (67.5, 67.5)),
        (137, 100, (0.5, -18)),
    ],
)
def test_peak_displacement(row, column, expected):
    displacement = response.peak_displacement(single_peak(272, row, column), 16, 8)
    assert displacement.dtype == tf.float64
    np.testing.assert_array_equal(displacement, expected)


def test_peak_displacement_without_upsampling():
    np.testing.assert_array_equal(
        response.peak_displacement(single_peak(17, 3, 16), 1, 8), [-40, 64]
    )


def test_the_first_of_equal_peaks_in_row_major_order():
    cells = np.zeros((17, 17))
    cells[5, 12] = cells[6, 2] = cells[5, 14] = 1
    np.testing.assert_array_equal(
        response.peak_displacement(tf.constant(cells), 1, 1), [5 - 8, 12 - 8]
    )
    np.testing.assert_array_equal(
        response.peak_displacement(tf.zeros([17, 17], tf.float64), 1, 1), [-8, -8]
    )


def locate(score):
    """From score maps to a displacement, as a frame of tracking does it."""
    responses = response.upsample(score, response.bicubic_matrix(17, 272))
    scale = response.best_scale(responses, 0.97)
    total = 0.75 * response.normalize(tf.gather(responses, scale))
    total = tf.cast(total, tf.float64) + 0.25 * response.hanning_window(272)
    return scale, response.peak_displacement(total, 16, 8)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_eager_equals_compiled(jit_compile):
    compiled = tf.function(locate, jit_compile=jit_compile)
    scales = set()
    for seed in range(20):
        score = tf.constant(random_scores(3, 17, 17, seed=seed))
        scale, displacement = locate(score)
        compiled_scale, compiled_displacement = compiled(score)
        assert int(scale) == int(compiled_scale)
        np.testing.assert_array_equal(displacement, compiled_displacement)
        scales.add(int(scale))
    assert scales == {0, 1, 2}
    assert compiled.experimental_get_tracing_count() == 1
