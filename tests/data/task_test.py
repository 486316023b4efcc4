"""Tests of gradnet_tf.data.task: what sequences of updates are drawn from, and where labels are."""

import dataclasses

import numpy as np
import pytest

from gradnet_tf.data import sampling, task
from gradnet_tf.data.task import TaskConfig

BATCH, FRAMES = 3, 8
VIDEOS = sampling.Videos(
    pools=(np.arange(6),),
    weights=None,
    tracks=[np.array([video]) for video in range(6)],
    # The last video is a still image.
    first_frame=np.array([*range(0, 5 * FRAMES + 1, FRAMES), 5 * FRAMES + 1]),
    frames=np.array([*list(range(0, 10 * FRAMES, 10)) * 5, 0]),
)
FULL = TaskConfig(updates=3, regions=6, first_frame_weight=0.25, shift=2, sample_shift=1)


def draw(config=FULL, step=0, batch=BATCH, seed=1):
    pairs = sampling.choose_pairs(VIDEOS, (seed, step, 0), batch, 1000)
    sequence = task.draw(VIDEOS, pairs, config, (seed, step, 0), 1000)
    return pairs, sequence


def many(config, count=200, **options):
    return [draw(config, step, **options) for step in range(count)]


def video_of(frame):
    return np.searchsorted(VIDEOS.first_frame, frame, side="right") - 1


def test_the_regions_of_a_sequence():
    for pairs, sequence in many(FULL, 50):
        videos = video_of(sequence.frame)
        assert sequence.frame[0] == pairs.z[0]
        np.testing.assert_array_equal(
            videos, [*[pairs.video[0]] * 6, *np.repeat(pairs.video[1:], 2)]
        )
        # What is judged has not been seen, unless there is no other frame.
        if pairs.video[0] < 5:
            assert len(set(sequence.frame[:6])) == 6
        for first in (6, 8):
            assert (sequence.frame[first] != sequence.frame[first + 1]) == (videos[first] < 5)


def test_the_shares_of_an_update_and_of_its_loss():
    _, sequence = draw()
    third = 1 / 3
    others = [third, 0, third, 0]
    np.testing.assert_allclose(
        sequence.gradient,
        [
            [third, 0, 0, 0, 0, 0, *others],
            [0.25 * third, 0.75 * third, 0, 0, 0, 0, *others],
            [0.25 * third, 0, 0.75 * third, 0, 0, 0, *others],
        ],
        rtol=1e-6,
    )
    ninth = third / 3
    np.testing.assert_allclose(
        sequence.loss, [0, 0, 0, ninth, ninth, ninth, 0, third, 0, third], rtol=1e-6
    )


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_how_often_other_videos_take_part(share):
    sequences = [s for _, s in many(dataclasses.replace(FULL, generalization=share))]
    together = np.mean([s.loss[6:].any() for s in sequences])
    assert together == pytest.approx(share, abs=0.1 if share == 0.5 else 0)
    for sequence in sequences:
        np.testing.assert_allclose(sequence.gradient.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_allclose(sequence.loss.sum(), 1, rtol=1e-6)
        assert sequence.gradient[:, 6:].any() == sequence.loss[6:].any()


def test_only_labels_of_samples_are_not_where_the_target_is():
    found = [s for _, s in many(FULL)]
    off = np.stack([s.label - s.moved for s in found])
    moved = np.stack([s.moved for s in found])
    samples, judged = [1, 2], [3, 4, 5, 7, 9]
    for places, values, most in ((samples, off, 1), (judged, moved, 2)):
        assert set(np.unique(values[:, places])) == set(range(-most, most + 1))
        rest = [place for place in range(10) if place not in places]
        assert not values[:, rest].any()


def test_wrong_samples_are_another_target_or_background():
    config = dataclasses.replace(FULL, wrong_samples=0.5, sample_shift=0)
    kinds = {"right": 0, "other video": 0, "off": 0}
    for pairs, sequence in many(config, 400):
        for place in (1, 2):
            foreign = video_of(sequence.frame[place]) != pairs.video[0]
            cells = np.abs(sequence.label[place]).max()
            assert cells in (0, task.WRONG_CELLS) and not (foreign and cells)
            kinds["other video" if foreign else "off" if cells else "right"] += 1
        assert not sequence.label[0].any() and sequence.frame[0] == pairs.z[0]
        assert (video_of(sequence.frame[3:6]) == pairs.video[0]).all()
    shares = {name: count / 800 for name, count in kinds.items()}
    assert shares["right"] == pytest.approx(0.5, abs=0.06)
    assert shares["other video"] == pytest.approx(0.25, abs=0.06)
    alone = [s for _, s in many(config, 50, batch=1)]
    assert any(s.label[1].any() for s in alone) and alone[0].frame.shape == (6,)


def test_a_step_has_the_same_sequence_again_and_others_have_others():
    first, again, other = draw()[1], draw()[1], draw(step=1)[1]
    for one, two in zip(first, again):
        np.testing.assert_array_equal(one, two)
    assert (first.frame != other.frame).any()


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(updates=1), "updates must be at least 2, got 1"),
        (dict(updates=3, regions=3), "regions must be more than updates=3, got 3"),
        (dict(shift=4), "shift must be in 0 to 3 cells, got 4"),
        (dict(wrong_samples=1.5), "wrong_samples must be in"),
        (dict(generalization=-0.1), "generalization must be in"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        TaskConfig(**settings)
