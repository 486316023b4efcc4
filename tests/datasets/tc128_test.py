"""TC-128: ranges of frames, attributes, and broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import tc128
from tests.helpers import benchmarks
from tests.helpers.benchmarks import numbers_of, only


def _make(root, name="Airport_ce", images=range(1, 6), text="1,5", count=5):
    folder = benchmarks.sequence(root / name, images, count, truth=f"{name}_gt.txt")
    (folder / f"{name}_frames.txt").write_text(text)
    return folder


def test_layout(tmp_path):
    folder = _make(tmp_path)
    (folder / "Airport_ce_att.txt").write_text("OCC\nBC\n")
    found = only(tc128.read(str(tmp_path)))
    assert (found.name, found.attributes) == ("Airport_ce", ("OCC", "BC"))
    assert numbers_of(found) == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(5, origin=0))


@pytest.mark.parametrize("text", ["3,5", "3,5\r\n", "3 5", "3, 5\n"])
def test_range(tmp_path, text):
    _make(tmp_path, images=range(1, 9), text=text, count=3)
    found = only(tc128.read(str(tmp_path)))
    assert numbers_of(found) == [3, 4, 5] and found.first_number == 3
    assert found.boxes[0, 0] == 10 and found.attributes == ()


def test_files_in_another_case_and_a_level_deeper(tmp_path):
    folder = _make(tmp_path / "Temple-color-128", name="Kite_ce1")
    (folder / "Kite_ce1_gt.txt").rename(folder / "kite_ce1_gt.txt")
    assert only(tc128.read(str(tmp_path))).name == "Kite_ce1"


def test_broken_sequences(tmp_path):
    _make(tmp_path, "Good")
    _make(tmp_path, "NoRange")
    (tmp_path / "NoRange/NoRange_frames.txt").unlink()
    _make(tmp_path, "BadRange", text="one,5")
    _make(tmp_path, "LongRange", text="1,6")
    _make(tmp_path, "NoImage", images=[1, 2, 4, 5])
    _make(tmp_path, "Outside", text="11,15")
    (_make(tmp_path, "Untold") / "Untold_gt.txt").unlink()
    (_make(tmp_path, "Other") / "Other_gt.txt").rename(tmp_path / "Other/Another_gt.txt")
    dataset = tc128.read(str(tmp_path))
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
