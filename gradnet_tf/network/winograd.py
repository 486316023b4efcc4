"""Convolutions with fewer multiplications: Winograd's minimal filtering, float32, on a processor.

m outputs of a filter of r taps are r * m multiplications, but n = m + r - 1 are enough: those of
the values of two polynomials at n points. Along both axes that is m^2 r^2 to n^2; the sums before
and after cost little where there are many channels. TensorFlow has no such convolution for
processors (on a GPU, cuDNN uses it by itself).

TensorFlow's matrix products do it all: one spreads the rows (or columns) of the image to the points
of all tiles, one multiplies by the filters, one gathers the outputs. Source: Lavin and Gray, "Fast
Algorithms for Convolutional Neural Networks", CVPR 2016.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

_OUTPUTS = 4
# By taps. The last point is infinity. With 1/2 and -2 instead of 2 and -2 the rounding of 3 taps is
# a third, which makes it two to three times that of a plain convolution.
_POINTS = {3: (0, 1, -1, 1 / 2, -2), 5: (0, 1, -1, 2, -2, 1 / 2, -1 / 2)}


class Filtering(NamedTuple):
    """Holds matrices of m outputs of r taps: y = outputs @ ((taps @ filter) * (inputs @ x)).

    All are float64. The source calls them B^T, G and A^T.
    """

    inputs: np.ndarray  # [n, n]
    taps: np.ndarray  # [n, r]
    outputs: np.ndarray  # [m, n]


def filtering(outputs: int, taps: int, points: Sequence[float]) -> Filtering:
    """Makes the algorithm of Toom and Cook, turned round as convolution needs it.

    Args:
        outputs: m, outputs of a tile.
        taps: r, of the filter.
        points: Outputs + taps - 2 different numbers; infinity is one more.
    """
    roots = np.asarray(points, np.float64)
    count = outputs + taps - 1
    others = [np.delete(roots, index) for index in range(count - 1)]
    scale = np.array([np.prod(point - other) for point, other in zip(roots, others)])
    infinity = np.zeros([count, 1])
    infinity[-1] = 1.0

    def powers(length):
        return np.vstack([roots[:, np.newaxis] ** np.arange(length), infinity[-length:].T])

    inputs = np.zeros([count, count])
    for index, other in enumerate(others):
        inputs[index, :-1] = np.poly(other)[::-1]
    inputs[-1] = np.poly(roots)[::-1]
    of_taps = powers(taps)
    of_taps[:-1] /= scale[:, np.newaxis]
    return Filtering(inputs, of_taps, powers(outputs).T)


def make_conv2d(kernel: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes `tf.nn.conv2d(x, kernel, strides=1, padding="VALID")` of fewer multiplications.

    3x3: a quarter of them. 5x5: two fifths, along the rows alone, for what both axes would spread
    out is more than the caches hold.

    Args:
        kernel: One that `suits`: [3, 3, channels, filters] or [5, 5, channels, filters].

    Returns:
        A function of float32 [batch, height, width, channels], which gives float32 [batch, height -
        taps + 1, width - taps + 1, filters]. It raises a ValueError unless height and width are
        static.
    """
    make = _both_axes if kernel.shape[0] == 3 else _rows_alone
    return make(np.asarray(kernel, np.float64))


def suits(kernel: np.ndarray, strides: int = 1, padding: str = "VALID") -> bool:
    """Tells whether `make_conv2d` makes such a convolution."""
    sizes = ((3, 3), (5, 5))
    return kernel.ndim == 4 and kernel.shape[:2] in sizes and strides == 1 and padding == "VALID"


