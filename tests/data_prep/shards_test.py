"""One shard: crops, problems, statistics, and that it is whole or not there."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.data import records
from gradnet_tf.data_prep import curate, layout, planning, shards
from gradnet_tf.datasets.tracks import Track


def picture(seed, shape=(60, 80)):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def save(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return str(path)


def make_track(folder, name="v", length=3, track="0"):
    paths = tuple(save(folder / f"{name}{i}.png", picture(i)) for i in range(length))
    boxes = np.tile([20.0, 15.0, 24.0, 18.0], (length, 1)) + np.arange(length)[:, np.newaxis]
    return Track(name, track, "cat", tuple(range(1, length + 1)), paths, boxes)


@pytest.fixture
def make(tmp_path):
    """Makes the shard of some tracks; returns its summary and its records."""
    output = tmp_path / "output"
    (output / layout.FOLDER).mkdir(parents=True)

    def run(*tracks):
        planning.write(str(output), tracks, {"shards": 1, "quality": 95})
        summary = shards.make_shard(0, str(output))
        return summary, [record for record, _ in records.read_shard(str(output / summary["name"]))]

    run.output = output
    return run


def pixels_of(jpegs):
    return np.concatenate([np.asarray(Image.open(io.BytesIO(j))).reshape(-1, 3) for j in jpegs])


def test_record_and_summary(make, tmp_path):
    tracks = [make_track(tmp_path, "a"), make_track(tmp_path, "b", 2, track="9")]
    summary, (first, second) = make(*tracks)
    assert (first.video, first.track, first.category) == ("a", "0", "cat")
    assert (second.video, second.track) == ("b", "9")
    assert first.frames.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(first.boxes, tracks[0].boxes.astype(np.float32))
    expected = curate.cut_crops(picture(1), tracks[0].boxes[1])
    assert first.exemplars[1] == curate.to_jpeg(expected[0])
    assert first.instances[1] == curate.to_jpeg(expected[1])
    assert (summary["tracks"], summary["frames"], summary["videos"]) == (2, 5, ["a", "b"])
    assert summary["problems"] == {} and summary["problem_list"] == []
    shard = make.output / summary["name"]
    assert summary["bytes"] == shard.stat().st_size
    assert layout.read_json(layout.summary_path(str(make.output), 0)) == summary


@pytest.mark.parametrize("name, field", [("exemplar", "exemplars"), ("instance", "instances")])
def test_statistics_are_those_of_the_decoded_crops(make, tmp_path, name, field):
    summary, (record,) = make(make_track(tmp_path))
    pixels = pixels_of(getattr(record, field)).astype(np.float64)
    assert summary[name]["pixels"] == len(pixels)
    assert summary[name]["sums"] == pixels.sum(axis=0).tolist()
    np.testing.assert_array_equal(summary[name]["products"], pixels.T @ pixels)


def test_problems_are_counted_and_stop_nothing(make, tmp_path):
    track = make_track(tmp_path, length=8)
    os.unlink(track.paths[0])
    with open(track.paths[1], "r+b") as file:
        file.truncate(200)
    with open(track.paths[2], "w") as file:
        file.write("no image")
    track.boxes[3] = 80, 10, 20, 20
    track.boxes[4] = np.nan
    track.boxes[5] = -1e6, -1e6, 2e6, 2e6
    dropped = Track("w", "3", "", (7,), (str(tmp_path / "none.jpg"),), track.boxes[6:7])
    summary, (record,) = make(track, dropped)
    assert record.frames.tolist() == [7, 8]
    np.testing.assert_array_equal(record.boxes, track.boxes[6:].astype(np.float32))
    assert summary["problems"] == {
        "no image": 2,
        "unreadable image": 2,
        "box outside the frame": 1,
        "empty box": 1,
        "huge box": 1,
        "dropped track": 1,
    }
    assert (summary["tracks"], summary["frames"], summary["videos"]) == (1, 2, ["v"])
    outside = summary["problem_list"][3]
    assert outside["where"] == "v: frame 4, track 0"
    assert outside["detail"].endswith("[80.0, 10.0, 20.0, 20.0] in a frame of 80x60")
    assert "none.jpg" in summary["problem_list"][6]["detail"]


def test_names_need_be_neither_ascii_nor_utf_8(make, tmp_path):
    folders = [tmp_path / "a b ü", tmp_path / os.fsdecode(b"caf\xe9")]
    tracks = []
    for folder in folders:
        try:
            folder.mkdir()
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
        tracks.append(make_track(folder, name=folder.name, length=2))
    os.unlink(tracks[1].paths[0])
    summary, found = make(*tracks)
    assert [record.video for record in found] == ["a b ü", r"caf\udce9"]
    assert [len(record.frames) for record in found] == [2, 1]
    assert summary["problems"] == {"no image": 1}
    again = layout.read_json(layout.summary_path(str(make.output), 0))
    assert again["problem_list"] == summary["problem_list"]


def test_a_shard_may_stay_empty(make, tmp_path):
    track = make_track(tmp_path, length=1)
    os.unlink(track.paths[0])
    summary, found = make(track)
    assert found == [] and summary["frames"] == 0
    assert summary["exemplar"]["pixels"] == 0
    assert records.open_index(str(make.output / summary["name"])).counts.sum() == 0


def crop_track(tmp_path, sizes=((127, 255), (127, 255)), suffix="jpg", grey=False):
    paths = {"z": [], "x": []}
    for number, pair in enumerate(sizes):
        for letter, size in zip("zx", pair):
            image = Image.fromarray(picture(number, (size, size)))
            path = tmp_path / f"{number}.crop.{letter}.{suffix}"
            (image.convert("L") if grey else image).save(path)
            paths[letter].append(str(path))
    boxes = np.tile([5.0, 5.0, 20.0, 30.0], (len(sizes), 1))
    frames = tuple(range(len(sizes)))
    return Track("v", "0", "", frames, tuple(paths["z"]), boxes, tuple(paths["x"]))


def test_ready_crops_are_copied_as_they_are(make, tmp_path):
    track = crop_track(tmp_path)
    summary, (record,) = make(track)
    for jpegs, paths in (
        (record.exemplars, track.paths),
        (record.instances, track.instance_paths),
    ):
        for jpeg, path in zip(jpegs, paths):
            with open(path, "rb") as file:
                assert file.read() == jpeg
    assert summary["problems"] == {}
    pixels = pixels_of(record.instances).astype(np.float64)
    np.testing.assert_array_equal(summary["instance"]["products"], pixels.T @ pixels)


@pytest.mark.parametrize(
    "options, changed",
    [
        ({"sizes": ((127, 239), (135, 255))}, 2),
        ({"suffix": "png"}, 4),
        ({"grey": True}, 4),
    ],
)
def test_other_ready_crops_are_converted(make, tmp_path, options, changed):
    summary, (record,) = make(crop_track(tmp_path, **options))
    assert summary["problems"] == {"changed crop": changed}
    for jpegs, size in ((record.exemplars, 127), (record.instances, 255)):
        for jpeg in jpegs:
            with Image.open(io.BytesIO(jpeg)) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (size, size))


def test_a_damaged_ready_crop_costs_its_frame(make, tmp_path):
    track = crop_track(tmp_path, sizes=((127, 255),) * 3)
    os.truncate(track.paths[0], 1000)
    os.unlink(track.instance_paths[2])
    summary, (record,) = make(track)
    assert record.frames.tolist() == [1]
    assert summary["problems"] == {"unreadable image": 1, "no image": 1}


def test_a_ready_crop_that_is_no_image_is_named(make, tmp_path):
    track = crop_track(tmp_path)
    Path(track.instance_paths[1]).write_bytes(b"no image")
    (problem,) = make(track)[0]["problem_list"]
    assert problem["detail"] == (
        f"cannot read image {track.instance_paths[1]}: it is not an image, or damaged at its "
        "beginning"
    )


def test_a_finished_shard_is_left_as_it_is(make, tmp_path, monkeypatch):
    track = make_track(tmp_path)
    summary, _ = make(track)
    monkeypatch.setattr(curate, "cut_crops", None)
    again = shards.make_shard(0, str(make.output))
    assert again["sha256"] == summary["sha256"]


def test_nothing_is_left_of_a_shard_that_fails(make, tmp_path, monkeypatch):
    cut, calls = curate.cut_crops, []

    def fail(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("disk on fire")
        return cut(*arguments, **options)

    monkeypatch.setattr(curate, "cut_crops", fail)
    with pytest.raises(RuntimeError, match="disk on fire"):
        make(make_track(tmp_path))
    assert [path.name for path in make.output.iterdir()] == [layout.FOLDER]
    assert not os.path.exists(layout.summary_path(str(make.output), 0))


def test_a_shared_photo_is_read_once(make, tmp_path, monkeypatch):
    path = save(tmp_path / "photo.png", picture(0))
    tracks = [
        Track("photo", str(i), "", (0,), (path,), np.array([[10.0 + i, 10, 20, 20]]))
        for i in range(4)
    ]
    shards._read_frame.cache_clear()
    read = []
    as_rgb = shards.images.as_rgb
    monkeypatch.setattr(
        shards.images, "as_rgb", lambda image: (read.append(image), as_rgb(image))[1]
    )
    make(*tracks)
    assert read == [path]
