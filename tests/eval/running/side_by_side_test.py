"""Sequences side by side, with a batch of cheap trackers in the place of the compiled step."""

import contextlib
import copy
import dataclasses
import threading

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.eval.results.marks import read_mark
from gradnet_tf.eval.results.store import Store
from gradnet_tf.eval.running import runner, side_by_side
from gradnet_tf.eval.running import tasks as running
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.trackers import registry
from tests.helpers import datasets, eval_data

TOYS = "python:tests.helpers.toy_trackers"
LENGTHS = {"a": 5, "b": 3, "c": 7, "d": 1, "e": 4}


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    root = tmp_path_factory.mktemp("frames")
    return [
        eval_data.make_sequence(root, name, frames, video)
        for video, (name, frames) in enumerate(LENGTHS.items())
    ]


@pytest.fixture
def steps(monkeypatch):
    """Puts toys in the place of the step; a list of how many videos each step had."""
    made = []

    class Toys:
        def __init__(self, tracker, size):
            self.tracker, self.size, self.toys = tracker, size, []

        def warm_up(self, image, box):
            toy = copy.copy(self.tracker)
            toy.init(image, box.copy())
            return toy

        def add(self, image, box):
            self.toys.append(self.warm_up(image, box))
            assert len(self.toys) <= self.size

        def update(self, images):
            assert len(images) == len(self.toys)
            made.append(len(images))
            return np.stack([toy.update(image) for toy, image in zip(self.toys, images)])

        def drop(self, place):
            del self.toys[place]

    monkeypatch.setattr(side_by_side, "VideoBatch", Toys)
    return made


def make_tasks(sequences, root, text=f"{TOYS}:Drift", repetitions=1):
    spec = registry.parse_tracker(text)
    layout = "otb" if repetitions == 1 else "got10k"
    store = Store(root, layout, 1, {"made": "by hand"})
    protocol = Protocol(repetitions=repetitions)
    environment = {"hardware": {"batch": 3}}
    return [
        running.Task(spec, spec.name, sequence, protocol, store, "data", environment)
        for sequence in sequences
    ]


def run(tasks, batch=3, clock=None):
    """Outcomes by number, and all that was told."""
    told = []

    def tell(task, news):
        number = [t.store.root / t.sequence.name for t in tasks].index(
            task.store.root / task.sequence.name
        )
        told.append((number, news))

    if clock is None:
        runner.run_tasks(tasks, tell, batch=batch)
    else:
        side_by_side.execute(tasks, lambda number, news: tell(tasks[number], news), batch, clock)
    results = {number: news for number, news in told if isinstance(news, running.TaskResult)}
    assert not [t for t in threading.enumerate() if t.name == "gradnet_tf-prefetch"]
    return results, told


def run_one_by_one(tasks):
    return {number: running.execute(task) for number, task in enumerate(tasks)}


def test_the_same_files_as_one_by_one(sequences, steps, tmp_path):
    results, told = run(make_tasks(sequences, tmp_path / "batch"))
    # a, b and c; d has one frame only, so e follows b; then what is left of c and e.
    assert steps == [3] * 4 + [2] * 1 + [1] * 1
    expected = run_one_by_one(make_tasks(sequences, tmp_path / "plain"))
    assert eval_data.tree(tmp_path / "batch") == eval_data.tree(tmp_path / "plain")
    for number, result in expected.items():
        assert results[number].error is None
        assert results[number].score == pytest.approx(result.score, nan_ok=True)
        assert (results[number].frames, results[number].batch) == (result.frames, 3)
    for number, frames in enumerate(LENGTHS.values()):
        own = [news for n, news in told if n == number]
        assert own[0] == side_by_side._BEGUN and own[-1] == results[number]
        assert sum(news.count for news in own[:-1]) == frames
        assert sum(news.tracked for news in own[:-1]) == frames - 1
        assert np.isfinite([news.seconds for news in own[:-1]]).all()


