"""Does a task, which is one tracker on one sequence with all repetitions.

A task gives the same files in whatever process and order it runs: each makes its own tracker and
seeds the global random numbers. Several processes may work on the same tasks, on one machine or on
several that share the output: each takes a sequence that no other one has.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import time
import traceback
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Items
from typing import Any, Optional

import numpy as np
from absl import logging

from gradnet_tf.datasets.sequences import Sequence
from gradnet_tf.eval.results.identity import find_changes, is_same
from gradnet_tf.eval.results.sequence_result import SequenceResult, measure_times
from gradnet_tf.eval.results.store import Store
from gradnet_tf.eval.results.tracker_results import TrackerResults
from gradnet_tf.eval.running import protocols
from gradnet_tf.eval.running.progress import score
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.trackers import registry, sources
from gradnet_tf.eval.trackers.registry import TrackerSpec
from gradnet_tf.files.locks import InUseError

_MESSAGE_SECONDS = 0.2  # Between two messages on frames.
_WAIT_SECONDS = 1.0  # Between two attempts at a sequence that another process tracks.

# Trackers whose code this process is known to have loaded.
_loaded: set[TrackerSpec] = set()


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One tracker on one sequence."""

    spec: TrackerSpec
    name: str  # How its results are called.
    sequence: Sequence  # Cut to its limit.
    protocol: Protocol
    store: Store  # Where the results go.
    data: str  # The hash of what the tracker gets of the sequence.
    environment: Mapping[str, Any]  # JSON values: on what it runs.
    # Of the sequence's mark when this was planned, see `Store.stamp`. If it is another one now,
    # another process has finished the sequence.
    stamp: Optional[str] = None

    @property
    def title(self) -> str:
        """The task's name in messages."""
        return f"{self.name}, {self.sequence.name}"


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """What came of a task."""

    error: Optional[str] = None  # The traceback if it failed.
    score: float = float("nan")  # Success AUC, 0 to 1; NaN where it is not known.
    frames: int = 0  # That were tracked, all repetitions together.
    seconds: float = 0.0  # Time of tracking them.
    finished_before: bool = False  # Whether an earlier run, or another process, had done it.
    batch: int = 1  # Sequences side by side, of whose common time this is a share.
    other_code: bool = False  # Whether it was done by other code than this.
    held: int = 0  # Frames that could not be read.
    # Why it is to be done at the end, by itself, such as the process that is doing it, for which
    # this one did not wait; None if it is over.
    put_off: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class FramesDone:
    """News of a task that is under way, on the frames since the last news."""

    count: int
    tracked: int  # So many of them,
    seconds: float  # in so many seconds.
    score: float  # Success AUC of the sequence so far, 0 to 1; NaN where it is not known.


def execute(
    task: Task,
    tell: Callable[[FramesDone], None] = lambda message: None,
    clock: protocols.Clock = time.perf_counter,
    *,
    wait: bool = True,
) -> TaskResult:
    """Does a task: tracks, and writes what came of it, of a tracker or an image that fails, too.

    If another process is doing the task, it waits if `wait`; else the task is put off.
    Raises an OSError if the results cannot be written.
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


def begin(task: Task, stack: contextlib.ExitStack, *, wait: bool) -> Optional[TaskResult]:
    """Takes a task for this process, which keeps it until the stack is closed.

    Returns None if it is to be done now; else what another process has made of it, or that it is
    put off. Raises an OSError if the lock cannot be written, another run has taken over the folder,
    or the code has changed since the run began.
    """
    _check_code(task)
    name, said = task.sequence.name, False
    while True:
        try:
            stack.enter_context(task.store.locked(name))
            break
        except InUseError as error:
            if not wait:
                return TaskResult(put_off=str(error))
            if not said:
                logging.warning("%s is being tracked by %s: waiting for it", task.title, error)
                said = True
            time.sleep(_WAIT_SECONDS)
    task.store.check_owner()
    if task.store.stamp(name) != task.stamp:
        if task.store.find_flaw(name, len(task.sequence.frames), task.data) is None:
            return read_finished(task)
    return None


def _check_code(task: Task) -> None:
    """Raises an OSError if this process has loaded other code than the results are said to be of.

    One that was started later than the run, as for one that died, may find other sources. What
    changes after they are loaded does not matter.
    """
    if multiprocessing.parent_process() is None or task.spec in _loaded:
        return
    with contextlib.suppress(ImportError):  # Which fails the task in its turn.
        registry.load_code(task.spec)
        changed = find_changes(task.store.modules, sources.read_code(task.spec).modules)
        if changed and task.store.modules:
            raise OSError(
                f"the code changed after the run had begun ({', '.join(changed)}): start it again"
            )
    _loaded.add(task.spec)


def read_finished(task: Task) -> TaskResult:
    """Reads what came of a task that is finished; raises an OSError or ValueError if it cannot."""
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
        _summarize(task, results, mark.get("environment", {})),
        finished_before=True,
        other_code=not is_same(mark.get("identity", {}), task.store.identity),
    )


def finish(task: Task, results: Items[SequenceResult]) -> TaskResult:
    """Writes the results of a task, one for each repetition; raises an OSError if it cannot."""
    task.store.commit(results, data=task.data, environment=task.environment)
    return _summarize(task, results, task.environment)


def fail(task: Task, text: str) -> TaskResult:
    """Records why a task failed; raises an OSError if it cannot."""
    task.store.fail(task.sequence.name, text)
    return TaskResult(error=text)


def lose(task: Task, text: str) -> TaskResult:
    """Records why a task failed whose process has died, unless another one does it or has done it.

    Raises an OSError if it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        return begin(task, stack, wait=False) or fail(task, text)


def make_observer(sequence: Sequence, tell: Callable[[FramesDone], None]) -> protocols.Observer:
    """Makes an observer that sends messages on the frames of a sequence, not too often."""
    told, last = 0, time.monotonic()

    def observe(index: int, boxes: np.ndarray, seconds: np.ndarray) -> None:
        nonlocal told, last
        now, count = time.monotonic(), index + 1
        if now - last < _MESSAGE_SECONDS and count < len(boxes):
            return
        passed = seconds[max(told, 1) : count]  # The first frame is the initialisation.
        tracked, spent = int(np.isfinite(passed).sum()), float(np.nansum(passed))
        tell(FramesDone(count - told, tracked, spent, score(sequence, boxes[:count])))
        told, last = count, now

    return observe


def _track(task: Task, tell, clock: protocols.Clock) -> list[SequenceResult]:
    tracker = registry.make_tracker(task.spec)
    results: list[SequenceResult] = []
    while not protocols.is_complete(results, task.protocol, tracker):
        results.append(
            protocols.run_sequence(
                tracker,
                task.sequence,
                task.protocol,
                repetition=len(results) + 1,
                clock=clock,
                observer=make_observer(task.sequence, tell),
            )
        )
    return results


def _summarize(task: Task, results: Items[SequenceResult], environment) -> TaskResult:
    times = measure_times(results)
    return TaskResult(
        score=score(task.sequence, results[0].boxes),
        frames=times.frames,
        seconds=times.tracking,
        batch=environment.get("hardware", {}).get("batch", 1),
        held=sum(len(result.held) for result in results),
    )
