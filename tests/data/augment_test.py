"""Tests of gradnet_tf.data.augment: equal to the reference's augmentation, in every mode."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.data import augment
from tests.helpers import goldens

GOLDEN = goldens.load(0, "augment")
IMAGE = GOLDEN["image"].astype(np.float32)
SIZE, SOURCE = 239, len(IMAGE)
CONFIG = augment.AugmentConfig()


def reference_noise(seed, config=CONFIG):
    """The numbers that the reference draws after NumPy's global seed, in its order.

    Two of the stretch, the shift along x, that along y, three of the colour. The shifts are whole
    numbers there; here each becomes the middle of its part of [0, 1).
    """
    random = np.random.RandomState(seed)
    stretch = random.rand(2, 1)[:, 0]
    window = augment.window_size(stretch, SIZE, SOURCE, config.max_stretch)
    limits = augment.translation_limits(window, SOURCE, config.max_translate)
    shift_x, shift_y = (random.randint(-limits[axis], limits[axis] + 1) for axis in (1, 0))
    translate = (np.array([shift_y, shift_x]) + limits + 0.5) / (2 * limits + 1)
    return augment.Noise(stretch, translate, random.randn(3, 1)[:, 0])


def crop(parameters, image=IMAGE):
    return augment.apply(tf.constant(image), *map(tf.constant, parameters)).numpy()


@pytest.mark.parametrize("number", range(len(GOLDEN["seeds"])))
def test_the_crops_of_the_reference(number):
    noise = reference_noise(int(GOLDEN["seeds"][number]))
    parameters = augment.draw(noise, SIZE, SOURCE, GOLDEN["rgb_var"], CONFIG)
    expected = GOLDEN["train_outputs"][number]
    np.testing.assert_allclose(crop(parameters)[::5, ::5], expected, rtol=0, atol=1e-3)

    # The values tell the places: without the colour every pixel is one of the image's, exactly.
    plain = np.rint(expected + parameters.colour)
    sampled = IMAGE[parameters.rows[::5]][:, parameters.columns[::5]]
    np.testing.assert_array_equal(plain, sampled)


def test_the_validation_crop_of_the_reference():
    parameters = augment.centre(SIZE, SOURCE)
    np.testing.assert_array_equal(crop(parameters)[::5, ::5], GOLDEN["val_output"])
    np.testing.assert_array_equal(crop(parameters), IMAGE[16:-16, 16:-16])


def test_without_the_quirks_columns_have_places_of_their_own():
    config = augment.AugmentConfig(reference_quirks=False)
    noise = reference_noise(1000)
    quirky = augment.draw(noise, SIZE, SOURCE, None, CONFIG)
    right = augment.draw(noise, SIZE, SOURCE, None, config)
    np.testing.assert_array_equal(quirky.columns, quirky.rows)
    np.testing.assert_array_equal(right.rows, quirky.rows)
    flipped = augment.Noise(noise.stretch[::-1], noise.translate[::-1], noise.colour)
    other = augment.draw(flipped, SIZE, SOURCE, None, config)
    np.testing.assert_array_equal(right.columns, other.rows)
    assert np.any(right.columns != right.rows)


def test_several_crops_at_once_are_those_one_by_one():
    values = np.random.default_rng(0).random((5, 2, augment.UNIFORMS))
    for quirks in (True, False):
        config = augment.AugmentConfig(reference_quirks=quirks)
        together = augment.draw(
            augment.Noise.from_uniforms(values), SIZE, 255, GOLDEN["rgb_var"], config
        )
        for place in np.ndindex(5, 2):
            noise = augment.Noise.from_uniforms(values[place])
            single = augment.draw(noise, SIZE, 255, GOLDEN["rgb_var"], config)
            np.testing.assert_array_equal(together.rows[place], single.rows)
            np.testing.assert_array_equal(together.columns[place], single.columns)
            np.testing.assert_allclose(together.colour[place], single.colour, rtol=1e-6)


@pytest.mark.parametrize(("size", "source", "shift"), [(127, 127, 3), (239, 255, 4), (255, 255, 4)])
def test_crops_stay_inside_their_images(size, source, shift):
    values = np.random.default_rng(1).random((500, augment.UNIFORMS))
    values[0], values[1] = 0.0, 1 - 2.0**-53
    noise = augment.Noise.from_uniforms(values)
    config = augment.AugmentConfig(reference_quirks=False)
    parameters = augment.draw(noise, size, source, GOLDEN["rgb_var"], config)
    for positions in (parameters.rows, parameters.columns):
        assert positions.min() >= 0 and positions.max() < source
        assert np.all(np.diff(positions, axis=-1) >= 0)
    assert np.all(np.isfinite(parameters.colour))
    windows = augment.window_size(noise.stretch, size, source, 0.05)
    assert windows.min() >= np.floor(0.95 * size) and windows.max() <= source
    middles = (parameters.rows[:, 0] + parameters.rows[:, -1]) / 2 - (source - 1) / 2
    assert np.abs(middles).max() == pytest.approx(shift, abs=0.5)


def test_no_stretch_and_no_translation_is_the_middle():
    config = augment.AugmentConfig(max_translate=0, max_stretch=0.0, color=False)
    noise = augment.Noise.from_uniforms(np.full(augment.UNIFORMS, 0.9))
    for drawn, middle in zip(
        augment.draw(noise, SIZE, 255, GOLDEN["rgb_var"], config), augment.centre(SIZE, 255)
    ):
        np.testing.assert_array_equal(drawn, middle)


def test_normal_numbers_are_normal():
    values = np.random.default_rng(2).random((20000, augment.UNIFORMS))
    colour = augment.Noise.from_uniforms(values).colour
    assert np.abs(colour.mean(axis=0)).max() < 0.03
    np.testing.assert_allclose(np.cov(colour.T), np.eye(3), atol=0.04)


COVARIANCE = np.array([[400.0, 300, 200], [300, 500, 350], [200, 350, 600]])


def test_colour_variation_is_a_tenth_of_the_axes():
    variation = augment.colour_variation(COVARIANCE)
    np.testing.assert_allclose(variation.T @ variation, 0.01 * COVARIANCE, atol=1e-9)
    lengths = np.linalg.norm(variation, axis=1)
    np.testing.assert_allclose(lengths, 0.1 * np.sqrt(np.linalg.eigvalsh(COVARIANCE)))
    assert np.all(np.diff(lengths) > 0)
    assert np.all(np.isfinite(augment.colour_variation(np.ones((3, 3)))))


def test_colour_offsets_have_the_covariance_where_the_quirks_are_off():
    values = np.random.default_rng(3).random((20000, augment.UNIFORMS))
    noise = augment.Noise.from_uniforms(values)
    variation = augment.colour_variation(COVARIANCE)

    def covariance(quirks):
        config = augment.AugmentConfig(reference_quirks=quirks)
        return np.cov(augment.draw(noise, 3, 5, variation, config).colour.T)

    bgr = 0.01 * COVARIANCE[::-1, ::-1]
    np.testing.assert_allclose(covariance(False), bgr, atol=0.2)
    np.testing.assert_allclose(
        covariance(True), np.diag(0.01 * np.linalg.eigvalsh(COVARIANCE)), atol=0.2
    )


def test_every_mode_gives_the_same_bits():
    parameters = augment.draw(reference_noise(1003), SIZE, SOURCE, GOLDEN["rgb_var"], CONFIG)
    arguments = [tf.constant(value) for value in (GOLDEN["image"], *parameters)]
    expected = augment.apply(*arguments).numpy()
    assert expected.dtype == np.float32
    for compiled in (tf.function(augment.apply), tf.function(augment.apply, jit_compile=True)):
        np.testing.assert_array_equal(compiled(*arguments), expected)
    data = tf.data.Dataset.from_tensors(tuple(arguments)).map(augment.apply)
    np.testing.assert_array_equal(next(iter(data)), expected)


def test_a_window_may_reach_over_the_edge():
    """Sizes and shifts are those that were drawn; pixels beyond the edge are those of the edge."""
    config = augment.AugmentConfig(reference_quirks=False, scale_jitter=0.2, beyond=True)
    values = np.full((3, augment.UNIFORMS_WITH_SCALE), 0.5)
    values[:, 8] = 0.5, 1.0, 0.0
    values[0, 0:2] = 1.0, 0.0  # Stretch.
    values[2, 2:4] = 0.99, 0.0  # Shift.
    rows, columns, _ = augment.draw(augment.Noise.from_uniforms(values), 101, 101, None, config)
    assert rows.min() == columns.min() == 0 and rows.max() == columns.max() == 100
    # 5% taller and 5% narrower.
    assert (rows[0, 0], rows[0, 2], rows[0, -1]) == (0, 0, 100) and (rows[0] == 0).sum() == 3
    assert (columns[0, 0], columns[0, -1]) == (2, 98)
    # 20% larger: ten pixels of each edge are beyond it.
    np.testing.assert_array_equal(rows[1], columns[1])
    assert (rows[1] == 0).sum() == (rows[1] == 100).sum() == 9
    # 20% smaller, and moved by 4 px.
    assert (rows[2, 0], rows[2, -1]) == (8 + 4, 92 + 4)
    assert (columns[2, 0], columns[2, -1]) == (8 - 4, 92 - 4)
