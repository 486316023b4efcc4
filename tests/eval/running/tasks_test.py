"""Tasks: what they write, what they tell, and what a failure does."""

import contextlib
import dataclasses
import socket

import numpy as np
import pytest

from gradnet_tf.eval.results.marks import read_mark
from gradnet_tf.eval.results.store import Store
from gradnet_tf.eval.running import tasks as running
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.trackers import registry, sources
from tests.helpers import datasets, eval_data

HOST = socket.gethostname()
TOYS = "python:tests.helpers.toy_trackers"


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    root = tmp_path_factory.mktemp("frames")
    return [eval_data.make_sequence(root, name, 5, video) for video, name in enumerate("ab")]


def make_task(sequence, root, text="static", repetitions=1):
    spec = registry.parse_tracker(text)
    layout = "otb" if repetitions == 1 else "got10k"
    store = Store(root, layout, 1, {"made": "by hand"})
    protocol = Protocol(repetitions=repetitions)
    return running.Task(spec, spec.name, sequence, protocol, store, "data", {"machine": "abacus"})


class Clock:
    """Every look at it takes a second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def test_a_task_writes_boxes_times_and_mark(sequences, tmp_path):
    result = running.execute(make_task(sequences[0], tmp_path), clock=Clock())
    assert result.error is None and not result.finished_before
    assert (result.frames, result.seconds) == (4, 4)
    assert 0 < result.score < 1
    boxes = np.loadtxt(tmp_path / "a.txt", delimiter=",")
    np.testing.assert_array_equal(boxes, [np.add(datasets.target_box(0), [1, 1, 0, 0])] * 5)
    assert (tmp_path / "times" / "a_time.txt").read_text() == "1.00000000\n" * 5
    mark = read_mark(tmp_path, "a")
    assert (mark["data"], mark["identity"]) == ("data", {"made": "by hand"})
    assert mark["environment"] == {"machine": "abacus"}


def test_a_tracker_that_fails_is_recorded(sequences, tmp_path):
    _, y, _, _ = datasets.target_box(0)
    result = running.execute(make_task(sequences[0], tmp_path, f"{TOYS}:Failing,y={y}"))
    assert "RuntimeError: nothing to be seen" in result.error
    assert np.isnan(result.score) and result.frames == 0
    assert (tmp_path / ".failed" / "a.txt").read_text() == result.error
    assert not (tmp_path / ".done").exists() and not (tmp_path / "a.txt").exists()


def test_a_tracker_that_ends_the_program_is_recorded(sequences, tmp_path):
    result = running.execute(make_task(sequences[0], tmp_path, f"{TOYS}:Exiting"))
    assert "SystemExit: 0" in result.error
    assert (tmp_path / ".failed" / "a.txt").read_text() == result.error


def test_a_missing_image_is_recorded(tmp_path):
    sequence = eval_data.make_sequence(tmp_path / "frames", "a", 4)
    (tmp_path / "frames" / "a" / "0003.jpg").unlink()
    result = running.execute(make_task(sequence, tmp_path / "out"))
    assert "0003.jpg" in result.error and "0003.jpg" in (
        (tmp_path / "out" / ".failed" / "a.txt").read_text()
    )


def test_results_that_cannot_be_written_stop_everything(sequences, tmp_path):
    root = tmp_path / "file"
    root.write_text("in the way")
    with pytest.raises(OSError, match="file"):
        running.execute(make_task(sequences[0], root))
    assert root.read_text() == "in the way"


def test_random_numbers_depend_on_sequence_and_repetition_only(sequences, tmp_path):
    boxes = {}
    for output, order in (("x", sequences), ("y", sequences[::-1])):
        for sequence in order:
            running.execute(make_task(sequence, tmp_path / output, f"{TOYS}:Noisy", repetitions=3))
        boxes[output] = eval_data.tree(tmp_path / output)
    assert boxes["x"] == boxes["y"]
    texts = [boxes["x"][f"a/a_00{number}.txt"] for number in (1, 2, 3)]
    assert len(set(texts)) == 3


def test_messages_count_every_frame_once(sequences, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])
    told = []

    def tell(frames):
        told.append(frames)

    class Ticking(Clock):
        def __call__(self):
            now[0] += 0.04  # Every frame looks at the clock four times.
            return super().__call__()

    running.execute(make_task(sequences[0], tmp_path), tell, Ticking())
    assert 1 < len(told) < 5  # Not every frame is worth a message.
    assert sum(frames.count for frames in told) == 5
    # The first frame was not tracked.
    assert sum(frames.tracked for frames in told) == 4
    assert sum(frames.seconds for frames in told) == 4


def test_what_another_process_did_not_finish_is_done_here(sequences, tmp_path, monkeypatch):
    task = make_task(sequences[0], tmp_path)
    theirs = contextlib.ExitStack()
    theirs.enter_context(task.store.locked("a"))
    monkeypatch.setattr(running.time, "sleep", lambda seconds: theirs.close())
    result = running.execute(task)
    assert result.error is None and not result.finished_before
    assert (tmp_path / "a.txt").exists()


def test_what_is_to_be_done_again_is_done_though_it_is_finished(sequences, tmp_path):
    """With --force: unless another process has done it since."""
    task = make_task(sequences[0], tmp_path)
    running.execute(task)
    again = dataclasses.replace(task, stamp=task.store.stamp("a"))
    assert not running.execute(again).finished_before
    assert running.execute(again).finished_before


def test_a_run_ends_where_another_one_has_taken_over(sequences, tmp_path):
    task = make_task(sequences[0], tmp_path)
    task.store.write_provenance({})
    dataclasses.replace(task.store, identity={"made": "anew"}).write_provenance({})
    with pytest.raises(OSError, match="another run has begun to write to"):
        running.execute(task)
    assert list(eval_data.tree(tmp_path)) == ["provenance.json"]


def test_a_process_of_its_own_finds_that_the_code_has_changed(sequences, tmp_path, monkeypatch):
    text = f"{TOYS}:Drift"
    modules = sources.read_code(registry.parse_tracker(text)).modules
    task = make_task(sequences[0], tmp_path, text)
    store = dataclasses.replace(task.store, modules={**modules, "tests.helpers": "other"})
    task = dataclasses.replace(task, store=store)
    monkeypatch.setattr(running, "_loaded", set())
    monkeypatch.setattr(running.multiprocessing, "parent_process", lambda: "parent")
    with pytest.raises(OSError, match=r"changed after the run had begun \(tests\.helpers\)"):
        running.execute(task)
    assert not list(tmp_path.iterdir())
    same = dataclasses.replace(task, store=dataclasses.replace(store, modules=modules))
    assert running.execute(same).error is None
    # What is edited after it was loaded does not matter.
    assert running.execute(task).error is None


def test_a_process_that_dies_fails_nothing_that_another_one_does(sequences, tmp_path):
    task = make_task(sequences[0], tmp_path)
    with task.store.locked("a"):
        assert running.lose(task, "died").put_off
    running.execute(task)
    assert running.lose(task, "died").finished_before
    assert running.lose(make_task(sequences[1], tmp_path), "died").error == "died"
    assert [path.name for path in (tmp_path / ".failed").iterdir()] == ["b.txt"]
