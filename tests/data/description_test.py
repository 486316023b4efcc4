"""Tests of gradnet_tf.data.description."""

import dataclasses
import json
import os

import numpy as np
import pytest

from gradnet_tf.data import description
from gradnet_tf.data_prep import statistics


def of_image(image):
    return statistics.describe(statistics.of_image(image))


RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.integers(0, 256, (5, 7 + i, 3), dtype=np.uint8) for i in range(3)]
COLOURS = of_image(IMAGES[0])
EXAMPLE = description.Description(
    source="otb",
    root="ö",
    options={"quality": 95},
    counts={"videos": 1, "tracks": 1, "frames": 2},
    problems={"empty box": 1200},
    problem_list=[{"kind": "empty box", "where": "a", "detail": str(i)} for i in range(1200)],
    exemplar=COLOURS,
    instance=of_image(IMAGES[1]),
    shards=[description.Shard("tracks-00000-of-00001.tfrecord", 1, 2, 99, "ab")],
)


def test_statistics_of_parts_are_those_of_the_whole():
    pixels = np.concatenate([image.reshape(-1, 3) for image in IMAGES]).astype(float)
    pooled = description.pool([of_image(image) for image in IMAGES])
    np.testing.assert_allclose(pooled.mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(pooled.covariance, np.cov(pixels.T, bias=True), rtol=1e-10)
    assert pooled.pixels == len(pixels)


@pytest.mark.parametrize("name", ["", "dataset.json"])
def test_what_is_saved_is_loaded(tmp_path, name):
    description.save(EXAMPLE, str(tmp_path))
    loaded = description.load(str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.json"]
    assert (loaded.source, loaded.root, loaded.counts) == ("otb", "ö", EXAMPLE.counts)
    assert loaded.problems == {"empty box": 1200}
    assert len(loaded.problem_list) == 1000
    assert loaded.shards == EXAMPLE.shards
    np.testing.assert_array_equal(loaded.exemplar.mean, EXAMPLE.exemplar.mean)
    np.testing.assert_array_equal(loaded.instance.covariance, EXAMPLE.instance.covariance)


def test_problems_may_be_where_names_are_no_utf_8(tmp_path):
    problem = {"kind": "no image", "where": os.fsdecode(b"caf\xe9/1.jpg"), "detail": "é"}
    example = dataclasses.replace(EXAMPLE, problem_list=[problem])
    description.save(example, str(tmp_path))
    assert description.load(str(tmp_path)).problem_list == [problem]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"dataset\.json: there is no such file"):
        description.load(str(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "its format is 'other'"),
        ({"version": 2}, "it has version 2, this program reads version 1"),
        ({"statistics": {}}, "lacks 'exemplar'"),
        ({"shards": None}, "does not describe a set of tracks"),
        ({"shards": [{"name": "a"}]}, "does not describe a set of tracks"),
        (
            {"statistics": {"exemplar": {"mean": [1], "covariance": [[1]], "pixels": 1}}},
            "statistics of the exemplar: shapes",
        ),
    ],
)
def test_another_file_is_refused(tmp_path, change, message):
    description.save(EXAMPLE, str(tmp_path))
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=message):
        description.load(str(tmp_path))


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_file_that_is_no_object_is_refused(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match="does not describe a set of tracks"):
        description.load(str(tmp_path))
