"""Tests of gradnet_tf.eval.report.clips: frames for the player within a number of bytes."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from gradnet_tf.eval.report import clips
from tests.helpers import eval_report as helper


@pytest.fixture
def evaluation(tmp_path):
    return helper.make_evaluation(tmp_path)


def size(found):
    return sum(len(base64.b64encode(image)) for clip in found for image in clip.images)


def test_all_frames_where_there_is_room(evaluation):
    found = clips.make_clips(evaluation, 10_000_000, 100)
    assert [(clip.sequence, clip.places) for clip in found] == [
        (0, tuple(range(11))),
        (1, tuple(range(21))),
        (2, tuple(range(6))),
    ]
    assert found[0].sizes == ((helper.WIDTH, helper.HEIGHT),) * 11
    with Image.open(io.BytesIO(found[0].images[0])) as image:
        assert (image.format, image.size) == ("JPEG", (helper.WIDTH, helper.HEIGHT))


def test_frames_are_evenly_spread_where_there_are_too_many(evaluation):
    found = clips.make_clips(evaluation, 10_000_000, 6)
    assert found[1].places == (0, 4, 8, 12, 16, 20)
    assert found[2].places == tuple(range(6))


def test_each_frame_has_its_own_size(evaluation):
    Image.new("RGB", (800, 600)).save(evaluation.sequences[0].frames[4])
    clip = clips.make_clips(evaluation, 10_000_000, 100)[0]
    usual = (helper.WIDTH, helper.HEIGHT)
    assert clip.sizes == (usual,) * 4 + ((800, 600),) + (usual,) * 6
    with Image.open(io.BytesIO(clip.images[4])) as image:
        assert image.size == (384, 288)


@pytest.mark.parametrize("frame", [0, 5])
def test_a_sequence_with_a_broken_frame_is_left_out(evaluation, frame, caplog):
    Path(evaluation.sequences[1].frames[frame]).write_bytes(b"no image")
    assert [clip.sequence for clip in clips.make_clips(evaluation, 10_000_000, 100)] == [0, 2]
    assert f"{frame + 1:04d}.png" in caplog.text


def test_budget_is_kept(evaluation):
    whole = size(clips.make_clips(evaluation, 10_000_000, 100))
    for part in (0.9, 0.6, 0.3):
        budget = int(part * whole)
        assert 0 < size(clips.make_clips(evaluation, budget, 100)) <= budget


def test_little_room_goes_to_the_sequences_that_differ_most(evaluation):
    assert clips.choose_sequences(evaluation) == [1, 0, 2]
    whole = clips.make_clips(evaluation, 10_000_000, 100)
    cost = size([whole[1]])
    assert [clip.sequence for clip in clips.make_clips(evaluation, cost, 100)] == [1]
    assert clips.make_clips(evaluation, 0, 100) == []


def test_spread():
    assert clips.spread_evenly(5, 9) == [0, 1, 2, 3, 4]
    assert clips.spread_evenly(9, 3) == [0, 4, 8]
    assert clips.spread_evenly(9, 1) == [0]
