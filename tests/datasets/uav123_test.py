"""UAV123 and UAV20L: parts of videos, frames without a box, attributes, and broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import uav123
from tests.helpers import benchmarks
from tests.helpers.benchmarks import numbers_of, only


@pytest.fixture
def short(monkeypatch):
    """Two parts of one video of eight frames, which share a frame, and a whole one."""
    parts = {"car1_1": ("car1", 1, 3), "car1_2": ("car1", 3, 6), "uav2": ("uav2", 1, 2)}
    monkeypatch.setitem(uav123.SEQUENCES, "UAV123", parts)
    monkeypatch.setitem(uav123.SEQUENCES, "UAV20L", {"car1": ("car1", 1, 8)})


def _make(root, name, count, version="UAV123"):
    folder = root / "anno" / version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_text(benchmarks.lines(benchmarks.boxes(count)))
    return folder / f"{name}.txt"


def _images(root, video, count):
    benchmarks.images(root / "data_seq/UAV123" / video, range(1, count + 1), digits=6)


def test_sequences_are_those_of_the_authors():
    sequences = uav123.SEQUENCES["UAV123"]
    assert len(sequences) == 123 and len(uav123.SEQUENCES["UAV20L"]) == 20
    assert sequences["bird1_2"] == ("bird1", 775, 1477)
    assert sequences["car1_s"] == ("car1_s", 1, 1475) and sequences["person23"][2] == 397
    assert uav123.SEQUENCES["UAV20L"]["uav1"] == ("uav1", 1, 3469)
    # Published: 112,578 and 58,670 frames.
    frames = [
        sum(last - first + 1 for _, first, last in uav123.SEQUENCES[version].values())
        for version in ("UAV123", "UAV20L")
    ]
    assert frames == [112578, 58670]


@pytest.mark.parametrize("above", ["", "UAV123_archive"])
def test_parts_of_a_video(short, tmp_path, above):
    root = tmp_path / above
    _images(root, "car1", 8)
    _make(root, "car1_1", 3)
    _make(root, "car1_2", 4)
    dataset = uav123.read(str(tmp_path))
    first, second = dataset.sequences
    assert [first.name, second.name] == ["car1_1", "car1_2"] and not dataset.problems
    assert numbers_of(first) == [1, 2, 3] and numbers_of(second) == [3, 4, 5, 6]
    assert second.first_number == 3 and second.frames[0].endswith("car1/000003.jpg")
    np.testing.assert_array_equal(second.boxes, benchmarks.boxes(4, origin=0))
    assert (dataset.name, dataset.title, dataset.convention) == ("uav123", "UAV123", "otb")
    assert dataset.missing == ("uav2",) and dataset.coverage == "2 of 3 sequences"


def test_long_sequences(short, tmp_path):
    _images(tmp_path, "car1", 8)
    _make(tmp_path, "car1", 8, "UAV20L")
    _make(tmp_path, "car1_1", 3)
    dataset = uav123.read(str(tmp_path), version="UAV20L")
    assert numbers_of(only(dataset)) == list(range(1, 9))
    assert (dataset.name, dataset.title) == ("uav20l", "UAV20L")


def test_frames_out_of_view_have_no_box(short, tmp_path):
    _images(tmp_path, "uav2", 2)
    _make(tmp_path, "uav2", 2).write_text("11,21,30,40\nNaN,NaN,NaN,NaN\n")
    found = only(uav123.read(str(tmp_path)))
    assert found.boxes[0].tolist() == [10, 20, 30, 40] and np.isnan(found.boxes[1]).all()


def test_attributes(short, tmp_path):
    _images(tmp_path, "uav2", 2)
    flags = _make(tmp_path, "uav2", 2).parent / "att/uav2.txt"
    flags.parent.mkdir()
    flags.write_text("1,0,0,0,0,0,0,0,0,0,0,1")
    assert only(uav123.read(str(tmp_path))).attributes == ("SV", "SOB")


def test_broken_sequences(short, tmp_path):
    _images(tmp_path, "car1", 5)
    _make(tmp_path, "car1_1", 3)
    _make(tmp_path, "car1_2", 4)
    _make(tmp_path, "uav2", 2)
    _make(tmp_path, "zeppelin", 2)
    dataset = uav123.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["car1_1"]
    problems = dict(dataset.problems)
    assert problems["car1_2"].endswith("missing: image 6")
    assert "no numbered images in " in problems["uav2"]
    assert dataset.remarks == ("zeppelin.txt: not of UAV123",)


def test_annotations_alone(short, tmp_path):
    _make(tmp_path, "car1_2", 4)
    dataset = uav123.read(str(tmp_path))
    found = only(dataset)
    assert not dataset.has_images and len(found.frames) == 4 and found.first_number == 3
