"""LaSOT's layout, with and without folders of classes, and its flags."""

import shutil

import numpy as np
import pytest

from gradnet_tf.datasets import lasot, tracks
from tests.helpers import datasets


@pytest.mark.parametrize("flat", [False, True])
def test_layout(tmp_path, flat):
    reading = lasot.read_tracks(str(datasets.make_lasot(tmp_path, flat=flat)))
    assert [(t.video, t.track, t.category) for t in reading.tracks] == [
        ("airplane-10", "0", "airplane"),
        ("airplane-11", "0", "airplane"),
        ("bear-10", "0", "bear"),
    ]
    assert reading.tracks[2].frames == (1, 2, 3, 4, 5)
    np.testing.assert_array_equal(
        reading.tracks[2].boxes, [datasets.target_box(1, 0, frame) for frame in range(5)]
    )


@pytest.mark.parametrize("part, count", [("airplane", 2), ("airplane/airplane-10", 1)])
def test_root_may_be_a_class_or_a_sequence(tmp_path, part, count):
    datasets.make_lasot(tmp_path)
    assert len(lasot.read_tracks(str(tmp_path / part)).tracks) == count


def test_class_with_a_hyphen(tmp_path):
    datasets.make_lasot(tmp_path, videos=1, flat=True)
    (tmp_path / "airplane-10").rename(tmp_path / "t-shirt-12")
    assert lasot.read_tracks(str(tmp_path)).tracks[0].category == "t-shirt"


def test_flagged_frames_are_passed_over(tmp_path):
    datasets.make_lasot(tmp_path, videos=1)
    folder = tmp_path / "airplane/airplane-10"
    (folder / "full_occlusion.txt").write_text("0,1,0,0,0\n")
    (folder / "out_of_view.txt").write_text("0,0,0,1,0")
    reading = lasot.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (1, 3, 5)
    np.testing.assert_array_equal(
        reading.tracks[0].boxes, [datasets.target_box(0, 0, frame) for frame in (0, 2, 4)]
    )
    assert reading.flaws == [
        tracks.Flaw(tracks.ABSENT, "airplane-10, track 0: frame 2", "wholly occluded"),
        tracks.Flaw(tracks.ABSENT, "airplane-10, track 0: frame 4", "out of view"),
    ]


def test_missing_flags_are_a_problem(tmp_path):
    datasets.make_lasot(tmp_path, videos=1)
    (tmp_path / "airplane/airplane-10/out_of_view.txt").unlink()
    reading = lasot.read_tracks(str(tmp_path))
    assert len(reading.tracks[0].frames) == 5
    assert [p.kind for p in reading.flaws] == [tracks.NO_ANNOTATION]


def test_negative_boxes_are_empty(tmp_path):
    """The set has such lines: 613,731,247,-11 in tiger-6."""
    datasets.make_lasot(tmp_path, videos=1)
    truth = tmp_path / "airplane/airplane-10/groundtruth.txt"
    truth.write_text("613,731,247,-11\n" + truth.read_text().split("\n", 1)[1])
    reading = lasot.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (2, 3, 4, 5)
    assert [p.kind for p in reading.flaws] == [tracks.EMPTY_BOX]


def test_missing_images_move_no_box(tmp_path):
    datasets.make_lasot(tmp_path, videos=1)
    for number in (1, 4):
        (tmp_path / f"airplane/airplane-10/img/{number:08d}.jpg").unlink()
    reading = lasot.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (2, 3, 5)
    assert reading.tracks[0].boxes[0].tolist() == list(datasets.target_box(0, 0, 1))
    assert [(p.kind, p.where[-1]) for p in reading.flaws] == [
        (tracks.NO_IMAGE, "1"),
        (tracks.NO_IMAGE, "4"),
    ]


SETS = [
    ("airplane-2", None),
    ("airplane-1", "the test set of LaSOT"),
    ("RubiccUbe-19", "the test set of LaSOT"),
    ("rubicCube-2", None),
    ("person-10", "the test set of LaSOT"),
    ("person-11", None),
    ("atv-3", "LaSOT's extension, a test set"),
    ("wingsuit-10", "LaSOT's extension, a test set"),
    ("t-shirt-1", None),
]


@pytest.mark.parametrize("flat", [False, True])
def test_the_test_set_is_left_out_and_listed(tmp_path, flat):
    datasets.make_lasot(tmp_path / "made", videos=1, flat=True)
    for name, _ in SETS:
        folder = tmp_path / "lasot" / ("" if flat else name.rpartition("-")[0])
        shutil.copytree(tmp_path / "made/airplane-10", folder / name)
    root = str(tmp_path / "lasot")
    reading = lasot.read_tracks(root)
    assert {t.video for t in reading.tracks} == {name for name, part in SETS if part is None}
    left_out = {name: part for name, part in SETS if part}
    assert {p.where.rpartition("/")[2] for p in reading.flaws} == set(left_out)
    for problem in reading.flaws:
        assert problem.kind == tracks.NOT_FOR_TRAINING
        part = left_out[problem.where.rpartition("/")[2]]
        assert problem.detail == f"it belongs to {part}; --split=all takes it"
    everything = lasot.read_tracks(root, split="all")
    assert {t.video for t in everything.tracks} == {name for name, _ in SETS}
    assert not everything.flaws


def test_of_all_1400_sequences_1120_are_for_training():
    names = {name.rpartition("-")[0] for name in lasot.TEST_SET}
    everything = [f"{name}-{number}" for name in names for number in range(1, 21)]
    problems = []
    kept = tracks.leave_out(everything, lasot._part_of, "train", problems)
    assert (len(everything), len(kept), len(problems)) == (1400, 1120, 280)
    assert not set(kept) & set(lasot.TEST_SET)


def test_a_root_of_the_test_set_alone_says_how_to_take_it(tmp_path):
    datasets.make_lasot(tmp_path, videos=1, flat=True)
    (tmp_path / "airplane-10").rename(tmp_path / "airplane-1")
    for root in (tmp_path, tmp_path / "airplane-1"):
        with pytest.raises(ValueError, match="not for training: .*airplane-1 .*--split=all takes"):
            lasot.read_tracks(str(root))
        assert len(lasot.read_tracks(str(root), split="all").tracks) == 1


def test_the_copy_with_most_images_is_taken(tmp_path):
    root = datasets.make_lasot(tmp_path)
    copy = shutil.copytree(root / "airplane" / "airplane-10", root / "a" / "airplane-10")
    (copy / "img" / "00000003.jpg").unlink()
    reading = lasot.read_tracks(str(root))
    assert [t.video for t in reading.tracks] == ["airplane-10", "airplane-11", "bear-10"]
    assert [(p.kind, p.where) for p in reading.flaws] == [(tracks.COPY, str(copy))]
