"""The registry of data sets."""

import numpy as np
import pytest

from gradnet_tf.datasets import DATASETS, open_dataset
from gradnet_tf.datasets.sequences import describe
from tests.helpers import benchmarks


def test_names():
    vot = [f"vot{year}" for year in range(2013, 2023)]
    assert list(DATASETS) == [
        *("otb50", "otb100", "otb2013", "tc128"),
        *(*vot, "lasot", "lasot_ext", "got10k_val", "got10k_test", "trackingnet"),
        *("uav123", "uav20l", "nfs30", "nfs240", "dtb70", "folder"),
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
        ("vot2022", "VOT2022", "vot", "vot", "ope", 62),
        ("lasot", "LaSOT", "lasot", "otb", "ope", 280),
        ("got10k_val", "GOT-10k", "got10k", "got10k", "ope", 180),
        ("got10k_test", "GOT-10k", "got10k", "got10k", "ope", 180),
        ("folder", "data", "otb", "otb", "ope", 4),
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


@pytest.mark.parametrize("name", ["otb50", "otb100", "otb2013", "tc128", "lasot"])
@pytest.mark.parametrize(
    "stub", ["__MACOSX/{}/img", "0/{}/img", "{}/img", "@eaDir/{}/img", "0/__MACOSX/{}/img"]
)
def test_stubs_do_not_displace_sequences(tmp_path, name, stub):
    target = {"lasot": "airplane-1", "tc128": "Airport_ce"}.get(name, "Couple")
    truth = {"lasot": "groundtruth.txt", "tc128": "Airport_ce_gt.txt"}.get(
        name, "groundtruth_rect.txt"
    )
    # The one of macOS's archiver has hidden files that are called images.
    folder = tmp_path / stub.format(target)
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        (folder / f"._{number:04d}.jpg").touch()
    (folder.parent / f"._{truth}").touch()
    whole = benchmarks.sequence(tmp_path / "zip" / target, [1, 2, 3], truth=truth)
    for flags in ("full_occlusion.txt", "out_of_view.txt"):
        (whole / flags).write_text("0,0,0")
    (whole / f"{target}_frames.txt").write_text("1,3")
    dataset = open_dataset(name, str(tmp_path))
    assert not dataset.problems
    (found,) = dataset.sequences
    assert found.name == target and len(found.frames) == 3
    assert found.frames[0].startswith(str(whole))
    assert len(dataset.remarks) == 1 and stub.format(target).split("/")[0] in dataset.remarks[0]


def test_the_longer_copy_of_a_listed_sequence(tmp_path):
    for place, count in (("a", 2), ("b", 3)):
        folder = tmp_path / place / "bird"
        benchmarks.sequence(folder, range(1, count + 1), truth="groundtruth.txt", place="")
        for label in ("absence.label", "cover.label"):
            (folder / label).write_text("1\n" * count)
    (tmp_path / "list.txt").write_text("bird\n")
    dataset = open_dataset("got10k_val", str(tmp_path))
    assert [len(found.frames) for found in dataset.sequences] == [3]
    assert dataset.remarks == (
        f"{tmp_path}/a/bird: 2 frames of 3; bird is read from {tmp_path}/b/bird",
    )


OTHERS = ("lasot_ext", "trackingnet", "uav123", "uav20l", "nfs30", "nfs240", "dtb70")


@pytest.mark.parametrize("name", [name for name in DATASETS if name not in OTHERS])
def test_coverage_of_a_part(tmp_path, name):
    """Every set tells how many of how many there are."""
    for target in ("Couple", "Walking2", "airplane-1", "airplane-9"):
        truth = "groundtruth.txt" if target[0] in "ag" or name[:3] in ("vot", "got") else None
        truth = truth or "groundtruth_rect.txt"
        place = "" if name[:3] in ("vot", "got") else "img"
        folder = benchmarks.sequence(tmp_path / target, [1, 2], truth=truth, place=place)
        if name == "tc128":
            (folder / truth).rename(folder / f"{target}_gt.txt")
            (folder / f"{target}_frames.txt").write_text("1,2")
        for flags in ("full_occlusion.txt", "out_of_view.txt", "absence.label", "cover.label"):
            (folder / flags).write_text("1,1" if "label" in flags else "0,0")
    dataset = open_dataset(name, str(tmp_path))
    count = 2 if name == "lasot" or name.startswith("otb") else 4
    size = 4 if name == "folder" else dataset.size
    assert dataset.coverage == f"{count} of {size} sequences"
    assert describe(dataset).startswith(f"{name} in {tmp_path}: {count} of {size} sequences, ")
    if name == "lasot" or name.startswith("otb"):
        assert len(dataset.missing) == size - count
        assert "missing: " in describe(dataset) and "others" in describe(dataset)
    only = open_dataset(name, str(tmp_path), [dataset.sequences[0].name])
    assert only.coverage == f"1 of {size} sequences"


def test_more_than_the_benchmark_has(tmp_path):
    for number in range(17):
        benchmarks.sequence(tmp_path / f"s{number}", [1], truth="groundtruth.txt", place="")
    assert open_dataset("vot2013", str(tmp_path)).coverage == "17 sequences instead of 16"


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


def test_annotations_alone_are_refused_where_images_are_needed(tmp_path):
    benchmarks.sequence(tmp_path / "bird", [], count=3)
    with pytest.raises(ValueError, match="annotations alone: .*bird/img/00000001.jpg. .*report"):
        open_dataset("folder", str(tmp_path))
    dataset = open_dataset("folder", str(tmp_path), needs_images=False)
    assert len(dataset.sequences[0].frames) == 3
    assert "annotations alone: there are no images" in describe(dataset)


def test_options(tmp_path):
    benchmarks.sequence(tmp_path / "a", [1, 2])
    assert open_dataset("folder", str(tmp_path), origin=0).sequences[0].boxes[0, 0] == 11
    with pytest.raises(ValueError, match="folder has no option 'year'; it has origin"):
        open_dataset("folder", str(tmp_path), year=3)
    with pytest.raises(ValueError, match="vot2017 has no option 'year'; it has none"):
        open_dataset("vot2017", str(tmp_path), year=2018)
