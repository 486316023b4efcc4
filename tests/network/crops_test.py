"""Tests of gradnet_tf.network.crops: the same to the bit in every mode, and the same as OpenCV."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.boxes import geometry
from gradnet_tf.network import crops

FACTORS = geometry.scale_factors(3, 1.04)
FILL = np.array([7, 130, 251], np.uint8)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


FRAME = noise(70, 110)

# Centre (y, x) and side of the middle search region.
PLACES = [
    (35.0, 55.0, 60.0),  # upscaled, inside
    (35.5, 54.5, 61.3),
    (34.49, 55.51, 255.0),  # as large as the result
    (35.0, 55.0, 490.4),  # the smallest scale is twice the result or so
    (20.2, 100.7, 700.0),  # downscaled
    (2.0, 3.0, 80.0),  # over each corner
    (68.0, 108.9, 80.0),
    (-5.25, 120.0, 50.0),
    (75.0, -9.5, 50.0),
    (-400.0, -400.0, 90.0),  # far outside
    (35.0, 2000.0, 33.0),
    (1e5, 1e5, 20.0),
    (10.0, 11.0, 1.0),  # one pixel, then less
    (10.4, 11.6, 1.6),
    (10.4, 11.6, 0.3),
    (0.5, 0.5, 2.5),  # ties of rounding
    (12.5, 13.5, 5.5),
]


_random = np.random.default_rng(1)
PLACES += [
    (_random.uniform(-60, 130), _random.uniform(-60, 170), float(np.exp(_random.uniform(0, 6))))
    for _ in range(12)
]


def resize(image, size):
    """OpenCV's bilinear resize of uint8, in NumPy: weights of 11 bits, sums cut twice."""
    source = len(image)
    position = ((np.arange(size) + 0.5) * (source / size) - 0.5).astype(np.float32)
    first = np.floor(position).astype(int)
    fraction = position - first.astype(np.float32)
    weight = np.rint(fraction * np.float32(2048)).astype(int)
    rest = np.rint((np.float32(1) - fraction) * np.float32(2048)).astype(int)
    low, high = np.clip([first, first + 1], 0, source - 1)

    border = low == high  # only along rows: down the columns the two equal taps stay two
    across_rest, across_weight = np.where(border, 2048, rest), np.where(border, 0, weight)
    pixels = image.astype(int)
    across = pixels[:, low] * across_rest[:, None] + pixels[:, high] * across_weight[:, None]
    down = (across[low] >> 4) * rest[:, None, None] >> 16
    down = down + ((across[high] >> 4) * weight[:, None, None] >> 16)
    return (down + 2 >> 2).astype(np.uint8)


def window(image, center, side, fill):
    """The square window around a centre, what lies outside filled."""
    corner = [round(c - (side + 1) / 2) for c in center]
    rows, columns = (c + np.arange(side) for c in corner)
    inside = np.outer(
        (rows >= 0) & (rows < image.shape[0]), (columns >= 0) & (columns < image.shape[1])
    )
    taken = image[np.clip(rows, 0, image.shape[0] - 1)]
    taken = taken[:, np.clip(columns, 0, image.shape[1] - 1)]
    return np.where(inside[..., None], taken, fill)


def pyramid(image, center, sides, fill, resize=resize):
    """The two resizes of the reference in NumPy."""
    sides = [max(round(side), 1) for side in sides]
    zoom = 255 / sides[0]
    region_side = round(zoom * sides[-1])
    region = resize(window(image, center, sides[-1], fill), region_side)
    middle = ((region_side - 1) / 2,) * 2
    return np.stack([resize(window(region, middle, round(zoom * s), fill), 255) for s in sides])


def exemplar(image, center, side, fill):
    return resize(window(image, center, max(round(side), 1), fill), 127)


def both(static_shape):
    """Exemplar and pyramid of one place as one function of tensors."""

    def crop(frame, center, side, fill):
        sides = side * FACTORS
        return (
            crops.exemplar_crop(frame, center, side, fill, static_shape=static_shape),
            crops.scale_pyramid(frame, center, sides, fill, static_shape=static_shape),
        )

    return crop


SIGNATURE = [
    tf.TensorSpec([None, None, 3], tf.uint8),
    tf.TensorSpec([2], tf.float64),
    tf.TensorSpec([], tf.float64),
    tf.TensorSpec([3], tf.uint8),
]


