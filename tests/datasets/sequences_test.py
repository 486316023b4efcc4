"""Sequences and data sets: what they refuse, the size of frames, and the list that people read."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.datasets import sequences
from gradnet_tf.datasets.sequences import Dataset, Problem, Sequence, describe, frame_size

BOXES = np.array([[10.0, 20, 30, 40], [11, 20, 30, 40], [0, 0, 0, 0]])
FRAMES = ("/d/1.jpg", "/d/2.jpg", "/d/3.jpg")


def _dataset(*found, **changes):
    values = dict(
        name="otb100",
        title="OTB2015",
        root="/d",
        convention="otb",
        layout="otb",
        protocol="ope",
        sequences=found,
    )
    return Dataset(**{**values, **changes})


def test_boxes_without_area_stay_as_they_are():
    sequence = Sequence("a", FRAMES, BOXES)
    assert sequence.boxes[2].tolist() == [0, 0, 0, 0]
    assert not sequence.withheld


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "../a", ".a"])
def test_names_that_cannot_be_files(name):
    with pytest.raises(ValueError, match="cannot be called"):
        Sequence(name, FRAMES, BOXES)


@pytest.mark.parametrize("first", [(1, 1, 0, 5), (1, 1, 5, -1), (np.nan,) * 4, (1, np.inf, 5, 5)])
def test_first_box_must_have_an_area(first):
    boxes = BOXES.copy()
    boxes[0] = first
    with pytest.raises(ValueError, match="first box"):
        Sequence("a", FRAMES, boxes)


def test_no_frames():
    with pytest.raises(ValueError, match="no frames"):
        Sequence("a", (), np.zeros((0, 4)))


def test_withheld():
    boxes = BOXES.copy()
    boxes[1:] = np.nan
    assert Sequence("a", FRAMES, boxes).withheld
    boxes[2] = 1
    assert not Sequence("a", FRAMES, boxes).withheld
    # A single frame has all its truth.
    assert not Sequence("a", FRAMES[:1], BOXES[:1]).withheld


def test_frame_size(tmp_path):
    path = tmp_path / "1.jpg"
    Image.new("RGB", (7, 5)).save(path)
    sequence = Sequence("a", (str(path),), BOXES[:1])
    assert frame_size(sequence) == (7, 5)
    assert frame_size(dataclasses.replace(sequence, resolution=(70, 50))) == (70, 50)


@pytest.mark.parametrize("orientation, size", [(1, (7, 5)), (3, (7, 5)), (6, (5, 7)), (8, (5, 7))])
def test_frame_size_follows_the_orientation(tmp_path, orientation, size):
    exif = Image.Exif()
    exif[sequences._EXIF_ORIENTATION] = orientation
    path = tmp_path / "1.jpg"
    Image.new("RGB", (7, 5)).save(path, exif=exif)
    assert frame_size(Sequence("a", (str(path),), BOXES[:1])) == size


def test_nothing_tells_the_size_of_frames_that_are_not_there():
    bare = Sequence("a", FRAMES, BOXES, has_images=False)
    with pytest.raises(ValueError, match="a is measured within its frames, .* such as /d/1.jpg"):
        frame_size(bare)
    assert frame_size(dataclasses.replace(bare, resolution=(70, 50))) == (70, 50)


def test_describe():
    hidden = BOXES.copy()
    hidden[1:] = np.nan
    one = Sequence(
        "Jogging-1", FRAMES, BOXES, attributes=("OCC", "DEF"), absent=np.array([0, 0, 1], bool)
    )
    two = Sequence("B", FRAMES, hidden, first_number=18)
    text = describe(_dataset(one, two, size=100, problems=(Problem("C", "x.txt is broken"),)))
    assert text.splitlines() == [
        "otb100 in /d: 2 of 100 sequences, 6 frames",
        "convention otb, protocol ope",
        "sequence   frames  numbers  first box (0-based)  attributes",
        "Jogging-1       3      1-3  10,20,30,40          OCC DEF (1 frames absent)",
        "B               3    18-20  10,20,30,40          (truth withheld)",
        "left out: 1",
        "  C: x.txt is broken",
    ]


def test_describe_without_a_size_and_with_a_rule():
    lines = describe(_dataset(Sequence("a", FRAMES, BOXES), rule="all of it")).splitlines()
    assert lines[0] == "otb100 in /d: 1 sequence, 3 frames"
    assert lines[2] == "rule: all of it"
