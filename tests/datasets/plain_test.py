"""Any folder of sequences: places of frames, several targets, corners, and broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import plain
from tests.helpers import benchmarks
from tests.helpers.benchmarks import numbers_of, only, sequence


@pytest.mark.parametrize("place", ["img", "color", ""])
@pytest.mark.parametrize("truth", ["groundtruth_rect.txt", "groundtruth.txt"])
def test_layouts(tmp_path, place, truth):
    sequence(tmp_path / "bird", [1, 2, 3], truth=truth, place=place)
    dataset = plain.read(str(tmp_path))
    found = only(dataset)
    assert (found.name, dataset.title) == ("bird", tmp_path.name)
    assert numbers_of(found) == [1, 2, 3] and found.regions is None
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(3, origin=0))


def test_origin(tmp_path):
    sequence(tmp_path / "bird", [1, 2, 3])
    dataset = plain.read(str(tmp_path), origin=0)
    np.testing.assert_array_equal(only(dataset).boxes, benchmarks.boxes(3))
    assert dataset.origin == 0
    with pytest.raises(ValueError, match="origin 2"):
        plain.read(str(tmp_path), origin=2)


def test_root_may_be_one_sequence(tmp_path):
    dataset = plain.read(str(sequence(tmp_path / "bird", [1, 2])))
    assert only(dataset).name == dataset.title == "bird"


def test_results_of_a_hidden_folder_are_not_hidden(tmp_path):
    sequence(tmp_path / ".data" / "bird", [1, 2])
    assert plain.read(str(tmp_path / ".data")).title == "data"


def test_several_targets(tmp_path):
    folder = sequence(tmp_path / "cars", [1, 2], truth="groundtruth_rect.1.txt")
    second = benchmarks.boxes(2) + [100, 0, 0, 0]
    (folder / "groundtruth_rect.2.txt").write_text(benchmarks.lines(second))
    found = plain.read(str(tmp_path)).sequences
    assert [(each.name, each.boxes[0, 0]) for each in found] == [("cars-1", 10), ("cars-2", 110)]


def test_two_targets_of_one_name(tmp_path):
    sequence(tmp_path / "cars", [1, 2], truth="groundtruth_rect.1.txt")
    sequence(tmp_path / "cars-1", [1, 2])
    with pytest.raises(ValueError, match="would be called cars-1"):
        plain.read(str(tmp_path))


def test_corners(tmp_path):
    folder = sequence(tmp_path / "bird", [1])
    (folder / "groundtruth_rect.txt").write_text("11,21,41,21,41,61,11,61\n")
    found = only(plain.read(str(tmp_path)))
    np.testing.assert_array_equal(found.regions, [[10, 20, 40, 20, 40, 60, 10, 60]])
    np.testing.assert_array_equal(found.boxes, [[9.5, 19.5, 31, 41]])


def test_numbers_in_steps_and_in_natural_order(tmp_path):
    folder = sequence(tmp_path / "bird", [], count=3)
    for number in (5, 10, 15):
        (folder / f"img/frame{number}.png").touch()
    found = only(plain.read(str(tmp_path)))
    assert [frame[-7:] for frame in found.frames] == ["me5.png", "e10.png", "e15.png"]
    assert found.first_number == 5


def test_names_without_numbers(tmp_path):
    folder = sequence(tmp_path / "bird", [], count=2)
    for name in "ab":
        (folder / f"img/{name}.png").touch()
    assert only(plain.read(str(tmp_path))).first_number == 1


def test_boxes_that_are_missing_in_between(tmp_path):
    folder = sequence(tmp_path / "bird", [1, 2, 3])
    (folder / "groundtruth_rect.txt").write_text("1,1,5,5\nnan,nan,nan,nan\n0,0,0,0\n")
    found = only(plain.read(str(tmp_path)))
    assert np.isnan(found.boxes[1]).all() and found.boxes[2].tolist() == [-1, -1, 0, 0]
    assert not found.withheld


def test_broken_sequences(tmp_path):
    sequence(tmp_path / "good", [1, 2])
    sequence(tmp_path / "empty", [])
    (tmp_path / "empty/groundtruth_rect.txt").write_text("")
    sequence(tmp_path / "few", range(1, 5), count=3)
    sequence(tmp_path / "gap", [1, 2, 4, 5], count=5)
    sequence(tmp_path / "noimages", [], count=2)
    dataset = plain.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["good"]
    problems = dict(dataset.problems)
    assert "holds no regions" in problems["empty"]
    assert "few/img has 4 images, but" in problems["few"]
    assert problems["few"].endswith("groundtruth_rect.txt has 3 boxes")
    assert "image missing" in problems["gap"] and "0003.jpg" in problems["gap"]
    assert "no frames in" in problems["noimages"]


def test_folders_that_are_passed_over(tmp_path):
    sequence(tmp_path / "bird", [1, 2])
    sequence(tmp_path / "__MACOSX", [1, 2])
    sequence(tmp_path / "cat", [1, 2], truth="boxes.txt")
    (tmp_path / "img").mkdir()  # Beside the sequences: their folder is no sequence.
    dataset = plain.read(str(tmp_path))
    assert only(dataset).name == "bird" and dataset.coverage == "1 of 1 sequence"
    assert dataset.remarks == (
        f"{tmp_path}/__MACOSX: nothing in it is data",
        f"{tmp_path}: no groundtruth_rect.txt or groundtruth.txt",
        f"{tmp_path}/cat: no groundtruth_rect.txt or groundtruth.txt",
    )


@pytest.mark.parametrize("separator", ["\t", " ", ";", ", "])
def test_decimal_commas_are_refused(tmp_path, separator):
    sequence(tmp_path / "good", [1, 2])
    folder = sequence(tmp_path / "bird", [1, 2])
    line = separator.join(("31,0", "26,5", "24,0", "20,0"))
    (folder / "groundtruth_rect.txt").write_text(f"{line}\n{line}\n")
    dataset = plain.read(str(tmp_path))
    ((name, detail),) = dataset.problems
    assert name == "bird" and "groundtruth_rect.txt, line 1: " in detail
    assert "commas are no decimal points" in detail
