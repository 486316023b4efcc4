"""Does tasks: runs trackers on sequences and writes what came of it, in one process or several.

A task is one tracker on one sequence, with all repetitions. It gives the same files in whatever
process and order it runs: every task makes its own tracker and seeds the global random numbers.

Several processes may work on the same tasks, on one machine or on several that share the output:
each takes a sequence that no other one has, and what another one has it waits for at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import multiprocessing
import time
import traceback
from collections.abc import Mapping
from collections.abc import Sequence as Items
from typing import Any, Callable, Optional, Union

import numpy as np
from absl import logging

from gradnet_tf.datasets.sequences import Sequence
from gradnet_tf.eval.results import sources, timing
from gradnet_tf.eval.results.store import Store, is_same
from gradnet_tf.eval.results.tracker_results import SequenceResult, TrackerResults
from gradnet_tf.eval.running import protocols, workers
from gradnet_tf.eval.running.progress import score
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.trackers import registry
from gradnet_tf.eval.trackers.registry import TrackerSpec
from gradnet_tf.files.locks import InUseError

_MESSAGE_SECONDS = 0.2  # Between two messages on frames.
_WAIT_SECONDS = 1.0  # Between two attempts at a sequence that another process tracks.

# Trackers whose code this process is known to have loaded.
_loaded: set[TrackerSpec] = set()


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One tracker on one sequence.

    Attributes:
        spec: The tracker.
        name: How its results are called.
        sequence: Cut to its limit.
        protocol: How it is run.
        store: Where the results go.
        data: Hash of what the tracker gets of the sequence.
        environment: JSON values: on what it runs.
        stamp: Of the sequence's mark when this was planned, see `Store.stamp`: another process has
            finished the sequence since if it is another one.
    """

    spec: TrackerSpec
    name: str
    sequence: Sequence
    protocol: Protocol
    store: Store
    data: str
    environment: Mapping[str, Any]
    stamp: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes:
        error: The traceback if it failed; else None.
        score: Success AUC, 0 to 1; NaN where it is not known.
        frames: Frames tracked, all repetitions together.
        seconds: Time of tracking them.
        finished_before: Whether an earlier run, or another process, had done it.
        batch: Sequences side by side, of whose common time this is a share.
        other_code: Whether it was done by other code than this.
        held: Frames that could not be read.
        busy: The process that is doing it; None unless this one did not wait.
    """

    error: Optional[str] = None
    score: float = float("nan")
    frames: int = 0
    seconds: float = 0.0
    finished_before: bool = False
    batch: int = 1
    other_code: bool = False
    held: int = 0
    busy: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Frames:
    """Message of a task that is under way.

    Attributes:
        count: Frames since its last message.
        tracked: How many of them were tracked.
        seconds: Time that this took.
        score: Success AUC of the sequence so far, 0 to 1; NaN where it is not known.
    """

    count: int
    tracked: int
    seconds: float
    score: float


def execute(
    task: Task,
    tell: Callable[[Any], None] = lambda message: None,
    clock: protocols.Clock = time.perf_counter,
    *,
    wait: bool = True,
) -> Outcome:
    """Does a task: tracks, and writes what came of it.

    Args:
        task: What to do.
        tell: Called with `Frames` now and then.
        clock: Seconds.
        wait: Whether to wait for another process that is doing it; else the outcome is `busy`.

    Returns:
        The outcome; of a tracker or an image that fails, too.

    Raises:
        OSError: If the results cannot be written.
    """
    with contextlib.ExitStack() as stack:
        done = begin(task, stack, wait=wait)
        if done is not None:
            return done
        try:
            results = _track(task, tell, clock)
        except (Exception, SystemExit):  # Whatever a tracker raises: the other sequences go on.
            return fail(task, traceback.format_exc())
        return finish(task, results)


def begin(task: Task, stack: contextlib.ExitStack, *, wait: bool) -> Optional[Outcome]:
    """Takes a task for this process.

    Args:
        task: What is to be done.
        stack: Keeps it until it is closed.
        wait: Whether to wait for another process that is doing it.

    Returns:
        None if it is to be done now; else what another process has made of it, or that it is busy.

    Raises:
        OSError: If the lock cannot be written, another run has taken over the folder, or the code
            has changed since the run began.
    """
    _check_code(task)
    said = False
    while True:
        try:
            stack.enter_context(task.store.locked(task.sequence.name))
            break
        except InUseError as error:
            if not wait:
                return Outcome(busy=str(error))
            if not said:
                name = f"{task.name}, {task.sequence.name}"
                logging.warning("%s is being tracked by %s: waiting for it", name, error)
                said = True
            time.sleep(_WAIT_SECONDS)
    task.store.check_owner()
    name = task.sequence.name
    if task.store.stamp(name) != task.stamp:
        if task.store.find_flaw(name, len(task.sequence.frames), task.data) is None:
            return read_outcome(task)
    return None


def _check_code(task: Task) -> None:
    """Makes sure that this process has loaded the code that the results are said to be of.

    One that was started later than the run, as for one that died, may find other sources. What
    changes after they are loaded does not matter.

    Raises:
        OSError: If it has not.
    """
    if multiprocessing.parent_process() is None or task.spec in _loaded:
        return
    with contextlib.suppress(ImportError):  # Which fails the task in its turn.
        registry.load_code(task.spec)
        changed = sources.find_changes(task.store.modules, sources.read_code(task.spec).modules)
        if changed and task.store.modules:
            raise OSError(
                f"the code changed after the run had begun ({', '.join(changed)}): start it again"
            )
    _loaded.add(task.spec)


def read_outcome(task: Task) -> Outcome:
    """The outcome of a task that is finished.

    Raises:
        OSError, ValueError: Its files cannot be read.
    """
    found = TrackerResults(
        dataset="",
        tracker=task.name,
        protocol=task.protocol.name,
        layout=task.store.layout,
        provenance={"origin": task.store.origin},
        sources={task.sequence.name: task.store.root},
    )
    count = found.repetitions(task.sequence.name)
    results = [found.read(task.sequence.name, number) for number in range(1, count + 1)]
    mark = found.mark(task.sequence.name) or {}
    return dataclasses.replace(
        make_outcome(task, results, mark.get("environment", {})),
        finished_before=True,
        other_code=not is_same(mark.get("identity", {}), task.store.identity),
    )


def finish(task: Task, results: Items[SequenceResult]) -> Outcome:
    """Writes the results of a task, one for each repetition.

    Raises:
        OSError: They cannot be written.
    """
    task.store.commit(results, data=task.data, environment=task.environment)
    return make_outcome(task, results, task.environment)


def fail(task: Task, text: str) -> Outcome:
    """Records why a task failed.

    Raises:
        OSError: If it cannot be written.
    """
    task.store.fail(task.sequence.name, text)
    return Outcome(error=text)


def lose(task: Task, text: str) -> Outcome:
    """Records why a task failed whose process has died, unless another one does it or has done it.

    Raises:
        OSError: If it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        return begin(task, stack, wait=False) or fail(task, text)


