"""OTB: ranges of frames, two targets, Human4, Tiger1, delimiters, attributes, broken folders."""

import numpy as np
import pytest

from gradnet_tf.datasets import otb
from tests.helpers import benchmarks
from tests.helpers.benchmarks import numbers_of, only, sequence


def _names(dataset):
    return [found.name for found in dataset.sequences]


def test_versions():
    """Numbers of targets and folders as published: 100 targets in 98 folders."""
    targets = otb.TARGETS
    assert len(targets) == 100
    assert sum("a" in target.versions for target in targets.values()) == 50
    assert sum("b" in target.versions for target in targets.values()) == 51
    assert len({name.partition("-")[0] for name in targets}) == 98
    assert {"Jogging-1", "Jogging-2", "Skating2-1", "Skating2-2", "Human4"} <= set(targets)
    both = [name for name, target in targets.items() if target.versions == "ab"]
    assert "Basketball" in both and "Tiger1" not in both and "Biker" not in both
    for target in targets.values():
        assert target.attributes and set(target.attributes) <= set(otb.ATTRIBUTES)
        assert set(target.versions) <= set("ab")
        assert len(set(target.attributes)) == len(target.attributes)


def test_attributes_are_as_often_as_in_the_authors_list():
    """Counted in their tb_100.txt, with which pytracking's table agrees."""
    counts = [
        sum(code in target.attributes for target in otb.TARGETS.values()) for code in otb.ATTRIBUTES
    ]
    assert counts == [38, 64, 65, 49, 44, 31, 43, 51, 14, 32, 10]


@pytest.mark.parametrize("delimiter", [",", "\t", " ", ", "])
def test_delimiters(tmp_path, delimiter):
    sequence(tmp_path / "Deer", range(1, 4), delimiter=delimiter)
    found = only(otb.read(str(tmp_path)))
    assert found.name == "Deer" and found.first_number == 1
    np.testing.assert_array_equal(found.boxes, benchmarks.boxes(3, origin=0))
    assert found.frames[0] == str(tmp_path / "Deer/img/0001.jpg")


def test_delimiters_mixed_in_one_file(tmp_path):
    folder = sequence(tmp_path / "Deer", range(1, 4))
    (folder / "groundtruth_rect.txt").write_text("11,21,30,40\r\n12\t21\t30\t40\r\n13 21 30 40\r\n")
    np.testing.assert_array_equal(
        only(otb.read(str(tmp_path))).boxes, benchmarks.boxes(3, origin=0)
    )


@pytest.mark.parametrize(
    "name, images, first, last",
    [
        ("David", range(1, 771), 300, 770),
        ("Football1", range(1, 82), 1, 74),
        ("Freeman3", range(1, 475), 1, 460),
        ("Freeman4", range(1, 298), 1, 283),
        ("Diving", range(1, 232), 1, 215),
    ],
)
def test_ranges(tmp_path, name, images, first, last):
    sequence(tmp_path / name, images, count=last - first + 1)
    found = only(otb.read(str(tmp_path)))
    assert numbers_of(found) == list(range(first, last + 1))
    assert found.first_number == first
    np.testing.assert_array_equal(found.boxes[0], [10, 20, 30, 40])


@pytest.mark.parametrize(
    "name, first, last", [("BlurCar1", 247, 988), ("BlurCar3", 3, 359), ("BlurCar4", 18, 397)]
)
@pytest.mark.parametrize("whole", [False, True])
def test_folders_that_begin_later(tmp_path, name, first, last, whole):
    """The published folder begins there; one with all images of the video is cut."""
    numbers = range(1 if whole else first, last + 1)
    sequence(tmp_path / name, numbers, count=last - first + 1)
    found = only(otb.read(str(tmp_path)))
    assert numbers_of(found) == list(range(first, last + 1))
    assert found.first_number == first


def test_folder_that_was_cut_and_renumbered(tmp_path):
    sequence(tmp_path / "David", range(1, 472))
    assert numbers_of(only(otb.read(str(tmp_path)))) == list(range(1, 472))


