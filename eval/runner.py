"""Does tasks: runs trackers on sequences and writes what came of it, in one process or several.

A task is one tracker on one sequence, with all repetitions. It gives the same files in whatever
process and order it runs: every task makes its own tracker and seeds the global random numbers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import random
import time
import traceback
from collections.abc import Mapping
from collections.abc import Sequence as Items
from typing import Any, Callable, Optional, Union

import numpy as np

from gradnet_tf.eval import (
    protocols,
    timing,
    trackers,
    workers,
)
from gradnet_tf.eval.progress import score
from gradnet_tf.eval.protocols import Protocol
from gradnet_tf.eval.results import SequenceResult
from gradnet_tf.eval.results_store import Store
from gradnet_tf.eval.sequences import Sequence
from gradnet_tf.eval.trackers import TrackerSpec

_MESSAGE_SECONDS = 0.2  # Between two messages on frames.

# The last tracker of this process: the next one of the same weights finds them compiled.
_kept: dict[str, Any] = {}


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One tracker on one sequence.

    Attributes:
      spec: the tracker.
      name: how its results are called.
      sequence: cut to its limit.
      protocol: how it is run.
      store: where the results go.
      data: hash of what the tracker gets of the sequence.
      environment: JSON values: on what it runs.
    """

    spec: TrackerSpec
    name: str
    sequence: Sequence
    protocol: Protocol
    store: Store
    data: str
    environment: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes:
      error: the traceback if it failed; else None.
      score: success AUC, 0 to 1; NaN where it is not known.
      frames: frames tracked, all repetitions together.
      seconds: time of tracking them.
      finished_before: whether an earlier run had done it.
      batch: sequences side by side, of whose common time this is a share.
    """

    error: Optional[str] = None
    score: float = float("nan")
    frames: int = 0
    seconds: float = 0.0
    finished_before: bool = False
    batch: int = 1


@dataclasses.dataclass(frozen=True)
class Frames:
    """Message of a task that is under way.

    Attributes:
      count: frames since its last message.
      tracked: how many of them were tracked.
      seconds: time that this took.
      score: success AUC of the sequence so far, 0 to 1; NaN where it is not known.
    """

    count: int
    tracked: int
    seconds: float
    score: float


def execute(
    task: Task,
    tell: Callable[[Any], None] = lambda message: None,
    clock: protocols.Clock = time.perf_counter,
) -> Outcome:
    """Does a task: tracks, and writes what came of it.

    Args:
      task: what to do.
      tell: called with `Frames` now and then.
      clock: seconds.

    Returns:
      The outcome; of a tracker or an image that fails, too.

    Raises:
      OSError: the results cannot be written.
    """
    try:
        results = _track(task, tell, clock)
    except (Exception, SystemExit):  # Whatever a tracker raises: the other sequences go on.
        return fail(task, traceback.format_exc())
    return finish(task, results)


def finish(task: Task, results: Items[SequenceResult]) -> Outcome:
    """Writes the results of a task, one for each repetition.

    Raises:
      OSError: they cannot be written.
    """
    task.store.commit(results, data=task.data, environment=task.environment)
    return make_outcome(task, results, task.environment)


def fail(task: Task, text: str) -> Outcome:
    """Records why a task failed.

    Raises:
      OSError: it cannot be written.
    """
    task.store.fail(task.sequence.name, text)
    return Outcome(error=text)


def run_tasks(
    tasks: Items[Task],
    tell: Callable[[Task, Union[Frames, Outcome]], None],
    jobs: int = 1,
    threads: Optional[int] = None,
) -> None:
    """Does tasks, here or in processes of their own.

    Args:
      tasks: in the order in which they are begun.
      tell: called with a task and `Frames` now and then, and with its `Outcome` when it is over.
      jobs: processes; with 1, this one.
      threads: of each of them, if there are several.

    Raises:
      OSError: results cannot be written.
    """
    if jobs == 1:
        for task in tasks:
            tell(task, execute(task, functools.partial(tell, task)))
        return
    with contextlib.closing(workers.run(execute, tasks, jobs, threads)) as events:
        for event in events:
            task, value = tasks[event.task], event.value
            if event.kind == "error":
                raise OSError(f"{task.name}, {task.sequence.name}: {value.splitlines()[-1]}")
            if event.kind == "died":
                value = fail(task, f"its process ended with exit code {value}")
            tell(task, value)


def _track(
    task: Task, tell: Callable[[Frames], None], clock: protocols.Clock
) -> list[SequenceResult]:
    tracker = _kept["tracker"] = trackers.make_tracker(task.spec)
    results: list[SequenceResult] = []
    while not protocols.is_complete(results, task.protocol, tracker):
        repetition = len(results) + 1
        _seed(f"{task.sequence.name} {repetition}")
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


def _seed(text: str) -> None:
    """Seeds the global random numbers, on which a tracker may draw, by a text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002


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
    task: Task,
    results: Items[SequenceResult],
    environment: Mapping[str, Any],
    finished_before: bool = False,
) -> Outcome:
    """Sums up the results of a task.

    Args:
      task: the task.
      results: one for each repetition.
      environment: on what they were made.
      finished_before: whether an earlier run made them.
    """
    times = timing.measure(results)
    return Outcome(
        score=score(task.sequence, results[0].boxes),
        frames=times.frames,
        seconds=times.tracking,
        finished_before=finished_before,
        batch=environment.get("hardware", {}).get("batch", 1),
    )
