"""Runs of tasks: their order, processes, batches, and GradNet from one end to the other."""

import contextlib
import json
import os
import socket

import numpy as np
import pytest
from absl import flags

from gradnet_tf.eval.commands import run
from gradnet_tf.eval.results import discovery
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.results.store import Store
from gradnet_tf.eval.running import runner, side_by_side, workers
from gradnet_tf.eval.running import tasks as running
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.running.tasks import Task, TaskResult
from gradnet_tf.eval.trackers import registry
from tests.helpers import datasets, eval_data

HOST = socket.gethostname()
TOYS = "python:tests.helpers.toy_trackers"


@pytest.mark.parametrize("text", ["static", "opencv:kcf", f"{TOYS}:Drift"])
def test_trackers_without_a_step_for_many(text):
    specs = registry.parse_trackers(["gradnet", f"other={text}"])
    kind = text.partition(":")[0]
    message = (
        f"--batch=4 is for trackers of the kind gradnet.*--tracker={text} is of the kind {kind}"
    )
    with pytest.raises(ValueError, match=message):
        runner.check_batch(4, specs, Protocol())
    runner.check_batch(1, specs, Protocol())
    runner.check_batch(4, specs[:1], Protocol())


@pytest.mark.parametrize(
    "protocol",
    [Protocol("supervised", resets=True), Protocol("realtime", fps=20)],
)
def test_protocols_that_need_a_sequence_for_itself(protocol):
    specs = registry.parse_trackers(["gradnet"])
    message = f"--batch=2 is for --protocol=ope.*{protocol.name} waits.*or leave --batch out"
    with pytest.raises(ValueError, match=message):
        runner.check_batch(2, specs, protocol)
    runner.check_batch(1, specs, protocol)


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    root = tmp_path_factory.mktemp("frames")
    return [
        eval_data.make_sequence(root, name, frames, video)
        for video, (name, frames) in enumerate({"a": 3, "b": 9, "c": 4, "d": 3}.items())
    ]


def make_tasks(sequences, root, text=f"{TOYS}:Drift"):
    spec = registry.parse_tracker(text)
    store = Store(root, "otb", 1, {"made": "by hand"})
    return [Task(spec, spec.name, s, Protocol(), store, "data", {}) for s in sequences]


def names(tasks):
    return [task.sequence.name for task in tasks]


def test_processes_get_parts_of_as_many_frames(sequences, tmp_path):
    parts = runner._split(make_tasks(sequences, tmp_path), 2)
    assert [names(part) for part in parts] == [["b"], ["a", "c", "d"]]
    assert [names(part) for part in runner._split(parts[1], 5)] == [["c"], ["a"], ["d"]]


def test_what_a_dead_process_had_not_begun_is_done(sequences, tmp_path, monkeypatch):
    tasks = make_tasks(sequences, tmp_path)
    good = TaskResult(score=0.5)

    def message(part, number, news):
        return workers.Event(part, "message", (number, news))

    rounds = [
        # The second part (a, c, d) has done a and begun c when its process dies.
        [
            message(1, 0, side_by_side._BEGUN),
            message(1, 1, side_by_side._BEGUN),
            message(0, 0, side_by_side._BEGUN),
            message(1, 0, good),
            workers.Event(1, "died", -9),
            message(0, 0, good),
            workers.Event(0, "done", None),
        ],
        # Then d dies before it has begun.
        [workers.Event(0, "died", 1)],
    ]
    asked = []

    def fake_run(function, parts, jobs, threads):
        asked.append(([names(part) for part in parts], jobs, threads))
        yield from rounds[len(asked) - 1]

    monkeypatch.setattr(workers, "run", fake_run)
    told = []
    runner.run_tasks(tasks, lambda task, news: told.append((task.sequence.name, news)), 2, 3, 2)
    assert asked == [([["b"], ["a", "c", "d"]], 2, 3), ([["d"]], 1, 3)]
    over = {name: news.error for name, news in told if isinstance(news, TaskResult)}
    assert over == {
        "a": None,
        "b": None,
        "c": "its process ended with exit code -9",
        "d": "its process ended with exit code 1",
    }
    assert sorted(path.stem for path in (tmp_path / ".failed").iterdir()) == ["c", "d"]


