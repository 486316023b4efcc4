"""Tests of gradnet_tf.data.distortion."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.data import distortion

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (41, 53, 3)).astype(np.float32)
SEED = tf.constant([3, 4])
NEVER = distortion.DistortionConfig(
    blur_probability=0,
    rotate_probability=0,
    occlude_probability=0,
    max_hue=0,
    max_brightness=0,
)


def numbers(**places):
    """Seven numbers in [0, 1), 0.5 unless a place says otherwise."""
    values = np.full(distortion.UNIFORMS, 0.5, np.float32)
    for name, value in places.items():
        values[int(name[1:])] = value
    return tf.constant(values)


def with_config(**changes):
    return dataclasses.replace(NEVER, **changes)


@pytest.mark.skipif(distortion.addons() is None, reason="there is no tensorflow-addons here")
class TestAddons:
    """Equal to tensorflow-addons."""

    @pytest.mark.parametrize("sigma", [0.7, 1.4, 5.0])
    def test_blur(self, sigma):
        np.testing.assert_allclose(
            distortion.plain_blur(IMAGE, sigma),
            distortion.blur(tf.constant(IMAGE), sigma),
            rtol=2e-6,
        )

    @pytest.mark.parametrize("angle", [0.0, 0.1, -0.3, 2.0])
    def test_rotate(self, angle):
        np.testing.assert_array_equal(
            distortion.rotate(IMAGE, angle),
            distortion.addons().rotate(
                tf.constant(IMAGE), angle, interpolation="bilinear", fill_mode="nearest"
            ),
        )

    @pytest.mark.parametrize("position", [(20, 20), (0, 0), (40, 52), (3, 50)])
    def test_cutout(self, position):
        np.testing.assert_array_equal(
            distortion.cutout(IMAGE, 12, position, 7.0),
            distortion.addons().cutout(tf.constant(IMAGE)[tf.newaxis], 12, position, 7.0)[0],
        )


@pytest.mark.parametrize("function", [distortion.blur, distortion.plain_blur])
def test_blur_is_a_gaussian(function):
    point = np.zeros((21, 21, 3), np.float32)
    point[10, 10] = 1000
    result = function(tf.constant(point), 1.0).numpy()
    assert result.sum() == pytest.approx(3000, rel=1e-5)
    assert result[10, 11, 0] / result[10, 10, 0] == pytest.approx(np.exp(-0.5), rel=1e-4)
    assert result[11, 11, 1] / result[10, 10, 1] == pytest.approx(np.exp(-1.0), rel=1e-4)
    assert result[10, 6, 2] == 0


def test_a_quarter_turn_counterclockwise():
    square = IMAGE[:41, :41]
    turned = distortion.rotate(tf.constant(square), np.pi / 2).numpy()
    np.testing.assert_allclose(turned, np.rot90(square), atol=0.05)


def test_cutout_covers_its_square():
    result = distortion.cutout(tf.constant(IMAGE), 6, tf.constant([2, 30]), 9.0).numpy()
    expected = IMAGE.copy()
    expected[0:5, 27:33] = 9.0
    np.testing.assert_array_equal(result, expected)


def test_nothing_happens_where_nothing_may():
    same = distortion.before_crop(IMAGE, numbers(), SEED, NEVER)
    np.testing.assert_allclose(same, IMAGE, rtol=1e-6)
    np.testing.assert_array_equal(
        distortion.after_crop(tf.constant(IMAGE), numbers(), NEVER), IMAGE
    )


@pytest.mark.parametrize(("draw", "sigma"), [(0.0, 0.7), (0.09, 0.7), (0.11, 1.4), (0.21, None)])
def test_the_draw_chooses_the_blur(draw, sigma):
    config = with_config(blur_probability=0.2, blur_sigmas=(0.7, 1.4))
    result = distortion.before_crop(IMAGE, numbers(_2=draw), SEED, config)
    expected = IMAGE if sigma is None else distortion.plain_blur(IMAGE, sigma)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(("draw", "angle"), [(0.0, -8.0), (0.5, 0.0), (0.75, 4.0)])
def test_the_draw_chooses_the_angle(draw, angle):
    config = with_config(rotate_probability=0.5, max_angle=8.0)
    result = distortion.before_crop(IMAGE, numbers(_0=0.4, _1=draw), SEED, config)
    expected = distortion.rotate(IMAGE, np.float32(np.radians(angle)))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-2)
    same = distortion.before_crop(IMAGE, numbers(_0=0.6, _1=draw), SEED, config)
    np.testing.assert_allclose(same, IMAGE, rtol=1e-6)


def test_the_occluder_stands_where_it_was_drawn():
    config = with_config(occlude_probability=0.3, occluder_size=8)
    draws = numbers(_3=0.2, _4=0.5, _5=0.25, _6=0.5)
    result = distortion.after_crop(tf.constant(IMAGE), draws, config)
    expected = distortion.cutout(IMAGE, 8, (20, 13), 127.5)
    np.testing.assert_array_equal(result, expected)


def test_brightness_moves_all_channels_alike_and_depends_on_the_seed():
    grey = np.full((5, 5, 3), 100, np.float32)
    config = with_config(max_brightness=20.0)
    offsets = []
    for seed in range(50):
        result = distortion.before_crop(grey, numbers(), tf.constant([seed, 0]), config).numpy()
        assert np.ptp(result) < 1e-3
        offsets.append(result[0, 0, 0] - 100)
    assert -20 <= min(offsets) < -10 and 10 < max(offsets) <= 20


def test_hue_turns_colours_and_leaves_grey():
    config = with_config(max_hue=0.1)
    red = np.zeros((4, 4, 3), np.float32) + [200, 20, 20]
    grey = np.full((4, 4, 3), 99, np.float32)
    assert np.abs(distortion.before_crop(red, numbers(), SEED, config) - red).max() > 5
    np.testing.assert_allclose(
        distortion.before_crop(grey, numbers(), SEED, config), grey, rtol=1e-5
    )


def test_results_stay_in_range():
    config = distortion.DistortionConfig(max_brightness=200.0, blur_probability=1.0)
    for seed in range(5):
        result = distortion.before_crop(
            IMAGE, numbers(_0=0.1), tf.constant([seed, 1]), config
        ).numpy()
        assert 0 <= result.min() and result.max() <= 255


def test_every_mode_gives_the_same():
    config = distortion.DistortionConfig(blur_probability=1.0, occlude_probability=1.0)

    def function(image, draws, seed):
        image = distortion.before_crop(image, draws, seed, config)
        return distortion.after_crop(image, draws, config)

    arguments = (tf.constant(IMAGE), numbers(_0=0.3, _1=0.8), SEED)
    expected = function(*arguments).numpy()
    np.testing.assert_allclose(tf.function(function)(*arguments), expected, rtol=1e-6, atol=1e-4)
    data = tf.data.Dataset.from_tensors(arguments).map(function)
    np.testing.assert_allclose(next(iter(data)), expected, rtol=1e-6, atol=1e-4)


def test_blur_and_occlusion_compile_with_xla():
    def function(image, position):
        return distortion.cutout(distortion.plain_blur(image, 1.4), 8, position, 3.0)

    arguments = (tf.constant(IMAGE), tf.constant([7, 9]))
    compiled = tf.function(function, jit_compile=True)
    np.testing.assert_allclose(compiled(*arguments), function(*arguments), rtol=1e-5, atol=1e-4)
