"""The augmentation "strong", on top of the reference's: blur, rotation, occlusion, hue, brightness.

The blur is tensorflow-addons' where it exists (TensorFlow 2.15) and plain TensorFlow elsewhere,
which differs in the last digits; hue and brightness are `tf.image`'s. None of them is in the paper.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import math
import warnings
from typing import Any

import tensorflow as tf

# Uniform numbers that `before_crop` and `after_crop` take together.
UNIFORMS = 7
_FILTER_SIZE = 7  # px, side of the blur's filter


@dataclasses.dataclass(frozen=True)
class DistortionConfig:
    """What may happen to a crop."""

    blur_probability: float = 0.2  # How often a crop is blurred, 0..1.
    blur_sigmas: tuple[float, ...] = (0.7, 1.4)  # Widths of the Gaussian in px; one is chosen.
    rotate_probability: float = 0.5  # How often a crop is turned around its centre.
    max_angle: float = 8.0  # By how much at most, in degrees.
    occlude_probability: float = 0.2  # How often a square of an instance is covered.
    occluder_size: int = 48  # Side of the square in px, even.
    max_hue: float = 0.03  # Largest shift of the hue, as a share of the colour circle, 0..0.5.
    max_brightness: float = 20.0  # Largest offset of the brightness, in grey levels of 255.


@functools.cache
def addons() -> Any:
    """tensorflow_addons.image, None where it cannot be imported."""
    try:
        with warnings.catch_warnings():
            # It says that it is no longer developed, and which TensorFlow it was tested with.
            warnings.simplefilter("ignore")
            return importlib.import_module("tensorflow_addons.image")
    except Exception:  # Beside an ImportError: with Keras 3 it fails in the middle of its import.
        return None


def blur(image, sigma: float):
    """Blurs an image with a Gaussian of width `sigma` on 7 x 7 px; borders are reflected."""
    if addons():
        return addons().gaussian_filter2d(image, (_FILTER_SIZE, _FILTER_SIZE), sigma)
    return plain_blur(image, sigma)


def plain_blur(image, sigma):
    """`blur` without tensorflow-addons; the width may be a tensor."""
    half = _FILTER_SIZE // 2
    distance = tf.cast(tf.range(-half, half + 1) ** 2, tf.float32)
    kernel = tf.nn.softmax(-distance / (2.0 * tf.convert_to_tensor(sigma, tf.float32) ** 2))
    kernel = kernel[:, tf.newaxis] @ kernel[tf.newaxis, :]
    kernel = tf.tile(kernel[:, :, tf.newaxis, tf.newaxis], [1, 1, 3, 1])
    padded = tf.pad(image, [[half, half], [half, half], [0, 0]], mode="REFLECT")
    return tf.nn.depthwise_conv2d(padded[tf.newaxis], kernel, (1, 1, 1, 1), "VALID")[0]


def rotate(image, angle):
    """Turns an image around its centre, bilinearly; the border's pixels continue outside.

    Args:
        image: float32 [h, w, 3].
        angle: Radians, float32 scalar, counterclockwise.
    """
    angle = tf.convert_to_tensor(angle, tf.float32)
    height, width = (tf.cast(tf.shape(image)[axis] - 1, tf.float32) for axis in (0, 1))
    cosine, sine = tf.cos(angle), tf.sin(angle)
    x_offset = (width - (cosine * width - sine * height)) / 2.0
    y_offset = (height - (sine * width + cosine * height)) / 2.0
    zero = tf.zeros_like(angle)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image[tf.newaxis],
        transforms=[[cosine, -sine, x_offset, sine, cosine, y_offset, zero, zero]],
        output_shape=tf.shape(image)[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )[0]


def cutout(image, size: int, position, value):
    """Covers a square of an image.

    Args:
        image: float32 [h, w, 3].
        size: Side of the square in px, even.
        position: int32 [2], (y, x): the square reaches from position - size / 2 to
            position + size / 2 (exclusive), as far as the image goes.
        value: Its grey level, float32 scalar.
    """
    rows, columns = (
        (tf.range(length) >= middle - size // 2) & (tf.range(length) < middle + size // 2)
        for length, middle in zip(tf.unstack(tf.shape(image)[:2]), tf.unstack(position))
    )
    covered = rows[:, tf.newaxis] & columns[tf.newaxis, :]
    return tf.where(covered[..., tf.newaxis], tf.cast(value, image.dtype), image)


def before_crop(image, uniforms, seed, config: DistortionConfig):
    """Turns, blurs and recolours an image before the crop is cut out of it.

    Args:
        image: [h, w, 3], RGB, uint8 or float32 0..255.
        uniforms: float32 [7], random in [0, 1).
        seed: int32 [2], for hue and brightness.
        config: What to do.

    Returns:
        float32 [h, w, 3], RGB, 0..255.
    """
    image = tf.cast(image, tf.float32)
    angle = (2.0 * uniforms[1] - 1.0) * math.radians(config.max_angle)
    turn = uniforms[0] < config.rotate_probability
    image = tf.cond(turn, lambda: rotate(image, angle), lambda: image)

    # Which of the widths, or none: equal parts of the numbers below the probability.
    sigmas = config.blur_sigmas
    share = uniforms[2] * (len(sigmas) / max(config.blur_probability, 1e-9))
    choice = tf.cast(tf.minimum(share, float(len(sigmas))), tf.int32)
    branches = [functools.partial(blur, image, sigma) for sigma in sigmas] + [lambda: image]
    image = tf.switch_case(choice, branches)

    image = image / 255.0
    if config.max_hue:
        image = tf.image.stateless_random_hue(
            tf.clip_by_value(image, 0.0, 1.0), config.max_hue, seed
        )
    if config.max_brightness:
        image = tf.image.stateless_random_brightness(
            image, config.max_brightness / 255.0, seed + tf.constant([0, 1])
        )
    return tf.clip_by_value(image, 0.0, 1.0) * 255.0


def after_crop(crop, uniforms, config: DistortionConfig):
    """Covers a square of an instance [size, size, 3], by the same uniforms as `before_crop`."""
    size = tf.cast(tf.shape(crop)[:2], tf.float32)
    position = tf.cast(uniforms[4:6] * size, tf.int32)
    return tf.cond(
        uniforms[3] < config.occlude_probability,
        lambda: cutout(crop, config.occluder_size, position, uniforms[6] * 255.0),
        lambda: crop,
    )
