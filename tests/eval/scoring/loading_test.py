"""Results and data sets brought together: other toolkits' files, and what is left out."""

import dataclasses

import numpy as np
import pytest

from gradnet_tf.datasets import open_dataset
from gradnet_tf.eval.commands import run
from gradnet_tf.eval.results import discovery
from gradnet_tf.eval.scoring import loading
from tests.helpers import benchmarks
from tests.helpers import eval_report as helper

LENGTHS = (8, 9)  # Of the sequences A and B.


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


@pytest.fixture
def data(tmp_path):
    return helper.write_otb(tmp_path / "data", LENGTHS)


@pytest.fixture
def found(tmp_path, data):
    return helper.write_two_trackers(tmp_path / "results", data.name, LENGTHS)


def test_only_sequences_of_all_trackers_count(tmp_path, data, found):
    (found / data.name / "two" / "A.txt").unlink()
    (found / data.name / "two" / "times" / "A_time.txt").unlink()
    dataset = open_dataset("folder", str(data))
    chosen = loading.choose(dataset, discovery.find_results([found]))
    loaded = loading.load(dataset, chosen)
    assert [s.name for s in loaded.dataset.sequences] == ["B"]
    assert loaded.notes == ("A is left out, without results of two.",)


def test_results_of_other_lengths_are_named(tmp_path, data, found):
    folder = found / data.name / "one"
    (folder / "B.txt").write_text("1,1,5,5\n" * 3)
    (folder / "times" / "B_time.txt").unlink()
    dataset = open_dataset("folder", str(data))
    loaded = loading.load(dataset, loading.choose(dataset, discovery.find_results([found])))
    detail = f"({folder / 'B.txt'}: 3 boxes for 9 frames)"
    assert loaded.notes == (f"B is left out, without results of one {detail}.",)


def test_a_tracker_without_results_does_not_hide_the_others(tmp_path, data, found):
    folder = found / data.name / "two"
    for name in "AB":
        (folder / f"{name}.txt").write_text("1,1,5,5\n")
        (folder / "times" / f"{name}_time.txt").unlink()
    dataset = open_dataset("folder", str(data))
    chosen = loading.choose(dataset, discovery.find_results([found]))
    loaded = loading.load(dataset, chosen)
    assert [tracker.name for tracker in loaded.trackers] == ["one"]
    assert [s.name for s in loaded.dataset.sequences] == ["A", "B"]
    detail = f"A ({folder / 'A.txt'}: 1 boxes for 8 frames) and 1 more"
    assert loaded.notes == (f"two is left out: it has no result of any sequence; {detail}.",)


def test_files_that_are_gone_or_changed_are_named(tmp_path, data):
    root = tmp_path / "own" / data.name / "static"
    flags = (f"--root={data}", f"--output={tmp_path / 'own'}", "--tracker=static")
    assert helper.call(run, "--dataset=folder", *flags) == 0
    lines = (root / "A.txt").read_text().splitlines()
    (root / "A.txt").write_text("\n".join([*lines[:-1], "1,1,5,5"]))
    (root / "B.txt").unlink()
    dataset = open_dataset("folder", str(data))
    loaded = loading.load(dataset, discovery.find_results([tmp_path / "own"]))
    assert [s.name for s in loaded.dataset.sequences] == ["A"]
    gone, changed = loaded.notes
    assert changed == f"{root / 'A.txt'} is not as it was written, but counted as it is."
    assert gone.startswith("B is left out, without results of static (") and "B.txt" in gone


def test_times_that_cannot_be_read_are_named(data, found):
    path = found / data.name / "one" / "times" / "A_time.txt"
    path.write_text("1\n2\n")
    dataset = open_dataset("folder", str(data))
    chosen = loading.choose(dataset, discovery.find_results([found]))
    loaded = loading.load(dataset, chosen)
    assert [s.name for s in loaded.dataset.sequences] == ["A", "B"]
    (note,) = loaded.notes
    assert note == f"one: The times of A are left out: {path} has 2 lines of 1 for 8 boxes of " + (
        "repetition 1."
    )


def test_nothing_in_common(tmp_path, data, found):
    for name, sequence in (("one", "A"), ("two", "B")):
        (found / data.name / name / f"{sequence}.txt").unlink()
    dataset = open_dataset("folder", str(data))
    chosen = loading.choose(dataset, discovery.find_results([found]))
    with pytest.raises(ValueError, match=r"no sequence of data has results of every tracker"):
        loading.load(dataset, chosen)


def test_withheld_truth(tmp_path, data, found):
    dataset = open_dataset("folder", str(data))
    hidden = []
    for sequence in dataset.sequences:
        boxes = sequence.boxes.copy()
        boxes[1:] = np.nan
        hidden.append(dataclasses.replace(sequence, boxes=boxes))
    dataset = dataclasses.replace(dataset, sequences=tuple(hidden))
    chosen = loading.choose(dataset, discovery.find_results([found]))
    with pytest.raises(ValueError, match="truth of data is withheld"):
        loading.load(dataset, chosen)


def test_limit_of_the_run_cuts_the_sequences(tmp_path, data):
    dataset = open_dataset("folder", str(data))
    root = helper.write_results(
        tmp_path / "r", data.name, "short", {s: helper.shifted(5, 4) for s in "AB"}
    )
    (one,) = loading.choose(dataset, discovery.find_results([root]))
    one = dataclasses.replace(one, provenance={"protocol": {"limit": 5}, "origin": 1})
    loaded = loading.load(dataset, [one])
    assert [len(s.frames) for s in loaded.dataset.sequences] == [5, 5]
    assert loaded.notes == ("Only the first 5 frames of each sequence were tracked.",)
    other = dataclasses.replace(one, provenance={"protocol": {"limit": 6}, "origin": 1})
    with pytest.raises(ValueError, match=r"different numbers of frames: \[5, 6\]"):
        loading.load(dataset, [one, other])


def test_protocols_are_told_apart(tmp_path, data, found):
    dataset = open_dataset("folder", str(data))
    one, two = discovery.find_results([found])
    late = dataclasses.replace(two, protocol="realtime")

    def choose(*arguments, **options):
        return [(r.tracker, r.protocol) for r in loading.choose(dataset, *arguments, **options)]

    assert choose([one, late]) == [("one", "ope")]
    assert choose([one, late], protocol="realtime") == [("two", "realtime")]
    assert choose([late]) == [("two", "realtime")]
    with pytest.raises(ValueError, match="no results of the protocol 'supervised'"):
        loading.choose(dataset, [one], protocol="supervised")


def test_the_folder_of_the_data_set_goes_first(tmp_path, data, found):
    # As other toolkits leave their results; data sets have names of sequences in common.
    for title in ("TColor128", "x"):
        boxes = {"A": helper.shifted(LENGTHS[0], 10)}
        helper.write_results(found, title, "one", boxes)
        helper.write_results(found, title, "new", boxes)
    dataset = open_dataset("folder", str(data))
    everything = discovery.find_results([found])
    with pytest.raises(ValueError, match="one result is called new, in TColor128 and in x: give"):
        loading.choose(dataset, everything)
    chosen = loading.choose(dataset, everything, ["one", "two"])
    assert [(one.tracker, one.dataset) for one in chosen] == [("one", "data"), ("two", "data")]