def test_an_error_of_a_process_stops_everything(sequences, tmp_path, monkeypatch):
    event = workers.Event(0, "error", "Traceback\nOSError: no space left")
    monkeypatch.setattr(workers, "run", lambda *arguments: (each for each in [event]))
    with pytest.raises(OSError, match="Drift: OSError: no space left"):
        runner.run_tasks(make_tasks(sequences, tmp_path), lambda *news: None, 2, None, 2)


def test_a_process_tells_of_its_tasks(sequences, tmp_path):
    """A real one; that the toy has no step for many, it tells of each sequence."""
    told = []
    tasks = make_tasks(sequences[:1], tmp_path)
    runner.run_tasks(tasks, lambda task, news: told.append((task, news)), 2, 1, 2)
    ((task, result),) = told
    assert task is tasks[0] and "has no attribute 'compiled'" in result.error


def test_tasks_are_done_in_their_order(sequences, tmp_path):
    tasks = make_tasks(sequences[:2], tmp_path, "static")
    told = []
    runner.run_tasks(tasks, lambda task, news: told.append((task.sequence.name, news)))
    over = [(name, news) for name, news in told if isinstance(news, TaskResult)]
    assert [name for name, _ in over] == ["a", "b"]
    assert told[-1] == over[-1] and all(result.error is None for _, result in over)


def test_a_process_that_dies_fails_its_task_only(sequences, tmp_path, monkeypatch):
    tasks = make_tasks(sequences[:2], tmp_path, "static")
    good = TaskResult(score=0.5)
    events = [
        workers.Event(0, "died", -9),
        workers.Event(1, "message", (0, good)),
        workers.Event(1, "done", None),
    ]
    asked = []

    def run(*arguments):
        asked.append(arguments)
        yield from events

    monkeypatch.setattr(workers, "run", run)
    told = []
    runner.run_tasks(tasks, lambda task, news: told.append((task, news)), jobs=2, threads=3)
    ((function, *others),) = asked
    assert function.keywords == {"batch": 1, "wait": False}
    assert others == [[[task] for task in tasks], 2, 3]
    assert told[0] == (tasks[0], TaskResult(error="its process ended with exit code -9"))
    assert told[1] == (tasks[1], good)
    text = (tmp_path / ".failed" / "a.txt").read_text()
    assert text == "its process ended with exit code -9\n"


def test_what_another_process_tracks_is_left_to_it(sequences, tmp_path, monkeypatch):
    tasks = make_tasks(sequences[:2], tmp_path, "static")
    theirs = contextlib.ExitStack()
    theirs.enter_context(tasks[0].store.locked("a"))
    assert running.execute(tasks[0], wait=False).put_off == f"process {os.getpid()} on {HOST}"
    assert not (tmp_path / "a.txt").exists()
    told, waited = [], []

    def sleep(seconds):
        waited.append(seconds)
        assert [task.sequence.name for task, _ in told] == ["b"]  # The others come first.
        if len(waited) == 2:  # Their results are to be seen: of another tracker, to tell them.
            running.finish(tasks[0], [result_of_another_tracker(sequences[0])])
            theirs.close()

    monkeypatch.setattr(running.time, "sleep", sleep)
    runner.run_tasks(tasks, lambda *news: told.append(news) if is_over(news) else None)
    assert len(waited) == 2 and told[1][1].finished_before
    assert (tmp_path / "a.txt").read_text().startswith("8.0000,8.0000,7.0000,7.0000")
    assert not list((tmp_path / ".locks").iterdir())


def test_an_error_of_a_task_in_a_process_stops_everything(sequences, tmp_path, monkeypatch):
    trace = "Traceback\nOSError: no space left"
    event = workers.Event(0, "error", trace)
    monkeypatch.setattr(workers, "run", lambda *arguments: (each for each in [event]))
    told = []
    with pytest.raises(OSError, match="static, a: OSError: no space left"):
        runner.run_tasks(
            make_tasks(sequences[:1], tmp_path, "static"), lambda *news: told.append(news), 2
        )
    assert told == [] and json.dumps(eval_data.tree(tmp_path)) == "{}"


