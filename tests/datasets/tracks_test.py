"""What all sources of training data promise: whole tracks, true boxes, clear errors."""

import builtins
import os

import numpy as np
import pytest

from gradnet_tf.datasets import SOURCES
from gradnet_tf.files import folder
from tests.helpers import datasets

MAKERS = {
    "ilsvrc_vid": datasets.make_ilsvrc,
    "got10k": datasets.make_got10k,
    "lasot": datasets.make_lasot,
    "trackingnet": datasets.make_trackingnet,
    "otb": datasets.make_otb,
    "coco": datasets.make_coco,
    "siamfc_crops": datasets.make_siamfc_crops,
}


@pytest.fixture(params=sorted(SOURCES))
def source(request):
    return request.param


def _paths(track):
    return track.paths + track.instance_paths


def test_every_source_has_a_maker():
    assert set(MAKERS) == set(SOURCES)


def test_tracks_are_whole(source, tmp_path):
    reading = SOURCES[source](str(MAKERS[source](tmp_path)))
    assert reading.tracks and not reading.flaws
    keys = [(track.video, track.track) for track in reading.tracks]
    assert len(set(keys)) == len(keys)
    for track in reading.tracks:
        assert track.boxes.dtype == np.float64
        assert track.boxes.shape == (len(track.frames), 4)
        assert list(track.frames) == sorted(set(track.frames))
        assert all(isinstance(number, int) for number in track.frames)
        assert len(_paths(track)) in (len(track.frames), 2 * len(track.frames))
        for path in _paths(track):
            assert path.startswith(str(tmp_path)) and tmp_path.joinpath(path).is_file()


def test_all_boxes_are_0_based_and_true(source, tmp_path):
    reading = SOURCES[source](str(MAKERS[source](tmp_path, 2)))
    found = {tuple(box) for track in reading.tracks for box in track.boxes.tolist()}
    expected = {
        datasets.target_box(video, track, frame)
        for video in range(2)
        for track in range(2 if source in ("ilsvrc_vid", "coco") else 1)
        for frame in range(1 if source == "coco" else 5)
    }
    assert found == expected


def test_no_image_and_no_pickle_is_opened(source, tmp_path, monkeypatch):
    root = MAKERS[source](tmp_path)
    opened = []
    real_open = builtins.open

    def spy(file, *args, **kwargs):
        opened.append(str(file))
        return real_open(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", spy)
    SOURCES[source](str(root))
    ours = [name for name in opened if name.startswith(str(tmp_path))]
    assert ours, "annotations are read by open()"
    assert not [n for n in ours if n.lower().endswith((".jpg", ".jpeg", ".pkl"))]


def test_missing_root(source, tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        SOURCES[source](str(tmp_path / "nowhere"))


def test_root_is_a_file(source, tmp_path):
    (tmp_path / "set.zip").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="set.zip is a file"):
        SOURCES[source](str(tmp_path / "set.zip"))


def test_nothing_there_says_what_was_looked_for(source, tmp_path):
    expected = {
        "ilsvrc_vid": "Annotations/VID",
        "got10k": "groundtruth.txt",
        "lasot": "groundtruth.txt",
        "trackingnet": "anno",
        "otb": "groundtruth_rect.txt",
        "coco": "instances",
        "siamfc_crops": "vid_id_frames.txt",
    }[source]
    with pytest.raises(ValueError) as caught:
        SOURCES[source](str(tmp_path))
    message = str(caught.value)
    assert str(tmp_path) in message and expected in message and "\n" not in message


def test_nothing_usable_names_the_first_problem(source, tmp_path):
    root = MAKERS[source](tmp_path)
    for path in [p for p in root.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg")]:
        path.unlink()
    with pytest.raises(ValueError, match="[0-9]+ problems were met, first: no image: .+"):
        SOURCES[source](str(root))


def test_progress_is_shown_on_request(source, tmp_path, capsys):
    root = MAKERS[source](tmp_path)
    SOURCES[source](str(root))
    assert capsys.readouterr().err == ""
    SOURCES[source](str(root), progress=True)
    assert "100%" in capsys.readouterr().err


def test_reading_is_the_same_again(source, tmp_path):
    root = str(MAKERS[source](tmp_path))
    first, second = (SOURCES[source](root) for _ in range(2))
    keys = [
        [(t.video, t.track, t.category, t.frames, _paths(t)) for t in r.tracks]
        for r in (first, second)
    ]
    assert keys[0] == keys[1]


def test_relative_root_gives_absolute_paths(tmp_path, monkeypatch):
    datasets.make_otb(tmp_path / "otb", videos=1)
    monkeypatch.chdir(tmp_path)
    (track,) = SOURCES["otb"]("otb").tracks
    assert track.paths[0] == str(tmp_path / "otb" / "Seq0" / "img" / "0001.jpg")


@pytest.mark.parametrize(
    "name, number",
    [("0012.jpg", 12), ("a/img00003.jpg", 3), ("2/frame-7.x.png", None), ("9/none.jpg", None)],
)
def test_frame_number(name, number):
    assert folder.frame_number(name) == number


def test_files_are_listed_by_number(tmp_path):
    for name in ("10.jpg", "9.PNG", "9.jpg", "text.jpg", "8.txt", "._7.jpg"):
        (tmp_path / name).write_bytes(b"")
    assert folder.list_numbered(str(tmp_path)) == {
        9: str(tmp_path / "9.jpg"),
        10: str(tmp_path / "10.jpg"),
    }
    assert list(folder.list_numbered(str(tmp_path))) == [9, 10]
    assert list(folder.list_numbered(str(tmp_path), {".png"})) == [9]
    assert folder.list_numbered(str(tmp_path / "nowhere")) == {}
    assert folder.list_numbered(str(tmp_path / "nowhere"), {".png"}) == {}


def test_images_listed_by_number_are_one_series(tmp_path):
    for name in ("1.jpg", "2.jfif", "1.bmp", "2.bmp", "mask_1.jpg", "cover3.jpg", "x.jpg"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "thumbs4.jpg").mkdir()
    names = [os.path.basename(path) for path in folder.list_numbered(str(tmp_path)).values()]
    assert names == ["1.jpg", "2.jfif"]
