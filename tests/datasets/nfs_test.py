"""NfS: both frame rates, corners, lengths that differ by one, and broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import nfs
from tests.helpers import benchmarks
from tests.helpers.benchmarks import only


def _make(root, fps, images, lines, name="airboard_1"):
    folder = root / name / str(fps)
    benchmarks.images(folder / name, range(1, images + 1), digits=5)
    text = "".join(f'0 {10 + i} 20 {40 + i} 60 {i + 1} 0 0 0 "ball"\n' for i in range(lines))
    (folder / f"{name}.txt").write_text(text)
    return folder


def test_240_frames_a_second(tmp_path):
    folder = _make(tmp_path, 240, 9, 9)
    _make(tmp_path, 30, 2, 9)
    dataset = nfs.read(str(tmp_path), fps=240)
    found = only(dataset)
    assert found.name == "airboard_1" and found.frames[0] == str(folder / "airboard_1/00001.jpg")
    # Corners, counted from 0.
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(9, origin=0))
    assert (dataset.name, dataset.title, dataset.origin) == ("nfs240", "NfS240", 0)
    assert dataset.coverage == "1 of 100 sequences" and dataset.convention == "otb"


@pytest.mark.parametrize("images, lines, kept", [(2, 16, 2), (2, 17, 2), (3, 17, 3), (4, 4, 4)])
def test_30_frames_a_second(tmp_path, images, lines, kept):
    _make(tmp_path, 30, images, lines)
    found = only(nfs.read(str(tmp_path), fps=30))
    step = 1 if images == lines else 8
    assert len(found.frames) == kept
    assert found.boxes[:, 0].tolist() == [10 + step * i for i in range(kept)]


@pytest.mark.parametrize("images, lines", [(9, 10), (10, 9)])
def test_one_too_many_is_passed_over(tmp_path, images, lines):
    _make(tmp_path, 240, images, lines)
    assert len(only(nfs.read(str(tmp_path), fps=240)).frames) == 9


def test_broken_sequences(tmp_path):
    _make(tmp_path, 240, 9, 9)
    _make(tmp_path, 240, 9, 5, "bee")
    (_make(tmp_path, 240, 2, 2, "bird") / "bird.txt").write_text("0 1 2 3\n")
    (_make(tmp_path, 240, 2, 2, "bowling") / "bowling.txt").write_text("")
    (_make(tmp_path, 240, 2, 2, "car") / "car.txt").unlink()
    _make(tmp_path, 30, 2, 2, "dog")
    dataset = nfs.read(str(tmp_path), fps=240)
    assert [found.name for found in dataset.sequences] == ["airboard_1"]
    problems = dict(dataset.problems)
    assert sorted(problems) == ["bee", "bird", "bowling", "car"]
    assert "9 images (1 to 9) for 5 boxes" in problems["bee"]
    assert "bird.txt, line 1: '0 1 2 3' is not 'id xmin ymin" in problems["bird"]
    assert "bowling.txt holds no boxes" in problems["bowling"] and "car.txt" in problems["car"]


@pytest.mark.parametrize("fps, count", [(240, 17), (30, 3)])
def test_annotations_alone(tmp_path, fps, count):
    _make(tmp_path, fps, 0, 17)
    dataset = nfs.read(str(tmp_path), fps=fps)
    assert len(only(dataset).frames) == count and not dataset.has_images
