"""GOT-10k's layout: split, list, flags, class, and what happens to damaged files."""

import shutil

import numpy as np
import pytest

from gradnet_tf.datasets import got10k, tracks
from tests.helpers import datasets

FIRST = "GOT-10k_Train_000001"


def test_layout(tmp_path):
    reading = got10k.read_tracks(str(datasets.make_got10k(tmp_path, videos=2)))
    assert [t.video for t in reading.tracks] == [FIRST, "GOT-10k_Train_000002"]
    assert [(t.track, t.category, t.frames) for t in reading.tracks] == [
        ("0", "bear", (1, 2, 3, 4, 5))
    ] * 2
    assert reading.tracks[0].paths[0] == str(tmp_path / "train" / FIRST / "00000001.jpg")


def test_root_may_be_a_split_or_a_sequence(tmp_path):
    datasets.make_got10k(tmp_path, videos=2)
    assert len(got10k.read_tracks(str(tmp_path / "train")).tracks) == 2
    assert [t.video for t in got10k.read_tracks(str(tmp_path / "train" / FIRST)).tracks] == [FIRST]


def test_train_is_read_alone(tmp_path):
    datasets.make_got10k(tmp_path, videos=1)
    datasets.make_got10k(tmp_path, videos=2, split="val")
    assert [t.video for t in got10k.read_tracks(str(tmp_path)).tracks] == [FIRST]
    with pytest.raises(ValueError, match="2 problems were met, first: not for training"):
        got10k.read_tracks(str(tmp_path / "val"))
    assert len(got10k.read_tracks(str(tmp_path / "val"), split="all").tracks) == 2


def test_all_splits_are_read_on_request(tmp_path):
    for split in ("train", "val", "test"):
        datasets.make_got10k(tmp_path, videos=2, split=split)
    (tmp_path / "val/list.txt").write_text("GOT-10k_Val_000002\n")
    assert [t.video for t in got10k.read_tracks(str(tmp_path), split="all").tracks] == [
        *(FIRST, "GOT-10k_Train_000002", "GOT-10k_Val_000002"),
        *("GOT-10k_Test_000001", "GOT-10k_Test_000002"),
    ]


@pytest.mark.parametrize("place", ["mixed", "mixed/test", "mixed/GOT-10k_Val_000001"])
def test_other_splits_are_known_by_their_names(tmp_path, place):
    """In one folder with those for training, in a folder of that name, and as the root."""
    datasets.make_got10k(tmp_path / "made", videos=1, split="val")
    folder = tmp_path / place
    folder.mkdir(parents=True)
    (tmp_path / "made/val/GOT-10k_Val_000001").rename(folder / "GOT-10k_Val_000001")
    with pytest.raises(ValueError, match="not for training: .*Val_000001 .*the validation set"):
        got10k.read_tracks(str(folder))
    datasets.make_got10k(tmp_path / "made", videos=1)
    (tmp_path / "made/train" / FIRST).rename(folder / FIRST)
    reading = got10k.read_tracks(str(folder))
    assert [t.video for t in reading.tracks] == [FIRST]
    assert [p.kind for p in reading.flaws] == [tracks.NOT_FOR_TRAINING]


def test_folders_of_the_archives_may_lie_between(tmp_path):
    datasets.make_got10k(tmp_path, videos=2)
    train = tmp_path / "train"
    (train / "GOT-10k_Train_split_01").mkdir()
    (train / FIRST).rename(train / "GOT-10k_Train_split_01" / FIRST)
    assert len(got10k.read_tracks(str(tmp_path)).tracks) == 2


def test_list_chooses_and_misses_sequences(tmp_path):
    datasets.make_got10k(tmp_path, videos=3)
    (tmp_path / "train/list.txt").write_text("GOT-10k_Train_000003\nGOT-10k_Train_000009\n")
    reading = got10k.read_tracks(str(tmp_path))
    assert [t.video for t in reading.tracks] == ["GOT-10k_Train_000003"]
    (problem,) = reading.flaws
    assert problem.kind == tracks.NO_ANNOTATION and problem.where.endswith("000009")


def test_without_list_all_are_read(tmp_path):
    datasets.make_got10k(tmp_path, videos=3)
    (tmp_path / "train/list.txt").unlink()
    assert len(got10k.read_tracks(str(tmp_path)).tracks) == 3


def test_absent_and_covered_frames_are_passed_over(tmp_path):
    datasets.make_got10k(tmp_path, videos=1)
    folder = tmp_path / "train" / FIRST
    (folder / "absence.label").write_text("0\n1\n0\n0\n0\n")
    (folder / "cover.label").write_text("8\n0\n1\n0\n3\n")
    reading = got10k.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (1, 3, 5)
    np.testing.assert_array_equal(
        reading.tracks[0].boxes, [datasets.target_box(0, 0, frame) for frame in (0, 2, 4)]
    )
    assert [(p.kind, p.where[-1], p.detail) for p in reading.flaws] == [
        (tracks.ABSENT, "2", "absent"),
        (tracks.ABSENT, "4", "wholly covered"),
    ]


