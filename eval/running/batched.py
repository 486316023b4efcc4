"""Does tasks of GradNet's trackers side by side: several sequences in one compiled step a frame.

Results are those of `runner.run_tasks`: sequences do not see each other. Where one ends, the next
one takes its place. While the step computes, the next frames are read.

Times: that of a frame is the time of the step that it was in, divided by the sequences in that
step; so frames a second are those of all sequences together, and one target alone would wait
longer for its box. That of a sequence's first frame is of its own initialisation. How many go side
by side is in the record of the results (`hardware.batch`).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence as Items
from typing import Any, Callable, Optional, Union

from gradnet_tf.eval.running import interleave, protocols, runner, workers
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.running.runner import Frames, Outcome, Task
from gradnet_tf.eval.trackers import registry
from gradnet_tf.eval.trackers.registry import TrackerSpec


def check(batch: int, specs: Items[TrackerSpec], protocol: Protocol) -> None:
    """Makes sure that sequences can go side by side.

    Args:
        batch: How many; 1 is for every tracker and protocol.
        specs: Trackers.
        protocol: How they are run.

    Raises:
        ValueError: If a tracker cannot track many targets in one step, or the protocol needs a
            sequence for itself.
    """
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
    tasks: Items[Task],
    tell: Callable[[Task, Union[Frames, Outcome]], None],
    batch: int,
    jobs: int = 1,
    threads: Optional[int] = None,
) -> None:
    """Does tasks, here or in processes of their own, each of which has so many side by side.

    Args:
        tasks: As in `lanes.execute`.
        tell: Called with a task and what is new of it.
        batch: Sequences side by side at most, in each process.
        jobs: Processes; with 1, this one.
        threads: Of each of them, if there are several.

    Raises:
        OSError: Results cannot be written.
    """
    if jobs == 1:
        interleave.execute(tasks, lambda number, news: tell(tasks[number], news), batch)
        return
    while tasks:  # Once; again for what a process that died had not begun.
        tasks = _run_apart(tasks, tell, batch, jobs, threads)


def _run_apart(tasks, tell, batch, jobs, threads) -> list[Task]:
    """Does tasks in processes; gives those that none has begun, for their process died."""
    parts = _split(tasks, jobs)
    left: list[dict[int, Task]] = [dict(enumerate(part)) for part in parts]
    begun: list[set[int]] = [set() for _ in parts]
    lost = []
    function = functools.partial(_execute_part, batch=batch)
    with contextlib.closing(workers.run(function, parts, len(parts), threads)) as events:
        for event in events:
            part = parts[event.task]
            if event.kind == "message":
                number, news = event.value
                begun[event.task].add(number)
                if isinstance(news, Outcome):
                    del left[event.task][number]
                tell(part[number], news)
            elif event.kind == "error":
                raise OSError(f"{part[0].name}: {event.value.splitlines()[-1]}")
            elif event.kind == "died":
                # Those that it had under way failed with it; one at least, so that this ends.
                unfinished = left[event.task]
                failed = [number for number in unfinished if number in begun[event.task]]
                for number in failed or list(unfinished)[:1]:
                    text = f"its process ended with exit code {event.value}"
                    task = unfinished.pop(number)
                    outcome = runner.lose(task, text)
                    if outcome.busy is None:
                        tell(task, outcome)
                    else:
                        lost.append(task)
                lost += unfinished.values()
    return lost


def _execute_part(tasks: Items[Task], send: Callable[[Any], None], *, batch: int) -> None:
    """In a process of its own."""
    interleave.execute(tasks, lambda number, news: send((number, news)), batch)


def _split(tasks: Items[Task], parts: int) -> list[list[Task]]:
    """Parts of about as many frames, each in the order of the tasks."""
    lengths = [len(task.sequence.frames) for task in tasks]
    numbers: list[list[int]] = [[] for _ in range(min(parts, len(tasks)))]
    for number in sorted(range(len(tasks)), key=lambda n: -lengths[n]):
        min(numbers, key=lambda part: sum(lengths[n] for n in part)).append(number)
    return [[tasks[number] for number in sorted(part)] for part in numbers]
