"""Tracks several sequences side by side; where one ends, the next takes its place.

Results are those of `tasks.execute`: sequences do not see each other. While the step computes, the
next frames are read. A sequence whose frame cannot be read ends alone; after a step that failed,
each sequence of it is put off, to be run by itself. The time of a frame is that of its step,
divided by the sequences in that step; that of a sequence's first frame is of its own
initialisation.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import itertools
import time
import traceback
from collections.abc import Sequence as Items
from typing import Any, Callable, Union

import numpy as np
from absl import logging

from gradnet_tf.eval.results.sequence_result import SequenceResult, blank
from gradnet_tf.eval.running import protocols, tasks
from gradnet_tf.eval.running.tasks import FramesDone, Task, TaskResult
from gradnet_tf.eval.running.video_batch import VideoBatch
from gradnet_tf.eval.trackers import registry
from gradnet_tf.media.images import as_rgb
from gradnet_tf.media.prefetching import Prefetcher

# Called with the number of a task and what is new of it.
Tell = Callable[[int, Union[FramesDone, TaskResult]], None]

_BEGUN = FramesDone(count=0, tracked=0, seconds=0.0, score=float("nan"))


def execute(
    items: Items[Task], tell: Tell, batch: int, clock: protocols.Clock = time.perf_counter
) -> None:
    """Does tasks in this process; raises an OSError if results cannot be written.

    They are begun in their order, those of one tracker after the other, at most `batch` side by
    side. `tell` is called with the number of a task and `FramesDone` when it begins and now and
    then, and with its `TaskResult` at the end. Those that are put off are left to the caller.
    """
    for _, group in itertools.groupby(enumerate(items), lambda item: item[1].spec):
        _SideBySide(list(group), tell, batch, clock).run()


class _SequenceRun:
    """One run over the sequence of a task: its frames, and what came of them so far."""

    def __init__(self, number: int, task: Task, results: list[SequenceResult], tell: Tell, clock):
        count, name = len(task.sequence.frames), task.sequence.name
        self.number, self.task, self.results = number, task, results
        self.result, self._index = blank(name, count, len(results) + 1), 0
        reading = (protocols.timed(clock, as_rgb, frame) for frame in task.sequence.frames)
        self.frames = Prefetcher(reading, depth=1)
        self._observe = tasks.make_observer(task.sequence, functools.partial(tell, number))

    def read(self) -> np.ndarray:
        """Reads the next frame; raises an OSError or ValueError if it cannot be read."""
        image, self.result.decode_seconds[self._index] = next(self.frames)
        return image

    def record(self, box: np.ndarray, seconds: float) -> None:
        """Notes what came of the frame that was read last."""
        self.result.boxes[self._index], self.result.seconds[self._index] = box, seconds
        self._observe(self._index, self.result.boxes, self.result.seconds)
        self._index += 1

    @property
    def is_over(self) -> bool:
        return self._index == len(self.result.boxes)


class _SideBySide:
    """Tasks of one tracker; the runs under way are in the order of the videos in the batch."""

    def __init__(self, numbered: list[tuple[int, Task]], tell: Tell, batch: int, clock):
        self._waiting: Any = collections.deque((number, task, []) for number, task in numbered)
        self._runs: list[_SequenceRun] = []
        self._kept: dict[int, contextlib.ExitStack] = {}  # What keeps a task to this process.
        self._tell, self._batch, self._clock = tell, batch, clock

    def run(self) -> None:
        try:
            self._tracker = registry.make_tracker(self._waiting[0][1].spec)
            self._videos = VideoBatch(self._tracker, self._batch)
        except Exception:
            text = traceback.format_exc()
            for number, task, _ in self._waiting:
                self._tell(number, tasks.lose(task, text))
            return
        try:
            while self._runs or self._waiting:
                while self._waiting and len(self._runs) < self._batch:
                    self._begin(*self._waiting.popleft())
                self._step()
        finally:
            for run in self._runs:
                run.frames.close()
            for number in list(self._kept):
                self._release(number)

    def _begin(self, number: int, task: Task, results: list[SequenceResult]) -> None:
        if not results and not self._take(number, task):
            return
        run = _SequenceRun(number, task, results, self._tell, self._clock)
        self._tell(number, _BEGUN)
        try:
            image, box = run.read(), task.sequence.boxes[0]
            _, ready = protocols.timed(self._clock, self._videos.warm_up, image, box)
            run.result = dataclasses.replace(run.result, warm_up_seconds=ready)
            _, seconds = protocols.timed(self._clock, self._videos.add, image, box)
        except Exception:
            run.frames.close()
            self._fail(number, task)
            return
        self._runs.append(run)
        run.record(box, seconds)
        self._finish_if_over(run)

    def _step(self) -> None:
        images = []
        for run in list(self._runs):
            try:
                images.append(run.read())
            except Exception:
                self._leave(run)
                if run.task.protocol.on_bad_frame == protocols.HOLD:
                    # The others get their next frames: it cannot wait in the same step.
                    self._end(run.number, TaskResult(put_off="a frame cannot be read"))
                else:
                    self._fail(run.number, run.task)
        if not images:
            return
        try:
            boxes, seconds = protocols.timed(self._clock, self._videos.update, images)
        except Exception:
            # Nobody knows which sequence was at fault: each is run by itself.
            names = ", ".join(run.task.sequence.name for run in self._runs)
            text = traceback.format_exc()
            logging.warning("%s are run one by one, for their step failed:\n%s", names, text)
            for run in list(self._runs):
                self._leave(run)
                self._end(run.number, TaskResult(put_off="its step failed"))
            return
        for run, box in zip(list(self._runs), boxes):
            run.record(box, seconds / len(images))
            self._finish_if_over(run)

    def _finish_if_over(self, run: _SequenceRun) -> None:
        if not run.is_over:
            return
        self._leave(run)
        results = [*run.results, run.result]
        if protocols.is_complete(results, run.task.protocol, self._tracker):
            self._end(run.number, tasks.finish(run.task, results))
        else:
            self._waiting.appendleft((run.number, run.task, results))

    def _take(self, number: int, task: Task) -> bool:
        """Whether a task is to be begun; if not, another process has it or has done it."""
        self._kept[number] = contextlib.ExitStack()
        done = tasks.begin(task, self._kept[number], wait=False)
        if done is None:
            return True
        self._end(number, done)
        return False

    def _release(self, number: int) -> None:
        self._kept.pop(number).close()

    def _end(self, number: int, result: TaskResult) -> None:
        self._release(number)
        self._tell(number, result)

    def _fail(self, number: int, task: Task) -> None:
        """Records that a task failed, while its exception is handled."""
        self._end(number, tasks.fail(task, traceback.format_exc()))

    def _leave(self, run: _SequenceRun) -> None:
        self._videos.drop(self._runs.index(run))
        self._runs.remove(run)
        run.frames.close()
