"""The reference's augmentation of a crop: stretch, translation and a colour offset.

Where each pixel of the result comes from is drawn and rounded in float64 with NumPy, exactly as the
reference does it; pixels and colours are taken in the graph.
Source: `acquireAugment`, `getEig` and `loadStats` of the reference's train.py.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple, Optional

import numpy as np
import tensorflow as tf

# Uniform numbers that `Noise.from_uniforms` takes, and how many with one for the scale.
UNIFORMS = 8
UNIFORMS_WITH_SCALE = 9
_COLOUR_SHARE = 0.1  # of the standard deviations


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """What the augmentation does."""

    max_translate: int = 4  # Largest shift of the window in px.
    max_stretch: float = 0.05  # Largest relative stretch of the window along each axis.
    color: bool = True  # Whether a colour offset is subtracted.
    # Whether two slips of the reference are kept: columns are sampled where the rows are (so that
    # stretch and shift along x are those along y), and the colour offset is ``rgb_var @ noise``
    # instead of ``rgb_var.T @ noise``, which makes the channels' offsets independent instead of
    # following the axes of the covariance.
    reference_quirks: bool = True
    # Largest relative error of the window's scale, the same along both axes; needs `beyond`, for an
    # image ends where windows grow.
    scale_jitter: float = 0.0
    # Whether a window may reach over the edge of the image, whose pixels are repeated there;
    # otherwise it is made smaller and moved less.
    beyond: bool = False


class Noise(NamedTuple):
    """Random numbers of crops; leading axes count the crops, if there are several."""

    stretch: np.ndarray  # [..., 2], uniform in [0, 1), (y, x).
    translate: np.ndarray  # [..., 2], uniform in [0, 1), (y, x).
    colour: np.ndarray  # [..., 3], standard normal.
    # [...], uniform in [0, 1); None for `AugmentConfig.scale_jitter` of 0.
    scale: Optional[np.ndarray] = None

    @classmethod
    def from_uniforms(cls, values: np.ndarray) -> Noise:
        """Makes the noise of uniform numbers, float64 [..., 8 or 9] in [0, 1).

        Normal ones are made by Box and Muller's method.
        """
        radius = np.sqrt(-2.0 * np.log1p(-values[..., 4:6]))
        angle = 2.0 * np.pi * values[..., 6:8]
        normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
        scale = values[..., UNIFORMS] if values.shape[-1] > UNIFORMS else None
        return cls(values[..., 0:2], values[..., 2:4], normal[..., :3], scale)


class Parameters(NamedTuple):
    """How crops are made; leading axes as those of the noise."""

    rows: np.ndarray  # int32 [..., size], the row of the image that each row of the crop is.
    columns: np.ndarray  # int32 [..., size], likewise.
    # float32 [..., 3], what is subtracted from each channel, in the image's order.
    colour: np.ndarray


def colour_variation(covariance: np.ndarray) -> np.ndarray:
    """The matrix that makes colour offsets: a tenth of each axis of the covariance [3, 3].

    Returns:
        float64 [3, 3]: row i is 0.1 sqrt(eigenvalue i) times eigenvector i, eigenvalues ascending.
        (The eigenvectors' signs, which the noise makes irrelevant, are such that each one's largest
        component is positive.)
    """
    values, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(3)])
    return _COLOUR_SHARE * np.sqrt(np.maximum(values, 0.0))[:, np.newaxis] * vectors.T


def window_size(stretch: np.ndarray, size: int, source_size: int, max_stretch: float) -> np.ndarray:
    """Height and width of the window that is sampled, whole numbers in px, float64 [..., 2].

    The window is not larger than the image, whose side is `source_size` px; see `draw`.
    """
    scale = 1 + max_stretch * (-1 + 2 * np.asarray(stretch, np.float64))
    return np.around(np.minimum(size * scale, source_size))


def translation_limits(window: np.ndarray, source_size: int, max_translate: int) -> np.ndarray:
    """How far a window may be moved: [..., 2] whole numbers, (y, x); it stays inside the image."""
    return np.minimum(max_translate, np.floor((source_size - window) / 2))


def draw(
    noise: Noise,
    size: int,
    source_size: int,
    rgb_var: Optional[np.ndarray],
    config: AugmentConfig,
) -> Parameters:
    """Makes parameters of crops, which are BGR, from random numbers.

    Args:
        noise: The random numbers.
        size: Side of the crop in px.
        source_size: Side of the image in px, not less than ``size``.
        rgb_var: [3, 3], see `colour_variation`; None without colour offset.
        config: What to do. Without `reference_quirks` the offset, whose statistics are in RGB, is
            put in the images' order.
    """
    if config.beyond:
        extent = np.full(np.shape(noise.translate)[:-1], float(size))
        if noise.scale is not None:
            extent *= (1 + config.scale_jitter) ** (2 * noise.scale - 1)
        window = np.around(
            extent[..., np.newaxis] * (1 + config.max_stretch * (2 * noise.stretch - 1))
        )
        limits = np.full(window.shape, float(config.max_translate))
    else:
        window = window_size(noise.stretch, size, source_size, config.max_stretch)
        limits = translation_limits(window, source_size, config.max_translate)
    shift = np.floor(np.asarray(noise.translate) * (2 * limits + 1)) - limits
    first = (source_size - 1) / 2 - (window - 1) / 2 + shift
    rows = columns = _positions(first[..., 0], window[..., 0], size)
    if not config.reference_quirks:
        columns = _positions(first[..., 1], window[..., 1], size)
    if config.beyond:
        rows, columns = (np.clip(places, 0, source_size - 1) for places in (rows, columns))
    colour = np.zeros(noise.colour.shape, np.float32)
    if config.color and rgb_var is not None:
        if config.reference_quirks:
            colour = noise.colour @ np.asarray(rgb_var).T
        else:
            colour = (noise.colour @ np.asarray(rgb_var))[..., ::-1]
    return Parameters(rows, columns, colour.astype(np.float32))


def centre(size: int, source_size: int) -> Parameters:
    """Parameters of the crop of `size` px in the middle of an image, as validation takes it."""
    positions = _positions((source_size - 1) / 2 - (size - 1) / 2, size, size)
    return Parameters(positions, positions, np.zeros(3, np.float32))


def apply(image, rows, columns, colour):
    """Cuts the crop out of an image, in the graph.

    Args:
        image: [h, w, 3], BGR, uint8 or float32 0..255.
        rows: int32 [size], see `Parameters`.
        columns: int32 [size].
        colour: float32 [3].

    Returns:
        float32 [size, size, 3], BGR. It is neither rounded nor kept within 0..255.
    """
    pixels = tf.gather(tf.gather(image, rows), columns, axis=1)
    # Pixels and channels as one axis: broadcasting over the last axis is slow on CPU.
    lines = tf.reshape(tf.cast(pixels, tf.float32), [tf.size(rows), -1])
    lines -= tf.tile(colour, [tf.size(columns)])
    return tf.reshape(lines, [tf.size(rows), tf.size(columns), 3])


def _positions(first: Any, length: Any, count: int) -> np.ndarray:
    positions = np.linspace(first, first + length - 1, count, axis=-1)
    return np.around(positions).astype(np.int32)
