"""Crops against the reference's: 24 places in one image, equal to the bit in every mode."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.boxes import geometry
from gradnet_tf.network import crops
from tests.helpers import goldens

CASES = 24


@pytest.fixture(scope="module")
def golden():
    return goldens.load(0, "crops")


def crop(frame, center, side, static_shape):
    """Exemplar and scale pyramid of a target whose exemplar has the given side."""
    fill = crops.mean_colour(frame)
    sides = geometry.instance_side(side, 127, 255) * geometry.scale_factors(3, 1.04)
    return (
        crops.exemplar_crop(frame, center, side, fill, static_shape=static_shape),
        crops.scale_pyramid(frame, center, sides, fill, static_shape=static_shape),
    )


def compiled(mode):
    if mode == "eager":
        return lambda frame, center, side: crop(frame, center, side, False)
    xla = mode == "xla"
    return tf.function(lambda frame, center, side: crop(frame, center, side, xla), jit_compile=xla)


def test_mean_colour(golden):
    colour = crops.mean_colour(tf.constant(golden["image"]))
    np.testing.assert_array_equal(colour, golden["avg"].astype(np.uint8))


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_crops_equal_the_golden_ones(golden, mode):
    assert len(golden["cases"]) == CASES
    function = compiled(mode)
    frame = tf.constant(golden["image"])
    for case, (y, x, side) in enumerate(golden["cases"]):
        exemplar, pyramid = function(
            frame, tf.constant([y, x], tf.float64), tf.constant(side, tf.float64)
        )
        exemplar, pyramid = exemplar.numpy(), pyramid.numpy()
        message = f"case {case}"
        np.testing.assert_array_equal(exemplar[::4, ::4], golden[f"z{case}"], message)
        np.testing.assert_array_equal(pyramid[:, ::6, ::6], golden[f"x{case}"], message)
        np.testing.assert_array_equal(
            exemplar.sum(axis=(0, 1), dtype=np.int64), golden[f"zsum{case}"], message
        )
        np.testing.assert_array_equal(
            pyramid.sum(axis=(1, 2), dtype=np.int64), golden[f"xsum{case}"], message
        )