def test_board_has_names_of_five_digits(tmp_path):
    sequence(tmp_path / "Board", range(1, 12), digits=5)
    found = only(otb.read(str(tmp_path)))
    assert found.frames[-1].endswith("/00011.jpg") and len(found.frames) == 11


def test_tiger1_begins_at_frame_6(tmp_path):
    sequence(tmp_path / "Tiger1", range(1, 10))
    dataset = otb.read(str(tmp_path))
    found = only(dataset)
    assert numbers_of(found) == [6, 7, 8, 9] and found.first_number == 6
    np.testing.assert_array_equal(found.boxes[:, 0], [15, 16, 17, 18])
    assert "Tiger1 from frame 6" in dataset.rule
    whole = otb.read(str(tmp_path), skip_tiger1=False)
    assert numbers_of(only(whole)) == list(range(1, 10))
    assert "Tiger1 from frame 1" in whole.rule


@pytest.mark.parametrize("video", ["Jogging", "Skating2"])
def test_two_targets(tmp_path, video):
    folder = sequence(tmp_path / video, range(1, 4), truth="groundtruth_rect.1.txt")
    second = benchmarks.boxes(3) + [100, 0, 0, 0]
    (folder / "groundtruth_rect.2.txt").write_text(benchmarks.lines(second))
    dataset = otb.read(str(tmp_path))
    assert _names(dataset) == [f"{video}-1", f"{video}-2"]
    assert [found.boxes[0, 0] for found in dataset.sequences] == [10, 110]
    assert dataset.sequences[0].frames == dataset.sequences[1].frames


def test_a_folder_for_each_target(tmp_path):
    """As pysot wants them: copies of the folder, with both files or with its own."""
    sequence(tmp_path / "Jogging-1", range(1, 4), truth="groundtruth_rect.1.txt")
    folder = sequence(tmp_path / "Jogging-2", range(1, 4), truth="groundtruth_rect.1.txt")
    second = benchmarks.boxes(3) + [100, 0, 0, 0]
    (folder / "groundtruth_rect.2.txt").write_text(benchmarks.lines(second))
    sequence(tmp_path / "Skating2-1", range(1, 4))
    dataset = otb.read(str(tmp_path))
    assert _names(dataset) == ["Jogging-1", "Jogging-2", "Skating2-1"]
    assert [found.boxes[0, 0] for found in dataset.sequences] == [10, 110, 10]


def test_human4_has_its_boxes_in_the_second_file(tmp_path):
    folder = sequence(tmp_path / "Human4", range(1, 4), truth="groundtruth_rect.2.txt")
    (folder / "groundtruth_rect.1.txt").write_text("")
    found = only(otb.read(str(tmp_path)))
    assert found.name == "Human4" and found.boxes.shape == (3, 4)


def test_other_spellings_of_folders(tmp_path):
    sequence(tmp_path / "deeper/BasketBall", [1, 2])
    sequence(tmp_path / "Human4-2", [1, 2])
    sequence(tmp_path / "unknown", [1, 2])
    dataset = otb.read(str(tmp_path))
    assert _names(dataset) == ["Basketball", "Human4"] and dataset.problems == ()


def test_root_may_be_one_sequence(tmp_path):
    assert only(otb.read(str(sequence(tmp_path / "Deer", [1, 2])))).name == "Deer"


def test_version_chooses(tmp_path):
    for name in ("Biker", "Boy", "Bolt", "Bolt2"):  # a, b, both, neither
        sequence(tmp_path / name, [1, 2])
    read = {v: _names(otb.read(str(tmp_path), version=v)) for v in ("otb50", "otb2013", "otb100")}
    assert read["otb50"] == ["Biker", "Bolt"]
    assert read["otb2013"] == ["Bolt", "Boy"]
    assert sorted(read["otb100"]) == ["Biker", "Bolt", "Bolt2", "Boy"]


