"""Tests of gradnet_tf.eval.paper.inputs: pairs to look at."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.eval.paper import inputs
from tests.helpers import eval_paper, track_records


def assert_same(first, second):
    assert [one.name for one in first] == [one.name for one in second]
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a.exemplar, b.exemplar)
        np.testing.assert_array_equal(a.instance, b.instance)


def test_sequences_give_crops_with_the_target_in_the_centre(tmp_path):
    found = list(inputs.from_sequences(eval_paper.make_dataset(tmp_path), 2, 1))
    assert sorted(one.name[:2] for one in found) == ["S0", "S1"]
    for one in found:
        assert one.exemplar.shape == (1, 127, 127, 3) and one.instance.shape == (1, 255, 255, 3)
        assert one.exemplar.dtype == one.instance.dtype == np.float32
        video = int(one.name[1])
        rgb = np.random.default_rng([video, 0]).integers(170, 256, 3)  # As the helper draws it.
        # Beside the dark line through the target.
        np.testing.assert_allclose(one.exemplar[0, 53:59, 68:74].mean((0, 1)), rgb[::-1], atol=12)
        np.testing.assert_allclose(
            one.instance[0, 118:122, 132:136].mean((0, 1)), rgb[::-1], atol=12
        )


def test_sequences_take_turns_and_the_seed_decides(tmp_path):
    dataset = eval_paper.make_dataset(tmp_path, sequences=3)
    found = list(inputs.from_sequences(dataset, 6, 1))
    assert_same(found, list(inputs.from_sequences(dataset, 6, 1)))
    for turn in (found[:3], found[3:]):
        assert sorted(one.name[:2] for one in turn) == ["S0", "S1", "S2"]
    for one in found:
        z, x = one.name.partition("frames ")[2].split(" and ")
        assert z != x and {z, x} < set("1234")
    others = [one.name for one in inputs.from_sequences(dataset, 6, 2)]
    assert others != [one.name for one in found]


def test_frames_without_ground_truth_are_passed_over(tmp_path):
    dataset = eval_paper.make_dataset(tmp_path, sequences=1, frames=5)
    (sequence,) = dataset.sequences
    boxes = sequence.boxes.copy()
    boxes[1], boxes[3, 2] = np.nan, 0
    changed = dataclasses.replace(sequence, boxes=boxes)
    found = inputs.from_sequences(dataclasses.replace(dataset, sequences=(changed,)), 4, 1)
    numbers = {word for one in found for word in one.name.split() if word.isdigit()}
    assert numbers <= {"1", "3", "5"}
    boxes[2:] = np.nan
    changed = dataclasses.replace(sequence, boxes=boxes)
    with pytest.raises(ValueError, match="no sequence has two frames with ground truth"):
        list(inputs.from_sequences(dataclasses.replace(dataset, sequences=(changed,)), 1, 1))


def test_frames_are_near_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "FRAME_RANGE", 1)
    dataset = eval_paper.make_dataset(tmp_path, sequences=1, frames=6)
    for one in inputs.from_sequences(dataset, 6, 1):
        z, x = map(int, one.name.partition("frames ")[2].split(" and "))
        assert abs(z - x) == 1


def test_records_give_pairs_of_different_videos(tmp_path):
    tracks = [track_records.record(f"video{i}", "0", (0, 1, 2), seed=i) for i in range(3)]
    pattern = track_records.write_set(tmp_path, tracks)
    found = list(inputs.from_records([pattern], 5, 1))
    assert len(found) == 5  # More than there are videos.
    videos = [one.title for one in found]
    assert sorted(videos[:3]) == ["video0", "video1", "video2"]
    assert all(one.name.startswith(f"{one.title}, frame ") for one in found)
    assert videos[3] != videos[4]
    for one in found:
        assert one.exemplar.shape == (1, 127, 127, 3) and one.instance.shape == (1, 255, 255, 3)
    assert_same(found, list(inputs.from_records([pattern], 5, 1)))
    # The crops as they are, without augmentation, BGR.
    jpegs = [track_records.jpeg(127, [int(videos[0][5]), frame, 0]) for frame in range(3)]
    decoded = [decode(jpeg)[..., ::-1] for jpeg in jpegs]
    assert min(np.abs(image - found[0].exemplar[0]).max() for image in decoded) <= 2


def decode(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.float32)