@pytest.fixture(scope="module")
def modes():
    return {
        "eager": both(False),
        "eager_static": both(True),
        "graph": tf.function(both(False), input_signature=SIGNATURE),
        "graph_static": tf.function(both(True), input_signature=SIGNATURE),
        "xla": tf.function(both(True), input_signature=SIGNATURE, jit_compile=True),
    }


def run(mode, frame, y, x, side, fill=FILL):
    return mode(
        tf.constant(frame),
        tf.constant([y, x], tf.float64),
        tf.constant(side, tf.float64),
        tf.constant(fill),
    )


def expected(frame, y, x, side, fill=FILL):
    return exemplar(frame, (y, x), side, fill), pyramid(frame, (y, x), side * FACTORS, fill)


@functools.cache
def expected_at(place):
    return expected(FRAME, *place)


@pytest.mark.parametrize("name", ["eager", "eager_static", "graph", "graph_static", "xla"])
def test_every_mode_equals_numpy_to_the_bit(modes, name):
    for place in PLACES:
        for got, wanted in zip(run(modes[name], FRAME, *place), expected_at(place)):
            assert got.dtype == tf.uint8
            np.testing.assert_array_equal(got, wanted, err_msg=str(place))


@pytest.mark.parametrize("static_shape", [False, True])
def test_inside_a_tf_data_pipeline(static_shape):
    crop = both(static_shape)
    dataset = tf.data.Dataset.from_tensor_slices(tf.constant(PLACES, tf.float64))
    dataset = dataset.map(lambda p: crop(tf.constant(FRAME), p[:2], p[2], tf.constant(FILL)))
    count = 0
    for place, got in zip(PLACES, dataset):
        for actual, wanted in zip(got, expected_at(place)):
            np.testing.assert_array_equal(actual, wanted, err_msg=str(place))
        count += 1
    assert count == len(PLACES)


@pytest.mark.parametrize("name", ["graph", "xla"])
def test_frames_of_all_sizes_without_retracing(modes, name):
    for height, width in ((70, 110), (40, 41), (3, 300), (1, 1), (200, 5)):
        frame = noise(height, width, seed=height)
        place = (height / 2, width / 3, 45.6)
        for got, wanted in zip(run(modes[name], frame, *place), expected(frame, *place)):
            np.testing.assert_array_equal(got, wanted)
    assert modes[name].experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    "source, size",
    [
        (100, 276),
        (57, 271),
        (254, 127),  # exactly 2, where OpenCV changes to the mean of four pixels
        (510, 255),
        (255, 255),
        (245, 255),
        (600, 276),
        (1, 255),
        (2, 127),
        (3, 289),
        (551, 276),
        (127, 254),
        (1000, 255),
    ],
)
def test_resize_equals_numpy_and_opencv(source, size):
    image = noise(source, source, seed=source)
    got = crops.crop_and_resize(
        tf.constant(image), tf.zeros([2], tf.int32), source, size, tf.constant(FILL)
    )
    np.testing.assert_array_equal(got, resize(image, size))
    cv2 = pytest.importorskip("cv2")
    np.testing.assert_array_equal(got, cv2.resize(image, (size, size)))


def test_pyramid_equals_opencv(modes):
    cv2 = pytest.importorskip("cv2")

    def cv2_resize(image, size):
        return cv2.resize(np.ascontiguousarray(image), (size, size))

    for place in PLACES:
        y, x, side = place
        wanted = pyramid(FRAME, (y, x), side * FACTORS, FILL, resize=cv2_resize)
        np.testing.assert_array_equal(
            run(modes["graph"], FRAME, *place)[1], wanted, err_msg=str(place)
        )


def test_far_outside_there_is_only_the_fill(modes):
    for crop in run(modes["graph"], FRAME, -400.0, -400.0, 90.0):
        assert (crop.numpy() == FILL).all()


def test_one_pixel_is_spread():
    crop = crops.exemplar_crop(
        tf.constant(FRAME), tf.constant([11.0, 23.0], tf.float64), 0.2, tf.constant(FILL)
    )
    assert (crop.numpy() == FRAME[10, 22]).all()


@pytest.mark.parametrize(
    "center, side, corner",
    [
        ((10.0, 20.0), 5, (7, 17)),
        ((10.0, 20.0), 4, (8, 18)),  # 7.5 and 17.5: half to even
        ((11.0, 21.0), 4, (8, 18)),
        ((-3.0, 0.25), 7, (-7, -4)),
        ((0.5, 1.5), 1, (0, 0)),  # -0.5 and 0.5
    ],
)
def test_window_corner(center, side, corner):
    got = crops.window_corner(tf.constant(center, tf.float64), tf.constant(side))
    assert got.dtype == tf.int32
    np.testing.assert_array_equal(got, corner)


