"""Tests of gradnet_tf.data.scenes: what is pasted where, and how tracks drift."""

import dataclasses

import numpy as np
import pytest

from gradnet_tf.data import sampling, scenes
from gradnet_tf.data.scenes import SceneConfig

FRAMES = 11
# Videos 0 to 4 of one track, video 5 of two (5 and 6), video 6 a still image; video 4 is held out.
VIDEOS = sampling.Videos(
    pools=(np.array([0, 1, 2]), np.array([3, 5, 6])),
    weights=None,
    tracks=[*(np.array([video]) for video in range(5)), np.array([5, 6]), np.array([7])],
    first_frame=np.array([*range(0, 7 * FRAMES + 1, FRAMES), 7 * FRAMES + 1]),
    frames=np.array([*list(range(0, 10 * FRAMES, 10)) * 7, 3]),
)
SIZES = np.random.default_rng(0).uniform(30, 90, (len(VIDEOS.frames), 2))
EVERYTHING = SceneConfig(
    lookalikes=0.4, occlusion=0.3, blur_drift=2.0, light_drift=0.5, scale_drift=0.1
)
STILL = 7 * FRAMES


def draw(config, frames, seed=1, origin=0.0, course=None, videos=VIDEOS, frame_range=1000):
    stage = scenes.Stage(config, videos, SIZES, frame_range)
    uniforms = sampling.uniforms((seed, 0, 0), 0, (len(frames), scenes.UNIFORMS))
    shape = (len(frames), scenes.TRACK_UNIFORMS)
    courses = (
        sampling.uniforms((seed, 0, 0), 1, shape) if course is None else np.full(shape, course)
    )
    return stage.draw(np.array(frames), uniforms, courses, np.full(len(frames), origin))


def test_the_same_numbers_draw_the_same_scenes_alone_and_together():
    frames = np.arange(len(VIDEOS.frames))
    stage = scenes.Stage(EVERYTHING, VIDEOS, SIZES, 50)
    uniforms = sampling.uniforms((1, 0, 0), 0, (len(frames), scenes.UNIFORMS))
    courses = sampling.uniforms((1, 0, 0), 1, (len(frames), scenes.TRACK_UNIFORMS))
    origins = np.zeros(len(frames))
    together = stage.draw(frames, uniforms, courses, origins)
    for row in (0, 7, 50, STILL):
        part = slice(row, row + 1)
        alone = stage.draw(frames[part], uniforms[part], courses[part], origins[part])
        for one, other in zip(alone, together):
            np.testing.assert_array_equal(one, other[part])
    assert [column.dtype for column in together] == [np.int64, np.float32, np.float32]


def test_what_is_pasted_is_of_another_video_for_training():
    frames = np.tile(np.arange(len(VIDEOS.frames)), 20)
    found = draw(SceneConfig(lookalikes=0.5, occlusion=0.3), frames)
    pasted = found.partner >= 0
    assert 0.75 < pasted.mean() < 0.85
    assert 0.45 < found.paste[:, -1].mean() < 0.55  # Behind the target: look-alikes.
    video_of = np.array([0, 1, 2, 3, 4, 5, 5, 6])
    own, other = (
        video_of[np.searchsorted(VIDEOS.first_frame, numbers, side="right") - 1]
        for numbers in (frames[pasted], found.partner[pasted])
    )
    assert (own != other).all()
    assert set(other) == {0, 1, 2, 3, 5, 6}
    for video in range(7):  # One that is held out gets others, too.
        assert set(other[own == video]) == {0, 1, 2, 3, 5, 6} - {video}
    np.testing.assert_allclose(found.paste[pasted, 5:7], SIZES[frames[pasted]], rtol=1e-6)


def test_the_shape_of_what_is_pasted_is_alike():
    frames = np.repeat(np.arange(0, 60), 20)
    found = draw(SceneConfig(lookalikes=1.0), frames)
    shapes = np.log(SIZES[:, 0] / SIZES[:, 1])
    difference = np.abs(shapes[found.partner] - shapes[frames]).mean()
    by_chance = np.abs(np.random.default_rng(0).permutation(shapes[found.partner]) - shapes[frames])
    assert difference < 0.5 * by_chance.mean()
    heights = found.paste[:, 2] / SIZES[found.partner, 0]
    assert 0.7 <= heights.min() < 0.75 and 1.15 < heights.max() <= 1.2
    np.testing.assert_allclose(found.paste[:, 3] / SIZES[found.partner, 1], heights, rtol=1e-5)
    np.testing.assert_allclose(np.abs(found.paste[:, 4]), heights, rtol=1e-5)
    assert 0.4 < (found.paste[:, 4] < 0).mean() < 0.6