def test_boxes_of_targets_outside_are_empty(tmp_path):
    datasets.make_got10k(tmp_path, videos=1, frames=2)
    (tmp_path / "train" / FIRST / "groundtruth.txt").write_text("-1,-1,-1,-1\n2.5,3,4,5\n")
    reading = got10k.read_tracks(str(tmp_path))
    assert reading.tracks[0].boxes.tolist() == [[1.5, 2, 4, 5]]
    assert [p.kind for p in reading.flaws] == [tracks.EMPTY_BOX]


@pytest.mark.parametrize("missing", [1, 3, 5])
def test_missing_image_moves_no_box(tmp_path, missing):
    datasets.make_got10k(tmp_path, videos=1)
    (tmp_path / "train" / FIRST / f"{missing:08d}.jpg").unlink()
    reading = got10k.read_tracks(str(tmp_path))
    frames = [n for n in range(1, 6) if n != missing]
    assert list(reading.tracks[0].frames) == frames
    np.testing.assert_array_equal(
        reading.tracks[0].boxes, [datasets.target_box(0, 0, n - 1) for n in frames]
    )
    assert [p.kind for p in reading.flaws] == [tracks.NO_IMAGE]


def test_frames_without_annotation(tmp_path):
    """The test split publishes one box a sequence."""
    datasets.make_got10k(tmp_path, videos=1)
    folder = tmp_path / "train" / FIRST
    (folder / "groundtruth.txt").write_text("11,9,24,18\n")
    for name in ("absence.label", "cover.label"):
        (folder / name).unlink()
    reading = got10k.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (1,)
    # Both files of flags, and four frames.
    assert [p.kind for p in reading.flaws] == [tracks.NO_ANNOTATION] * 6


@pytest.mark.parametrize("content", ["0\n0\n", "0\n0\nx\n0\n0\n", "nan\n0\n0\n0\n0\n"])
def test_unusable_flags_are_a_problem(tmp_path, content):
    datasets.make_got10k(tmp_path, videos=1)
    (tmp_path / "train" / FIRST / "absence.label").write_text(content)
    reading = got10k.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (1, 2, 3, 4, 5)
    (problem,) = reading.flaws
    assert problem.kind == tracks.UNREADABLE and problem.where.endswith("absence.label")


@pytest.mark.parametrize("content, problems", [(None, 0), ("no section", 1), ("[METAINFO]\n", 0)])
def test_class_may_be_unknown(tmp_path, content, problems):
    datasets.make_got10k(tmp_path, videos=1)
    path = tmp_path / "train" / FIRST / "meta_info.ini"
    path.unlink()
    if content is not None:
        path.write_text(content)
    reading = got10k.read_tracks(str(tmp_path))
    assert reading.tracks[0].category == ""
    assert len(reading.flaws) == problems


def test_broken_truth_stops_only_its_sequence(tmp_path):
    datasets.make_got10k(tmp_path, videos=2)
    (tmp_path / "train" / FIRST / "groundtruth.txt").write_bytes(b"\xff\xd8\xff\xe0")
    reading = got10k.read_tracks(str(tmp_path))
    assert [t.video for t in reading.tracks] == ["GOT-10k_Train_000002"]
    assert [p.kind for p in reading.flaws] == [tracks.UNREADABLE]


def test_stubs_and_copies_do_not_displace_sequences(tmp_path):
    datasets.make_got10k(tmp_path, videos=2)
    copy = shutil.copytree(tmp_path / "train" / FIRST, tmp_path / "train" / "A" / FIRST)
    (copy / "00000003.jpg").unlink()
    shutil.copytree(tmp_path / "train" / FIRST, tmp_path / "train" / "__MACOSX" / FIRST)
    reading = got10k.read_tracks(str(tmp_path))
    assert [t.video for t in reading.tracks] == [FIRST, "GOT-10k_Train_000002"]
    assert reading.tracks[0].paths[0] == str(tmp_path / "train" / FIRST / "00000001.jpg")
    assert reading.flaws == [
        tracks.Flaw(tracks.COPY, str(copy), f"{tmp_path / 'train' / FIRST} is taken")
    ]


def test_decimal_commas_are_refused(tmp_path):
    datasets.make_got10k(tmp_path, videos=2)
    path = tmp_path / "train" / FIRST / "groundtruth.txt"
    path.write_text("31,0\t26,0\t24,0\t20,0\n" * 5)
    reading = got10k.read_tracks(str(tmp_path))
    assert [t.video for t in reading.tracks] == ["GOT-10k_Train_000002"]
    (problem,) = reading.flaws
    assert problem.kind == tracks.UNREADABLE and "groundtruth.txt, line 1: " in problem.detail
    assert "commas are no decimal points" in problem.detail


def test_labels_with_decimals_are_refused(tmp_path):
    datasets.make_got10k(tmp_path, videos=1)
    path = tmp_path / "train" / FIRST / "cover.label"
    path.write_text("8,0\n" * 5)
    (problem,) = got10k.read_tracks(str(tmp_path)).flaws
    assert problem.kind == tracks.UNREADABLE and "whole numbers" in problem.detail
