"""Tasks in processes of their own."""

import contextlib
import os
import signal

import pytest

from gradnet_tf.eval.running import workers

THREADS = "OMP_NUM_THREADS"


def work(task, tell):
    """Runs in a worker."""
    if task == "fail":
        raise ValueError("this one cannot be done")
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    tell(f"begun {task}")
    return task, os.getpid(), os.environ.get(THREADS)


def test_tasks_in_two_processes(monkeypatch):
    monkeypatch.setenv(THREADS, "7")
    events = list(workers.run(work, ["a", "fail", "b", "die", "c"], 2, threads=3))
    assert os.environ[THREADS] == "7"
    last = {event.task: event for event in events if event.kind != "message"}
    assert sorted(last) == [0, 1, 2, 3, 4]
    assert [last[n].kind for n in range(5)] == ["done", "error", "done", "died", "done"]
    assert "ValueError: this one cannot be done" in last[1].value
    assert last[3].value == -signal.SIGKILL
    assert {last[n].value[2] for n in (0, 2, 4)} == {"3"}
    assert os.getpid() not in {last[n].value[1] for n in (0, 2, 4)}
    assert [event.value for event in events if event.kind == "message" and event.task == 2] == [
        "begun b"
    ]


def test_workers_end_when_nobody_listens_any_more():
    with contextlib.closing(workers.run(work, ["a", "b", "c"], 1)) as events:
        event = next(event for event in events if event.kind == "done")
    with pytest.raises(ProcessLookupError):
        os.kill(event.value[1], 0)


def test_nothing_to_do():
    assert list(workers.run(work, [], 3)) == []
