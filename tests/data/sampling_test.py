"""Tests of gradnet_tf.data.sampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradnet_tf.data import sampling


def make_videos(pools, weights=None, tracks_of=2, frames=tuple(range(0, 300, 10))):
    """Videos with equal tracks; `pools` are numbers of videos."""
    numbers = np.split(np.arange(sum(pools)), np.cumsum(pools)[:-1])
    tracks = [np.arange(tracks_of) + tracks_of * video for video in range(sum(pools))]
    count = sum(pools) * tracks_of
    return sampling.Videos(
        tuple(numbers),
        None if weights is None else np.array(weights, float),
        tracks,
        np.arange(count + 1) * len(frames),
        np.tile(frames, count),
    )


def test_the_draws_of_a_step_never_change():
    """Fixed numbers: what a seed meant when the run began, it means when it resumes."""
    draws = sampling.uniforms((7, 123, 2), sampling.PAIRS, (3,))
    words = [743529580389165, 6352061083355082, 5248435881827040]
    assert (draws * 2**53).astype(np.int64).tolist() == words
    pairs = sampling.choose_pairs(make_videos([20]), (7, 123, 2), 4, 100)
    assert [column.tolist() for column in pairs[:4]] == [
        [14, 8, 12, 6],
        [29, 17, 24, 13],
        [897, 537, 747, 400],
        [890, 532, 737, 397],
    ]


@pytest.mark.parametrize("other", [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)])
def test_seed_step_group_and_stream_have_numbers_of_their_own(other):
    first = sampling.uniforms((0, 0, 0), 0, (1000,))
    second = sampling.uniforms(other[:3], other[3], (1000,))
    assert not set(first) & set(second)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15


def test_draws_are_uniform():
    draws = sampling.uniforms((1, 2, 3), 0, (20000,))
    assert 0 <= draws.min() and draws.max() < 1
    assert np.histogram(draws, 10, (0, 1))[0] == pytest.approx(np.full(10, 2000), abs=200)


@settings(max_examples=60, deadline=None)
@given(
    pools=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    weighted=st.booleans(),
    frames=st.lists(st.integers(0, 500), min_size=1, max_size=20, unique=True).map(sorted),
    frame_range=st.integers(0, 200),
    step=st.integers(0, 2**40),
)
def test_pairs_are_lawful(pools, weighted, frames, frame_range, step):
    weights = [1.0 + i for i in range(len(pools))] if weighted else None
    videos = make_videos(pools, weights, frames=tuple(frames))
    count = min(sum(pools), 8)
    pairs = sampling.choose_pairs(videos, (3, step, 0), count, frame_range)
    assert len(set(pairs.video.tolist())) == count
    for video, track, z, x in zip(*pairs):
        assert track in videos.tracks[video]
        for frame in (z, x):
            assert videos.first_frame[track] <= frame < videos.first_frame[track + 1]
        distances = np.abs(np.array(frames) - videos.frames[z])
        partners = np.count_nonzero(distances <= frame_range) - 1
        assert abs(videos.frames[z] - videos.frames[x]) <= frame_range
        assert (z == x) == (partners == 0)


def test_every_video_is_equally_likely_without_weights():
    videos = make_videos([2, 8])
    drawn = [sampling.choose_pairs(videos, (0, step, 0), 3, 100).video for step in range(1000)]
    counts = np.bincount(np.concatenate(drawn), minlength=10)
    assert counts == pytest.approx(np.full(10, 300), abs=60)


def test_weights_say_how_often_a_set_is_drawn():
    videos = make_videos([50, 500], [3, 1])
    drawn = [sampling.choose_pairs(videos, (0, step, 0), 4, 100).video for step in range(500)]
    share = np.mean(np.concatenate(drawn) < 50)
    assert share == pytest.approx(0.75, abs=0.04)


def test_a_set_that_is_used_up_gives_way_to_the_others():
    videos = make_videos([1, 9], [1e6, 1])
    for step in range(20):
        assert len(set(sampling.choose_pairs(videos, (0, step, 0), 8, 100).video.tolist())) == 8


def test_tracks_and_frames_are_drawn_uniformly():
    videos = make_videos([1], tracks_of=2, frames=(0, 1, 2, 200))
    pairs = [sampling.choose_pairs(videos, (0, step, 0), 1, 100) for step in range(2000)]
    z = np.concatenate([pair.z for pair in pairs])
    assert np.bincount(z, minlength=8) == pytest.approx(np.full(8, 250), abs=60)
    x_of_first = [int(pair.x[0]) for pair in pairs if pair.z[0] == 0]
    assert np.bincount(x_of_first)[1:3] == pytest.approx([125, 125], abs=45)
    assert set(x_of_first) == {1, 2}


def held_out(names, share, least=0, most=None):
    chosen = sampling.held_out(names, share, least, len(names) if most is None else most)
    return {name for name, is_chosen in zip(names, chosen) if is_chosen}


def test_about_the_asked_share_is_held_out_and_stays_so():
    names = [f"video{number}" for number in range(2000)]
    small, large = held_out(names, 0.1), held_out(names, 0.2)
    assert len(small) == pytest.approx(200, abs=40)
    assert small < large
    assert held_out(names[:1000], 0.1) == small & set(names[:1000])
    assert not held_out(names, 0.0)
    first = [number for number in range(40) if names[number] in small]
    assert first == [0, 8, 12, 20, 22, 27, 33, 38]


def test_limits_of_what_is_held_out():
    names = [f"video{number}" for number in range(40)]
    asked = held_out(names, 0.1)
    assert held_out(names, 0.1, least=8, most=8) == asked and len(asked) == 8
    assert [len(held_out(names, 0.1, least=count)) for count in (0, 7, 9, 40)] == [8, 8, 9, 40]
    assert [len(held_out(names, 0.9, most=count)) for count in (0, 1, 30)] == [0, 1, 30]
    assert held_out(names, 0.1, most=3) < asked < held_out(names, 0.1, least=12)
    # A video that is in two data sets is on one side.
    for count in range(1, 41):
        assert len(held_out(names * 2, 0.1, least=2 * count - 1)) == max(8, count)
        assert len(held_out(names * 2, 0.9, most=count)) <= count // 2


def test_more_regions_leave_the_pairs_as_they_are():
    videos = make_videos([20, 1, 9, 30])
    one = sampling.choose_pairs(videos, (7, 5, 0), 4, 100)
    three = sampling.choose_pairs(videos, (7, 5, 0), 4, 100, regions=3)
    assert one.more.shape == (0, 4) and three.more.shape == (2, 4)
    for name in ("video", "track", "z", "x"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))


def test_more_regions_are_drawn_as_the_first():
    videos = make_videos([1], tracks_of=1, frames=(0, 1, 2, 3))
    drawn = [sampling.choose_pairs(videos, (0, step, 0), 1, 1, regions=2) for step in range(400)]
    seen = {(int(pairs.z[0]), int(pairs.more[0, 0])) for pairs in drawn}
    assert seen == {(0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)}
