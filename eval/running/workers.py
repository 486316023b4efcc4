"""Runs tasks in processes of their own.

A task is lost, and named, if its process dies; the others go on. If this process dies, however that
happens, its workers end too.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Generator, Iterator, Sequence
from multiprocessing import connection
from typing import Any, Callable, NamedTuple, Optional

# Called in a worker with a task and a function that sends a message here; gives a result.
Function = Callable[[Any, Callable[[Any], None]], Any]

# Libraries read these when they are loaded.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


class Event(NamedTuple):
    """Something that happened to a task.

    Attributes:
        task: Its number.
        kind: "message" (value: what the function sent), "done" (its result), "error" (the traceback
            of what it raised) or "died" (the exit code of the process; negative for a signal).
        value: Depends on the kind.
    """

    task: int
    kind: str
    value: Any


class _Worker:
    def __init__(self, context: Any, function: Function):
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, function), daemon=True)
        self.process.start()
        theirs.close()  # So that the end of the process ends the connection.
        self.task = -1  # None yet.

    def give(self, number: int, task: Any) -> None:
        self.task = number
        with contextlib.suppress(OSError):  # If it died meanwhile, receiving says so.
            self.connection.send((number, task))

    def close(self) -> None:
        self.connection.close()  # The worker ends when it looks for another task.
        self.process.join()

    def stop(self) -> None:
        self.process.terminate()
        self.process.join()
        self.connection.close()


def run(
    function: Function, tasks: Sequence[Any], jobs: int, threads: Optional[int] = None
) -> Generator[Event, None, None]:
    """Runs tasks, some at a time, and yields what happens; each ends as done, error or died.

    Args:
        function: A function of a module; it and the tasks must be picklable.
        tasks: Given out in this order.
        jobs: Processes.
        threads: Each one's share of threads.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork.
    waiting = list(enumerate(tasks))[::-1]
    workers: list[_Worker] = []
    try:
        for _ in range(min(jobs, len(tasks))):
            workers.append(_start(context, function, threads))
            workers[-1].give(*waiting.pop())
        while workers:
            ready = connection.wait([worker.connection for worker in workers])
            for worker in [w for w in workers if w.connection in ready]:
                try:
                    event = Event(*worker.connection.recv())
                except (EOFError, OSError):
                    worker.stop()
                    event = Event(worker.task, "died", worker.process.exitcode)
                yield event
                if event.kind == "message":
                    continue
                if event.kind != "died" and waiting:
                    worker.give(*waiting.pop())
                    continue
                workers.remove(worker)
                if event.kind != "died":
                    worker.close()
                elif waiting:
                    workers.append(_start(context, function, threads))
                    workers[-1].give(*waiting.pop())
    finally:
        for worker in workers:
            worker.stop()


def _start(context: Any, function: Function, threads: Optional[int]) -> _Worker:
    with _environment({name: str(threads) for name in _THREAD_VARIABLES} if threads else {}):
        return _Worker(context, function)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Any, function: Function) -> None:
    # Ctrl-C reaches every process of a terminal; the parent alone decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            number, task = pipe.recv()
        except EOFError:
            return
        try:
            result = function(task, functools.partial(_send_message, pipe, number))
        except Exception:
            pipe.send((number, "error", traceback.format_exc()))
        else:
            pipe.send((number, "done", result))


def _send_message(pipe: Any, number: int, value: Any) -> None:
    pipe.send((number, "message", value))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "this is no worker"
    connection.wait([parent.sentinel])
    os._exit(1)
