"""Frames of many targets in one batch, and crops of them in shapes that do not depend on data.

`crops` resizes each axis in turn over the rows and columns that one window needs, which is the
least work on a CPU. Here every output pixel gathers its four source pixels: more arithmetic, but
one fused kernel for all targets where XLA compiles. Both give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gradnet_tf.network import bilinear

_LEAST_PADDED = 2**18  # Pixels; frames of fewer are padded to these.


class FrameBatch(NamedTuple):
    """Holds frames of one or several videos, and which target is in which.

    Attributes:
        pixels: uint8 RGB [frames, pixels, 3]: all of a frame in one row, row-major, so that frames
            of any height and width fit into one shape. What lies beyond its own has no meaning.
        sizes: int32 [frames, 2], height and width of each.
        of_target: int32 [targets], index of each target's frame.
    """

    pixels: tf.Tensor
    sizes: tf.Tensor
    of_target: tf.Tensor

    @classmethod
    def of_one(cls, frame) -> FrameBatch:
        """Makes a batch of one frame, uint8 [height, width, 3], with one target."""
        return cls(
            pixels=tf.reshape(frame, [1, -1, 3]),
            sizes=tf.shape(frame)[tf.newaxis, :2],
            of_target=tf.constant([0]),
        )

    def target_sizes(self):
        """Returns height and width of each target's frame, int32 [targets, 2]."""
        return tf.gather(self.sizes, self.of_target)

    def mean_colours(self):
        """Returns the padding colour of each frame (`crops.mean_colour`), uint8 [frames, 3]."""
        area = self.sizes[:, 0] * self.sizes[:, 1]
        inside = tf.range(tf.shape(self.pixels)[1]) < area[:, tf.newaxis]
        total = tf.reduce_sum(
            tf.where(inside[..., tf.newaxis], tf.cast(self.pixels, tf.int64), 0), axis=1
        )
        return tf.cast(total // tf.cast(area, tf.int64)[:, tf.newaxis], tf.uint8)

    def crop_and_resize(self, corners, sides, output_sizes, fill, count: int, row_length=None):
        """Cuts a square window for each target and resizes it, as `crops.crop_and_resize`.

        Args:
            corners: int32 [targets, 2], (y, x) of the windows' first pixels.
            sides: int32 [targets], sides of the windows in source pixels.
            output_sizes: int or int32 [targets], sides of the results in pixels.
            fill: uint8 [targets, 3], colours outside the frames.
            count: Rows and columns to compute; what lies beyond output_sizes has no meaning.
            row_length: Pixels from one row of a frame to the next, if not the frame's width.

        Returns:
            uint8 [targets, count, count, 3].
        """
        sides, output_sizes = sides[:, tf.newaxis], tf.reshape(output_sizes, [-1, 1])
        columns = bilinear.taps(sides, output_sizes, count, along_rows=True)
        rows = bilinear.taps(sides, output_sizes, count, along_rows=False)
        sizes = self.target_sizes()
        pixels = tf.reshape(self.pixels, [-1, 3])
        first_pixel = self.of_target * tf.shape(self.pixels)[1]
        row_lengths = sizes[:, 1] if row_length is None else row_length * tf.ones_like(first_pixel)
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
            # Rows of the fill colour are exact too: both weights of a row sum to one.
            return bilinear.sum_along_rows(
                values(row, columns.first),
                values(row, columns.second),
                columns.first_weight[:, tf.newaxis, :, tf.newaxis],
                columns.second_weight[:, tf.newaxis, :, tf.newaxis],
            )

        return bilinear.sum_down_columns(
            along_rows(rows.first),
            along_rows(rows.second),
            rows.first_weight[:, :, tf.newaxis, tf.newaxis],
            rows.second_weight[:, :, tf.newaxis, tf.newaxis],
        )


def make_frame_batch(
    images: Sequence[np.ndarray], of_target: Sequence[int], padded: bool
) -> FrameBatch:
    """Makes a `FrameBatch` of arrays.

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
    return FrameBatch(
        pixels=tf.constant(pixels),
        sizes=tf.constant([image.shape[:2] for image in images], tf.int32),
        of_target=tf.constant(of_target, tf.int32),
    )
