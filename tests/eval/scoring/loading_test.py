"""Results and data sets brought together: other toolkits' files, and what is left out."""

import numpy as np
import pytest

from gradnet_tf.datasets import open_dataset
from gradnet_tf.eval.results import discovery
from gradnet_tf.eval.scoring import loading
from tests.helpers import benchmarks


def _write(root, tracker, **counts):
    """A tree TITLE/TRACKER whose boxes are the truth, from line (frame) `first` on."""
    folder = root / "OTB2015" / tracker
    folder.mkdir(parents=True)
    for name, (first, last) in counts.items():
        rows = benchmarks.boxes(last)[first - 1 :]
        (folder / f"{name}.txt").write_text(benchmarks.lines(rows))
    return root


def _load(data, found, **options):
    dataset = open_dataset("otb100", str(data), **options)
    return loading.load(dataset, loading.choose(dataset, discovery.find_results([found])))


@pytest.fixture(name="tiger")
def make_tiger(tmp_path):
    benchmarks.sequence(tmp_path / "OTB" / "Tiger1", range(1, 355))
    benchmarks.sequence(tmp_path / "OTB" / "Girl", [1, 2, 3])
    return tmp_path / "OTB"


def _check_truth(loaded):
    """Whether each tracker's boxes are those of the frames that count."""
    for tracker in loaded.trackers:
        for sequence, runs in zip(loaded.dataset.sequences, tracker.runs):
            np.testing.assert_array_equal(runs[0].boxes, sequence.boxes)
            assert len(runs[0].seconds) == len(runs[0].decode_seconds) == len(sequence.frames)


@pytest.mark.parametrize("skip", [True, False])
def test_tiger1_of_toolkits_of_both_kinds(tmp_path, tiger, skip):
    found = _write(tmp_path / "r", "got", Tiger1=(1, 354), Girl=(1, 3))
    _write(found, "official", Tiger1=(6, 354), Girl=(1, 3))
    loaded = _load(tiger, found, skip_tiger1=skip)
    assert [len(s.frames) for s in loaded.dataset.sequences] == [3, 349]
    assert [one.name for one in loaded.trackers] == ["got", "official"]
    _check_truth(loaded)
    (note,) = loaded.notes
    expected = "got began Tiger1 at frame 1" if skip else "official began Tiger1 at frame 6"
    assert expected in note and "skip_tiger1" in note


def test_tiger1_of_the_other_kind_alone(tmp_path, tiger):
    found = _write(tmp_path / "r", "got", Tiger1=(1, 354))
    loaded = _load(tiger, found)
    assert len(loaded.dataset.sequences[0].frames) == 349
    assert "--dataset_option=skip_tiger1=false counts them" in loaded.notes[0]
    _check_truth(loaded)
    loaded = _load(tiger, found, skip_tiger1=False)
    assert len(loaded.dataset.sequences[0].frames) == 354
    assert "Tiger1" not in "".join(loaded.notes)
    _check_truth(loaded)


def test_tiger1_of_the_other_kind_where_the_data_set_begins_at_frame_1(tmp_path, tiger):
    found = _write(tmp_path / "r", "official", Tiger1=(6, 354))
    loaded = _load(tiger, found, skip_tiger1=False)
    assert loaded.dataset.sequences[0].first_number == 6
    assert "Tiger1 from frame 6" in loaded.dataset.rule
    assert loaded.notes[0].startswith("official began Tiger1 at frame 6: ")
    _check_truth(loaded)


def test_other_lengths_of_tiger1_are_left_out(tmp_path, tiger):
    found = _write(tmp_path / "r", "odd", Tiger1=(1, 353), Girl=(1, 3))
    loaded = _load(tiger, found)
    assert [s.name for s in loaded.dataset.sequences] == ["Girl"]
    assert "Tiger1.txt: 353 boxes for 349 frames" in loaded.notes[0]


@pytest.mark.parametrize("count", [2, 4])
def test_too_few_and_too_many_lines(tmp_path, count):
    data = tmp_path / "OTB"
    for name in ("Girl", "Couple"):
        benchmarks.sequence(data / name, [1, 2, 3])
    found = _write(tmp_path / "r", "T", Girl=(1, count), Couple=(1, 3))
    loaded = _load(data, found)
    assert [s.name for s in loaded.dataset.sequences] == ["Couple"]
    assert f"Girl.txt: {count} boxes for 3 frames" in loaded.notes[0]


def test_file_that_cannot_be_read_leaves_its_sequence_out(tmp_path):
    data = tmp_path / "OTB"
    for name in ("Girl", "Couple"):
        benchmarks.sequence(data / name, [1, 2, 3])
    found = _write(tmp_path / "r", "T", Girl=(1, 3), Couple=(1, 3))
    _write(found, "U", Girl=(1, 3), Couple=(1, 3))
    path = found / "OTB2015/T/Girl.txt"
    path.write_text("2,3,4,5\n2,5 3,5 4,5 5,5\n2,3,4,5\n")
    loaded = _load(data, found)
    assert [s.name for s in loaded.dataset.sequences] == ["Couple"]
    assert f"without results of T ({path}, line 2: '2,5 3,5 4,5 5,5'" in loaded.notes[0]


def test_tracker_without_any_readable_file_is_named_with_the_line(tmp_path):
    data = tmp_path / "OTB"
    benchmarks.sequence(data / "Girl", [1, 2, 3])
    found = _write(tmp_path / "r", "T", Girl=(1, 3))
    _write(found, "U", Girl=(1, 3))
    path = found / "OTB2015/U/Girl.txt"
    path.write_text("2,3,4,5\n2,3,4\n2,3,4,5\n")
    loaded = _load(data, found)
    assert [one.name for one in loaded.trackers] == ["T"]
    assert loaded.notes[0].startswith(
        f"U is left out: it has no result of any sequence; Girl ({path}, line 2: '2,3,4' is not"
    )


@pytest.mark.parametrize("origin", [0, 1])
def test_results_of_others_count_as_the_annotations_do(tmp_path, origin):
    benchmarks.sequence(tmp_path / "OTB2015" / "Girl", [1, 2, 3])
    found = _write(tmp_path / "r", "got", Girl=(1, 3))
    dataset = open_dataset("folder", str(tmp_path / "OTB2015"), origin=origin)
    chosen = loading.choose(dataset, discovery.find_results([found]))
    loaded = loading.load(dataset, chosen)
    assert loaded.dataset.sequences[0].boxes[0, 0] == 11 - origin
    _check_truth(loaded)
