"""Crops of many targets at once, equal to those of `gradnet_tf.network.crops` to the bit.

There, each axis is resized in turn over the rows and columns that one window needs, which is the
least work on a CPU. Here every output pixel gathers its four source pixels, in shapes that do not
depend on data: more arithmetic, but one fused kernel for all targets where XLA compiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.network import crops

_LEAST_PADDED = 2**18  # Pixels; frames of fewer are padded to these.


class Frames(NamedTuple):
    """Frames of one or several videos, and which target is in which.

    The pixels are in one row, so that frames of any height and width fit into one shape.

    Attributes:
        pixels: uint8 RGB [frames, pixels, 3], in row-major order; what lies beyond a frame's own
            number of pixels has no meaning.
        sizes: int32 [frames, 2], height and width of each.
        of_target: int32 [targets], index of each target's frame.
    """

    pixels: tf.Tensor
    sizes: tf.Tensor
    of_target: tf.Tensor

    def target_sizes(self):
        """Height and width of each target's frame, int32 [targets, 2]."""
        return tf.gather(self.sizes, self.of_target)

    def image(self, index):
        """A frame, uint8 [height, width, 3]."""
        height, width = tf.unstack(self.sizes[index])
        return tf.reshape(self.pixels[index, : height * width], [height, width, 3])

    def mean_colours(self):
        """The padding colour of each frame (`crops.mean_colour`), uint8 [frames, 3]."""
        area = self.sizes[:, 0] * self.sizes[:, 1]
        inside = tf.range(tf.shape(self.pixels)[1]) < area[:, tf.newaxis]
        total = tf.reduce_sum(
            tf.where(inside[..., tf.newaxis], tf.cast(self.pixels, tf.int64), 0), axis=1
        )
        return tf.cast(total // tf.cast(area, tf.int64)[:, tf.newaxis], tf.uint8)


def make_frames(images: Sequence[np.ndarray], of_target: Sequence[int], padded: bool) -> Frames:
    """`Frames` of arrays.

    Args:
        images: uint8 RGB [height, width, 3] each, of any sizes.
        of_target: Index of each target's image.
        padded: Whether to pad to a power of two pixels, so that few shapes serve all frames.
    """
    length = max(image.shape[0] * image.shape[1] for image in images)
    if padded:
        length = max(1 << (length - 1).bit_length(), _LEAST_PADDED)
    if len(images) == 1 and length == images[0].shape[0] * images[0].shape[1]:
        pixels = images[0].reshape(1, length, 3)
    else:
        pixels = np.zeros([len(images), length, 3], np.uint8)
        for row, image in zip(pixels, images):
            row[: image.shape[0] * image.shape[1]] = image.reshape(-1, 3)
    return Frames(
        pixels=tf.constant(pixels),
        sizes=tf.constant([image.shape[:2] for image in images], tf.int32),
        of_target=tf.constant(of_target, tf.int32),
    )


def crop_and_resize(
    frames: Frames, corners, sides, output_sizes, fill, count: int, row_length=None
):
    """`crops.crop_and_resize` of a window for each target.

    Args:
        frames: Where to cut.
        corners: int32 [targets, 2], (y, x) of the windows' first pixels.
        sides: int32 [targets], sides of the windows in source pixels.
        output_sizes: int32 [targets], sides of the results in pixels.
        fill: uint8 [targets, 3], colours outside the frames.
        count: Rows and columns to compute; what lies beyond output_sizes has no meaning.
        row_length: Pixels from one row of a frame to the next, if not the frame's width.

    Returns:
        uint8 [targets, count, count, 3].
    """
    sides, output_sizes = sides[:, tf.newaxis], output_sizes[:, tf.newaxis]
    columns = crops.taps(sides, output_sizes, count, clamp_weights=True)
    rows = crops.taps(sides, output_sizes, count, clamp_weights=False)
    sizes = frames.target_sizes()
    pixels = tf.reshape(frames.pixels, [-1, 3])
    first_pixel = frames.of_target * tf.shape(frames.pixels)[1]
    row_lengths = sizes[:, 1] if row_length is None else tf.fill(tf.shape(first_pixel), row_length)
    colour = tf.cast(fill, tf.float32)[:, tf.newaxis, tf.newaxis]

    def source(tap, axis):
        place = corners[:, axis, tf.newaxis] + tap
        last = sizes[:, axis, tf.newaxis] - 1
        nearest = tf.clip_by_value(place, 0, last)
        return nearest, tf.equal(nearest, place)

    def values(row, column):
        (y, y_inside), (x, x_inside) = source(row, 0), source(column, 1)
        line = first_pixel[:, tf.newaxis] + y * row_lengths[:, tf.newaxis]
        index = line[:, :, tf.newaxis] + x[:, tf.newaxis]
        inside = y_inside[:, :, tf.newaxis] & x_inside[:, tf.newaxis]
        found = tf.cast(tf.gather(pixels, index), tf.float32)
        return tf.where(inside[..., tf.newaxis], found, colour)

    def along_rows(row):
        def weighted(column, weight):
            weight = tf.cast(weight, tf.float32)[:, tf.newaxis, :, tf.newaxis] / 16.0
            return values(row, column) * weight

        return tf.cast(
            weighted(columns.first, columns.first_weight)
            + weighted(columns.second, columns.second_weight),
            tf.int32,
        )

    def down_columns(row, weight):
        # Rows of the fill colour are exact too: both weights of a row sum to one.
        return tf.bitwise.right_shift(along_rows(row) * weight[:, :, tf.newaxis, tf.newaxis], 16)

    down = down_columns(rows.first, rows.first_weight)
    down += down_columns(rows.second, rows.second_weight)
    return tf.cast(tf.bitwise.right_shift(down + 2, 2), tf.uint8)


def scale_pyramids(
    frames: Frames,
    centers,
    sides,
    fill,
    *,
    instance_size: int,
    region_limit: int,
    levels: Optional[tuple[int, ...]] = None,
):
    """`crops.scale_pyramid` of each target.

    Args:
        frames: Where to cut.
        centers: float64 [targets, 2], (y, x).
        sides: float64 [targets, scales], sides of the search regions in frame pixels, ascending.
        fill: uint8 [targets, 3].
        instance_size: Side of the results.
        region_limit: Largest ratio of the rounded largest to the rounded smallest side.
        levels: Indices of the scales wanted; all by default.

    Returns:
        uint8 [targets, levels, instance_size, instance_size, 3].
    """
    sides = tf.maximum(tf.round(sides), 1.0)
    largest = tf.cast(sides[:, -1], tf.int32)
    zoom = instance_size / sides[:, 0]
    region_sides = tf.cast(tf.round(zoom * sides[:, -1]), tf.int32)
    row_length = region_limit * instance_size
    regions = crop_and_resize(
        frames,
        crops.window_corner(centers, largest),
        largest,
        region_sides,
        fill,
        row_length,
    )
    square = Frames(
        pixels=tf.reshape(regions, [-1, row_length * row_length, 3]),
        sizes=tf.stack([region_sides, region_sides], axis=-1),
        of_target=tf.range(tf.shape(regions)[0]),
    )
    middle = tf.cast(region_sides - 1, tf.float64) / 2.0
    results = []
    for level in range(sides.shape[1]) if levels is None else levels:
        side = tf.cast(tf.round(zoom * sides[:, level]), tf.int32)
        corners = crops.window_corner(tf.stack([middle, middle], axis=-1), side)
        size = tf.fill(tf.shape(side), instance_size)
        results.append(
            crop_and_resize(square, corners, side, size, fill, instance_size, row_length)
        )
    return tf.stack(results, axis=1)
