"""The registry of data sets."""

import numpy as np
import pytest

from gradnet_tf.eval.datasets import DATASETS, open_dataset
from tests.helpers import benchmarks


def test_names():
    vot = [f"vot{year}" for year in range(2013, 2020)]
    assert list(DATASETS) == [
        *("otb50", "otb100", "otb2013", "tc128"),
        *(*vot, "lasot", "got10k_val", "got10k_test", "folder"),
    ]


@pytest.mark.parametrize(
    "name, title, convention, layout, protocol, size",
    [
        ("otb50", "OTBtb50", "otb", "otb", "ope", 50),
        ("otb2013", "OTB2013", "otb", "otb", "ope", 51),
        ("otb100", "OTB2015", "otb", "otb", "ope", 100),
        ("tc128", "TColor128", "otb", "otb", "ope", 128),
        ("vot2013", "VOT2013", "vot", "vot", "supervised", 16),
        ("vot2019", "VOT2019", "vot", "vot", "supervised", 60),
        ("lasot", "LaSOT", "lasot", "otb", "ope", 280),
        ("got10k_val", "GOT-10k", "got10k", "got10k", "ope", 180),
        ("got10k_test", "GOT-10k", "got10k", "got10k", "ope", 180),
        ("folder", "data", "otb", "otb", "ope", 0),
    ],
)
def test_rules_of_each_set(tmp_path, name, title, convention, layout, protocol, size):
    """One folder that every reader can read."""
    root = tmp_path / "data"
    folder = benchmarks.sequence(root / "Couple", [1, 2])
    benchmarks.sequence(root / "Walking2", [1, 2])
    benchmarks.sequence(root / "airplane-1", [1, 2], truth="groundtruth.txt")
    for flags in ("full_occlusion.txt", "out_of_view.txt"):
        (root / "airplane-1" / flags).write_text("0,0")
    listed = benchmarks.sequence(root / "listed", [1, 2], truth="groundtruth.txt", place="")
    for label in ("absence.label", "cover.label"):
        (listed / label).write_text("1\n1\n")
    (root / "list.txt").write_text("listed\n")
    (folder / "Couple_gt.txt").write_text(benchmarks.lines(benchmarks.boxes(2)))
    (folder / "Couple_frames.txt").write_text("1,2")
    # TC-128 reports folders of images that lack its files.
    dataset = open_dataset(name, str(root), ["Couple"] if name == "tc128" else None)
    assert (dataset.name, dataset.title, dataset.root) == (name, title, str(root))
    assert (dataset.convention, dataset.layout, dataset.protocol, dataset.size) == (
        convention,
        layout,
        protocol,
        size,
    )
    assert dataset.sequences and not dataset.problems
    origin = 0 if convention == "vot" else 1
    assert dataset.origin == origin
    for sequence in dataset.sequences:
        assert sequence.boxes.dtype == np.float64
        assert sequence.boxes[0].tolist() == [11 - origin, 21 - origin, 30, 40]


def test_unknown_data_set():
    with pytest.raises(ValueError, match="'otb15'; known are otb50, otb100"):
        open_dataset("otb15", "/")


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        open_dataset("otb100", str(tmp_path / "x"))
    (tmp_path / "x").touch()
    with pytest.raises(NotADirectoryError, match="is a file"):
        open_dataset("otb100", str(tmp_path / "x"))


@pytest.mark.parametrize("name", DATASETS)
def test_nothing_there(tmp_path, name):
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match=f"no sequence in {tmp_path}: looked for .*(jpg|img)"):
        open_dataset(name, str(tmp_path))


def test_chosen_sequences_keep_the_order_of_the_set(tmp_path):
    for name in ("a", "b", "c"):
        benchmarks.sequence(tmp_path / name, [1, 2])
    chosen = open_dataset("folder", str(tmp_path), iter(["c", "a"]))
    assert [sequence.name for sequence in chosen.sequences] == ["a", "c"]


def test_unknown_sequences(tmp_path):
    benchmarks.sequence(tmp_path / "bird1", [1, 2])
    with pytest.raises(ValueError, match="'bird2'; did you mean bird1"):
        open_dataset("folder", str(tmp_path), ["bird1", "bird2"])
    with pytest.raises(ValueError, match="are a list"):
        open_dataset("folder", str(tmp_path), "bird1")
    with pytest.raises(ValueError, match="empty list"):
        open_dataset("folder", str(tmp_path), [])


def test_options(tmp_path):
    benchmarks.sequence(tmp_path / "a", [1, 2])
    assert open_dataset("folder", str(tmp_path), origin=0).sequences[0].boxes[0, 0] == 11
    with pytest.raises(ValueError, match="folder has no option 'year'; it has origin"):
        open_dataset("folder", str(tmp_path), year=3)
    with pytest.raises(ValueError, match="vot2017 has no option 'year'; it has none"):
        open_dataset("vot2017", str(tmp_path), year=2018)