def test_one_video_alone_has_nothing_to_paste():
    alone = dataclasses.replace(VIDEOS, pools=(np.array([5]),))
    frames = np.arange(5 * FRAMES, 7 * FRAMES)
    assert (draw(SceneConfig(lookalikes=1.0), frames, videos=alone).partner == -1).all()


def test_a_lookalike_is_beside_the_target():
    """Less than a quarter of its box is behind the target's."""
    found = draw(SceneConfig(lookalikes=1.0), np.tile(np.arange(77), 10))
    sides = set()
    for y, x, height, width, _, *target, behind in found.paste.tolist():
        assert behind == 1
        gaps = np.abs([y, x]) - np.add(target, [height, width]) / 2
        along = int(np.argmax(gaps + np.array([height, width]) / 4))
        assert gaps[along] >= -np.array([height, width])[along] / 4 - 1e-3
        assert max(abs(y), abs(x)) <= 110
        sides.add((along, [y, x][along] > 0))
    assert len(sides) == 4


def test_an_occlusion_covers_a_fifth_to_half_from_one_side():
    found = draw(SceneConfig(occlusion=1.0), np.tile(np.arange(77), 10))
    shares = []
    for y, x, height, width, _, *target, behind in found.paste.tolist():
        assert behind == 0
        lengths = [
            min(centre + side / 2, extent / 2) - max(centre - side / 2, -extent / 2)
            for centre, side, extent in zip((y, x), (height, width), target)
        ]
        shares.append(np.divide(lengths, target))
    shares = np.array(shares)
    assert shares.min() > 0  # It always meets the target.
    assert shares.prod(axis=1).max() <= 0.5 + 1e-6 and shares.prod(axis=1).mean() > 0.15
    assert (shares.min(axis=1) <= 0.5 + 1e-6).all()


def test_drift_grows_with_the_distance():
    frames = np.arange(FRAMES)
    config = SceneConfig(blur_drift=2.0, light_drift=0.5, scale_drift=0.1)
    drift = draw(config, frames, course=1 - 1e-12).drift
    assert (draw(config, frames).partner == -1).all()
    progress = frames / (FRAMES - 1)
    np.testing.assert_allclose(drift[:, 0], 2 * progress, rtol=1e-5)
    for column in (1, 2, 3):
        np.testing.assert_allclose(drift[:, column], 1.5**progress, rtol=1e-5)
    np.testing.assert_allclose(drift[:, 4], 1.1**progress, rtol=1e-5)
    # From the middle it goes both ways, and blur grows both ways.
    drift = draw(config, frames, origin=50.0, course=1 - 1e-12).drift
    np.testing.assert_allclose(drift[:, 4], 1.1 ** np.linspace(-0.5, 0.5, FRAMES), rtol=1e-5)
    np.testing.assert_allclose(drift[:, 0], 2 * np.abs(np.linspace(-0.5, 0.5, FRAMES)), atol=1e-6)
    # A long track has drifted to the end after frame_range.
    drift = draw(config, frames, course=1 - 1e-12, frame_range=20).drift
    np.testing.assert_allclose(drift[:, 0], [0, 1, *[2] * 9], rtol=1e-5)


def test_single_frames_are_anywhere_on_their_course():
    drift = draw(EVERYTHING, [STILL] * 200, origin=3.0).drift
    assert 1.5 < drift[:, 0].max() <= 2
    assert 0.9 <= drift[:, 4].min() < 0.95 and 1.05 < drift[:, 4].max() <= 1.1


def test_what_is_off_changes_nothing():
    found = draw(SceneConfig(occlusion=1e-9), np.arange(77))
    assert (found.partner == -1).all() and (found.paste == 0).all()
    np.testing.assert_array_equal(found.drift, [[0, 1, 1, 1, 1]] * 77)
    assert not SceneConfig().active and SceneConfig(light_drift=0.1).active


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lookalikes": 1.5}, "lookalikes must be in 0..1, got 1.5"),
        ({"occlusion": -0.1}, "occlusion must be in 0..1, got -0.1"),
        ({"occlusion": float("nan")}, "occlusion must be in 0..1, got nan"),
        ({"blur_drift": 4.0}, "blur_drift must be in 0..3, got 4.0"),
        ({"light_drift": -1.0}, "light_drift must be in 0..1, got -1.0"),
        ({"scale_drift": float("inf")}, "scale_drift must be in 0..1, got inf"),
        ({"lookalikes": 0.6, "occlusion": 0.5}, "lookalikes=0.6 and occlusion=0.5 must not be"),
    ],
)
def test_settings_out_of_range_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        SceneConfig(**change)
