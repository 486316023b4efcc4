"""Does tasks, one after the other or in processes, each with one or several sequences at a time.

What is put off (another run is doing it, or it cannot go on side by side) is done at the end, by
itself. When a process dies, what it had under way fails; what it had not begun is done by another.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

from gradnet_tf.eval.running import protocols, side_by_side, workers
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.running.tasks import FramesDone, Task, TaskResult, execute, lose
from gradnet_tf.eval.trackers import registry
from gradnet_tf.eval.trackers.registry import TrackerSpec

Tell = Callable[[Task, Union[FramesDone, TaskResult]], None]


def check_batch(batch: int, specs: Sequence[TrackerSpec], protocol: Protocol) -> None:
    """Raises a ValueError if so many sequences cannot go side by side; 1 always can."""
    if batch == 1:
        return
    for spec in specs:
        if spec.kind != registry.GRADNET:
            raise ValueError(
                f"--batch={batch} is for trackers of the kind {registry.GRADNET}, which have one "
                f"step for many targets; --tracker={spec.text} is of the kind {spec.kind}: run it "
                "apart, without --batch"
            )
    if protocol.name != protocols.OPE:
        raise ValueError(
            f"--batch={batch} is for --protocol={protocols.OPE}, which gives every frame to the "
            f"tracker; {protocol.name} waits for the answers of each sequence by itself: give "
            f"--protocol={protocols.OPE}, or leave --batch out"
        )


def run_tasks(
    tasks: Sequence[Task], tell: Tell, jobs: int = 1, threads: Optional[int] = None, batch: int = 1
) -> None:
    """Does tasks, here or in processes of their own; raises an OSError if it cannot write results.

    The tasks are begun in their order; those that are put off come last. `tell` is called
    with a task and `FramesDone` now and then, at the end with its `TaskResult`. With more than one
    of `jobs`, each is a process with so many `threads`; it has `batch` sequences side by side.
    """
    put_off: list[Task] = []

    def note(task: Task, news: Union[FramesDone, TaskResult]) -> None:
        if isinstance(news, TaskResult) and news.put_off is not None:
            put_off.append(task if batch == 1 else _alone(task))
        else:
            tell(task, news)

    wait = False
    while tasks or put_off:
        if not tasks:
            tasks, put_off, batch, wait = put_off, [], 1, True
        tasks = _run_round(tasks, note, jobs, threads, batch, wait=wait)


def _run_round(tasks, tell, jobs, threads, batch, *, wait: bool) -> list[Task]:
    """Does tasks, and returns those that no process has begun."""
    left: list[Task] = []
    do = functools.partial(_do, batch=batch, wait=wait)
    if jobs == 1:
        do(tasks, lambda message: tell(tasks[message[0]], message[1]))
        return left
    parts = [[task] for task in tasks] if batch == 1 else _split(tasks, jobs)
    unfinished = [dict(enumerate(part)) for part in parts]
    begun: list[set[int]] = [set() for _ in parts]
    with contextlib.closing(workers.run(do, parts, min(jobs, len(parts)), threads)) as events:
        for event in events:
            part, rest = parts[event.task], unfinished[event.task]
            if event.kind == "message":
                number, news = event.value
                begun[event.task].add(number)
                if isinstance(news, TaskResult):
                    del rest[number]
                tell(part[number], news)
            elif event.kind == "error":
                where = part[0].title if batch == 1 else part[0].name
                raise OSError(f"{where}: {event.value.splitlines()[-1]}")
            elif event.kind == "died":
                # Those under way failed with their process; one at least, so that this ends.
                text = f"its process ended with exit code {event.value}"
                failed = [number for number in rest if number in begun[event.task]]
                for number in failed or list(rest)[:1]:
                    task = rest.pop(number)
                    tell(task, lose(task, text))
                left += rest.values()
    return left


def _do(tasks: Sequence[Task], send: Callable[[Any], None], *, batch: int, wait: bool) -> None:
    """Does tasks in this process, and sends their numbers with what is new of them."""

    def tell(number: int, news: Union[FramesDone, TaskResult]) -> None:
        send((number, news))

    if batch > 1:
        side_by_side.execute(tasks, tell, batch)
        return
    for number, task in enumerate(tasks):
        tell(number, execute(task, functools.partial(tell, number), wait=wait))


def _split(tasks: Sequence[Task], parts: int) -> list[list[Task]]:
    """Returns parts of about as many frames, each in the order of the tasks."""
    lengths = [len(task.sequence.frames) for task in tasks]
    numbers: list[list[int]] = [[] for _ in range(min(parts, len(tasks)))]
    for number in sorted(range(len(tasks)), key=lambda n: -lengths[n]):
        min(numbers, key=lambda part: sum(lengths[n] for n in part)).append(number)
    return [[tasks[number] for number in sorted(part)] for part in numbers]


def _alone(task: Task) -> Task:
    """Returns the task with a record that says that it was run by itself."""
    hardware = {**task.environment.get("hardware", {}), "batch": 1}
    return dataclasses.replace(task, environment={**task.environment, "hardware": hardware})
