"""Crops of a frame: exemplar and scale pyramid, in the graph, equal to OpenCV's to the bit.

The reference crops with NumPy and `cv2.resize` (bilinear, half-pixel centres, no antialias, uint8).
Here the same fixed-point arithmetic runs inside the graph, so that eager, graph and XLA give the
reference's crops.

Every function takes one frame, uint8 [height, width, 3], or a `FrameBatch`, for which all values
have a leading dimension [targets].
Source: `track.py` of the reference, `getSubWinTracking` and `makeScalePyramid`.
"""

from __future__ import annotations

from typing import Optional

import tensorflow as tf

from gradnet_tf.network import bilinear
from gradnet_tf.network.architecture import EXEMPLAR_SIZE, INSTANCE_SIZE
from gradnet_tf.network.frame_batch import FrameBatch


def frame_size(frame):
    """Returns height and width of the frame, int32 [..., 2]."""
    return frame.target_sizes() if isinstance(frame, FrameBatch) else tf.shape(frame)[:2]


def mean_colour(frame):
    """Returns the padding colour, uint8 [..., 3]: the mean of each channel, cut as NumPy does."""
    if isinstance(frame, FrameBatch):
        return tf.gather(frame.mean_colours(), frame.of_target)
    total = tf.reduce_sum(tf.cast(frame, tf.int64), axis=[0, 1])
    return tf.cast(total // tf.size(frame[..., 0], out_type=tf.int64), tf.uint8)


def crop_and_resize(source, corner, side, output_size, fill):
    """Cuts a square window and resizes it, as NumPy slicing and `cv2.resize` would.

    Args:
        source: uint8 [height, width, 3].
        corner: int32 [2], (y, x) of the window's first pixel; may lie outside.
        side: int32 scalar, side of the window in source pixels.
        output_size: Side of the result in pixels, int or int32 scalar.
        fill: uint8 [3], colour outside the source.

    Returns:
        uint8 [output_size, output_size, 3].
    """
    size = tf.get_static_value(output_size)
    if size is not None:
        # A value from outside of the graph: TensorFlow would optimize the function anew for a
        # constant inside.
        with tf.init_scope():
            output_size = tf.constant(size)
    result = _crop_and_resize(source, corner, side, output_size, fill)
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
    ],
    autograph=False,
    experimental_attributes={"_noinline": True},
)
def _crop_and_resize(source, corner, side, output_size, fill):
    # The smallest scale of a pyramid is such a copy.
    end = corner + side
    is_copy = tf.equal(side, output_size) & tf.reduce_all(corner >= 0)
    is_copy &= tf.reduce_all(end <= tf.shape(source)[:2])
    return tf.cond(
        is_copy,
        lambda: source[corner[0] : end[0], corner[1] : end[1]],
        lambda: _resized(source, corner, side, output_size, fill),
    )


def _resized(source, corner, side, size, fill):
    height, width = tf.unstack(tf.shape(source)[:2])
    columns = bilinear.taps(side, size, size, along_rows=True)
    rows = bilinear.taps(side, size, size, along_rows=False)

    # The source rows that are needed: all of the window, or two for each row of the result, which
    # are fewer where the window is large.
    def rows_of_result():
        pairs = tf.concat([rows.first, rows.second], axis=0)
        return pairs, tf.range(size), tf.range(size) + size

    def rows_of_window():
        return tf.range(side), rows.first, rows.second

    needed, first_row, second_row = tf.cond(side > 2 * size, rows_of_result, rows_of_window)
    needed_count = tf.size(needed)
    source_row = corner[0] + needed
    pixels = tf.gather(source, tf.clip_by_value(source_row, 0, height - 1))
    # What lies beside the source is one more column of the fill colour, what lies above or below it
    # one more row.
    fill_column = tf.broadcast_to(fill, [needed_count, 1, 3])
    pixels = tf.concat([pixels, fill_column], axis=1)
    inside = (source_row >= 0) & (source_row < height)
    row_or_fill = tf.where(inside, tf.range(needed_count), needed_count)

    def values(tap):
        column = corner[1] + tap
        inside = (column >= 0) & (column < width)
        found = tf.gather(pixels, tf.where(inside, column, width), axis=1)
        # Pixels and channels as one axis: broadcasting over the last axis is slow on CPU.
        return tf.reshape(tf.cast(found, tf.float32), [-1, size * 3])

    across = bilinear.sum_along_rows(
        values(columns.first),
        values(columns.second),
        tf.repeat(columns.first_weight, 3),
        tf.repeat(columns.second_weight, 3),
    )
    fill_row = tf.tile(tf.cast(fill, tf.int32) * int(bilinear.WEIGHT_ONE / 16), [size])
    across = tf.concat([across, fill_row[tf.newaxis]], axis=0)
    result = bilinear.sum_down_columns(
        tf.gather(across, tf.gather(row_or_fill, first_row)),
        tf.gather(across, tf.gather(row_or_fill, second_row)),
        rows.first_weight[:, tf.newaxis],
        rows.second_weight[:, tf.newaxis],
    )
    return tf.reshape(result, [size, size, 3])