def test_attributes_from_the_table(tmp_path):
    sequence(tmp_path / "Walking2", [1, 2])
    assert only(otb.read(str(tmp_path))).attributes == ("SV", "OCC", "LR")


def test_attributes_beside_the_boxes(tmp_path):
    folder = sequence(tmp_path / "Walking2", [1, 2])
    (folder / "attrs.txt").write_text("IV ,BC\n")
    assert only(otb.read(str(tmp_path))).attributes == ("IV", "BC")


def test_attributes_from_the_benchmarks_flags(tmp_path):
    sequence(tmp_path / "Jogging", [1, 2], truth="groundtruth_rect.2.txt")
    (tmp_path / "anno/att").mkdir(parents=True)
    # IV OPR SV OCC DEF MB FM IPR OV BC LR
    (tmp_path / "anno/att/jogging-2.txt").write_text("0,1,0,1,1,0,0,0,0,0,1\n")
    dataset = otb.read(str(tmp_path), ["Jogging-2"])
    assert only(dataset).attributes == ("OPR", "OCC", "DEF", "LR")


@pytest.mark.parametrize(
    "spelling, name",
    [
        ("Jogging.1", "Jogging-1"),
        ("jogging_2", "Jogging-2"),
        ("BasketBall", "Basketball"),
        ("Human4-2", "Human4"),
        ("human4_2", "Human4"),
        ("Human4", "Human4"),
        ("Jogging", None),
        ("Deer-1", None),
    ],
)
def test_canonical(spelling, name):
    assert otb.canonical(spelling) == name


def test_names_in_other_spellings(tmp_path):
    for name in ("Deer", "Dog"):
        sequence(tmp_path / name, [1, 2])
    assert _names(otb.read(str(tmp_path), ["dog"])) == ["Dog"]
    with pytest.raises(ValueError, match="has no sequence 'Basketball'"):
        otb.read(str(tmp_path), ["basketball", "Dog"])


def _no_truth(folder):
    (folder / "groundtruth_rect.txt").unlink()


def _empty_truth(folder):
    (folder / "groundtruth_rect.txt").write_text("")


def _bad_line(folder):
    (folder / "groundtruth_rect.txt").write_text("1,2,3,4\n1,2,x,4\n1,2,3,4\n")


def _short_truth(folder):
    (folder / "groundtruth_rect.txt").write_text(benchmarks.lines(benchmarks.boxes(2)))


def _no_image(folder):
    (folder / "img/0002.jpg").unlink()


def _no_last_image(folder):
    (folder / "img/0003.jpg").unlink()


def _no_images(folder):
    for file in (folder / "img").iterdir():
        file.unlink()


def _first_box_empty(folder):
    (folder / "groundtruth_rect.txt").write_text("1,2,0,4\n1,2,3,4\n1,2,3,4\n")


def _bad_flags(folder):
    (folder / "attrs.txt").write_text("0,1")


@pytest.mark.parametrize(
    "damage, message",
    [
        (_no_truth, "Deer has no groundtruth_rect.txt"),
        (_empty_truth, "groundtruth_rect.txt holds no boxes"),
        (_bad_line, "groundtruth_rect.txt, line 2: '1,2,x,4'"),
        (_short_truth, r"Deer/img: 3 images \(1 to 3\) for 2 boxes; without a box: image 3"),
        (_no_image, r"Deer/img: 2 images \(1 to 3\) for 3 boxes; missing: image 2"),
        (_no_last_image, r"Deer/img: 2 images \(1 to 2\) for 3 boxes; missing: image 3"),
        (_no_images, "no numbered images in .*Deer/img"),
        (_first_box_empty, "first box"),
        (_bad_flags, "attrs.txt: expected 11"),
    ],
)
def test_broken_sequence(tmp_path, damage, message):
    damage(sequence(tmp_path / "Deer", [1, 2, 3]))
    sequence(tmp_path / "Dog", [1, 2])
    dataset = otb.read(str(tmp_path))
    assert _names(dataset) == ["Dog"]
    (problem,) = dataset.problems
    assert problem.sequence == "Deer"
    with pytest.raises(ValueError, match=message):
        raise ValueError(problem.detail)