def test_the_time_of_a_step_is_shared(sequences, steps, monkeypatch, tmp_path):
    now = [0.0]
    toys = side_by_side.VideoBatch

    class Slow(toys):
        def warm_up(self, image, box):
            now[0] += 100.0
            return super().warm_up(image, box)

        def update(self, images):
            now[0] += 6.0
            return super().update(images)

    monkeypatch.setattr(side_by_side, "VideoBatch", Slow)
    results, _ = run(make_tasks(sequences, tmp_path), clock=lambda: now[0])
    seconds = {name: np.loadtxt(tmp_path / "times" / f"{name}_time.txt") for name in "abc"}
    np.testing.assert_array_equal(seconds["a"][1:], [2, 2, 2, 2])
    np.testing.assert_array_equal(seconds["b"][1:], [2, 2])
    np.testing.assert_array_equal(seconds["c"][1:], [2, 2, 2, 2, 3, 6])
    assert sum(result.seconds for result in results.values()) == 6.0 * len(steps)
    mark = read_mark(tmp_path, "b")
    assert mark["warm_up_seconds"] == [100] and mark["environment"]["hardware"]["batch"] == 3


def broken(root, what):
    """A sequence whose third frame cannot be used."""
    sequence = eval_data.make_sequence(root, "x", 6, 9)
    if what == "missing":
        (root / "x" / "0003.jpg").unlink()
    elif what == "first":
        (root / "x" / "0001.jpg").write_bytes(b"no image")
    return sequence


@pytest.mark.parametrize(
    "what, message",
    [("missing", "0003.jpg"), ("first", "0001.jpg")],
)
def test_a_broken_image_fails_its_sequence_only(sequences, steps, tmp_path, what, message):
    every = [sequences[0], broken(tmp_path / "frames", what), *sequences[1:3]]
    results, _ = run(make_tasks(every, tmp_path / "batch"), batch=2)
    assert message in results[1].error
    assert (tmp_path / "batch" / ".failed" / "x.txt").read_text() == results[1].error
    assert [results[number].error for number in (0, 2, 3)] == [None] * 3
    run_one_by_one(make_tasks(sequences[:3], tmp_path / "plain"))
    found, expected = (eval_data.tree(tmp_path / name) for name in ("batch", "plain"))
    assert {name: text for name, text in found.items() if ".failed" not in name} == expected


def test_a_sequence_with_a_bad_frame_is_held_by_itself(sequences, steps, tmp_path):
    every = [sequences[0], broken(tmp_path / "frames", "missing"), *sequences[1:3]]
    batch, plain = (
        [
            dataclasses.replace(task, protocol=Protocol(on_bad_frame="hold"))
            for task in make_tasks(every, tmp_path / name)
        ]
        for name in ("batch", "plain")
    )
    results, _ = run(batch)
    run_one_by_one(plain)
    assert [results[number].error for number in range(4)] == [None] * 4
    assert [results[number].held for number in range(4)] == [0, 1, 0, 0]
    assert eval_data.tree(tmp_path / "batch") == eval_data.tree(tmp_path / "plain")
    mark = read_mark(tmp_path / "batch", "x")
    assert mark["held"] == [[2]] and mark["environment"]["hardware"]["batch"] == 1


def test_what_another_process_tracks_comes_last(sequences, steps, monkeypatch, tmp_path):
    tasks = make_tasks(sequences[:4], tmp_path)
    theirs = contextlib.ExitStack()
    theirs.enter_context(tasks[1].store.locked("b"))
    monkeypatch.setattr(running.time, "sleep", lambda seconds: theirs.close())
    begun = [
        number for number, news in run(tasks, batch=2)[1] if isinstance(news, running.TaskResult)
    ]
    assert sorted(begun) == [0, 1, 2, 3] and begun[-1] == 1
    assert read_mark(tmp_path, "b")["environment"]["hardware"]["batch"] == 1
    # What another process has finished since is taken as it is.
    steps.clear()
    results, _ = run(tasks)
    assert all(results[number].finished_before for number in range(4)) and not steps
    assert not list((tmp_path / ".locks").iterdir())


def test_frames_may_change_their_size(sequences, steps, tmp_path):
    changing = eval_data.make_sequence(tmp_path / "frames", "x", 4, 9)
    datasets.save_jpeg(Image.new("RGB", (60, 50)), tmp_path / "frames" / "x" / "0003.jpg")
    results, _ = run(make_tasks([changing, *sequences[:1]], tmp_path / "batch"))
    assert [results[number].error for number in (0, 1)] == [None] * 2
    run_one_by_one(make_tasks([changing, *sequences[:1]], tmp_path / "plain"))
    assert eval_data.tree(tmp_path / "batch") == eval_data.tree(tmp_path / "plain")


