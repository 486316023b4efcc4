"""Tests of gradnet_tf.network.frame_batch: crops of many targets against those of one."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.boxes import geometry
from gradnet_tf.network import crops
from gradnet_tf.network.frame_batch import make_frame_batch

SIZES = ((60, 80), (97, 41), (33, 130))
OF_TARGET = (0, 0, 1, 2, 2, 0, 1)
CENTERS = np.array(
    [[30.2, 40.7], [1.0, 2.0], [90.5, 40.0], [16.5, 65.0], [-20, 140], [59.5, 0.5], [300, 300]]
)
SIDES = np.array([50.0, 31.3, 120.0, 9.5, 77.7, 1.2, 40.0])


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*size, 3), np.uint8) for size in SIZES]


@pytest.fixture(scope="module", params=[False, True], ids=["tight", "padded"])
def frames(request, images):
    return make_frame_batch(images, OF_TARGET, padded=request.param)


def fills(images):
    colours = [crops.mean_colour(image) for image in images]
    return tf.stack([colours[index] for index in OF_TARGET])


def wrappers():
    return {
        "eager": lambda function: function,
        "graph": lambda function: tf.function(function, autograph=False),
        "xla": lambda function: tf.function(function, autograph=False, jit_compile=True),
    }


def test_frames_hold_images_of_any_sizes(frames, images):
    for index, image in enumerate(images):
        pixels = frames.pixels[index, : image.shape[0] * image.shape[1]]
        np.testing.assert_array_equal(np.reshape(pixels, image.shape), image)
    np.testing.assert_array_equal(frames.target_sizes(), [SIZES[index] for index in OF_TARGET])
    np.testing.assert_array_equal(
        frames.mean_colours(), [crops.mean_colour(image).numpy() for image in images]
    )


def test_padding_gives_few_shapes():
    def length(height, width):
        image = np.zeros([height, width, 3], np.uint8)
        return make_frame_batch([image], [0], padded=True).pixels.shape[1]

    assert length(1, 1) == length(240, 320) == length(512, 512) == 2**18
    assert length(480, 640) == length(640, 480) == 2**19
    assert length(1080, 1920) == 2**21
    image = np.zeros([480, 640, 3], np.uint8)
    tight = make_frame_batch([image], [0], padded=False)
    assert tight.pixels.shape == (1, 480 * 640, 3)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_scale_pyramids_equal_those_of_one_target(mode, frames, images):
    sides = SIDES[:, np.newaxis] * geometry.scale_factors(3, 1.04)

    def cut(frames, centers, sides, fill):
        return crops.scale_pyramid(frames, centers, sides, fill, instance_size=31, region_limit=2)

    got = wrappers()[mode](cut)(frames, tf.constant(CENTERS), tf.constant(sides), fills(images))
    assert got.shape == (len(OF_TARGET), 3, 31, 31, 3) and got.dtype == tf.uint8
    for row, index in enumerate(OF_TARGET):
        expected = crops.scale_pyramid(
            tf.constant(images[index]),
            tf.constant(CENTERS[row]),
            tf.constant(sides[row]),
            fills(images)[row],
            instance_size=31,
        )
        np.testing.assert_array_equal(got[row], expected, f"target {row}")


def test_one_level_of_the_pyramids(frames, images):
    sides = SIDES[:, np.newaxis] * geometry.scale_factors(3, 1.04)
    arguments = (frames, tf.constant(CENTERS), tf.constant(sides), fills(images))
    sizes = {"instance_size": 31, "region_limit": 2}
    middle = crops.scale_pyramid(*arguments, levels=(1,), **sizes)
    every = crops.scale_pyramid(*arguments, **sizes)
    np.testing.assert_array_equal(middle[:, 0], every[:, 1])


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_exemplars_equal_those_of_one_target(mode, frames, images):
    def cut(frames, centers, sides, fill):
        return crops.exemplar_crop(frames, centers, sides, fill, 27)

    got = wrappers()[mode](cut)(frames, tf.constant(CENTERS), tf.constant(SIDES), fills(images))
    for row, index in enumerate(OF_TARGET):
        expected = crops.exemplar_crop(
            tf.constant(images[index]),
            tf.constant(CENTERS[row]),
            tf.constant(SIDES[row], tf.float64),
            fills(images)[row],
            27,
        )
        np.testing.assert_array_equal(got[row], expected, f"target {row}")
