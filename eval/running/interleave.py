"""Sequences side by side in one process, each in a lane; where one ends, the next takes its place.

Failures stay with their sequences: a lane whose frame cannot be read ends alone. After a step that
failed for all of them, each sequence of it is run by itself.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import itertools
import time
import traceback
from collections.abc import Generator
from collections.abc import Sequence as Items
from typing import Callable, Union

import numpy as np
from absl import logging

from gradnet_tf.eval.results.tracker_results import SequenceResult
from gradnet_tf.eval.running import protocols, runner
from gradnet_tf.eval.running.runner import Frames, Outcome, Task
from gradnet_tf.eval.running.video_batch import VideoBatch
from gradnet_tf.eval.trackers import registry
from gradnet_tf.media.images import as_rgb
from gradnet_tf.media.prefetching import Prefetcher

# Called with the number of a task and what is new of it.
Tell = Callable[[int, Union[Frames, Outcome]], None]

_BEGUN = Frames(count=0, tracked=0, seconds=0.0, score=float("nan"))


def execute(
    tasks: Items[Task],
    tell: Tell,
    batch: int,
    clock: protocols.Clock = time.perf_counter,
) -> None:
    """Does tasks in this process.

    Args:
        tasks: In the order in which they are begun, those of one tracker after the other.
        tell: Called with the number of a task and `Frames` when it begins and now and then, and
            with its `Outcome` when it is over.
        batch: Sequences side by side at most.
        clock: Seconds.

    Raises:
        OSError: Results cannot be written.
    """
    for _, group in itertools.groupby(enumerate(tasks), lambda item: item[1].spec):
        _SideBySide(list(group), tell, batch, clock).run()


class _Lane:
    """One run of a task: its frames, and what came of them so far."""

    def __init__(self, number: int, task: Task, results: list[SequenceResult], tell: Tell, clock):
        count = len(task.sequence.frames)
        self.number, self.task, self.results = number, task, results
        self._boxes = np.full((count, 4), np.nan)
        self._seconds, self._decode_seconds = np.full(count, np.nan), np.full(count, np.nan)
        self._index, self.warm_up_seconds = 0, 0.0
        self._frames = Prefetcher(_read(task.sequence.frames, clock), depth=1)
        self._observe = runner.Observer(task.sequence, functools.partial(tell, number))

    def read(self) -> np.ndarray:
        """The next frame.

        Raises:
            OSError, ValueError: It cannot be read.
        """
        image, self._decode_seconds[self._index] = next(self._frames)
        return image

    def record(self, box: np.ndarray, seconds: float) -> None:
        """Notes what came of the frame that was read last."""
        self._boxes[self._index], self._seconds[self._index] = box, seconds
        self._observe(self._index, self._boxes, self._seconds)
        self._index += 1

    @property
    def is_over(self) -> bool:
        return self._index == len(self._boxes)

    def result(self) -> SequenceResult:
        return SequenceResult(
            sequence=self.task.sequence.name,
            boxes=self._boxes,
            seconds=self._seconds,
            decode_seconds=self._decode_seconds,
            warm_up_seconds=self.warm_up_seconds,
            repetition=len(self.results) + 1,
        )

    def close(self) -> None:
        self._frames.close()


class _SideBySide:
    """Tasks of one tracker; those under way are lanes, in the order of the videos in the batch."""

    def __init__(self, tasks: list[tuple[int, Task]], tell: Tell, batch: int, clock):
        self._waiting = collections.deque((number, task, []) for number, task in tasks)
        self._apart: list[tuple[int, Task]] = []
        self._lanes: list[_Lane] = []
        self._kept: dict[int, contextlib.ExitStack] = {}  # What keeps a task to this process.
        self._tell, self._batch, self._clock = tell, batch, clock

    def run(self) -> None:
        try:
            self._tracker = registry.make_tracker(self._waiting[0][1].spec)
            self._videos = VideoBatch(self._tracker, self._batch)
        except Exception:
            text = traceback.format_exc()
            for number, task, _ in self._waiting:
                outcome = runner.lose(task, text)
                self._tell(number, runner.execute(task) if outcome.busy is not None else outcome)
            return
        try:
            while self._lanes or self._waiting:
                while self._waiting and len(self._lanes) < self._batch:
                    self._begin(*self._waiting.popleft())
                self._step()
        finally:
            for lane in self._lanes:
                lane.close()
            for number in list(self._kept):
                self._release(number)
        for number, task in self._apart:
            self._tell(number, runner.execute(task, functools.partial(self._tell, number)))

    def _begin(self, number: int, task: Task, results: list[SequenceResult]) -> None:
        if not results and not self._take(number, task):
            return
        lane = _Lane(number, task, results, self._tell, self._clock)
        self._tell(number, _BEGUN)
        try:
            image, box = lane.read(), task.sequence.boxes[0]
            start = self._clock()
            self._videos.warm_up(image, box)
            ready = self._clock()
            self._videos.add(image, box)
            lane.warm_up_seconds = ready - start
            seconds = self._clock() - ready
        except Exception:
            lane.close()
            self._fail(number, task)
            return
        self._lanes.append(lane)
        lane.record(box, seconds)
        self._finish_if_over(lane)

    def _step(self) -> None:
        images = []
        for lane in list(self._lanes):
            try:
                images.append(lane.read())
            except Exception:
                self._leave(lane)
                if lane.task.protocol.on_bad_frame == protocols.HOLD:
                    # The others get their next frames: it cannot wait in the same step.
                    self._set_apart(lane)
                else:
                    self._fail(lane.number, lane.task)
        if not images:
            return
        start = self._clock()
        try:
            boxes = self._videos.update(images)
        except Exception:
            self._set_all_apart(traceback.format_exc())
            return
        seconds = (self._clock() - start) / len(self._lanes)
        for lane, box in zip(list(self._lanes), boxes):
            lane.record(box, seconds)
            self._finish_if_over(lane)

    def _finish_if_over(self, lane: _Lane) -> None:
        if not lane.is_over:
            return
        self._leave(lane)
        results = [*lane.results, lane.result()]
        if protocols.is_complete(results, lane.task.protocol, self._tracker):
            outcome = runner.finish(lane.task, results)
            self._release(lane.number)
            self._tell(lane.number, outcome)
        else:
            self._waiting.appendleft((lane.number, lane.task, results))

    def _take(self, number: int, task: Task) -> bool:
        """Whether a task is to be begun; if not, another process has it or has done it."""
        stack = self._kept[number] = contextlib.ExitStack()
        done = runner.begin(task, stack, wait=False)
        if done is None:
            return True
        self._release(number)
        if done.busy is None:
            self._tell(number, done)
        else:
            self._apart.append((number, _alone(task)))  # Which waits for it.
        return False

    def _release(self, number: int) -> None:
        self._kept.pop(number).close()

    def _fail(self, number: int, task: Task) -> None:
        """After an exception, while it is handled."""
        outcome = runner.fail(task, traceback.format_exc())
        self._release(number)
        self._tell(number, outcome)

    def _set_all_apart(self, text: str) -> None:
        """After a step that failed: nobody knows for which sequence, so each is run by itself."""
        names = ", ".join(lane.task.sequence.name for lane in self._lanes)
        logging.warning("%s are run one by one, for their step failed:\n%s", names, text)
        for lane in list(self._lanes):
            self._leave(lane)
            self._set_apart(lane)

    def _set_apart(self, lane: _Lane) -> None:
        self._release(lane.number)
        self._apart.append((lane.number, _alone(lane.task)))

    def _leave(self, lane: _Lane) -> None:
        self._videos.drop(self._lanes.index(lane))
        self._lanes.remove(lane)
        lane.close()


def _alone(task: Task) -> Task:
    """The task with a record that says that it was run by itself."""
    hardware = {**task.environment.get("hardware", {}), "batch": 1}
    return dataclasses.replace(task, environment={**task.environment, "hardware": hardware})


def _read(
    frames: Items[str], clock: protocols.Clock
) -> Generator[tuple[np.ndarray, float], None, None]:
    """Images, and seconds of reading each."""
    for frame in frames:
        start = clock()
        image = as_rgb(frame)
        yield image, clock() - start