@pytest.mark.parametrize("levels", [(1,), (0, 2), (2, 1, 0)])
@pytest.mark.parametrize("static_shape", [False, True])
def test_single_levels_are_those_of_the_whole_pyramid(levels, static_shape):
    arguments = (
        tf.constant(FRAME),
        tf.constant([30.0, 90.0], tf.float64),
        tf.constant(77.7 * FACTORS),
        tf.constant(FILL),
    )
    whole = crops.scale_pyramid(*arguments)
    part = crops.scale_pyramid(*arguments, levels=levels, static_shape=static_shape)
    np.testing.assert_array_equal(part, tf.gather(whole, levels))


def other_scales(count, step, **settings):
    """A pyramid of other scales, and the same in NumPy."""
    frame = noise(300, 400)
    sides = 120.0 * geometry.scale_factors(count, step)
    arguments = (tf.constant(frame), tf.constant([150.0, 200.0], tf.float64), tf.constant(sides))
    got = crops.scale_pyramid(*arguments, tf.constant(FILL), **settings)
    return got, pyramid(frame, (150.0, 200.0), sides, FILL)


@pytest.mark.parametrize(
    "count, step, static_shape",
    [
        (1, 1.04, False),
        (1, 1.04, True),
        (3, 1.2, False),
        (3, 1.2, True),
        (5, 1.1, True),
        (3, 1.45, False),
        (5, 1.2, False),
    ],
)
def test_pyramids_of_other_scales(count, step, static_shape):
    got, wanted = other_scales(count, step, static_shape=static_shape)
    assert len(got) == count
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("count, step, ratio", [(3, 1.45, 2), (5, 1.2, 2), (7, 1.3, 4)])
def test_static_pyramids_of_more_than_twice_the_smallest_side(count, step, ratio):
    assert step ** (count - 1) > ratio
    got, wanted = other_scales(count, step, static_shape=True, region_limit=ratio + 1)
    np.testing.assert_array_equal(got, wanted)


# Of 127 px, as the exemplar. Up to twice that all rows of the window are taken, then two for each.
@pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "xla"])
@pytest.mark.parametrize("side", [253, 254, 255, 256, 397, 1600])
def test_windows_far_larger_than_the_result(side, jit_compile):
    frame, center = noise(500, 700), (260.0, 333.0)  # reaches over the border

    def crop(side, static_shape):
        return crops.exemplar_crop(
            tf.constant(frame),
            tf.constant(center, tf.float64),
            side,
            tf.constant(FILL),
            static_shape=static_shape,
        )

    if jit_compile is not None:
        crop = tf.function(crop, jit_compile=jit_compile)
    wanted = exemplar(frame, center, side, FILL)
    for static_shape in (True,) if jit_compile else (False, True):
        got = crop(tf.constant(side, tf.float64), static_shape)
        np.testing.assert_array_equal(got, wanted, err_msg=f"static_shape={static_shape}")


def test_another_instance_size():
    sides = 60.0 * FACTORS
    arguments = (
        tf.constant(FRAME),
        tf.constant([30.0, 90.0], tf.float64),
        tf.constant(sides),
        tf.constant(FILL),
    )
    got = crops.scale_pyramid(*arguments, instance_size=239)
    assert got.shape == (3, 239, 239, 3)
    static = crops.scale_pyramid(*arguments, instance_size=239, static_shape=True)
    np.testing.assert_array_equal(got, static)


@pytest.mark.parametrize(
    "frame",
    [
        np.array([[[0, 3, 255]], [[1, 4, 255]]], np.uint8),  # halves are cut off
        np.array([[[10, 20, 30]] * 2 + [[11, 21, 32]]], np.uint8),
        noise(70, 110),
        np.full((2000, 3000, 3), 255, np.uint8),  # the sum passes 2 ** 32
    ],
    ids=["halves", "thirds", "noise", "large"],
)
def test_mean_colour_is_cut_off_as_by_a_cast(frame):
    colour = crops.mean_colour(tf.constant(frame))
    assert colour.dtype == tf.uint8
    np.testing.assert_array_equal(colour, np.mean(frame, axis=(0, 1)).astype(np.uint8))


def test_the_frame_stays_as_it_is():
    frame = FRAME.copy()
    run(both(False), frame, 35.0, 55.0, 60.0)
    np.testing.assert_array_equal(frame, FRAME)