def window_corner(center, side):
    """Returns the first pixel (y, x) of a window: round(centre - (side + 1) / 2), half to even.

    Args:
        center: float64 [..., 2], (y, x).
        side: int32 [...].

    Returns:
        int32 [..., 2].
    """
    half = (tf.cast(side, tf.float64) + 1.0) / 2.0
    return tf.cast(tf.round(center - half[..., tf.newaxis]), tf.int32)


def exemplar_crop(frame, center, side, fill, exemplar_size=EXEMPLAR_SIZE, static_shape=False):
    """Cuts the exemplar Z.

    Args:
        frame: One frame or a `FrameBatch`.
        center: float64 [..., 2], (y, x).
        side: float64 [...], side of the exemplar in frame pixels, rounded here.
        fill: uint8 [..., 3].
        exemplar_size: Side of the result.
        static_shape: Whether one frame goes through a `FrameBatch`, so that no shape depends on
            data, as XLA asks.

    Returns:
        uint8 [..., exemplar_size, exemplar_size, 3].
    """
    if static_shape:
        one = FrameBatch.of_one(frame), center[tf.newaxis], side[tf.newaxis], fill[tf.newaxis]
        return exemplar_crop(*one, exemplar_size)[0]
    side = tf.maximum(tf.cast(tf.round(side), tf.int32), 1)
    corner = window_corner(center, side)
    if isinstance(frame, FrameBatch):
        return frame.crop_and_resize(corner, side, exemplar_size, fill, exemplar_size)
    return crop_and_resize(frame, corner, side, exemplar_size, fill)


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
    """Cuts the search regions X of all scales as the reference does: in two resizes.

    The window of the largest side is resized so that the smallest side would become instance_size.
    Each scale is then cut from that region and resized to instance_size.

    Args:
        frame: One frame or a `FrameBatch`.
        center: float64 [..., 2], (y, x).
        sides: float64 [..., scales], sides of the search regions in frame pixels, ascending.
        fill: uint8 [..., 3].
        instance_size: Side of the results.
        levels: Indices of the scales wanted; all by default.
        region_limit: For a `FrameBatch`, the largest ratio of the rounded largest to the rounded
            smallest side; 2 is enough for three scales of 4%, whatever the sides.
        static_shape: See `exemplar_crop`; costs some arithmetic.

    Returns:
        uint8 [..., levels, instance_size, instance_size, 3].
    """
    if static_shape:
        one = FrameBatch.of_one(frame), center[tf.newaxis], sides[tf.newaxis], fill[tf.newaxis]
        return scale_pyramid(
            *one, instance_size=instance_size, levels=levels, region_limit=region_limit
        )[0]
    sides = tf.maximum(tf.round(sides), 1.0)
    largest = tf.cast(sides[..., -1], tf.int32)
    zoom = instance_size / sides[..., 0]
    region_side = tf.cast(tf.round(zoom * sides[..., -1]), tf.int32)
    corner = window_corner(center, largest)
    if isinstance(frame, FrameBatch):
        length = region_limit * instance_size
        regions = frame.crop_and_resize(corner, largest, region_side, fill, length)
        square = FrameBatch(
            pixels=tf.reshape(regions, [-1, length * length, 3]),
            sizes=tf.stack([region_side, region_side], axis=-1),
            of_target=tf.range(tf.shape(regions)[0]),
        )

        def cut(corner, side):
            return square.crop_and_resize(corner, side, instance_size, fill, instance_size, length)
    else:
        region = crop_and_resize(frame, corner, largest, region_side, fill)

        def cut(corner, side):
            return crop_and_resize(region, corner, side, instance_size, fill)

    middle = tf.cast(region_side - 1, tf.float64) / 2.0
    middle = tf.stack([middle, middle], axis=-1)
    crops = []
    for level in range(sides.shape[-1]) if levels is None else levels:
        side = tf.cast(tf.round(zoom * sides[..., level]), tf.int32)
        crops.append(cut(window_corner(middle, side), side))
    return tf.stack(crops, axis=-4)
