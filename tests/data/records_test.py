"""Tests of gradnet_tf.data.records and .index."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.data import index, records
from tests.helpers import track_records

NAME = "tracks-00000-of-00001.tfrecord"
TRACKS = [
    track_records.record("b/1", "0", (3, 4, 9), seed=1),
    track_records.record("ä 2", "7", (5,), seed=2),
    track_records.record("b/1", "1", (0, 100), seed=3),
]


@pytest.fixture
def shard(tmp_path):
    path = str(tmp_path / NAME)
    records.write_shard(path, iter(TRACKS))
    return path


def assert_same(one, other):
    first, second = (
        {**vars(each), **getattr(each, "columns", {}), "columns": None} for each in (one, other)
    )
    assert first.keys() == second.keys()
    for name, value in first.items():
        if isinstance(value, np.ndarray):
            assert value.dtype == second[name].dtype, name
            np.testing.assert_array_equal(value, second[name])
        else:
            assert value == second[name], name


def test_a_track_comes_back_as_it_was():
    for track in TRACKS:
        assert_same(records.decode(records.encode(track)), track)


def test_the_features_have_the_documented_names():
    example = tf.train.Example.FromString(records.encode(TRACKS[0]))
    assert set(example.features.feature) == {
        *("video", "track", "category", "frames", "boxes", "z", "x")
    }


def test_a_shard_gives_its_tracks_in_order(shard):
    for (read, _), written in zip(records.read_shard(shard), TRACKS):
        assert_same(read, written)
    assert len(list(records.read_shard(shard))) == 3


def test_the_index_finds_every_crop_in_the_file(shard):
    found = records.open_index(shard)
    with open(shard, "rb") as file:
        content = file.read()
    for key, crops in (
        ("z", [crop for track in TRACKS for crop in track.exemplars]),
        ("x", [crop for track in TRACKS for crop in track.instances]),
    ):
        offsets, lengths = (found.columns[f"{key}_{name}"] for name in ("offset", "length"))
        assert [content[o : o + n] for o, n in zip(offsets, lengths)] == crops
    assert found.videos == ("b/1", "ä 2", "b/1")
    assert found.counts.tolist() == [3, 1, 2]
    assert found.columns["frames"].tolist() == [3, 4, 9, 5, 0, 100]
    assert found.shard_bytes == len(content)


def test_equal_crops_of_a_track_are_found_each(tmp_path):
    track = dataclasses.replace(TRACKS[0], exemplars=TRACKS[0].exemplars[:1] * 3)
    found = records.write_shard(str(tmp_path / NAME), [track])
    assert len(set(found.columns["z_offset"].tolist())) == 3


@pytest.mark.parametrize("content", [None, b"", b"PK damaged", "other"])
def test_an_unusable_index_is_built_anew(shard, tmp_path, content):
    expected = records.open_index(shard)
    beside = shard + index.SUFFIX
    os.remove(beside)
    if content == "other":
        other = str(tmp_path / "other.tfrecord")
        records.write_shard(other, TRACKS[:2])
        os.rename(other + index.SUFFIX, beside)
    elif content is not None:
        with open(beside, "wb") as file:
            file.write(content)
    assert_same(records.open_index(shard), expected)


def test_a_shard_without_tracks(tmp_path):
    path = str(tmp_path / NAME)
    records.write_shard(path, [])
    assert len(records.open_index(path).counts) == 0
    assert list(records.read_shard(path)) == []


def test_a_failure_leaves_the_old_shard_and_nothing_else(shard, tmp_path):
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def failing():
        yield TRACKS[0]
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        records.write_shard(shard, failing())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_directory_that_is_missing_is_named(tmp_path):
    with pytest.raises(OSError, match="cannot write .*missing/tracks"):
        records.write_shard(str(tmp_path / "missing" / NAME), TRACKS)


def test_a_damaged_shard_is_named(shard):
    os.remove(shard + index.SUFFIX)
    with open(shard, "r+b") as file:
        file.seek(3000)
        file.write(b"damage")
    with pytest.raises(OSError, match=f"cannot read .*{NAME}: it is damaged in record 0: "):
        records.open_index(shard)


def test_a_shard_that_was_cut_off_is_named(shard):
    os.truncate(shard, os.path.getsize(shard) - 1000)
    with pytest.raises(OSError, match=f"cannot read .*{NAME}: it is damaged in record 2: trunc"):
        records.open_index(shard)


def test_a_missing_shard_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=NAME):
        records.open_index(str(tmp_path / NAME))


def test_other_records_are_named_with_their_number(tmp_path):
    path = str(tmp_path / NAME)
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(records.encode(TRACKS[0]))
        writer.write(tf.train.Example().SerializeToString())
    with pytest.raises(ValueError, match=f"{NAME}, record 1: not a track record: it lacks boxes"):
        records.open_index(path)
    with pytest.raises(ValueError, match="no tf.train.Example"):
        records.decode(b"\xff\xff")
