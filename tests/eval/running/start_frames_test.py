"""Several starts: where segments begin, what they hold and how they are called."""

import dataclasses

import numpy as np
import pytest

from gradnet_tf.datasets.sequences import Dataset, Problem, Sequence
from gradnet_tf.eval.running import start_frames


def make_sequence(count=10, name="a", **fields):
    boxes = np.array([[10.0 + i, 20.0, 30.0, 40.0] for i in range(count)])
    frames = tuple(f"/frames/{i:04d}.jpg" for i in range(count))
    return dataclasses.replace(Sequence(name, frames, boxes), **fields)


def make_dataset(*sequences, **fields):
    settings = {"title": "OTB2015", "convention": "otb", "layout": "otb", "protocol": "ope"}
    return Dataset("otb100", root="/otb", sequences=sequences, **{**settings, **fields})


def names(dataset):
    return [sequence.name for sequence in dataset.sequences]


def test_one_start_changes_nothing():
    dataset = make_dataset(make_sequence())
    assert start_frames.segments(dataset, 1) is dataset
    assert not start_frames.is_split(dataset)


def test_starts_are_evenly_spread():
    dataset = make_dataset(make_sequence(10), make_sequence(7, "b"), size=100, rule="all")
    found = start_frames.segments(dataset, 3)
    # 10 * 1 // 3 and 10 * 2 // 3 frames after the first; 7 * 1 // 3 and 7 * 2 // 3.
    assert names(found) == ["a+01", "a+04", "a+07", "b+1", "b+3", "b+5"]
    assert [len(s.frames) for s in found.sequences] == [10, 7, 4, 7, 5, 3]
    assert [s.frames[0][-8:] for s in found.sequences[:3]] == ["0000.jpg", "0003.jpg", "0006.jpg"]
    assert {s.frames[-1] for s in found.sequences[:3]} == {"/frames/0009.jpg"}
    assert (found.title, found.name, found.size) == ("OTB2015-TRE3", "otb100", 300)
    assert found.rule == "all; TRE: each sequence from 3 evenly spread frames to its end"
    assert start_frames.is_split(found)
    assert [start_frames.source(name) for name in names(found)] == [*"aaabbb"]


def test_everything_of_a_frame_goes_with_it():
    count = 6
    sequence = make_sequence(
        count,
        regions=np.arange(8.0 * count).reshape(count, 8),
        absent=np.arange(count) == 4,
        cover=np.arange(count)[::-1] + 1,
        tags={"occlusion": np.arange(count) == 5},
        attributes=("OCC",),
        first_number=300,
        resolution=(640, 480),
    )
    whole, part = start_frames.segments(make_dataset(sequence), 2).sequences
    assert (whole.name, part.name, part.first_number) == ("a+300", "a+302", 302)
    assert part.attributes == ("OCC",) and part.resolution == (640, 480)
    assert part.frames == sequence.frames[2:]
    for field in ("boxes", "regions", "absent", "cover"):
        np.testing.assert_array_equal(getattr(part, field), getattr(sequence, field)[2:])
        np.testing.assert_array_equal(getattr(whole, field), getattr(sequence, field))
    np.testing.assert_array_equal(part.tags["occlusion"], sequence.tags["occlusion"][2:])


@pytest.mark.parametrize("kind", ["unknown", "flat", "absent", "covered"])
def test_starts_lie_where_the_target_can_be_seen(kind):
    hidden = np.isin(np.arange(9), [4, 5, 6])
    sequence = make_sequence(9)
    if kind == "absent":
        sequence = dataclasses.replace(sequence, absent=hidden)
    elif kind == "covered":
        sequence = dataclasses.replace(sequence, cover=np.where(hidden, 0, 8))
    else:
        rows = [np.nan] * 4 if kind == "unknown" else [0.0, 0.0, 0.0, 0.0]
        sequence = dataclasses.replace(
            sequence, boxes=np.where(hidden[:, np.newaxis], rows, sequence.boxes)
        )
    # Frames 0, 1, 2, 3, 7 and 8 are left: the third start is the fifth of them.
    found = start_frames.segments(make_dataset(sequence), 3)
    assert [s.first_number - 1 for s in found.sequences] == [0, 2, 7]
    # All five starts are different, though half of the sequence is hidden.
    found = start_frames.segments(make_dataset(sequence), 5)
    assert [s.first_number - 1 for s in found.sequences] == [0, 1, 2, 3, 7]


def test_the_first_segment_is_the_whole_sequence_whatever_is_seen_of_it():
    sequence = make_sequence(8, absent=np.arange(8) < 2)
    found = start_frames.segments(make_dataset(sequence), 2)
    assert names(found) == ["a+1", "a+5"]


def test_names_sort_as_the_frames_do_and_are_names_of_one_sequence_only():
    dataset = make_dataset(make_sequence(120), make_sequence(120, "a+001"), make_sequence(9, "a1"))
    found = names(start_frames.segments(dataset, 6))
    assert found[:6] == sorted(found[:6])
    assert len(set(found)) == 18
    assert {start_frames.source(name) for name in found} == {"a", "a+001", "a1"}


def test_what_is_left_out_stays_so():
    problem = Problem("b", "no frames")
    found = start_frames.segments(make_dataset(make_sequence(), problems=(problem,)), 2)
    assert found.problems == (problem,)


def test_too_few_frames():
    dataset = make_dataset(make_sequence(5, "short"))
    found = start_frames.segments(dataset, 4)
    assert len(found.sequences[-1].frames) == 2  # The start and one to be measured.
    with pytest.raises(ValueError, match="short has 5 frames with truth: 5 starts need at least 6"):
        start_frames.segments(dataset, 5)
    with pytest.raises(ValueError, match="at least 1 start, got 0"):
        start_frames.segments(dataset, 0)


def test_withheld_truth():
    sequence = make_sequence(5)
    sequence.boxes[1:] = np.nan
    with pytest.raises(ValueError, match="a has only one start: the truth .* is withheld"):
        start_frames.segments(make_dataset(sequence), 2)
