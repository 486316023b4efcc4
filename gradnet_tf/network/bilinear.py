"""OpenCV's bilinear resize of uint8 images, in the same fixed-point arithmetic.

Half-pixel centres, no antialias, 11 bits a weight. Both ways of cutting windows (`crops`, one
window of any size; `frame_batch`, many in static shapes) take their taps and sums from here.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

WEIGHT_ONE = 2048.0  # OpenCV's fixed-point one of a bilinear weight.


class Taps(NamedTuple):
    """Holds two source indices and two weights for each output pixel along one axis."""

    first: tf.Tensor
    second: tf.Tensor
    first_weight: tf.Tensor
    second_weight: tf.Tensor


def taps(source_size, output_size, count, along_rows: bool) -> Taps:
    """Returns the taps of `count` output pixels of a resize from source_size to output_size pixels.

    OpenCV gives the outermost pixels a single tap along a row, but two equal taps along a column,
    which its truncating arithmetic does not round alike. Weights are as `sum_along_rows` (float32)
    or `sum_down_columns` (int32) takes them.
    """
    scale = tf.cast(source_size, tf.float64) / tf.cast(output_size, tf.float64)
    position = (tf.cast(tf.range(count), tf.float64) + 0.5) * scale - 0.5
    position = tf.cast(position, tf.float32)
    first = tf.cast(tf.floor(position), tf.int32)
    fraction = position - tf.cast(first, tf.float32)
    if along_rows:
        outside = (first < 0) | (first >= source_size - 1)
        fraction = tf.where(outside, 0.0, fraction)
    pixels = [tf.clip_by_value(pixel, 0, source_size - 1) for pixel in (first, first + 1)]
    weights = [tf.round(share * WEIGHT_ONE) for share in (1.0 - fraction, fraction)]
    if along_rows:
        return Taps(*pixels, *(weight / 16.0 for weight in weights))
    return Taps(*pixels, *(tf.cast(weight, tf.int32) for weight in weights))


# OpenCV's vector code sums along rows, drops 4 bits, multiplies down columns, drops 16 bits of each
# product and rounds the last two of their sum.


def sum_along_rows(first, second, first_weight, second_weight):
    """Sums two pixels (float32) along a row by a sixteenth of their weights each (int32).

    The sum has less than 24 bits, so float32 holds it exactly, and the cast drops the bits.
    """
    return tf.cast(first * first_weight + second * second_weight, tf.int32)


def sum_down_columns(first, second, first_weight, second_weight):
    """Sums two results of `sum_along_rows` down a column to uint8 pixels."""
    down = tf.bitwise.right_shift(first * first_weight, 16)
    down += tf.bitwise.right_shift(second * second_weight, 16)
    return tf.cast(tf.bitwise.right_shift(down + 2, 2), tf.uint8)
