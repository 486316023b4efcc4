"""DTB70: the layout, annotations alone, and broken folders."""

import numpy as np

from gradnet_tf.datasets import dtb70
from tests.helpers import benchmarks
from tests.helpers.benchmarks import only, sequence


def test_layout(tmp_path):
    folder = sequence(tmp_path / "DTB70/Animal1", range(1, 4), digits=5)
    dataset = dtb70.read(str(tmp_path))
    found = only(dataset)
    assert found.name == "Animal1" and found.frames[2] == str(folder / "img/00003.jpg")
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(3, origin=0))
    assert (dataset.name, dataset.title, dataset.convention) == ("dtb70", "DTB70", "otb")
    assert dataset.coverage == "1 of 70 sequences" and dataset.origin == 1


def test_frames_may_begin_anywhere(tmp_path):
    sequence(tmp_path / "Gull1", range(0, 3), digits=5)
    assert only(dtb70.read(str(tmp_path))).first_number == 0


def test_broken_sequences(tmp_path):
    sequence(tmp_path / "Yacht2", [1, 2])
    sequence(tmp_path / "Yacht4", [1, 2], count=3)
    dataset = dtb70.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["Yacht2"]
    ((name, detail),) = dataset.problems
    assert name == "Yacht4" and detail.endswith("missing: image 3")


def test_annotations_alone(tmp_path):
    (tmp_path / "Yacht2").mkdir()
    (tmp_path / "Yacht2/groundtruth_rect.txt").write_text(benchmarks.lines(benchmarks.boxes(3)))
    dataset = dtb70.read(str(tmp_path))
    assert len(only(dataset).frames) == 3 and not dataset.has_images
