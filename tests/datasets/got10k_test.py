"""GOT-10k: both splits, the list, labels, resolution, and broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import got10k
from tests.helpers import benchmarks
from tests.helpers.benchmarks import only

META = "[METAINFO]\nurl: https://example.org/a%20b\nobject_class: bear\nresolution: (1920, 1080)\n"


def _make(root, split="val", number=1, frames=4):
    name = f"GOT-10k_{split.title()}_{number:06d}"
    folder = root / split / name
    truth = frames if split == "val" else 1
    benchmarks.sequence(
        folder, range(1, frames + 1), truth, truth="groundtruth.txt", place="", digits=8
    )
    (folder / "meta_info.ini").write_text(META)
    if split == "val":
        (folder / "absence.label").write_text("0\n" * frames)
        (folder / "cover.label").write_text("8\n" * frames)
    with open(root / split / "list.txt", "a") as file:
        file.write(name + "\n")
    return folder


@pytest.mark.parametrize("inside", [False, True])
def test_validation_set(tmp_path, inside):
    folder = _make(tmp_path)
    (folder / "absence.label").write_text("0\n0\n1\n0\n")
    (folder / "cover.label").write_text("8\n3\n0\n8\n")
    (tmp_path / "train").mkdir()
    found = only(got10k.read(str(tmp_path / "val" if inside else tmp_path), split="val"))
    assert found.name == "GOT-10k_Val_000001" and found.resolution == (1920, 1080)
    assert found.frames[0] == str(folder / "00000001.jpg") and len(found.frames) == 4
    assert found.absent.tolist() == [False, False, True, False]
    assert found.cover.dtype == np.int64 and found.cover.tolist() == [8, 3, 0, 8]
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(4, origin=0))
    assert not found.withheld


def test_test_set_withholds_the_truth(tmp_path):
    _make(tmp_path, "test")
    dataset = got10k.read(str(tmp_path), split="test")
    found = only(dataset)
    assert dataset.name == "got10k_test" and found.name == "GOT-10k_Test_000001"
    assert found.withheld and found.absent is None and found.cover is None
    assert found.boxes[0].tolist() == [10, 20, 30, 40] and found.boxes.shape == (4, 4)


@pytest.mark.parametrize("split, other", [("val", "test"), ("test", "val")])
def test_the_folder_of_the_other_split(tmp_path, split, other):
    _make(tmp_path, other)
    with pytest.raises(ValueError, match=f"is of the split {other}$"):
        got10k.read(str(tmp_path / other), split=split)


def test_test_set_with_an_image_missing(tmp_path):
    _make(tmp_path, "test")
    (_make(tmp_path, "test", number=2) / "00000003.jpg").unlink()
    ((name, detail),) = got10k.read(str(tmp_path), split="test").problems
    assert name == "GOT-10k_Test_000002" and detail.endswith("missing: image 3")


@pytest.mark.parametrize("meta", [None, "", "[METAINFO]\nurl: x\n"])
def test_resolution_is_not_needed(tmp_path, meta):
    path = _make(tmp_path) / "meta_info.ini"
    path.unlink()
    if meta is not None:
        path.write_text(meta)
    assert only(got10k.read(str(tmp_path))).resolution is None


def test_list_chooses(tmp_path):
    for number in (1, 2, 3):
        _make(tmp_path, number=number)
    (tmp_path / "val/list.txt").write_text("GOT-10k_Val_000003\nGOT-10k_Val_000001\n")
    names = [found.name for found in got10k.read(str(tmp_path)).sequences]
    assert names == ["GOT-10k_Val_000003", "GOT-10k_Val_000001"]


def test_folders_of_the_archives_between(tmp_path):
    folder = _make(tmp_path)
    (tmp_path / "val/GOT-10k_val_split_01").mkdir()
    folder.rename(tmp_path / "val/GOT-10k_val_split_01" / folder.name)
    assert only(got10k.read(str(tmp_path))).name == "GOT-10k_Val_000001"


def test_other_split(tmp_path):
    _make(tmp_path, "test")
    with pytest.raises(ValueError, match="other splits, but no folder val"):
        got10k.read(str(tmp_path), split="val")


def test_broken_sequences(tmp_path):
    _make(tmp_path, number=1)
    (_make(tmp_path, number=2) / "cover.label").unlink()
    (_make(tmp_path, number=3) / "absence.label").write_text("0\n0\n")
    (_make(tmp_path, number=4) / "cover.label").write_text("9\n8\n8\n8\n")
    (_make(tmp_path, number=5) / "groundtruth.txt").write_text("1,2,3,4\n")
    (_make(tmp_path, number=6) / "groundtruth.txt").unlink()
    (_make(tmp_path, number=7) / "00000004.jpg").unlink()
    dataset = got10k.read(str(tmp_path))
    assert [found.name[-1] for found in dataset.sequences] == ["1"]
    problems = {name[-1]: detail for name, detail in dataset.problems}
    assert "cover.label: there is no such file" in problems["2"]
    assert "absence.label: 2 numbers for 4 boxes" in problems["3"]
    assert "cover.label has 8 to 9, not 0 to 8" in problems["4"]
    assert "4 images (1 to 4) for 1 boxes" in problems["5"]
    assert "list.txt names it, but there is no" in problems["6"]
    assert problems["7"].endswith("missing: image 4")


def test_annotations_alone(tmp_path):
    folder = _make(tmp_path)
    for image in folder.glob("*.jpg"):
        image.unlink()
    dataset = got10k.read(str(tmp_path))
    found = only(dataset)
    assert not dataset.has_images and len(found.frames) == 4 and found.resolution == (1920, 1080)


def test_the_test_set_needs_images(tmp_path):
    for image in _make(tmp_path, "test").glob("*.jpg"):
        image.unlink()
    with pytest.raises(ValueError, match="no numbered images in .*Test_000001"):
        got10k.read(str(tmp_path), split="test")