def is_over(news):
    return isinstance(news[1], TaskResult)


def result_of_another_tracker(sequence):
    count = len(sequence.frames)
    return SequenceResult("a", np.full((count, 4), 7.0), *np.ones((2, count)))


# GradNet itself.

SCALES = (2.0, 3.0, 2.5, 4.0, 2.0)
LENGTHS = (4, 3, 6, 2, 3)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Sequences in OTB's layout, of several sizes and lengths; one changes its size midway."""
    root = tmp_path_factory.mktemp("otb")
    for video, (scale, frames) in enumerate(zip(SCALES, LENGTHS)):
        folder = root / f"Seq{video}"
        size = [round(scale * side) for side in datasets.FRAME_SIZE]
        for frame in range(frames):
            image = datasets.draw_frame(video, frame).resize(size)
            if video == 0 and frame == 2:
                image = image.crop((0, 0, size[0] - 30, size[1] + 20))
            datasets.save_jpeg(image, folder / "img" / f"{frame + 1:04d}.jpg")
        boxes = [np.multiply(scale, datasets.target_box(video, 0, f)) for f in range(frames)]
        (folder / "groundtruth_rect.txt").write_text(datasets.box_lines(np.add(boxes, 1)))
    return root


def call(*arguments):
    values = flags.FlagValues()
    run.define_flags(values)
    values(["run", "--dataset=folder", *map(str, arguments)])
    return run.run(values)


def test_gradnet_gives_the_same_results_in_a_batch(root, tmp_path, capsys):
    common = (f"--root={root}", "--tracker=GradNet=gradnet,jit_compile=false")
    assert call(*common, f"--output={tmp_path / 'one'}") == 0
    assert "--batch" not in capsys.readouterr().out
    together = (*common, f"--output={tmp_path / 'two'}")
    assert call(*together, "--batch=2") == 0
    printed = capsys.readouterr()
    assert "GradNet: 5 of 5 sequences" in printed.out and "a second (--batch=2)" in printed.out
    assert "[5/5] GradNet, Seq" in printed.err
    (one,), (two,) = (discovery.find_results([tmp_path / name]) for name in ("one", "two"))
    assert one.names == two.names and len(one.names) == 5
    assert one.provenance["identity"] == two.provenance["identity"]
    batches = [each.provenance["hardware"]["batch"] for each in (one, two)]
    assert batches == [1, 2]
    for name, frames in zip(one.names, LENGTHS):
        first, second = one.read(name), two.read(name)
        np.testing.assert_array_equal(second.boxes, first.boxes)
        assert np.isfinite(second.seconds).all() and len(second.seconds) == frames
        assert two.mark(name)["environment"]["hardware"]["batch"] == 2
    # What is missing is done in another batch, and the record tells of both.
    path = two.sources["Seq1"] / "Seq1.txt"
    path.unlink()
    assert call(*together) == 0
    assert "5 sequences (4 finished before)" in (out := capsys.readouterr().out)
    assert "(--batch=1 and 2)" in out
    provenance = json.loads((two.sources["Seq1"] / "provenance.json").read_text())
    assert provenance["hardware"]["batch"] == [1, 2]
    assert provenance["identity"] == two.provenance["identity"]
    np.testing.assert_array_equal(two.read("Seq1").boxes, one.read("Seq1").boxes)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--batch=2", "--tracker=static"], "--tracker=static is of the kind static"),
        (["--batch=2", "--protocol=realtime"], "realtime waits"),
        (["--tracker=gradnet,precision=int4"], "precision must be one of"),
    ],
)
def test_bad_arguments_are_one_line_and_make_nothing(root, tmp_path, capsys, arguments, message):
    output = tmp_path / "out"
    assert call(f"--root={root}", f"--output={output}", *arguments) == run.BAD_ARGUMENTS
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error
    assert not output.exists()