def test_range_that_is_not_there(tmp_path):
    sequence(tmp_path / "David", range(1, 11), count=3)
    sequence(tmp_path / "Dog", [1, 2])
    (problem,) = otb.read(str(tmp_path)).problems
    assert "none of the images 300 to 770" in problem.detail


@pytest.mark.parametrize(
    "folder, target",
    [
        *[(name, "Jogging-1") for name in ("Jogging-1", "Jogging_1", "Jogging.1", "jogging1")],
        *[("Jogging 2", "Jogging-2"), ("JOGGING_2", "Jogging-2"), ("Jogging2", "Jogging-2")],
        *[("Skating2_1", "Skating2-1"), ("Skating2.2", "Skating2-2"), ("skating22", "Skating2-2")],
        *[(name, "Human4") for name in ("Human4_2", "Human4-2", "human4.2", "Human4")],
    ],
)
@pytest.mark.parametrize("truth", ["groundtruth_rect.txt", "groundtruth_rect.{}.txt"])
def test_spellings_of_folders_of_targets(tmp_path, folder, target, truth):
    number = "2" if target == "Human4" else target[-1]
    benchmarks.sequence(tmp_path / folder, [1, 2], truth=truth.format(number))
    dataset = otb.read(str(tmp_path))
    assert benchmarks.only(dataset).name == target and not dataset.remarks


@pytest.mark.parametrize("folder", ["Human4_1", "Jogging_3", "Skating3", "Basketball (1)", "extra"])
def test_folders_of_no_target_are_named(tmp_path, folder):
    benchmarks.sequence(tmp_path / "Girl", [1, 2])
    benchmarks.sequence(tmp_path / folder, [1, 2])
    dataset = otb.read(str(tmp_path))
    assert benchmarks.only(dataset).name == "Girl"
    assert dataset.remarks == (f"{tmp_path / folder}: no target of OTB is called so",)
    # Those of another version of the benchmark are no strangers.
    benchmarks.sequence(tmp_path / "Couple", [1, 2])
    assert len(otb.read(str(tmp_path), version="otb2013").remarks) == 1


def test_two_whole_copies(tmp_path):
    for place in ("a", "b"):
        benchmarks.sequence(tmp_path / place / "Girl", [1, 2])
    dataset = otb.read(str(tmp_path))
    assert benchmarks.only(dataset).frames[0].startswith(f"{tmp_path}/a/")
    assert dataset.remarks == (
        f"{tmp_path}/b/Girl: another copy; Girl is read from {tmp_path}/a/Girl",
    )


def test_a_stub_of_the_video_beside_folders_of_its_targets(tmp_path):
    (tmp_path / "Jogging" / "img").mkdir(parents=True)
    for number in (1, 2):
        benchmarks.sequence(tmp_path / f"Jogging-{number}", [1, 2])
    dataset = otb.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["Jogging-1", "Jogging-2"]
    assert not dataset.problems and len(dataset.remarks) == 2


def test_boxes_with_semicolons_and_decimal_commas(tmp_path):
    benchmarks.sequence(tmp_path / "Girl", [1, 2], delimiter=";")
    folder = benchmarks.sequence(tmp_path / "Couple", [1, 2])
    (folder / "groundtruth_rect.txt").write_text("31,5;26,0;24,0;20,0\n" * 2)
    dataset = otb.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["Girl"]
    ((name, detail),) = dataset.problems
    assert name == "Couple" and "groundtruth_rect.txt, line 1: " in detail


@pytest.mark.parametrize("name, first", [("Deer", 1), ("David", 300), ("Tiger1", 6)])
def test_annotations_alone(tmp_path, name, first):
    count = 471 if name == "David" else 8
    sequence(tmp_path / name, [], count=count)
    dataset = otb.read(str(tmp_path))
    found = only(dataset)
    assert not dataset.has_images and found.first_number == first
    assert len(found.frames) == (3 if name == "Tiger1" else count)
