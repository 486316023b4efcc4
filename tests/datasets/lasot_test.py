"""LaSOT: the test set, flags, attributes, monkey-17, and broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import lasot
from tests.helpers import benchmarks
from tests.helpers.benchmarks import only


def _make(root, name, images=range(1, 5), count=None, flat=False):
    folder = root / name if flat else root / name.partition("-")[0] / name
    benchmarks.sequence(folder, images, count, truth="groundtruth.txt", digits=8)
    flags = ",".join("0" * (len(images) if count is None else count))
    for file in ("full_occlusion.txt", "out_of_view.txt"):
        (folder / file).write_text(flags)
    return folder


def test_test_set():
    """Four sequences of each of the 70 classes, of 20."""
    assert len(lasot.TEST_SET) == len(set(lasot.TEST_SET)) == 280
    classes = [name.partition("-")[0] for name in lasot.TEST_SET]
    assert {classes.count(name) for name in classes} == {4} and len(set(classes)) == 70
    assert {int(name.partition("-")[2]) for name in lasot.TEST_SET} <= set(range(1, 21))
    assert {"airplane-1", "monkey-17", "zebra-17"} <= set(lasot.TEST_SET)
    assert "airplane-2" not in lasot.TEST_SET


@pytest.mark.parametrize("flat", [False, True])
def test_layout(tmp_path, flat):
    folder = _make(tmp_path, "airplane-1", flat=flat)
    (folder / "full_occlusion.txt").write_text("0,1,0,0\n")
    (folder / "out_of_view.txt").write_text("0,1,1,0\n")
    _make(tmp_path, "airplane-2", flat=flat)  # It is for training.
    found = only(lasot.read(str(tmp_path)))
    assert found.name == "airplane-1" and found.attributes == ()
    assert found.frames[3] == str(folder / "img/00000004.jpg")
    assert found.absent.dtype == bool and found.absent.tolist() == [False, True, True, False]
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(4, origin=0))


def test_attributes(tmp_path):
    _make(tmp_path, "airplane-1")
    (tmp_path / "annos/att").mkdir(parents=True)
    (tmp_path / "annos/att/airplane-1.txt").write_text("0,1,0,0,0,1,0,0,1,0,0,0,1,0\n")
    assert only(lasot.read(str(tmp_path))).attributes == ("POC", "ROT", "SV", "LR")


def test_monkey_17_is_cut_to_its_annotation(tmp_path):
    _make(tmp_path, "monkey-17", range(1, 7), count=4)
    _make(tmp_path, "monkey-9", range(1, 7), count=4)
    dataset = lasot.read(str(tmp_path))
    (found,) = dataset.sequences
    assert found.name == "monkey-17" and len(found.frames) == 4
    ((name, detail),) = dataset.problems
    assert name == "monkey-9"
    assert detail.endswith("6 images (1 to 6) for 4 boxes; without a box: image 5 and 1 others")


def test_broken_sequences(tmp_path):
    _make(tmp_path, "bear-2")
    (_make(tmp_path, "bear-4") / "out_of_view.txt").unlink()
    (_make(tmp_path, "bear-6") / "full_occlusion.txt").write_text("0,0,0")
    (_make(tmp_path, "bear-17") / "groundtruth.txt").unlink()
    (_make(tmp_path, "bird-2") / "img/00000001.jpg").unlink()
    dataset = lasot.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["bear-2"]
    problems = dict(dataset.problems)
    assert "out_of_view.txt: there is no such file" in problems["bear-4"]
    assert "full_occlusion.txt: 3 numbers for 4 boxes" in problems["bear-6"]
    assert "bear-17/groundtruth.txt" in problems["bear-17"]
    assert problems["bird-2"].endswith("missing: image 1")


def test_training_set_alone(tmp_path):
    _make(tmp_path, "airplane-2")
    with pytest.raises(ValueError, match="looked for the test set"):
        lasot.read(str(tmp_path))


def test_extension(tmp_path):
    assert len(lasot.EXTENSION) == len(set(lasot.EXTENSION)) == 150
    assert not {name.partition("-")[0] for name in lasot.EXTENSION} & {
        name.partition("-")[0] for name in lasot.TEST_SET
    }
    folder = _make(tmp_path, "skatingshoe-10")
    (folder / "out_of_view.txt").write_text("0,0,1,0")
    _make(tmp_path, "airplane-1")
    dataset = lasot.read(str(tmp_path), extension=True)
    found = only(dataset)
    assert found.name == "skatingshoe-10" and found.absent.tolist() == [False, False, True, False]
    assert (dataset.name, dataset.title, dataset.convention) == ("lasot_ext", "LaSOText", "lasot")
    assert dataset.coverage == "1 of 150 sequences" and len(dataset.missing) == 149
    assert dataset.remarks == ("airplane-1: not of the test set",)


def test_annotations_alone(tmp_path):
    _make(tmp_path, "airplane-1", [], count=3)
    dataset = lasot.read(str(tmp_path))
    assert len(only(dataset).frames) == 3 and not dataset.has_images
