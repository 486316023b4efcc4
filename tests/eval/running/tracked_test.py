"""Tests of gradnet_tf.eval.running.tracked: weights that are chosen by tracking."""

import csv
import json

import numpy as np
import pytest

from gradnet_tf import weights
from gradnet_tf.eval.running import tracked
from gradnet_tf.eval.running.tracked import open_sequences
from gradnet_tf.training import loop, runinfo
from tests.helpers import datasets, networks, training


class Follower:
    """Stands for the tracker; its boxes are as wrong as its weights say."""

    def __init__(self, *, weights, preset):
        self.shift, self.preset = weights["shift"], preset
        assert preset == "paper"

    def init(self, image, box):
        self.box = np.array(box, float)

    def update(self, image):
        return self.box + [self.shift, 0, 0, 0]


@pytest.fixture
def folder(tmp_path):
    root = datasets.make_otb(tmp_path / "otb", videos=3, frames=8)
    for number, name in enumerate(("Couple", "Deer", "Dog")):  # As OTB calls some of its own.
        (root / f"Seq{number}").rename(root / name)
    return str(root)


def test_it_is_the_success_auc_of_what_was_chosen(folder, monkeypatch):
    monkeypatch.setattr(tracked, "Tracker", Follower)
    chosen = open_sequences(folder, ["Couple", "Dog"], starts=2, limit=3, preset="paper")
    names = [sequence.name for sequence in chosen.dataset.sequences]
    assert chosen.claims == {"sequences": names, "limit": 3, "preset": "paper"}
    assert len(names) == 4 and {name.split("+")[0] for name in names} == {"Couple", "Dog"}
    still = chosen.success_auc({"shift": 0})
    # The target of `make_otb`, 24x18 px, moves by (2, 1) a frame.
    overlaps = [np.prod(np.array([24, 18]) - n * np.array([2, 1])) for n in range(3)]
    overlaps = np.array([each / (2 * 24 * 18 - each) for each in overlaps])
    expected = np.mean([np.mean(overlaps > t) for t in np.linspace(0, 1, 21)])
    assert still == pytest.approx(expected)
    assert chosen.success_auc({"shift": 2}) != still
    assert chosen.success_auc({"shift": 100}) < 0.4


def test_the_best_weights_are_those_that_track_best(tmp_path, tmp_path_factory):
    class Sequences:
        """A success AUC for each epoch."""

        claims = {"sequences": ["a"], "limit": 5, "preset": "tuned"}
        values = [0.4, 0.7, 0.5]

        def success_auc(self, arrays):
            assert "siamese/scala5/conv/weights" in arrays
            return self.values.pop(0)

    settings = {**training.SIAMFC, "steps": 3, "steps_per_epoch": 1}
    arguments = training.make(settings), [training.data(tmp_path_factory)], tmp_path / "run"
    init = weights.load(training.init(tmp_path_factory))
    options = loop.RunOptions(**training.QUIET, progress=False, stop_after=2)
    keywords = dict(init=init, sequences=Sequences())
    loop.train(*arguments, options=options, **keywords)
    outcome = loop.train(*arguments, options=loop.RunOptions(**training.QUIET), **keywords)
    assert outcome.best == pytest.approx(0.3)
    with open(tmp_path / "run" / loop.HISTORY, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["success_auc"] for row in rows if row["success_auc"]] == ["0.4", "0.7", "0.5"]
    card = json.loads((outcome.weights["best"] / "card.json").read_text())
    made = card["training"]
    assert (made["step"], made["validation_loss"]) == (2, None)
    assert made["success_auc"] == pytest.approx(0.7)
    with pytest.raises(runinfo.WorkdirError, match="tracked: .*not set"):
        loop.train(*arguments, init=init)


def test_a_real_tracker_tracks_with_the_weights_so_far(folder):
    chosen = open_sequences(folder, ["Deer"], limit=3)
    assert 0 < chosen.success_auc(networks.hand_made_weights()) <= 1


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(names=["Nobody"]), "Nobody"),
        (dict(limit=1), "limit must leave at least 2 frames, got 1"),
        (dict(starts=0), "at least 1 start, got 0"),
    ],
)
def test_what_cannot_be_tracked_is_named(folder, options, message):
    with pytest.raises(ValueError, match=message):
        open_sequences(folder, **options)
