"""The comparison of trackers: sequences, starting frames, settings, table."""

import dataclasses
import types

import numpy as np
import pytest
from absl import flags

from gradnet_tf.eval import compare
from tests.helpers import datasets


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("otb")
    datasets.make_otb(path, videos=2, frames=6)
    return path


class Shifted:
    """A tracker that knows the truth and answers beside it."""

    def __init__(self, truth, shift):
        self.truth, self.shift, self.seen = truth, np.array([shift, 0, 0, 0]), []

    def track(self, frames, box):
        self.seen.append((list(frames), box))
        boxes = self.truth[: len(frames)] + self.shift
        return types.SimpleNamespace(boxes=boxes, seconds=np.full(len(frames), 0.5))


def test_sequences_are_read_zero_based(root):
    sequences = compare.read_sequences(root)
    assert len(sequences) == 2
    for sequence in sequences:
        text = (root / sequence.name / compare.TRUTH).read_text().replace("\t", ",")
        first = [float(value) for value in text.splitlines()[0].replace(" ", ",").split(",")]
        np.testing.assert_allclose(sequence.boxes[0], np.subtract(first, [1, 1, 0, 0]))
        assert len(sequence.frames) == len(sequence.boxes) == 6


def test_only_the_named_sequences(root):
    name = compare.read_sequences(root)[1].name
    assert [s.name for s in compare.read_sequences(root, [name])] == [name]
    with pytest.raises(ValueError, match="no sequence Nowhere"):
        compare.read_sequences(root, ["Nowhere"])


def test_a_missing_frame_is_an_error(tmp_path):
    datasets.make_otb(tmp_path, videos=1, frames=4)
    frame = sorted(tmp_path.glob("*/img/*"))[-1]
    frame.unlink()
    with pytest.raises(ValueError, match="3 frames .* for 4 boxes"):
        compare.read_sequences(tmp_path)


def test_no_sequences(tmp_path):
    with pytest.raises(ValueError, match="no sequence in"):
        compare.read_sequences(tmp_path)


def test_segments():
    assert compare.segments(10, 1, None) == [(0, 10)]
    assert compare.segments(10, 1, 4) == [(0, 4)]
    assert compare.segments(10, 5, 3) == [(0, 3), (2, 5), (4, 7), (6, 9), (8, 10)]


def test_settings_of_a_tracker():
    assert compare.parse_tracker("ours") == ("ours", {})
    name, settings = compare.parse_tracker(
        "a b:checkpoint=x/y,preset=paper,template_influence=0.3,redetection=false,update=none"
    )
    assert name == "a b"
    assert settings == {
        "checkpoint": "x/y",
        "preset": "paper",
        "template_influence": 0.3,
        "redetection": False,
        "update": "none",
    }


@pytest.mark.parametrize("text", ["a:speed=3", "a:update", "a:update_rate=fast", "a:redetection=2"])
def test_wrong_settings(text):
    with pytest.raises(ValueError, match=text.split(":")[1].split("=")[0]):
        compare.parse_tracker(text)


def test_a_run_is_measured_against_its_part_of_the_truth(root):
    sequence = compare.read_sequences(root)[0]
    tracker = Shifted(sequence.boxes[2:5], 0.0)
    run = compare.measure("t", tracker, sequence, 2, 5)
    frames, box = tracker.seen[0]
    assert frames == sequence.frames[2:5]
    np.testing.assert_array_equal(box, sequence.boxes[2])
    assert run == compare.Run("t", sequence.name, 2, 3, pytest.approx(20 / 21), 1.0, 1.0)
    far = compare.measure("t", Shifted(sequence.boxes[2:5], 1000.0), sequence, 2, 5)
    assert (far.success, far.precision) == (0.0, 0.0)


def test_table_means_runs_then_sequences():
    run = compare.Run("a", "s", 0, 11, 0.5, 1.0, 2.0)
    runs = [
        run,
        dataclasses.replace(run, start=5, success=0.7),
        dataclasses.replace(run, sequence="t", success=0.9, precision=0.0),
    ]
    lines = compare.table(runs).splitlines()
    assert "| s | 0.600 |" in lines and "| t | 0.900 |" in lines
    assert "| **mean** | 0.750 |" in lines
    assert "| **precision at 20 px, mean** | 0.500 |" in lines
    assert "| frames a second | 5.0 |" in lines


def test_bad_input_is_one_line(root, capsys):
    values = flags.FlagValues()
    compare.define_flags(values)
    values(["compare", f"--root={root}", "--tracker=x:speed=1"])
    assert compare.run(values) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
