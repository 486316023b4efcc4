"""ILSVRC VID: tracks, parts of the tree, broken XML, and XML that would attack."""

import numpy as np
import pytest

from gradnet_tf.datasets import ilsvrc_vid, tracks
from tests.helpers import datasets

VIDEO = datasets.ilsvrc_video(0)


@pytest.fixture
def root(tmp_path):
    return datasets.make_ilsvrc(tmp_path / "ILSVRC2015", videos=3)


def _annotation(root, frame=2):
    return root / f"Annotations/VID/{VIDEO}/{frame:06d}.xml"


def test_layout(root):
    reading = ilsvrc_vid.read_tracks(str(root))
    assert [(t.video, t.track) for t in reading.tracks] == [
        (datasets.ilsvrc_video(video), track) for video in (0, 2, 1) for track in "01"
    ]
    track = reading.tracks[1]
    assert (track.category, track.frames) == (datasets.WNIDS[1], (0, 1, 2, 3, 4))
    assert track.paths[4] == str(root / f"Data/VID/{VIDEO}/000004.JPEG")
    np.testing.assert_array_equal(track.boxes, [datasets.target_box(0, 1, f) for f in range(5)])


@pytest.mark.parametrize(
    "part, count",
    [
        ("..", 6),
        ("Data", 6),
        ("Annotations", 6),
        ("Data/VID", 6),
        ("Data/VID/train", 6),
        ("Annotations/VID/train/ILSVRC2015_VID_train_0000", 4),
        (f"Data/VID/{VIDEO}", 2),
    ],
)
def test_root_may_be_a_part(root, part, count):
    reading = ilsvrc_vid.read_tracks(str(root / part))
    assert len(reading.tracks) == count
    assert reading.tracks[0].video == VIDEO
    assert not reading.flaws


def test_validation_split_lies_one_level_higher(root):
    for tree in ("Data", "Annotations"):
        (root / tree / "VID/val").mkdir()
        (root / tree / "VID" / VIDEO).rename(root / tree / "VID/val/ILSVRC2015_val_00000000")
    reading = ilsvrc_vid.read_tracks(str(root / "Data/VID/val"), split="all")
    assert {t.video for t in reading.tracks} == {"val/ILSVRC2015_val_00000000"}
    with pytest.raises(ValueError, match="not for training: .*the validation set"):
        ilsvrc_vid.read_tracks(str(root / "Data/VID/val"))


@pytest.mark.parametrize(
    "place", ["val/ILSVRC2015_val_00000007", "train/e/ILSVRC2015_val_00000007"]
)
def test_the_validation_split_is_left_out(root, place):
    """By its folder, and by its names where SiamFC's curation has renamed the folder."""
    for tree in ("Data", "Annotations"):
        folder = root / tree / "VID" / place
        folder.parent.mkdir(parents=True)
        (root / tree / "VID" / VIDEO).rename(folder)
    reading = ilsvrc_vid.read_tracks(str(root))
    assert {t.video for t in reading.tracks} == {datasets.ilsvrc_video(v) for v in (1, 2)}
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.NOT_FOR_TRAINING, str(root / "Annotations/VID" / place))
    ]
    assert place in {t.video for t in ilsvrc_vid.read_tracks(str(root), split="all").tracks}


def test_inclusive_corners_and_one_frame_tracks(root):
    _annotation(root).write_text(datasets.ilsvrc_xml([(7, "n02958343", (0, 3, 96, 1))]))
    reading = ilsvrc_vid.read_tracks(str(root))
    assert "<xmax>95</xmax>" in _annotation(root).read_text()
    track = next(t for t in reading.tracks if t.track == "7")
    assert track.boxes.tolist() == [[0, 3, 96, 1]] and track.frames == (2,)
    # The other two of the video lack that frame.
    assert reading.tracks[0].frames == (0, 1, 3, 4)
    assert not reading.flaws


def test_track_ids_are_in_order_of_their_numbers(root):
    objects = [(track, "n1", (1, 2, 3, 4)) for track in (10, 9, 0)]
    _annotation(root).write_text(datasets.ilsvrc_xml(objects))
    found = [t.track for t in ilsvrc_vid.read_tracks(str(root)).tracks if t.video == VIDEO]
    assert found == ["0", "1", "9", "10"]


