"""TC-128, NfS and DTB70: layouts, ranges of frames, lengths that differ, and broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import otb_like
from tests.helpers import benchmarks
from tests.helpers.benchmarks import numbers_of, only


def _make_tc128(root, name="Airport_ce", images=range(1, 6), text="1,5", count=5):
    folder = benchmarks.sequence(root / name, images, count, truth=f"{name}_gt.txt")
    (folder / f"{name}_frames.txt").write_text(text)
    return folder


def test_tc128_layout(tmp_path):
    folder = _make_tc128(tmp_path)
    (folder / "Airport_ce_att.txt").write_text("OCC\nBC\n")
    found = only(otb_like.read_tc128(str(tmp_path)))
    assert (found.name, found.attributes) == ("Airport_ce", ("OCC", "BC"))
    assert numbers_of(found) == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(5, origin=0))


@pytest.mark.parametrize("text", ["3,5", "3,5\r\n", "3 5", "3, 5\n"])
def test_tc128_range(tmp_path, text):
    _make_tc128(tmp_path, images=range(1, 9), text=text, count=3)
    found = only(otb_like.read_tc128(str(tmp_path)))
    assert numbers_of(found) == [3, 4, 5] and found.first_number == 3
    assert found.boxes[0, 0] == 10 and found.attributes == ()


def test_tc128_files_in_another_case_and_a_level_deeper(tmp_path):
    folder = _make_tc128(tmp_path / "Temple-color-128", name="Kite_ce1")
    (folder / "Kite_ce1_gt.txt").rename(folder / "kite_ce1_gt.txt")
    assert only(otb_like.read_tc128(str(tmp_path))).name == "Kite_ce1"


def test_tc128_broken_sequences(tmp_path):
    _make_tc128(tmp_path, "Good")
    _make_tc128(tmp_path, "NoRange")
    (tmp_path / "NoRange/NoRange_frames.txt").unlink()
    _make_tc128(tmp_path, "BadRange", text="one,5")
    _make_tc128(tmp_path, "LongRange", text="1,6")
    _make_tc128(tmp_path, "NoImage", images=[1, 2, 4, 5])
    _make_tc128(tmp_path, "Outside", text="11,15")
    (_make_tc128(tmp_path, "Untold") / "Untold_gt.txt").unlink()
    (_make_tc128(tmp_path, "Other") / "Other_gt.txt").rename(tmp_path / "Other/Another_gt.txt")
    dataset = otb_like.read_tc128(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["Good"]
    problems = dict(dataset.problems)
    assert sorted(problems) == "BadRange LongRange NoImage NoRange Other Outside Untold".split()
    assert "NoRange_frames.txt" in problems["NoRange"]
    assert "BadRange_frames.txt: 'one,5' is not 'first,last'" in problems["BadRange"]
    assert "1 to 6, which is 6 frames, but" in problems["LongRange"]
    assert problems["LongRange"].endswith("has 5 boxes")
    assert problems["NoImage"].endswith("missing: image 3")
    assert problems["Outside"].endswith("none of the images 11 to 15")
    assert "Other_gt.txt" in problems["Other"]
    assert "Untold_gt.txt" in problems["Untold"]


def _make_nfs(root, fps, images, lines, name="airboard_1"):
    folder = root / name / str(fps)
    benchmarks.images(folder / name, range(1, images + 1), digits=5)
    text = "".join(f'0 {10 + i} 20 {40 + i} 60 {i + 1} 0 0 0 "ball"\n' for i in range(lines))
    (folder / f"{name}.txt").write_text(text)
    return folder


def test_nfs_240_frames_a_second(tmp_path):
    folder = _make_nfs(tmp_path, 240, 9, 9)
    _make_nfs(tmp_path, 30, 2, 9)
    dataset = otb_like.read_nfs(str(tmp_path), fps=240)
    found = only(dataset)
    assert found.name == "airboard_1" and found.frames[0] == str(folder / "airboard_1/00001.jpg")
    # Corners, counted from 0.
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(9, origin=0))
    assert (dataset.name, dataset.title, dataset.origin) == ("nfs240", "NfS240", 0)
    assert dataset.coverage == "1 of 100 sequences" and dataset.convention == "otb"


@pytest.mark.parametrize("images, lines, kept", [(2, 16, 2), (2, 17, 2), (3, 17, 3), (4, 4, 4)])
def test_nfs_30_frames_a_second(tmp_path, images, lines, kept):
    _make_nfs(tmp_path, 30, images, lines)
    found = only(otb_like.read_nfs(str(tmp_path), fps=30))
    step = 1 if images == lines else 8
    assert len(found.frames) == kept
    assert found.boxes[:, 0].tolist() == [10 + step * i for i in range(kept)]


@pytest.mark.parametrize("images, lines", [(9, 10), (10, 9)])
def test_nfs_one_too_many_is_passed_over(tmp_path, images, lines):
    _make_nfs(tmp_path, 240, images, lines)
    assert len(only(otb_like.read_nfs(str(tmp_path), fps=240)).frames) == 9


def test_nfs_broken_sequences(tmp_path):
    _make_nfs(tmp_path, 240, 9, 9)
    _make_nfs(tmp_path, 240, 9, 5, "bee")
    (_make_nfs(tmp_path, 240, 2, 2, "bird") / "bird.txt").write_text("0 1 2 3\n")
    (_make_nfs(tmp_path, 240, 2, 2, "bowling") / "bowling.txt").write_text("")
    (_make_nfs(tmp_path, 240, 2, 2, "car") / "car.txt").unlink()
    _make_nfs(tmp_path, 30, 2, 2, "dog")
    dataset = otb_like.read_nfs(str(tmp_path), fps=240)
    assert [found.name for found in dataset.sequences] == ["airboard_1"]
    problems = dict(dataset.problems)
    assert sorted(problems) == ["bee", "bird", "bowling", "car"]
    assert "9 images (1 to 9) for 5 boxes" in problems["bee"]
    assert "bird.txt, line 1: '0 1 2 3' is not 'id xmin ymin" in problems["bird"]
    assert "bowling.txt holds no boxes" in problems["bowling"] and "car.txt" in problems["car"]


@pytest.mark.parametrize("fps, count", [(240, 17), (30, 3)])
def test_nfs_annotations_alone(tmp_path, fps, count):
    _make_nfs(tmp_path, fps, 0, 17)
    dataset = otb_like.read_nfs(str(tmp_path), fps=fps)
    assert len(only(dataset).frames) == count and not dataset.has_images


def test_dtb70_layout(tmp_path):
    folder = benchmarks.sequence(tmp_path / "DTB70/Animal1", range(1, 4), digits=5)
    dataset = otb_like.read_dtb70(str(tmp_path))
    found = only(dataset)
    assert found.name == "Animal1" and found.frames[2] == str(folder / "img/00003.jpg")
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(3, origin=0))
    assert (dataset.name, dataset.title, dataset.convention) == ("dtb70", "DTB70", "otb")
    assert dataset.coverage == "1 of 70 sequences" and dataset.origin == 1


def test_dtb70_frames_may_begin_anywhere(tmp_path):
    benchmarks.sequence(tmp_path / "Gull1", range(0, 3), digits=5)
    assert only(otb_like.read_dtb70(str(tmp_path))).first_number == 0


def test_dtb70_broken_sequences(tmp_path):
    benchmarks.sequence(tmp_path / "Yacht2", [1, 2])
    benchmarks.sequence(tmp_path / "Yacht4", [1, 2], count=3)
    dataset = otb_like.read_dtb70(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["Yacht2"]
    ((name, detail),) = dataset.problems
    assert name == "Yacht4" and detail.endswith("missing: image 3")


def test_dtb70_annotations_alone(tmp_path):
    (tmp_path / "Yacht2").mkdir()
    (tmp_path / "Yacht2/groundtruth_rect.txt").write_text(benchmarks.lines(benchmarks.boxes(3)))
    dataset = otb_like.read_dtb70(str(tmp_path))
    assert len(only(dataset).frames) == 3 and not dataset.has_images
