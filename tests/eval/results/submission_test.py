"""Submission files of GOT-10k and TrackingNet."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gradnet_tf.datasets.sequences import Dataset, Sequence
from gradnet_tf.eval.results import submission
from gradnet_tf.eval.results.marks import read_provenance
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.results.store import Store

FRAMES = 3


def dataset(names=submission.NAMES):
    boxes = np.full((FRAMES, 4), np.nan)
    boxes[0] = 1
    sequences = tuple(Sequence(name, ("x",) * FRAMES, boxes) for name in names)
    return Dataset("got10k_test", "GOT-10k", "", "got10k", "got10k", "ope", sequences)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("results") / "GOT-10k" / "T"
    store = Store(root, "got10k", 1, {})
    names = {"dataset": {"title": "GOT-10k"}, "tracker": {"name": "T"}, "protocol": {"name": "ope"}}
    store.write_provenance(names)
    for name in submission.NAMES:
        result = SequenceResult(name, np.ones((FRAMES, 4)), np.ones(FRAMES), np.ones(FRAMES))
        store.commit([result], data="d")
    return root


def test_a_complete_run(root):
    text = submission.write_if_complete(root, dataset())
    path = root.with_name("T.zip")
    assert text == f"submission file: {path}"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        content = archive.read("GOT-10k_Test_000180/GOT-10k_Test_000180_001.txt")
    assert len(names) == 360 and not any("/." in name or name.startswith(".") for name in names)
    assert content.splitlines()[0] == b"2.0000,2.0000,1.0000,1.0000"
    before = path.read_bytes()
    submission.write_if_complete(root, dataset())
    assert path.read_bytes() == before


def test_times_that_were_not_taken(root, tmp_path):
    store = Store(tmp_path / "T", "got10k", 1, {})
    store.write_provenance(read_provenance(root))
    seconds = np.array([[1.0, 0.5, np.nan], [1.0, np.nan, 0.25]])
    for name in submission.NAMES:
        runs = [
            SequenceResult(name, np.ones((FRAMES, 4)), row, np.ones(FRAMES), repetition=number)
            for number, row in enumerate(seconds, 1)
        ]
        store.commit(runs, data="d")
    submission.write_if_complete(store.root, dataset())
    with zipfile.ZipFile(tmp_path / "T.zip") as archive:
        text = archive.read(f"{submission.NAMES[4]}/{submission.NAMES[4]}_time.txt").decode()
    assert text == "1.00000000,1.00000000\n0.50000000,0\n0,0.25000000\n"
    # Our own record tells that they are unknown.
    assert (
        "nan"
        in (store.root / submission.NAMES[4])
        .joinpath(f"{submission.NAMES[4]}_time.txt")
        .read_text()
    )


def test_an_incomplete_run(root, tmp_path):
    text = submission.write_if_complete(root, dataset(submission.NAMES[:-1]))
    assert "1 of 180 sequences are missing, GOT-10k_Test_000180 for one" in text
    text = submission.write_if_complete(tmp_path / "T", dataset())
    assert "180 of 180" in text and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "change, message",
    [
        ({"001": None}, "GOT-10k_Test_000007_001.txt"),
        ({"time": None}, "GOT-10k_Test_000007_time.txt"),
        ({"001": "1,1,1,1\n" * 2}, "has 2 lines for 3 frames"),
        ({"001": "1 1 1 1\n" * 3}, "line 1: '1 1 1 1' is not"),
        ({"003": "1,1,1,1\n1,1,1,nan\n1,1,1,1\n"}, "_003.txt, line 2"),
        ({"001": "1,1,1\n" * 3}, "line 1"),
    ],
)
def test_what_the_server_would_refuse(root, tmp_path, change, message):
    copy = Path(shutil.copytree(root, tmp_path / "T"))
    name = "GOT-10k_Test_000007"
    for what, text in change.items():
        path = copy / name / f"{name}_{what}.txt"
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    with pytest.raises((OSError, ValueError), match=message):
        submission.write_if_complete(copy, dataset())
    assert [path.name for path in tmp_path.iterdir()] == ["T"]


def test_trackingnet(tmp_path, monkeypatch):
    monkeypatch.setattr(submission.trackingnet, "SIZE", 2)
    root = tmp_path / "TrackingNet" / "T"
    store = Store(root, "otb", 0, {})
    title = {"title": "TrackingNet"}
    store.write_provenance(
        {"dataset": title, "tracker": {"name": "T"}, "protocol": {"name": "ope"}}
    )
    boxes = np.full((FRAMES, 4), np.nan)
    boxes[0] = 1
    sequences = tuple(Sequence(name, ("0.jpg",) * FRAMES, boxes) for name in ("a-1_0", "b_12"))
    whole = Dataset("trackingnet", "TrackingNet", "", sequences=sequences)
    half = Dataset("trackingnet", "TrackingNet", "", sequences=sequences[:1])
    for number, name in enumerate(("a-1_0", "b_12")):
        text = submission.write_if_complete(root, whole)
        assert text == f"no submission file of T yet: {2 - number} of 2 sequences are missing, " + (
            "b_12 for one" if number else "a-1_0 for one"
        )
        result = SequenceResult(name, np.ones((FRAMES, 4)), np.ones(FRAMES), np.ones(FRAMES))
        store.commit([result], data="d")
    assert "1 of 2 sequences are missing" in submission.write_if_complete(root, half)
    path = root.with_name("T.zip")
    assert submission.write_if_complete(root, whole) == f"submission file: {path}"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["a-1_0.txt", "b_12.txt"]
        # Boxes count from 0, as those of the annotations.
        assert archive.read("b_12.txt") == b"1.0000,1.0000,1.0000,1.0000\n" * FRAMES