def test_frame_without_objects_is_no_problem(root):
    _annotation(root).write_text(datasets.ilsvrc_xml([]))
    reading = ilsvrc_vid.read_tracks(str(root))
    assert reading.tracks[0].frames == (0, 1, 3, 4) and not reading.flaws


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<annotation><object>",
        b"no xml",
        b"<annotation><object><trackid>0</trackid></object></annotation>",
        b"<annotation><object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax>"
        b"</bndbox></object></annotation>",
        b'<?xml version="1.0" encoding="utf-16"?><annotation/>\xff',
    ],
)
def test_broken_xml_is_a_problem(root, content):
    _annotation(root).write_bytes(content)
    reading = ilsvrc_vid.read_tracks(str(root))
    assert len(reading.tracks) == 6
    assert reading.tracks[0].frames == (0, 1, 3, 4)
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.UNREADABLE, str(_annotation(root)))
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(root, tmp_path, encoding):
    secret = tmp_path / "secret"
    secret.write_text("7")
    text = datasets.ilsvrc_xml([("&x;", "n1", (1, 2, 3, 4))])
    declaration = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}">]>\n'
    _annotation(root).write_bytes((declaration + text).encode(encoding))
    reading = ilsvrc_vid.read_tracks(str(root))
    assert {t.track for t in reading.tracks} == {"0", "1"}
    assert [p.kind for p in reading.flaws] == [tracks.UNREADABLE]


def test_billion_laughs_are_refused(root):
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{i + 1} "{f"&a{i};" * 10}">' for i in range(9)
    )
    _annotation(root).write_text(f"<!DOCTYPE a [{entities}]><annotation>&a9;</annotation>")
    (problem,) = ilsvrc_vid.read_tracks(str(root)).flaws
    assert problem.kind == tracks.UNREADABLE and "document type" in problem.detail


def test_same_track_twice_in_a_frame(root):
    objects = [(0, "n1", (1, 2, 3, 4)), (0, "n1", (5, 6, 7, 8)), (1, "n1", (9, 8, 7, 6))]
    _annotation(root).write_text(datasets.ilsvrc_xml(objects))
    reading = ilsvrc_vid.read_tracks(str(root))
    assert reading.tracks[0].boxes[2].tolist() == [1, 2, 3, 4]
    # What follows in the file counts.
    assert reading.tracks[1].boxes[2].tolist() == [9, 8, 7, 6]
    assert [p.kind for p in reading.flaws] == [tracks.UNREADABLE]


def test_empty_boxes_and_missing_images(root):
    _annotation(root, 1).write_text(datasets.ilsvrc_xml([(0, "n1", (5, 5, 0, 4))]))
    (root / f"Data/VID/{VIDEO}/000003.JPEG").unlink()
    reading = ilsvrc_vid.read_tracks(str(root))
    assert reading.tracks[0].frames == (0, 2, 4)
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.EMPTY_BOX, f"{VIDEO}, track 0: frame 1"),
        (tracks.NO_IMAGE, f"{VIDEO}, track 0: frame 3"),
        (tracks.NO_IMAGE, f"{VIDEO}, track 1: frame 3"),
    ]


def test_frames_without_annotation(root):
    _annotation(root).unlink()
    reading = ilsvrc_vid.read_tracks(str(root))
    assert reading.tracks[0].frames == (0, 1, 3, 4)
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.NO_ANNOTATION, f"{VIDEO}: frame 2")
    ]


@pytest.mark.parametrize("lost", [VIDEO, "train/ILSVRC2015_VID_train_0001"])
def test_folders_without_annotation(root, lost):
    (root / "Annotations/VID" / lost).rename(root / "elsewhere")
    (root / "Data/VID/test").mkdir()  # has none as it is published
    reading = ilsvrc_vid.read_tracks(str(root))
    assert len(reading.tracks) == 4
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.NO_ANNOTATION, str(root / "Data/VID" / lost))
    ]


def test_part_without_annotations_is_an_error(root):
    (root / "Data/VID/test").mkdir()
    with pytest.raises(ValueError, match="nothing usable in .*test: looked for Annotations/VID"):
        ilsvrc_vid.read_tracks(str(root / "Data/VID/test"))
