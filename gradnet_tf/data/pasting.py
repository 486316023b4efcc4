"""The pixels of what `scenes` draws, in the graph: look-alikes, occlusion and drift."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from gradnet_tf.boxes import geometry
from gradnet_tf.data import distortion
from gradnet_tf.data.scenes import Drift, Paste
from gradnet_tf.network import architecture

_CONTEXT = 0.5  # Of the exemplars, as `data_prep` cuts them.
_FEATHER = 0.2  # Share of the half extents over which what is pasted fades.
_LEAST_SIGMA = 0.3  # px; less cannot be seen
_BLACK = 1e-6  # stands for 0, which has no logarithm


def target_sizes(boxes: np.ndarray) -> np.ndarray:
    """How large targets are in their crops, exemplars and instances alike.

    Args:
        boxes: float [n, 4], (x, y, width, height) in frames.

    Returns:
        float64 [n, 2], (height, width) in px.
    """
    sizes = np.maximum(np.asarray(boxes, np.float64)[:, :1:-1], 1e-3)
    sides = np.asarray(geometry.exemplar_side(sizes, _CONTEXT))
    return sizes * (architecture.EXEMPLAR_SIZE / sides[:, np.newaxis])


def apply(image, exemplar, paste, drift):
    """Makes the scene of a search region, in the graph: float32 [size, size, 3], RGB, 0..255.

    Args:
        image: [size, size, 3], RGB, 0..255, uint8 or float32: the region.
        exemplar: string, the JPEG file that shows what is pasted; empty for nothing.
        paste: float32 [8], see `Paste`.
        drift: float32 [5], see `Drift`.
    """
    image = tf.cast(image, tf.float32)

    def pasted():
        other = tf.io.decode_jpeg(exemplar, channels=3, dct_method="INTEGER_ACCURATE")
        other = tf.ensure_shape(other, [architecture.EXEMPLAR_SIZE, architecture.EXEMPLAR_SIZE, 3])
        return paste_object(image, tf.cast(other, tf.float32), paste)

    image = tf.cond(tf.strings.length(exemplar) > 0, pasted, lambda: image)
    return change(image, drift)


def paste_object(image, other, paste):
    """Pastes the object in the centre of `other` [h, h, 3] as `paste` says, with soft edges."""
    way = Paste(*tf.unstack(paste))
    places = tf.range(image.shape[0], dtype=tf.float32) - (image.shape[0] - 1) / 2
    rows, columns = places - way.y, places - way.x
    middle, zoom = (other.shape[0] - 1) / 2, tf.abs(way.scale)
    other = resample(other, rows / zoom + middle, columns / way.scale + middle)
    # A box with round corners: 1 at its edge, 0 in its centre.
    squares = tf.square(2 * rows / way.height), tf.square(2 * columns / way.width)
    fourth = tf.square(squares[0])[:, tf.newaxis] + tf.square(squares[1])
    share = tf.clip_by_value((1 - tf.sqrt(tf.sqrt(fourth))) / _FEATHER, 0.0, 1.0)
    beside = tf.maximum(
        tf.abs(2 * places / way.target_height)[:, tf.newaxis],
        tf.abs(2 * places / way.target_width),
    )
    share *= 1 - way.behind * (1 - tf.clip_by_value((beside - 1) / _FEATHER, 0.0, 1.0))
    return image + share[..., tf.newaxis] * (other - image)


def change(image, drift):
    """Changes the size of what an image shows, its sharpness and its light, see `Drift`."""
    way = Drift(*tf.unstack(drift))
    middle = (image.shape[0] - 1) / 2
    places = (tf.range(image.shape[0], dtype=tf.float32) - middle) / way.scale + middle

    def light():
        # Many times as fast on a CPU as a power.
        values = tf.exp(way.gamma * tf.math.log(tf.clip_by_value(image / 255.0, _BLACK, 1.0)))
        values *= way.gain
        mean = tf.reduce_mean(values)
        return 255.0 * tf.clip_by_value(mean + way.contrast * (values - mean), 0.0, 1.0)

    same = image
    image = tf.cond(tf.equal(way.scale, 1.0), lambda: same, lambda: resample(same, places, places))
    sharp = image
    image = tf.cond(
        way.sigma < _LEAST_SIGMA, lambda: sharp, lambda: distortion.plain_blur(sharp, way.sigma)
    )
    return tf.cond(tf.reduce_all(tf.equal(drift[1:4], 1.0)), lambda: image, light)


def resample(image, rows, columns):
    """Takes an image [h, w, c] at other places, bilinearly; the border's pixels continue outside.

    Args:
        image: float32 [h, w, c].
        rows: float32 [n], where the rows of the result are.
        columns: float32 [m], the same for columns.
    """
    for axis, places in enumerate((rows, columns)):
        last = image.shape[axis] - 1
        places = tf.clip_by_value(places, 0.0, float(last))
        first = tf.floor(places)
        share = tf.reshape(places - first, [-1, 1, 1] if axis == 0 else [1, -1, 1])
        before = tf.cast(first, tf.int32)
        low = tf.gather(image, before, axis=axis)
        high = tf.gather(image, tf.minimum(before + 1, last), axis=axis)
        image = low + share * (high - low)
    return image