def test_after_a_step_that_fails_each_is_run_by_itself(sequences, steps, tmp_path):
    _, y, _, _ = datasets.target_box(1)
    text = f"{TOYS}:Failing,y={y}"
    results, _ = run(make_tasks(sequences, tmp_path / "batch", text), batch=2)
    expected = run_one_by_one(make_tasks(sequences, tmp_path / "plain", text))
    assert "nothing to be seen" in results[1].error and "nothing to be seen" in expected[1].error
    assert [results[number].error for number in (0, 2, 3, 4)] == [None] * 4
    found, expected = (eval_data.tree(tmp_path / name) for name in ("batch", "plain"))
    found.pop(".failed/b.txt"), expected.pop(".failed/b.txt")
    assert found == expected
    # The first one went beside the one that failed.
    batches = [read_mark(tmp_path / "batch", n)["environment"]["hardware"]["batch"] for n in "ac"]
    assert batches == [1, 3] == [results[number].batch for number in (0, 2)]


def test_a_start_that_fails_gives_its_place_to_the_next(sequences, steps, monkeypatch, tmp_path):
    toys = side_by_side.VideoBatch

    class Picky(toys):
        def warm_up(self, image, box):
            if box[1] == datasets.target_box(1)[1]:
                raise ValueError("no such box")
            return super().warm_up(image, box)

    monkeypatch.setattr(side_by_side, "VideoBatch", Picky)
    results, _ = run(make_tasks(sequences[:3], tmp_path), batch=2)
    assert "ValueError: no such box" in results[1].error
    assert results[0].error is None and results[2].error is None
    assert steps == [2] * 4 + [1] * 2


@pytest.mark.parametrize("name, files", [("Drift", 3), ("Noisy", 4)])
def test_repetitions(sequences, steps, tmp_path, name, files):
    tasks = make_tasks(sequences[:3], tmp_path / "batch", f"{TOYS}:{name}", repetitions=4)
    results, _ = run(tasks, batch=2)
    assert all(result.error is None for result in results.values())
    assert len(list((tmp_path / "batch" / "c").glob("c_0*.txt"))) == files
    if name == "Drift":
        run_one_by_one(make_tasks(sequences[:3], tmp_path / "plain", repetitions=4))
        assert eval_data.tree(tmp_path / "batch") == eval_data.tree(tmp_path / "plain")


def test_trackers_go_one_after_the_other(sequences, steps, tmp_path):
    tasks = make_tasks(sequences[:2], tmp_path / "a")
    tasks += make_tasks(sequences[:2], tmp_path / "b", f"{TOYS}:Nobody")
    tasks += make_tasks(sequences[:2], tmp_path / "c", f"{TOYS}:Drift,step=2")
    results, _ = run(tasks)
    errors = [results[number].error for number in range(6)]
    assert errors[:2] == errors[4:] == [None] * 2
    assert all("has no Nobody" in error for error in errors[2:4])
    assert (tmp_path / "a" / "a.txt").read_text() != (tmp_path / "c" / "a.txt").read_text()
    assert steps == [2, 2, 1, 1] * 2


def test_an_interruption_leaves_nothing_behind(sequences, steps, monkeypatch, tmp_path):
    toys = side_by_side.VideoBatch

    class Interrupted(toys):
        def update(self, images):
            if len(steps) == 3:
                raise KeyboardInterrupt
            return super().update(images)

    monkeypatch.setattr(side_by_side, "VideoBatch", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(make_tasks(sequences, tmp_path))
    assert not [t for t in threading.enumerate() if t.name == "gradnet_tf-prefetch"]
    names = [path.stem for path in (tmp_path / ".done").iterdir()]
    assert sorted(names) == ["b", "d"] and not (tmp_path / ".failed").exists()


def test_results_that_cannot_be_written_stop_everything(sequences, steps, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        run(make_tasks(sequences, tmp_path / "file"))
