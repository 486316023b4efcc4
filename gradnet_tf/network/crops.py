"""Crops of a frame: exemplar and scale pyramid, in the graph, equal to OpenCV's to the bit.

The reference crops with NumPy and `cv2.resize` (bilinear, half-pixel centres, no antialias, uint8).
Here the same fixed-point arithmetic (11 bits a weight) runs on integers inside the graph, so that
eager, graph and XLA give the same crops, and the same as the reference.
Source: `track.py` of the reference, `getSubWinTracking` and `makeScalePyramid`.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

import tensorflow as tf

from gradnet_tf.network.architecture import EXEMPLAR_SIZE, INSTANCE_SIZE

_WEIGHT_ONE = 2048.0  # OpenCV's fixed-point one of a bilinear weight.


class Taps(NamedTuple):
    """Two source indices and two integer weights for each output pixel along one axis."""

    first: tf.Tensor
    second: tf.Tensor
    first_weight: tf.Tensor
    second_weight: tf.Tensor


def mean_colour(frame):
    """The padding colour: the frame's mean of each channel, truncated as NumPy's pad does.

    Args:
        frame: uint8 [height, width, 3].

    Returns:
        uint8 [3].
    """
    total = tf.reduce_sum(tf.cast(frame, tf.int64), axis=[0, 1])
    return tf.cast(total // tf.size(frame[..., 0], out_type=tf.int64), tf.uint8)


def taps(source_size, output_size, count, clamp_weights: bool) -> Taps:
    """Bilinear taps of `count` output pixels of a resize from source_size to output_size pixels.

    OpenCV gives the outermost pixels a single tap along a row (clamp_weights), but two equal taps
    along a column, which its truncating arithmetic does not round alike.
    """
    scale = tf.cast(source_size, tf.float64) / tf.cast(output_size, tf.float64)
    position = (tf.cast(tf.range(count), tf.float64) + 0.5) * scale - 0.5
    position = tf.cast(position, tf.float32)
    first = tf.cast(tf.floor(position), tf.int32)
    fraction = position - tf.cast(first, tf.float32)
    if clamp_weights:
        outside = (first < 0) | (first >= source_size - 1)
        fraction = tf.where(outside, 0.0, fraction)
    last = source_size - 1
    return Taps(
        first=tf.clip_by_value(first, 0, last),
        second=tf.clip_by_value(first + 1, 0, last),
        first_weight=tf.cast(tf.round((1.0 - fraction) * _WEIGHT_ONE), tf.int32),
        second_weight=tf.cast(tf.round(fraction * _WEIGHT_ONE), tf.int32),
    )


def crop_and_resize(
    source, corner, side, output_size, fill, *, source_hw=None, count=None, static_shape=False
):
    """Cuts a square window and resizes it, as NumPy slicing and `cv2.resize` would.

    Args:
        source: uint8 [height, width, 3].
        corner: int32 [2], (y, x) of the window's first pixel; may lie outside.
        side: int32 scalar, side of the window in source pixels.
        output_size: Side of the result in pixels, int or int32 scalar.
        fill: uint8 [3], colour outside the source.
        source_hw: (height, width) of the part of the source that counts; all of it by default.
        count: Rows and columns to compute, if more than output_size are wanted for a static shape
            (what lies beyond output_size has no meaning).
        static_shape: Whether the shapes of intermediate results may not depend on `side`.

    Returns:
        uint8 [count, count, 3].
    """
    if source_hw is None:
        source_hw = tuple(tf.unstack(tf.shape(source)[:2]))
    if static_shape or count is not None:
        count = output_size if count is None else count
        return _resized(source, corner, side, output_size, fill, source_hw, count, static_shape)
    result = _crop_and_resize(source, corner, side, output_size, fill, source_hw)
    size = tf.get_static_value(output_size)
    return tf.ensure_shape(result, [size, size, 3])


# A frame's graph cuts a dozen windows. As one function that stays a function it is traced and
# optimized once for all of them, which takes seconds off the time to the first box.
@tf.function(
    input_signature=[
        tf.TensorSpec([None, None, 3], tf.uint8),
        tf.TensorSpec([2], tf.int32),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([3], tf.uint8),
        (tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int32)),
    ],
    autograph=False,
    experimental_attributes={"_noinline": True},
)
def _crop_and_resize(source, corner, side, output_size, fill, source_hw):
    """`crop_and_resize` to uint8 [output_size, output_size, 3]."""
    # The smallest scale of a pyramid is such a copy.
    end = corner + side
    is_copy = tf.equal(side, output_size) & tf.reduce_all(corner >= 0)
    is_copy &= (end[0] <= source_hw[0]) & (end[1] <= source_hw[1])
    return tf.cond(
        is_copy,
        lambda: source[corner[0] : end[0], corner[1] : end[1]],
        lambda: _resized(source, corner, side, output_size, fill, source_hw, output_size, False),
    )


def _resized(source, corner, side, output_size, fill, source_hw, count, static_shape):
    """`crop_and_resize` by arithmetic."""
    height, width = tf.unstack(tf.shape(source)[:2])
    valid_height, valid_width = source_hw
    columns = taps(side, output_size, count, clamp_weights=True)
    rows = taps(side, output_size, count, clamp_weights=False)

    # The source rows that are needed: all of the window, or two for each row of the result, which
    # are fewer where the window is large.
    def rows_of_result():
        pairs = tf.concat([rows.first, rows.second], axis=0)
        return pairs, tf.range(count), tf.range(count) + count

    def rows_of_window():
        return tf.range(side), rows.first, rows.second

    if static_shape:
        needed, first_row, second_row = rows_of_result()
    else:
        needed, first_row, second_row = tf.cond(
            side > 2 * output_size, rows_of_result, rows_of_window
        )
    needed_count = tf.size(needed)
    source_row = corner[0] + needed
    pixels = tf.gather(source, tf.clip_by_value(source_row, 0, height - 1))
    # What lies beside the source is one more column of the fill colour, what lies above or below it
    # one more row.
    fill_column = tf.broadcast_to(fill, [needed_count, 1, 3])
    pixels = tf.concat([pixels, fill_column], axis=1)
    inside = (source_row >= 0) & (source_row < valid_height)
    row_or_fill = tf.where(inside, tf.range(needed_count), needed_count)

    def along_rows(tap, weight):
        column = corner[1] + tap
        inside = (column >= 0) & (column < valid_width)
        values = tf.gather(pixels, tf.where(inside, column, width), axis=1)
        # Pixels and channels as one axis: broadcasting over the last axis is slow on CPU.
        values = tf.reshape(tf.cast(values, tf.float32), [-1, count * 3])
        return values * tf.repeat(tf.cast(weight, tf.float32) / 16.0, 3)

    def down_columns(row, weight):
        values = tf.gather(across, tf.gather(row_or_fill, row))
        return tf.bitwise.right_shift(values * weight[:, tf.newaxis], 16)

    # OpenCV's vector code sums along rows, drops 4 bits, multiplies down columns, drops 16 bits of
    # each product and rounds the last two of their sum. The first sum has less than 24 bits, so
    # float32 holds it exactly, and the cast drops the bits.
    across = tf.cast(
        along_rows(columns.first, columns.first_weight)
        + along_rows(columns.second, columns.second_weight),
        tf.int32,
    )
    fill_row = tf.tile(tf.cast(fill, tf.int32) * int(_WEIGHT_ONE / 16), [count])
    across = tf.concat([across, fill_row[tf.newaxis]], axis=0)
    down = down_columns(first_row, rows.first_weight) + down_columns(second_row, rows.second_weight)
    result = tf.cast(tf.bitwise.right_shift(down + 2, 2), tf.uint8)
    return tf.reshape(result, [count, count, 3])


def window_corner(center, side):
    """First pixel (y, x) of a window: round(centre - (side + 1) / 2), half to even.

    Args:
        center: float64 [..., 2], (y, x).
        side: int32 [...].

    Returns:
        int32 [..., 2].
    """
    half = (tf.cast(side, tf.float64) + 1.0) / 2.0
    return tf.cast(tf.round(center - half[..., tf.newaxis]), tf.int32)


def exemplar_crop(
    frame, center, side, fill, exemplar_size: int = EXEMPLAR_SIZE, static_shape=False
):
    """The exemplar Z.

    Args:
        frame: uint8 [height, width, 3].
        center: float64 [2], centre of the target (y, x).
        side: float64 scalar, side of the exemplar in frame pixels, rounded here.
        fill: uint8 [3].
        exemplar_size: Side of the result.
        static_shape: Whether no shape may depend on data, as XLA asks.

    Returns:
        uint8 [exemplar_size, exemplar_size, 3].
    """
    side = tf.maximum(tf.cast(tf.round(side), tf.int32), 1)
    return crop_and_resize(
        frame, window_corner(center, side), side, exemplar_size, fill, static_shape=static_shape
    )


def scale_pyramid(
    frame,
    center,
    sides,
    fill,
    *,
    instance_size: int = INSTANCE_SIZE,
    levels: Optional[tuple[int, ...]] = None,
    region_limit: int = 2,
    static_shape: bool = False,
):
    """The search regions X of all scales, cut as the reference cuts them: in two resizes.

    The window of the largest side is resized so that the smallest side would become instance_size;
    each scale is then cut from that region and resized to instance_size.

    Args:
        frame: uint8 [height, width, 3].
        center: float64 [2], (y, x).
        sides: float64 [scales], sides of the search regions in frame pixels, ascending.
        fill: uint8 [3].
        instance_size: Side of the results.
        levels: Indices of the scales wanted; all by default.
        region_limit: With static_shape, the largest ratio of the rounded largest to the rounded
            smallest side; 2 is enough for three scales of 4%, whatever the sides.
        static_shape: Whether no shape may depend on data, as XLA asks (costs some arithmetic).

    Returns:
        uint8 [levels, instance_size, instance_size, 3].
    """
    sides = tf.maximum(tf.round(sides), 1.0)
    largest = tf.cast(sides[-1], tf.int32)
    zoom = instance_size / sides[0]
    region_side = tf.cast(tf.round(zoom * sides[-1]), tf.int32)
    region = crop_and_resize(
        frame,
        window_corner(center, largest),
        largest,
        region_side,
        fill,
        count=region_limit * instance_size if static_shape else None,
        static_shape=static_shape,
    )
    center = tf.cast(region_side - 1, tf.float64) / 2.0
    crops = []
    for level in range(sides.shape[0]) if levels is None else levels:
        side = tf.cast(tf.round(zoom * sides[level]), tf.int32)
        corner = window_corner(tf.stack([center, center]), side)
        crops.append(
            crop_and_resize(
                region,
                corner,
                side,
                instance_size,
                fill,
                source_hw=(region_side, region_side),
                static_shape=static_shape,
            )
        )
    return tf.stack(crops)
