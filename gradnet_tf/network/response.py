"""From score maps to a displacement: upsampling, normalising, windows, peak.

Score maps and responses are float32 and the window is float64, as in the reference.
Source: `track.py` of the reference, `trackerEval` and `run_siamesefc`.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_CUBIC = -0.75  # OpenCV's parameter of the bicubic kernel.


def bicubic_matrix(source_size: int, output_size: int) -> np.ndarray:
    """Makes the matrix M with which M S M^T is `cv2.resize(S, ..., INTER_CUBIC)`, S square.

    Half-pixel centres, a = -0.75, replicated border.

    Args:
        source_size: Side of the score map (17).
        output_size: Side of the upsampled map (272).

    Returns:
        float64 [output_size, source_size].
    """
    position = (np.arange(output_size) + 0.5) * source_size / output_size - 0.5
    first = np.floor(position).astype(int)
    x = position - first
    weights = [
        ((_CUBIC * (x + 1) - 5 * _CUBIC) * (x + 1) + 8 * _CUBIC) * (x + 1) - 4 * _CUBIC,
        ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1,
        ((_CUBIC + 2) * (1 - x) - (_CUBIC + 3)) * (1 - x) * (1 - x) + 1,
    ]
    weights.append(1 - sum(weights))
    matrix = np.zeros((output_size, source_size))
    for tap, weight in enumerate(weights):
        columns = np.clip(first - 1 + tap, 0, source_size - 1)
        np.add.at(matrix, (np.arange(output_size), columns), weight)
    return matrix


def upsample(score, matrix: np.ndarray):
    """Upsamples score maps [..., s, s] by a `bicubic_matrix` to float32 [..., S, S].

    The products are float64: they cost nothing, and no device rounds them to fewer bits.
    """
    rows = tf.matmul(tf.cast(score, tf.float64), matrix, transpose_b=True)
    return tf.cast(tf.matmul(tf.constant(matrix), rows), tf.float32)


def hanning_window(size: int) -> np.ndarray:
    """Makes the cosine window, float64 [size, size], summing to 1."""
    window = np.outer(np.hanning(size), np.hanning(size))
    return window / window.sum()


def normalize(response):
    """Shifts responses [..., s, s] to a least value of zero and scales them to sum 1.

    A constant map has no peak: it becomes all zeros (the reference divides zero by zero there).
    """
    response = response - tf.reduce_min(response, axis=[-2, -1], keepdims=True)
    return tf.math.divide_no_nan(response, tf.reduce_sum(response, axis=[-2, -1], keepdims=True))


def best_scale(responses, scale_penalty: float):
    """Finds the scale with the highest peak, all but the middle one penalised.

    Args:
        responses: Upsampled, [..., scales, s, s].
        scale_penalty: Factor on the peaks of the other scales (0.97).

    Returns:
        int32 [...]; the first one of equals.
    """
    count = responses.shape[-3]
    penalty = np.full(count, scale_penalty, np.float32)
    penalty[count // 2] = 1.0
    peaks = tf.reduce_max(responses, axis=[-2, -1]) * penalty
    return tf.argmax(peaks, axis=-1, output_type=tf.int32)


def peak_displacement(response, upsampling: int, total_stride: int):
    """Measures how far the highest cell is from the centre, in pixels of the search region.

    Args:
        response: Upsampled, [..., s, s].
        upsampling: Factor of the upsampling (16).
        total_stride: Stride of the network (8).

    Returns:
        float64 [..., 2], (y, x); the first cell of equals in row-major order.
    """
    side = response.shape[-1]
    flat = tf.reshape(response, tf.concat([tf.shape(response)[:-2], [side * side]], axis=0))
    index = tf.argmax(flat, axis=-1, output_type=tf.int32)
    cell = tf.stack([index // side, index % side], axis=-1) - side // 2
    return tf.cast(cell, tf.float64) * (total_stride / upsampling)
