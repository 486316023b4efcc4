"""COCO's layout: where images are looked for, and what is no target."""

import json

import pytest

from gradnet_tf.datasets import coco, tracks
from tests.helpers import datasets


@pytest.fixture
def root(tmp_path):
    return datasets.make_coco(tmp_path, images=2)


def _change(root, edit, name="instances.json"):
    content = json.loads((root / name).read_text())
    edit(content)
    (root / name).write_text(json.dumps(content))


def test_layout(root):
    reading = coco.read_tracks(str(root))
    assert [(t.video, t.track, t.category, t.frames) for t in reading.tracks] == [
        ("000001", "0", "car", (0,)),
        ("000001", "1", "dog", (0,)),
        ("000002", "10", "car", (0,)),
        ("000002", "11", "dog", (0,)),
    ]
    assert reading.tracks[3].paths == (str(root / "images/000002.jpg"),)
    assert reading.tracks[3].boxes.tolist() == [list(datasets.target_box(1, 1, 0))]


@pytest.mark.parametrize("folder", ["train2017", "images/train2017", "images", "."])
@pytest.mark.parametrize("place", [".", "annotations"])
def test_images_of_a_split(root, folder, place):
    (root / place).mkdir(exist_ok=True)
    (root / "instances.json").rename(root / place / "instances_train2017.json")
    (root / "images").rename(root / "all")
    (root / folder).mkdir(parents=True, exist_ok=True)
    for path in (root / "all").iterdir():
        path.rename(root / folder / path.name)
    reading = coco.read_tracks(str(root))
    assert len(reading.tracks) == 4 and not reading.flaws
    assert reading.tracks[0].video == "000001"


def test_two_splits_share_no_video(tmp_path):
    for split in ("train2017", "val2017"):
        datasets.make_coco(tmp_path / split, images=1, targets=1)
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / split / "instances.json").rename(
            tmp_path / f"annotations/instances_{split}.json"
        )
        (tmp_path / split / "images/000001.jpg").rename(tmp_path / split / "000001.jpg")
    reading = coco.read_tracks(str(tmp_path), split="all")
    assert [t.video for t in reading.tracks] == ["train2017/000001", "val2017/000001"]
    assert "/val2017/" in reading.tracks[1].paths[0]

    reading = coco.read_tracks(str(tmp_path))
    assert [t.video for t in reading.tracks] == ["000001"]
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.NOT_FOR_TRAINING, str(tmp_path / "annotations/instances_val2017.json"))
    ]


@pytest.mark.parametrize("name", ["val2014", "minival2014", "valminusminival2014", "validation"])
def test_files_of_other_splits_are_left_out(root, name):
    (root / "instances.json").rename(root / f"instances_{name}.json")
    with pytest.raises(ValueError, match="not for training: .*the validation set"):
        coco.read_tracks(str(root))
    assert len(coco.read_tracks(str(root), split="all").tracks) == 4


@pytest.mark.parametrize("name", ["train2017", "trainval35k", "default", "valley", "testers"])
def test_files_of_other_names_are_read(root, name):
    (root / "instances.json").rename(root / f"instances_{name}.json")
    assert len(coco.read_tracks(str(root)).tracks) == 4


@pytest.mark.parametrize(
    "change, kind",
    [
        ({"iscrowd": 1}, tracks.CROWD),
        ({"bbox": [1, 2, 0, 5]}, tracks.EMPTY_BOX),
        ({"bbox": [1, 2, float("nan"), 5]}, tracks.EMPTY_BOX),
        ({"bbox": [1, 2, 3.9, 50]}, tracks.TINY_BOX),
        ({"bbox": [1, 2, 3]}, tracks.UNREADABLE),
        ({"bbox": None}, tracks.UNREADABLE),
        ({"bbox": ["a", 2, 3, 4]}, tracks.UNREADABLE),
        ({"image_id": 999}, tracks.NO_IMAGE),
        ({"image_id": [1]}, tracks.UNREADABLE),
    ],
)
def test_what_is_no_target(root, change, kind):
    _change(root, lambda content: content["annotations"][1].update(change))
    reading = coco.read_tracks(str(root))
    assert [t.track for t in reading.tracks] == ["0", "10", "11"]
    assert [p.kind for p in reading.flaws] == [kind]


def test_annotation_that_is_no_object(root):
    _change(root, lambda content: content["annotations"].append(7))
    reading = coco.read_tracks(str(root))
    assert len(reading.tracks) == 4
    assert [p.kind for p in reading.flaws] == [tracks.UNREADABLE]


def test_missing_image_and_image_without_annotation(root):
    (root / "images/000002.jpg").unlink()
    _change(root, lambda content: content["images"].append({"id": 5, "file_name": "x.jpg"}))
    reading = coco.read_tracks(str(root))
    assert [t.video for t in reading.tracks] == ["000001", "000001"]
    assert [p.kind for p in reading.flaws] == [
        tracks.NO_IMAGE,
        tracks.NO_IMAGE,
        tracks.NO_ANNOTATION,
    ]


@pytest.mark.parametrize("name", ["../outside.jpg", "/etc/outside.jpg", 5])
def test_images_outside_are_not_taken(root, name):
    datasets.save_jpeg(datasets.draw_frame(), root.parent / "outside.jpg")
    _change(root, lambda content: content["images"][0].update(file_name=name))
    reading = coco.read_tracks(str(root))
    assert [t.video for t in reading.tracks] == ["000002", "000002"]
    assert [p.kind for p in reading.flaws] == [tracks.NO_IMAGE] * 2


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"images": 5}', '{"images": [{}]}'])
def test_other_json_is_a_problem_or_an_error(root, content):
    (root / "instances_other.json").write_text(content)
    reading = coco.read_tracks(str(root))
    assert len(reading.tracks) == 4
    assert [(p.kind, p.where) for p in reading.flaws] == [
        (tracks.UNREADABLE, str(root / "instances_other.json"))
    ]
    (root / "instances.json").unlink()
    with pytest.raises(ValueError, match="unreadable annotation: .*instances_other.json"):
        coco.read_tracks(str(root))


def test_shared_stills(shared_data):
    reading = coco.read_tracks(str(shared_data("data/stills")))
    assert len(reading.tracks) == 1806
    assert len({track.video for track in reading.tracks}) == 1112
    assert not reading.flaws
