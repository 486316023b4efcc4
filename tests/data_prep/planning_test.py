"""Which track goes to which shard, and which run may continue which."""

import dataclasses
import os

import numpy as np
import pytest

from gradnet_tf.data_prep import layout, planning
from gradnet_tf.datasets.tracks import Track


def track(video, name, length):
    boxes = np.arange(4.0 * length).reshape(length, 4) / 3 + 1
    paths = tuple(f"/{video}/{frame}.jpg" for frame in range(length))
    return Track(video, name, "dog", tuple(range(length)), paths, boxes)


def lengths(tracks, assigned):
    return [sum(len(tracks[place].frames) for place in places) for places in assigned]


def test_every_track_once_and_frames_evenly():
    random = np.random.default_rng(0)
    tracks = [track(f"v{i}", "0", int(random.integers(1, 200))) for i in range(300)]
    assigned = planning.assign(tracks, 7)
    assert sorted(sum(assigned, [])) == list(range(300))
    assert max(lengths(tracks, assigned)) - min(lengths(tracks, assigned)) <= 5
    assert planning.assign(tracks, 7) == assigned
    assert all(places == sorted(places) for places in assigned)


def test_tracks_of_a_video_stay_together_unless_it_is_too_long():
    photos = [track(f"photo{i // 3}", str(i % 3), 1) for i in range(60)]
    for places in planning.assign(photos, 4):
        assert len({photos[place].video for place in places}) * 3 == len(places)
    crowd = [track("crowd", str(i), 10) for i in range(40)] + photos
    counts = lengths(crowd, planning.assign(crowd, 4))
    assert max(counts) - min(counts) <= 10


def test_one_long_track_leaves_no_gap():
    tracks = [track("a", "0", 1000), track("b", "0", 2), track("b", "1", 3)]
    assert sorted(sum(planning.assign(tracks, 3), [])) == [0, 1, 2]


@pytest.mark.parametrize(
    "tracks, expected", [([1], 1), ([10] * 5, 5), ([10] * 50, 16), ([1000] * 100, 25)]
)
def test_default_number_of_shards(tracks, expected):
    made = [track(f"v{i}", "0", length) for i, length in enumerate(tracks)]
    assert planning.number_of_shards(made) == expected


def test_tracks_come_back_from_json_exactly():
    one = track("v", "7", 5)
    crop = Track("v", "0", "", (3, 9), ("/z3", "/z9"), one.boxes[:2], ("/x3", "/x9"))
    for value in (one, crop):
        again = planning.from_json(planning.to_json(value))
        assert planning.to_json(again) == planning.to_json(value)
        assert again.frames == value.frames and again.boxes.tobytes() == value.boxes.tobytes()
        assert (again.paths, again.instance_paths) == (value.paths, value.instance_paths)


def test_names_of_files_that_are_no_utf_8_survive_a_plan(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    one = track(name, "0", 2)
    layout.write_json(str(tmp_path / "plan.json"), planning.to_json(one))
    again = planning.from_json(layout.read_json(str(tmp_path / "plan.json")))
    assert again.paths == one.paths and os.fsencode(again.paths[0]) == b"/caf\xe9/0.jpg"
    assert again.video == r"caf\udce9"
    assert again.video.encode().decode() == again.video
    assert planning.to_json(track("café ü", "0", 2))["video"] == "café ü"


def test_digest_sees_every_change():
    tracks = [track("a", "0", 3), track("b", "0", 2)]
    moved = [track("a", "0", 3), track("b", "0", 2)]
    moved[1].boxes[1, 2] += 1e-9
    digests = {
        planning.digest(tracks),
        planning.digest(tracks[:1]),
        planning.digest(tracks[::-1]),
        planning.digest(moved),
    }
    assert len(digests) == 4
    assert planning.digest([track("a", "0", 3), track("b", "0", 2)]) in digests


@pytest.mark.parametrize("at", ["/new", "/new/place/deeper"])
def test_digest_of_files_that_moved(at):
    """Beside the root as well: images of ILSVRC, where the annotations are the root."""

    def tracks(root):
        one = track("v", "0", 2)
        inside = (f"{root}/1.jpg", f"{root}/a/2.jpg")
        beside = tuple(os.path.normpath(f"{root}/../Data/{n}.jpg") for n in "12")
        return [
            dataclasses.replace(one, paths=inside),
            dataclasses.replace(one, paths=beside),
            Track("v", "1", "", (0, 1), inside, one.boxes, beside),
        ]

    there, here = tracks("/old/set"), tracks(at)
    assert planning.digest(here, at, "/old/set") == planning.digest(there)
    assert planning.digest(here, at, "/old/other") != planning.digest(there)
    assert planning.digest(here, at, at) == planning.digest(here)


def test_other_options_are_named(tmp_path):
    output = str(tmp_path)
    planning.check_options(output, {"quality": 95})
    os.mkdir(tmp_path / layout.FOLDER)
    options = {"source": "otb", "quality": 95, "shards": 1}
    assert planning.write(output, [track("v", "0", 3)], options) == [3]
    planning.check_options(output, {"quality": 95})
    planning.check_options(output, options)
    with pytest.raises(ValueError, match="source was 'otb' and is now 'coco'; shards was 1 and"):
        planning.check_options(output, {"source": "coco", "quality": 95, "shards": 2})
    with pytest.raises(ValueError, match="limit_tracks was None and is now 3"):
        planning.check_options(output, {"limit_tracks": 3})


def test_a_plan_is_written_for_unfinished_shards_only(tmp_path):
    output = str(tmp_path)
    os.mkdir(tmp_path / layout.FOLDER)
    tracks = [track("a", "0", 3), track("b", "0", 2)]
    (tmp_path / layout.shard_name(0, 2)).write_bytes(b"shard")
    layout.write_json(layout.summary_path(output, 0), {"bytes": 5})
    assert planning.write(output, tracks, {"shards": 2, "quality": 90}) == [3, 2]
    assert not os.path.exists(layout.plan_path(output, 0))
    plan = layout.read_json(layout.plan_path(output, 1))
    assert plan == {"shards": 2, "quality": 90, "tracks": [planning.to_json(tracks[1])]}


@pytest.mark.parametrize("damage", ["no summary", "no shard", "cut off", "damaged summary"])
def test_what_is_not_a_finished_shard(tmp_path, damage):
    output = str(tmp_path)
    os.mkdir(tmp_path / layout.FOLDER)
    shard, summary = tmp_path / layout.shard_name(0, 1), tmp_path / layout.FOLDER
    shard.write_bytes(b"shard")
    layout.write_json(layout.summary_path(output, 0), {"bytes": 5})
    assert layout.finished_summary(output, 0, 1) == {"bytes": 5}
    if damage == "no summary":
        (summary / "00000.summary.json").unlink()
    elif damage == "no shard":
        shard.unlink()
    elif damage == "cut off":
        shard.write_bytes(b"shar")
    else:
        (summary / "00000.summary.json").write_text('{"bytes": ')
    assert layout.finished_summary(output, 0, 1) is None


def test_cleaning_takes_temporary_files_only(tmp_path):
    (tmp_path / layout.FOLDER).mkdir()
    kept = ["tracks-00000-of-00001.tfrecord", "mine.tmp", "tracks.txt", "prep/options.json"]
    left = ["tracks-00000-of-00001.tfrecord.ab.tmp", "dataset.json.cd.tmp", "prep/0.json.e.tmp"]
    for name in kept + left:
        (tmp_path / name).write_text("")
    layout.clean(str(tmp_path))
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert found == set(kept)