def multiplications(taps: int, size: int, channels: int, filters: int) -> int:
    """Counts what `make_conv2d` multiplies by the filters, on an image [size, size, channels].

    The sums before and after, which are matrix products too, are not counted.
    """
    outputs = size - taps + 1
    points = -(-outputs // _OUTPUTS) * (_OUTPUTS + taps - 1)
    taken = points**2 if taps == 3 else points * outputs * taps
    return taken * channels * filters


def _both_axes(kernel):
    of_taps = filtering(_OUTPUTS, 3, _POINTS[3]).taps
    points = len(of_taps)
    channels, filters = kernel.shape[2:]
    weights = np.einsum("pr,qs,rscf->pqcf", of_taps, of_taps, kernel, optimize=True)
    weights = tf.constant(weights.reshape(-1, channels, filters), tf.float32)

    def conv2d(x):
        height, width = _static_size(x)
        spread_rows, gather_rows, tall = _tiled(3, height)
        spread_columns, gather_columns, wide = _tiled(3, width)
        values = tf.matmul(spread_rows, tf.reshape(x, [-1, height, width * channels]))
        values = tf.matmul(spread_columns, tf.reshape(values, [-1, width, channels]))
        values = tf.reshape(values, [-1, points, tall, points, wide * channels])
        values = tf.transpose(values, [1, 3, 0, 2, 4])
        products = tf.matmul(tf.reshape(values, [points * points, -1, channels]), weights)
        products = tf.reshape(products, [points, points, -1, tall, wide * filters])
        products = tf.transpose(products, [2, 0, 3, 1, 4])
        outputs = tf.matmul(gather_columns, tf.reshape(products, [-1, points * wide, filters]))
        outputs = tf.reshape(outputs, [-1, points * tall, (width - 2) * filters])
        return tf.reshape(tf.matmul(gather_rows, outputs), [-1, height - 2, width - 2, filters])

    return conv2d


def _rows_alone(kernel):
    algorithm = filtering(_OUTPUTS, 5, _POINTS[5])
    points = len(algorithm.inputs)
    channels, filters = kernel.shape[2:]
    weights = np.einsum("pr,rscf->pscf", algorithm.taps, kernel)[:, np.newaxis]
    weights = [tf.constant(each, tf.float32) for each in weights]
    gather = algorithm.outputs.astype(np.float32)

    def conv2d(x):
        height, width = _static_size(x)
        spread, _, tall = _tiled(5, height)
        row = (width - 4) * filters
        values = tf.matmul(spread, tf.reshape(x, [-1, height, width * channels]))
        values = tf.reshape(values, [-1, points, tall, width, channels])
        products = [
            tf.nn.conv2d(values[:, point], each, strides=1, padding="VALID")
            for point, each in enumerate(weights)
        ]
        products = [tf.reshape(each, [-1, tall, row]) for each in products]
        # Tile by tile: the matrix of a whole axis is mostly zeros.
        outputs = tf.matmul(gather, tf.stack(products, axis=2))
        outputs = tf.reshape(outputs, [-1, tall * _OUTPUTS, width - 4, filters])
        return outputs[:, : height - 4]

    return conv2d


def _static_size(x) -> tuple[int, int]:
    height, width = x.shape[1:3]
    if height is None or width is None:
        raise ValueError(f"height and width must be static, got shape {x.shape}")
    return height, width


@functools.lru_cache(maxsize=64)
def _tiled(taps: int, size: int):
    """Makes the matrices of all tiles of an axis, and counts the tiles.

    The first matrix, [points * tiles, size], spreads the axis to the points; what lies beyond the
    axis counts as zero. The second one, [size - taps + 1, points * tiles], gathers the outputs.
    """
    algorithm = filtering(_OUTPUTS, taps, _POINTS[taps])
    step, count = algorithm.outputs.shape
    outputs = size - taps + 1
    tiles = -(-outputs // step)
    spread = np.zeros([count, tiles, tiles * step + count])
    gather = np.zeros([tiles * step, count, tiles])
    for tile in range(tiles):
        start = tile * step
        spread[:, tile, start : start + count] = algorithm.inputs
        gather[start : start + step, :, tile] = algorithm.outputs
    spread = spread.reshape(count * tiles, -1)[:, :size]
    gather = gather.reshape(-1, count * tiles)[:outputs]
    return spread.astype(np.float32), gather.astype(np.float32), tiles
