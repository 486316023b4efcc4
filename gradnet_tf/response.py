"""From score maps to a displacement: upsampling, normalising, windows, peak.

Score maps and responses are float32 and the window is float64, as in the reference, and sums run in
OpenCV's order: where two cells are all but equal, rounding says which one is the peak.
Source: `track.py` of the reference, `trackerEval` and `run_siamesefc`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

_CUBIC = -0.75  # OpenCV's parameter of the bicubic kernel.


class BicubicTaps(NamedTuple):
    """Four source cells and weights for each cell of an upsampled axis.

    Attributes:
      indices: int32 [4, output_size].
      weights: float32 [4, output_size].
    """

    indices: np.ndarray
    weights: np.ndarray


def bicubic_taps(source_size: int, output_size: int) -> BicubicTaps:
    """Taps of `cv2.resize(..., INTER_CUBIC)`: half-pixel centres, a = -0.75, replicated border.

    Args:
      source_size: side of the score map (17).
      output_size: side of the upsampled map (272).
    """
    position = (np.arange(output_size) + 0.5) * source_size / output_size - 0.5
    first = np.floor(position).astype(np.int32)
    x = position - first
    weights = [
        ((_CUBIC * (x + 1) - 5 * _CUBIC) * (x + 1) + 8 * _CUBIC) * (x + 1) - 4 * _CUBIC,
        ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1,
        ((_CUBIC + 2) * (1 - x) - (_CUBIC + 3)) * (1 - x) * (1 - x) + 1,
    ]
    weights.append(1 - sum(weights))
    indices = np.clip(first + np.arange(-1, 3, dtype=np.int32)[:, None], 0, source_size - 1)
    return BicubicTaps(indices, np.stack(weights).astype(np.float32))


def upsample(score, taps: BicubicTaps):
    """Upsamples score maps [..., s, s] to [..., S, S], along rows first."""
    rows = [
        tf.gather(score, index, axis=-1) * weight
        for index, weight in zip(taps.indices, taps.weights)
    ]
    rows = ((rows[0] + rows[1]) + rows[2]) + rows[3]
    columns = [
        tf.gather(rows, index, axis=-2) * weight[:, np.newaxis]
        for index, weight in zip(taps.indices, taps.weights)
    ]
    return ((columns[0] + columns[1]) + columns[2]) + columns[3]


def hanning_window(size: int) -> np.ndarray:
    """The cosine window, float64 [size, size], summing to 1."""
    window = np.outer(np.hanning(size), np.hanning(size))
    return window / window.sum()


def normalize(response):
    """Shifts responses [..., s, s] to a least value of zero and scales them to sum 1.

    A constant map has no peak: it becomes all zeros (the reference divides zero by zero there).
    """
    response = response - tf.reduce_min(response, axis=[-2, -1], keepdims=True)
    return tf.math.divide_no_nan(response, tf.reduce_sum(response, axis=[-2, -1], keepdims=True))


def best_scale(responses, scale_penalty: float):
    """Index of the scale with the highest peak, all but the middle one penalised.

    Args:
      responses: upsampled, [scales, s, s].
      scale_penalty: factor on the peaks of the outer scales (0.97).

    Returns:
      int32 scalar; the first one of equals.
    """
    count = responses.shape[0]
    penalty = np.full(count, scale_penalty, np.float32)
    penalty[count // 2] = 1.0
    peaks = tf.reduce_max(responses, axis=[1, 2]) * penalty
    return tf.argmax(peaks, output_type=tf.int32)


def peak_displacement(response, upsampling: int, total_stride: int):
    """Displacement of the highest cell from the centre, in pixels of the search region.

    Args:
      response: upsampled, [s, s].
      upsampling: factor of the upsampling (16).
      total_stride: stride of the network (8).

    Returns:
      float64 [2], (y, x); the first cell of equals in row-major order.
    """
    side = response.shape[0]
    index = tf.argmax(tf.reshape(response, [-1]), output_type=tf.int32)
    cell = tf.stack([index // side, index % side]) - side // 2
    return tf.cast(cell, tf.float64) * (total_stride / upsampling)
