"""Colour statistics summed up in parts."""

import json

import numpy as np

from gradnet_tf.data_prep import statistics


def crops(seed=0):
    random = np.random.default_rng(seed)
    base = random.integers(0, 256, (5, 7, 9, 1))
    return np.clip(base + random.integers(-40, 41, (5, 7, 9, 3)), 0, 255).astype(np.uint8)


def test_equal_to_numpy_over_all_pixels():
    images = crops()
    images[3] = 255
    found = statistics.describe(statistics.total(map(statistics.of_image, images)))
    pixels = images.reshape(-1, 3).astype(np.float64)
    assert found.pixels == len(pixels)
    np.testing.assert_allclose(found.mean, pixels.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(pixels.T, ddof=0), rtol=1e-12)


def test_order_and_parts_do_not_matter():
    images = crops(1)
    parts = [statistics.of_image(image) for image in images]
    whole = statistics.of_image(images.reshape(-1, 9, 3))
    again = statistics.from_json(json.loads(json.dumps(statistics.to_json(whole))))
    for sums in (statistics.total(reversed(parts)), statistics.total(parts), again):
        assert sums.dtype == np.int64
        np.testing.assert_array_equal(sums, whole)


def test_nothing_cancels_in_a_large_set():
    """A million bright crops that differ by one grey level in one pixel in 255 * 255."""
    image = np.full((255, 255, 3), 254, np.uint8)
    image[0, 0] = 255
    many = statistics.of_image(image) * 10**6
    share = 1 / 255**2
    found = statistics.describe(many)
    np.testing.assert_allclose(found.covariance, share * (1 - share), rtol=1e-13)
