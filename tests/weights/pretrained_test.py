"""The weights that come with the package."""

import pytest

from gradnet_tf import weights
from gradnet_tf.tracking.config import PRESETS
from gradnet_tf.weights import pretrained


def test_the_default_is_sound_and_says_where_it_comes_from():
    loaded = weights.load_embedded()
    assert loaded.variant == "full"
    training = loaded.card["training"]
    assert training["stage"] == "gradnet" and training["steps"] == training["step"]
    assert loaded.card["preset"] in PRESETS
    for entry in ("data", "origin", "licence", "commands"):
        assert loaded.card[entry]
    assert loaded.digest == weights.digest(loaded.arrays)


def test_names():
    assert pretrained.DEFAULT in pretrained.names()


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(weights.CheckpointError, match="'nothing'.*there are: .*gradnet"):
        pretrained.path("nothing")


def test_no_folder_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path)
    with pytest.raises(weights.CheckpointError, match="there are: none"):
        pretrained.path()