def run_tasks(
    tasks: Items[Task],
    tell: Callable[[Task, Union[Frames, Outcome]], None],
    jobs: int = 1,
    threads: Optional[int] = None,
) -> None:
    """Does tasks, here or in processes of their own.

    Args:
        tasks: In the order in which they are begun; those that another run is doing come last.
        tell: Called with a task and `Frames` now and then, and with its `Outcome` when it is over.
        jobs: Processes; with 1, this one.
        threads: Of each of them, if there are several.

    Raises:
        OSError: Results cannot be written.
    """
    busy = _run_round(tasks, tell, jobs, threads, wait=False)
    while busy:
        busy = _run_round(busy, tell, jobs, threads, wait=True)


def _run_round(tasks, tell, jobs, threads, *, wait: bool) -> list[Task]:
    """Does tasks; gives those that others are doing."""
    busy = []

    def note(task: Task, news: Union[Frames, Outcome]) -> None:
        if isinstance(news, Outcome) and news.busy is not None:
            busy.append(task)
        else:
            tell(task, news)

    if jobs == 1:
        for task in tasks:
            note(task, execute(task, functools.partial(tell, task), wait=wait))
        return busy
    function = functools.partial(execute, wait=wait)
    with contextlib.closing(workers.run(function, tasks, jobs, threads)) as events:
        for event in events:
            task, value = tasks[event.task], event.value
            if event.kind == "error":
                raise OSError(f"{task.name}, {task.sequence.name}: {value.splitlines()[-1]}")
            if event.kind == "died":
                value = lose(task, f"its process ended with exit code {value}")
            note(task, value)
    return busy


def _track(
    task: Task, tell: Callable[[Frames], None], clock: protocols.Clock
) -> list[SequenceResult]:
    tracker = registry.make_tracker(task.spec)
    results: list[SequenceResult] = []
    while not protocols.is_complete(results, task.protocol, tracker):
        repetition = len(results) + 1
        results.append(
            protocols.run_sequence(
                tracker,
                task.sequence,
                task.protocol,
                repetition=repetition,
                clock=clock,
                observer=Observer(task.sequence, tell),
            )
        )
    return results


class Observer:
    """Sends messages on frames, not too often."""

    def __init__(self, sequence: Sequence, tell: Callable[[Frames], None]):
        self._sequence, self._tell = sequence, tell
        self._told, self._last = 0, time.monotonic()

    def __call__(self, index: int, boxes: np.ndarray, seconds: np.ndarray) -> None:
        """Sends a message, if it is time for one; see `protocols.Observer`."""
        now = time.monotonic()
        if now - self._last < _MESSAGE_SECONDS and index + 1 < len(boxes):
            return
        # The first frame is the initialisation.
        passed = seconds[max(self._told, 1) : index + 1]
        self._tell(
            Frames(
                count=index + 1 - self._told,
                tracked=int(np.isfinite(passed).sum()),
                seconds=float(np.nansum(passed)),
                score=score(self._sequence, boxes[: index + 1]),
            )
        )
        self._told, self._last = index + 1, now


def make_outcome(
    task: Task, results: Items[SequenceResult], environment: Mapping[str, Any]
) -> Outcome:
    """Sums up the results of a task.

    Args:
        task: The task.
        results: One for each repetition.
        environment: On what they were made.
    """
    times = timing.measure(results)
    return Outcome(
        score=score(task.sequence, results[0].boxes),
        frames=times.frames,
        seconds=times.tracking,
        batch=environment.get("hardware", {}).get("batch", 1),
        held=sum(len(result.held) for result in results),
    )
