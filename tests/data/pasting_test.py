"""Tests of gradnet_tf.data.pasting: the pixels of scenes."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gradnet_tf.data import pasting
from gradnet_tf.data.scenes import Drift, Paste
from gradnet_tf.data_prep import curate
from tests.helpers import track_records

RANDOM = np.random.default_rng(0)
REGION = np.array(Image.open(io.BytesIO(track_records.jpeg(255, 1)))).astype(np.float32)
EXEMPLAR = track_records.jpeg(127, 2)
OTHER = np.array(Image.open(io.BytesIO(EXEMPLAR))).astype(np.float32)
BESIDE = Paste(0.0, 70.0, 60.0, 50.0, 1.0, 80.0, 40.0, 1.0)
NOTHING = [0.0] * len(Paste._fields)


def paste(image=REGION, other=OTHER, **changes):
    values = tf.constant(BESIDE._replace(**changes), tf.float32)
    return pasting.paste_object(tf.constant(image), tf.constant(other), values).numpy()


def change(image=REGION, **changes):
    return pasting.change(tf.constant(image), tf.constant(Drift(**changes), tf.float32)).numpy()


def test_the_object_stands_where_it_was_drawn():
    result = paste()
    # Its inner part is the other image's; 63 is its centre and 127 the region's.
    np.testing.assert_allclose(
        result[127 - 20 : 127 + 21, 197 - 15 : 197 + 16],
        OTHER[63 - 20 : 63 + 21, 63 - 15 : 63 + 16],
        atol=1e-3,
    )
    outside = np.ones([255, 255], bool)
    outside[127 - 30 : 127 + 31, 197 - 25 : 197 + 26] = False
    np.testing.assert_array_equal(result[outside], REGION[outside])


def test_its_edges_are_soft():
    white, black = np.full_like(OTHER, 255), np.zeros_like(REGION)
    line = paste(black, white, behind=0)[127, 165:230, 0]
    assert line.max() == 255 and line[0] == line[-1] == 0
    steps = np.abs(np.diff(line))
    assert 0 < steps.max() < 70


def test_mirrored_and_scaled():
    mirrored = paste(scale=-1.0)
    np.testing.assert_allclose(
        mirrored[127, 197 - 15 : 197 + 16], OTHER[63, 63 - 15 : 63 + 16][::-1], atol=1e-3
    )
    halved = paste(scale=0.5, height=30.0, width=25.0)
    np.testing.assert_allclose(halved[127, 197 - 7 : 197 + 8], OTHER[63, 49:78:2], atol=1e-3)


def test_a_lookalike_leaves_the_target_as_it_is_and_an_occlusion_does_not():
    target = np.s_[127 - 40 : 127 + 41, 127 - 20 : 127 + 21]
    near = paste(x=35.0)
    np.testing.assert_array_equal(near[target], REGION[target])
    assert np.abs(near - REGION).max() > 20
    over = paste(x=35.0, behind=0.0)
    covered = np.abs(over[target] - REGION[target]).max(axis=2) > 0
    assert 0.1 < covered.mean() < 0.4 and not covered[:, :15].any()


@pytest.mark.parametrize(("drift", "expected"), [(0.9, 0.9), (1.25, 1.25)])
def test_scale_grows_around_the_centre(drift, expected):
    places = np.arange(255.0) - 127
    disc = (np.hypot(places[:, None], places) < 40)[..., None] * np.full(3, 200.0, np.float32)
    result = change(disc.astype(np.float32), scale=drift)
    assert np.sqrt((result[..., 0] > 100).sum() / np.pi) == pytest.approx(40 * expected, abs=0.6)
    rows, columns = np.nonzero(result[..., 0] > 100)
    assert (rows.mean(), columns.mean()) == (pytest.approx(127), pytest.approx(127))


def test_light():
    grey = np.full((255, 255, 3), 51, np.float32)
    np.testing.assert_allclose(change(grey, gain=1.5), 76.5, rtol=1e-5)
    np.testing.assert_allclose(change(grey, gamma=2.0), 255 * 0.04, rtol=1e-4)
    np.testing.assert_allclose(change(grey, contrast=1.5), grey, rtol=1e-5)
    more = change(contrast=1.2)
    mean = REGION.mean()
    inner = (more > 0) & (more < 255)
    np.testing.assert_allclose(
        more[inner], (mean + 1.2 * (REGION - mean))[inner], rtol=1e-3, atol=0.05
    )
    assert change(gain=2.0, contrast=2.0).max() <= 255 and change(contrast=2.0).min() >= 0


def test_blur_and_nothing():
    point = np.zeros((255, 255, 3), np.float32)
    point[127, 127] = 200
    result = change(point, sigma=1.0)
    assert result[127, 128, 0] / result[127, 127, 0] == pytest.approx(np.exp(-0.5), rel=1e-4)
    np.testing.assert_array_equal(change(), REGION)
    np.testing.assert_array_equal(
        pasting.apply(REGION.astype(np.uint8), tf.constant(b""), NOTHING, tf.constant(Drift())),
        REGION,
    )


def test_places_between_pixels_and_outside():
    image = RANDOM.uniform(0, 255, (5, 6, 3)).astype(np.float32)
    result = pasting.resample(
        tf.constant(image), tf.constant([1.25, -3.0]), tf.constant([0.0, 2.5, 9.0])
    ).numpy()
    between = 0.75 * image[1] + 0.25 * image[2]
    np.testing.assert_allclose(result[0, 1], (between[2] + between[3]) / 2, rtol=1e-5)
    np.testing.assert_allclose(result[0, 2], between[5], rtol=1e-5)
    np.testing.assert_array_equal(result[1, 0], image[0, 0])


def test_every_mode_gives_the_same():
    drift = Drift(1.3, 0.8, 1.1, 1.2, 1.07)
    arguments = (
        tf.constant(REGION),
        tf.constant(EXEMPLAR),
        tf.constant(BESIDE._replace(scale=-0.9), tf.float32),
        tf.constant(drift, tf.float32),
    )
    expected = pasting.apply(*arguments).numpy()
    assert np.abs(expected - REGION).max() > 20
    np.testing.assert_allclose(
        tf.function(pasting.apply)(*arguments), expected, rtol=1e-5, atol=1e-3
    )
    data = tf.data.Dataset.from_tensors(arguments).map(pasting.apply)
    np.testing.assert_allclose(next(iter(data)), expected, rtol=1e-5, atol=1e-3)

    def decoded(image, other, paste, drift):
        return pasting.change(pasting.paste_object(image, other, paste), drift)

    compiled = tf.function(decoded, jit_compile=True)
    other = tf.io.decode_jpeg(EXEMPLAR, dct_method="INTEGER_ACCURATE")
    result = compiled(arguments[0], tf.cast(other, tf.float32), *arguments[2:])
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-2)


def test_targets_are_as_large_as_their_crops_show_them():
    boxes = np.array([[10.0, 20.0, 200.0, 80.0], [0.0, 5.0, 30.0, 300.0]])
    for box, size in zip(boxes, pasting.target_sizes(boxes)):
        for crop in curate.boxes_in_crops(box):
            np.testing.assert_allclose(crop[:1:-1], size, rtol=0.01)
