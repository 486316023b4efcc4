"""Runs tasks in processes of their own.

If a process dies, its task is lost and named, and the others go on. If this process dies, however
that happens, its workers end, too.
"""

from __future__ import annotations

import collections
import contextlib
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
    """Something that happened to the task of a number.

    Kinds are "message" (value: what the function sent), "done" (its result), "error" (the traceback
    of what it raised) or "died" (the process's exit code; negative for a signal).
    """

    task: int
    kind: str
    value: Any


def run(
    function: Function, tasks: Sequence[Any], jobs: int, threads: Optional[int] = None
) -> Generator[Event, None, None]:
    """Runs tasks in `jobs` processes and yields what happens; each ends as done, error or died.

    The function is that of a module; it and the tasks, which are given out in their order, must be
    picklable. `threads` is each process's share of threads.
    """
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork.
    waiting = collections.deque(enumerate(tasks))
    workers: dict[Any, tuple[Any, int]] = {}  # Of each pipe: the process, and its task's number.

    def start() -> None:
        pipe, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, function), daemon=True)
        with _environment(dict.fromkeys(_THREAD_VARIABLES, str(threads)) if threads else {}):
            process.start()
        theirs.close()  # So that the end of the process ends the connection.
        give(pipe, process)

    def give(pipe: Any, process: Any) -> None:
        workers[pipe] = process, waiting[0][0]
        with contextlib.suppress(OSError):  # If it died meanwhile, receiving says so.
            pipe.send(waiting.popleft())

    try:
        for _ in range(min(jobs, len(tasks))):
            start()
        while workers:
            ready: list[Any] = connection.wait(list(workers))
            for pipe in ready:
                process, number = workers[pipe]
                try:
                    event = Event(*pipe.recv())
                except (EOFError, OSError):
                    _stop(pipe, process)
                    event = Event(number, "died", process.exitcode)
                yield event
                if event.kind == "message":
                    continue
                if event.kind != "died" and waiting:
                    give(pipe, process)
                    continue
                del workers[pipe]
                if event.kind != "died":
                    pipe.close()  # The worker ends when it looks for another task.
                    process.join()
                elif waiting:
                    start()
    finally:
        for pipe, (process, _) in workers.items():
            _stop(pipe, process)


def _stop(pipe: Any, process: Any) -> None:
    process.terminate()
    process.join()
    pipe.close()


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _serve(pipe: Any, function: Function) -> None:
    # Ctrl-C reaches every process of a terminal; the parent alone decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            number, task = pipe.recv()
        except EOFError:
            return

        def tell(message: Any, number: int = number) -> None:
            pipe.send((number, "message", message))

        try:
            result = function(task, tell)
        except Exception:
            pipe.send((number, "error", traceback.format_exc()))
        else:
            pipe.send((number, "done", result))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "this is no worker"
    connection.wait([parent.sentinel])
    os._exit(1)
