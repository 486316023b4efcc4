"""OTB's layout: delimiters, several targets, lengths that differ, David, and the manifest."""

import numpy as np
import pytest

from gradnet_tf.datasets import plain, tracks
from tests.helpers import datasets


def _kinds(reading):
    return [problem.kind for problem in reading.flaws]


def test_layout(tmp_path):
    reading = plain.read_tracks(str(datasets.make_otb(tmp_path)))  # comma, tab and space
    assert [track.video for track in reading.tracks] == ["Seq0", "Seq1", "Seq2"]
    for video, track in enumerate(reading.tracks):
        assert (track.track, track.category, track.frames) == ("0", "", (1, 2, 3, 4, 5))
        np.testing.assert_array_equal(
            track.boxes, [datasets.target_box(video, 0, f) for f in range(5)]
        )
        assert [path[-8:] for path in track.paths] == [f"{n:04d}.jpg" for n in range(1, 6)]


def test_root_may_be_one_sequence(tmp_path):
    datasets.make_otb(tmp_path)
    (track,) = plain.read_tracks(str(tmp_path / "Seq1")).tracks
    assert track.video == "Seq1"


def test_sequences_one_level_lower_have_distinct_names(tmp_path):
    for part in "ab":
        datasets.make_otb(tmp_path / part, videos=1)
    assert [track.video for track in plain.read_tracks(str(tmp_path)).tracks] == [
        "a/Seq0",
        "b/Seq0",
    ]


def test_several_targets_are_tracks_of_one_video(tmp_path):
    reading = plain.read_tracks(str(datasets.make_otb(tmp_path, videos=1, targets=2)))
    assert [(t.video, t.track) for t in reading.tracks] == [("Seq0", "1"), ("Seq0", "2")]
    assert reading.tracks[1].boxes[0].tolist() == list(datasets.target_box(0, 1, 0))


def test_empty_file_of_one_target(tmp_path):
    """Human4 has an empty groundtruth_rect.1.txt."""
    datasets.make_otb(tmp_path, videos=1, targets=2)
    (tmp_path / "Seq0/groundtruth_rect.1.txt").write_text("")
    reading = plain.read_tracks(str(tmp_path))
    assert [track.track for track in reading.tracks] == ["2"]
    assert _kinds(reading) == [tracks.UNREADABLE]


def test_broken_line_stops_only_its_sequence(tmp_path):
    datasets.make_otb(tmp_path)
    truth = tmp_path / "Seq1/groundtruth_rect.txt"
    truth.write_text("1,2,3,4\n1,2,three,4\n")
    reading = plain.read_tracks(str(tmp_path))
    assert [track.video for track in reading.tracks] == ["Seq0", "Seq2"]
    (problem,) = reading.flaws
    assert problem.kind == tracks.UNREADABLE and problem.where == str(truth)
    assert "line 2" in problem.detail


@pytest.mark.parametrize("box", ["nan,nan,nan,nan", "5,5,0,9", "5,5,9,-1", "0,0,0,0"])
def test_empty_boxes_are_passed_over(tmp_path, box):
    datasets.make_otb(tmp_path, videos=1)
    truth = tmp_path / "Seq0/groundtruth_rect.txt"
    lines = truth.read_text().splitlines()
    lines[2] = box
    truth.write_text("\n".join(lines))
    reading = plain.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (1, 2, 4, 5)
    assert reading.tracks[0].boxes[2].tolist() == list(datasets.target_box(0, 0, 3))
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.EMPTY_BOX, "Seq0, track 0: frame 3")
    ]


@pytest.mark.parametrize("missing", [1, 2, 3, 5])
def test_missing_image_moves_no_box(tmp_path, missing):
    datasets.make_otb(tmp_path, videos=1)
    (tmp_path / f"Seq0/img/{missing:04d}.jpg").unlink()
    reading = plain.read_tracks(str(tmp_path))
    frames = [n for n in range(1, 6) if n != missing]
    assert list(reading.tracks[0].frames) == frames
    expected = [datasets.target_box(0, 0, n - 1) for n in frames]
    np.testing.assert_array_equal(reading.tracks[0].boxes, expected)
    assert [(p.kind, p.where[-1]) for p in reading.flaws] == [(tracks.NO_IMAGE, str(missing))]


def test_annotation_that_ends_early(tmp_path):
    """As in Football1, Freeman3, Freeman4 and Diving."""
    datasets.make_otb(tmp_path, videos=1)
    truth = tmp_path / "Seq0/groundtruth_rect.txt"
    truth.write_text("".join(truth.read_text().splitlines(keepends=True)[:3]))
    reading = plain.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (1, 2, 3)
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.NO_ANNOTATION, f"Seq0, track 0: frame {n}") for n in (4, 5)
    ]


