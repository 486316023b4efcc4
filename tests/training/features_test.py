"""Tests of gradnet_tf.training.features: a cache that goes on, is refused, and has f_x in it."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from gradnet_tf.data import cutting, pairs, scenes, task
from gradnet_tf.training import features
from tests.helpers import networks, track_records

CONFIG = pairs.PairConfig(batch=2, validation=0, crops=2, reference_quirks=False, threads=1)
TASK = task.TaskConfig(updates=2, regions=4, shift=1, sample_shift=1)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    tracks = [track_records.record(f"video{i}", "0", (0, 1), seed=i) for i in range(3)]
    return track_records.write_set(tmp_path_factory.mktemp("data"), tracks)


@pytest.fixture(scope="module")
def network():
    return networks.hand_made()


@pytest.fixture(scope="module")
def filled(tmp_path_factory, pattern, network):
    """A finished cache: leave it so."""
    directory = tmp_path_factory.mktemp("caches") / "whole"
    features.ensure(directory, open_source(pattern), network, "float32")
    return directory


def open_source(pattern, **changes):
    return pairs.open_pairs([pattern], None, dataclasses.replace(CONFIG, **changes))


def description(directory):
    return json.loads((directory / features.DESCRIPTION).read_text())


def test_it_holds_the_features_of_every_crop(filled, pattern, network):
    source = open_source(pattern)
    kept = features.read(filled, source, network)
    assert kept.shape == (6, 2, 20, 20, 256) and kept.dtype == np.float16
    assert sorted(os.listdir(filled)) == [features.ARRAY, features.DESCRIPTION, "lock"]
    for frame, images in enumerate(source.augmented()):
        expected = network.search_features(images)
        assert networks.relative_error(kept[frame], expected) < 1e-3
    assert np.abs(kept[:, 0] - kept[:, 1]).max(axis=(1, 2, 3)).min() > 0.01


def test_training_gets_the_features_of_its_instances(filled, pattern, network):
    plain, cached = open_source(pattern, groups=2), open_source(pattern, groups=2)
    cached.features = features.read(filled, cached, network)
    for (exemplars, images), (same, kept) in zip(plain.train(3).take(2), cached.train(3)):
        np.testing.assert_array_equal(same, exemplars)
        assert kept.shape == (4, 20, 20, 256)
        assert networks.relative_error(kept, network.search_features(images)) < 1e-3
    assert cached.train().element_spec[1].shape == (4, 20, 20, 256)


def test_a_part_of_the_features_is_that_of_a_shifted_crop(tmp_path, pattern, network):
    """f_x has no padding: cells of the 22x22 features of 255 px are those of 239 px inside it."""
    source = open_source(pattern, task=TASK, first_exemplar=True)
    features.ensure(tmp_path, source, network, "float32")
    whole = features.read(tmp_path, source, network)
    assert whole.shape == (6, 2, 22, 22, 256)
    image = next(iter(source.augmented()))[:1]
    shifted = network.search_features(image[:, 16:255, 8:247])
    assert networks.relative_error(whole[0, :1, 2:22, 1:21], shifted) < 1e-3
    cached = open_source(pattern, task=TASK, first_exemplar=True)
    cached.features = whole
    seen = set()
    for (_, images, parts), (_, kept, same) in zip(source.train().take(4), cached.train()):
        assert images.shape[1:3] == (239, 239) and kept.shape[1:3] == (20, 20)
        assert networks.relative_error(kept, network.search_features(images)) < 1e-3
        tf.nest.map_structure(np.testing.assert_array_equal, parts, same)
        seen.update(map(tuple, parts[0].numpy().reshape(-1, 2)))
    assert len(seen) > 5


def fill_until(directory, monkeypatch, source, network, frames):
    """Fills a cache until a frame; the mark moves with each of them."""
    monkeypatch.setattr(features, "MARK_SECONDS", 0.0)
    made = cutting.Cutter.read
    asked = []

    def stopping(self, requests):
        asked.append(requests)
        if len(asked) > frames:
            raise KeyboardInterrupt
        return made(self, requests)

    monkeypatch.setattr(cutting.Cutter, "read", stopping)
    with pytest.raises(BaseException):  # noqa: B017 (tf.data gives it another type.)
        features.ensure(directory, source, network, "float32")
    monkeypatch.undo()


def test_it_goes_on_where_it_was_stopped(tmp_path, filled, pattern, network, monkeypatch):
    source = open_source(pattern)
    fill_until(tmp_path, monkeypatch, source, network, 4)
    done = description(tmp_path)["done"]
    assert 0 < done < 6
    with pytest.raises(features.FeatureCacheError, match="does not hold all features"):
        features.read(tmp_path, source, network)
    # What a kill may leave behind the mark.
    with open(tmp_path / features.ARRAY, "ab") as file:
        file.write(b"half a frame")
    messages = []
    monkeypatch.setattr(logging, "info", lambda text, *values: messages.append(text % values))
    features.ensure(tmp_path, open_source(pattern), network, "float32")
    assert (tmp_path / features.ARRAY).read_bytes() == (filled / features.ARRAY).read_bytes()
    assert description(tmp_path) == description(filled)
    assert any("12 crops of 6 frames, 2.5 MB on the disk, of which" in text for text in messages)
    assert any("minutes to go" in text for text in messages)
    before = os.stat(tmp_path / features.ARRAY).st_mtime_ns
    features.ensure(tmp_path, open_source(pattern), network, "float32")
    assert os.stat(tmp_path / features.ARRAY).st_mtime_ns == before


@pytest.mark.parametrize(
    "changes, word",
    [
        (dict(seed=2), r"augmentation .*\(seed: 1/2\)"),
        (dict(augment="strong"), r"augmentation .*augment: reference/strong"),
        (dict(scale_jitter=0.1), r"augmentation .*scale_jitter: 0.0/0.1"),
        (dict(scenes=scenes.SceneConfig(lookalikes=0.5)), r"augmentation .*scenes: None/.*0.5"),
        (dict(crops=3), r"augmentation .*crops: 2/3"),
        (dict(task=TASK), r"augmentation .*size: 239/255"),
    ],
)
def test_another_augmentation_is_refused(filled, pattern, network, changes, word):
    source = open_source(pattern, **changes)
    for function in (
        lambda: features.ensure(filled, source, network, "float32"),
        lambda: features.read(filled, source, network),
    ):
        with pytest.raises(features.FeatureCacheError, match=f"features of other {word}"):
            function()


def test_other_weights_and_other_data_are_refused(filled, pattern, network, tmp_path):
    other = networks.hand_made()
    other.named_weights()["siamese/scala1/conv/biases"].assign_add(np.ones(96, np.float32))
    with pytest.raises(features.FeatureCacheError, match="features of other weights .* give ano"):
        features.ensure(filled, open_source(pattern), other, "float32")
    # The template branch is another matter.
    other = networks.hand_made()
    other.named_weights()["siamese/scala1_z/conv/biases"].assign_add(np.ones(96, np.float32))
    features.read(filled, open_source(pattern), other)
    tracks = [track_records.record(f"video{i}", "0", (0, 1), seed=i + 1) for i in range(3)]
    source = open_source(track_records.write_set(tmp_path, tracks))
    with pytest.raises(features.FeatureCacheError, match="features of other data than"):
        features.ensure(filled, source, network, "float32")


@pytest.mark.parametrize("damage", ["cut", "text", "kind", "orphan"])
def test_what_is_damaged_is_named(filled, pattern, network, tmp_path, damage):
    directory = tmp_path / "copy"
    shutil.copytree(filled, directory)
    path = directory / features.DESCRIPTION
    if damage == "cut":
        os.truncate(directory / features.ARRAY, 1000)
        expected = "has 1000 bytes, but features.json beside it says at least 2457600"
    elif damage == "text":
        path.write_text("{")
        expected = "features.json: is not the description of a feature cache, or damaged"
    elif damage == "kind":
        path.write_text(json.dumps({**description(filled), "version": 9}))
        expected = r"is \('gradnet_tf features', 9\), expected"
    else:
        path.unlink()
        expected = "holds features.float16 without features.json"
    with pytest.raises(features.FeatureCacheError, match=expected):
        features.ensure(directory, open_source(pattern), network, "float32")


def test_a_disk_that_is_too_small_is_told_before_anything_is_computed(
    tmp_path, pattern, network, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="features need 2.5 MB and 1.0 MB are free; give a direc"):
        features.ensure(tmp_path, open_source(pattern), network, "float32")
    assert os.listdir(tmp_path) == ["lock"]


def test_crops_without_augmentation_are_refused(pattern):
    with pytest.raises(ValueError, match="crops=2 means nothing with augment=none"):
        open_source(pattern, augment="none")