def test_numbers_may_begin_anywhere(tmp_path):
    """As in BlurCar1, which begins with image 247."""
    datasets.make_otb(tmp_path, videos=1)
    images = tmp_path / "Seq0/img"
    for number in range(5, 0, -1):
        (images / f"{number:04d}.jpg").rename(images / f"{number + 246:04d}.jpg")
    reading = plain.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (247, 248, 249, 250, 251)
    assert not reading.flaws


def test_more_lines_than_images_that_begin_late(tmp_path):
    datasets.make_otb(tmp_path, videos=1)
    images = tmp_path / "Seq0/img"
    for number in range(5, 0, -1):
        (images / f"{number:04d}.jpg").rename(images / f"{number + 19:04d}.jpg")
    (images / "0024.jpg").unlink()
    reading = plain.read_tracks(str(tmp_path))
    assert reading.tracks[0].frames == (20, 21, 22, 23)
    assert reading.tracks[0].boxes[0].tolist() == list(datasets.target_box(0, 0, 0))
    assert [(p.kind, p.where[-2:]) for p in reading.flaws] == [(tracks.NO_IMAGE, "24")]


def test_david_is_annotated_from_image_300_on(tmp_path):
    images = tmp_path / "David" / "img"
    images.mkdir(parents=True)
    for number in range(297, 304):
        (images / f"{number:04d}.jpg").write_bytes(b"")
    (tmp_path / "David/groundtruth_rect.txt").write_text("1,1,5,5\n2,1,5,5\n3,1,5,5\n")
    reading = plain.read_tracks(str(tmp_path), split="all")
    assert reading.tracks[0].frames == (300, 301, 302)
    assert reading.tracks[0].boxes[:, 0].tolist() == [0, 1, 2]
    assert [p.where[-3:] for p in reading.flaws] == ["297", "298", "299", "303"]


def test_manifest_joins_folders_to_videos(tmp_path):
    datasets.make_otb(tmp_path, videos=3)
    (tmp_path / "MANIFEST.tsv").write_text(
        "name\tbenchmark\tvideo\tframes\nSeq0\tX\tX:a\t5\nSeq2\tX\tX:a\t5\nLost\tX\tX:b\t5\n"
    )
    reading = plain.read_tracks(str(tmp_path))
    assert [(t.video, t.track) for t in reading.tracks] == [
        ("X:a", "Seq0"),
        ("Seq1", "0"),
        ("X:a", "Seq2"),
    ]
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.NO_ANNOTATION, str(tmp_path / "Lost"))
    ]


@pytest.mark.parametrize("content", [b"", b"name,video\nSeq0,X\n", b"\xff\xfe\x00"])
def test_other_manifest_is_a_problem(tmp_path, content):
    datasets.make_otb(tmp_path, videos=1)
    (tmp_path / "MANIFEST.tsv").write_bytes(content)
    reading = plain.read_tracks(str(tmp_path))
    assert reading.tracks[0].video == "Seq0"
    assert _kinds(reading) == [tracks.UNREADABLE]


def test_sequence_without_images(tmp_path):
    datasets.make_otb(tmp_path, videos=2)
    for path in (tmp_path / "Seq0/img").iterdir():
        path.unlink()
    reading = plain.read_tracks(str(tmp_path))
    assert [track.video for track in reading.tracks] == ["Seq1"]
    assert _kinds(reading) == [tracks.NO_IMAGE]


def test_shared_training_set(shared_data):
    reading = plain.read_tracks(str(shared_data("data/train")))
    assert len(reading.tracks) == 80
    assert len({track.video for track in reading.tracks}) == 71
    assert sum(len(track.frames) for track in reading.tracks) == 3764
    assert not reading.flaws


def test_sequences_of_the_benchmark_are_left_out(tmp_path):
    """OTB is a test set; its layout holds other videos as well."""
    names = ["Basketball", "Jogging", "Jogging.2", "Skating2_1", "Human4-2", "Seq9", "OTB__Bolt2"]
    for name in names:
        datasets.make_otb(tmp_path / "made", videos=1)
        (tmp_path / "made/Seq0").rename(tmp_path / name)
    (tmp_path / "made").rmdir()
    reading = plain.read_tracks(str(tmp_path))
    assert [track.video for track in reading.tracks] == ["OTB__Bolt2", "Seq9"]
    assert _kinds(reading) == [tracks.NOT_FOR_TRAINING] * 5
    assert "OTB-100, a test set" in reading.flaws[0].detail
    assert len(plain.read_tracks(str(tmp_path), split="all").tracks) == 7
