"""Many targets as `Tracker` holds them: targets that come and go, tracked side by side.

On a processor each target goes through the step of one target, with a state of its own. Where XLA
compiles, one state holds all of them, and their number is padded to a power of two, so that a
target more or less seldom means another compilation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from gradnet_tf.network.frame_batch import make_frame_batch
from gradnet_tf.tracking.compiled import CompiledStep
from gradnet_tf.tracking.state import StepOutput


class TargetGroup:
    """The targets of one or several videos, each known by a number that stays its own.

    Args:
        compiled: The functions.
        images: First frames, uint8 RGB [height, width, 3].
        boxes: float64 [targets, 4].
        of_target: Index of each target's image; the first image by default.
        capacity: Rows that XLA computes at least: up to so many targets need one compilation.
    """

    def __init__(self, compiled: CompiledStep, images, boxes, of_target=None, *, capacity: int = 1):
        self.ids: list[int] = []
        self.of_target: list[int] = []
        self._next_id = 0
        self._rows = _PaddedRows(compiled, capacity) if compiled.jit_compile else _Rows(compiled)
        self.add(images, boxes, of_target)

    def update(self, images: Sequence[np.ndarray], of_target=None) -> None:
        """Tracks all targets into the next frame of each video.

        Args:
            images: The frames.
            of_target: Index of each target's image, if the videos are not in the order of before.
        """
        if of_target is not None:
            self.of_target = list(of_target)
        self._rows.step(images, self.of_target)

    def add(self, images: Sequence[np.ndarray], boxes, of_target=None) -> list[int]:
        """Starts on more targets, in the frames that were tracked last.

        Returns:
            The numbers of the new targets.
        """
        of_target = [0] * len(boxes) if of_target is None else list(of_target)
        self._rows.add(images, np.asarray(boxes, np.float64), of_target)
        ids = list(range(self._next_id, self._next_id + len(boxes)))
        self.ids += ids
        self.of_target += of_target
        self._next_id += len(boxes)
        return ids

    def drop(self, ids: Collection[int]) -> None:
        """Lets targets go; at least one must stay."""
        rows = [row for row, number in enumerate(self.ids) if number not in set(ids)]
        self.ids = [self.ids[row] for row in rows]
        self.of_target = [self.of_target[row] for row in rows]
        self._rows.keep(rows)

    @property
    def output(self) -> StepOutput:
        """What the last frame gave, every value [targets, ...], in the order of `ids`."""
        return self._rows.output()


class _Rows:
    """States and outputs of targets by themselves, each through the step of one target."""

    def __init__(self, compiled: CompiledStep):
        self._compiled = compiled
        self._rows: list = []
        # Two at a time: the next target's crops are made beside this one's convolutions.
        self._threads = ThreadPoolExecutor(2)

    def add(self, images, boxes, of_target) -> None:
        frames = [self._compiled.frame(image) for image in images]
        rows = []
        for box, index in zip(boxes, of_target):
            state, output = self._compiled.one.init(frames[index], tf.constant(box))
            self._compiled.one.warm_up(state, frames[index])
            rows.append((state, output))
        self._rows += rows

    def step(self, images, of_target) -> None:
        frames = [self._compiled.frame(image) for image in images]

        def step(row, index):
            return self._compiled.one.step(row[0], frames[index])

        self._rows = list(self._threads.map(step, self._rows, of_target))

    def keep(self, rows: Sequence[int]) -> None:
        self._rows = [self._rows[row] for row in rows]

    def output(self) -> StepOutput:
        outputs = (output for _, output in self._rows)
        return tf.nest.map_structure(lambda *values: tf.stack(values), *outputs)


class _PaddedRows:
    """One state and output with a row for each target, and rows that only fill up."""

    def __init__(self, compiled: CompiledStep, capacity: int):
        self._compiled = compiled.many
        self._capacity = capacity
        self._values: Any = None  # State and output.
        self._count = 0

    def add(self, images, boxes, of_target) -> None:
        frames = make_frame_batch(images, self._padded(of_target), padded=True)
        boxes = tf.constant(boxes[self._padded(range(len(boxes)))])
        new = self._compiled.init(frames, boxes)
        self._compiled.warm_up(new[0], frames)
        if self._values is not None:
            old_count = len(self._values[1].score)
            rows = [*range(self._count), *range(old_count, old_count + len(of_target))]
            new = take_targets(join_targets(self._values, new), self._padded(rows))
        self._values = new
        self._count += len(of_target)

    def step(self, images, of_target) -> None:
        frames = make_frame_batch(images, self._padded(of_target), padded=True)
        self._values = self._compiled.step(self._values[0], frames)

    def keep(self, rows: Sequence[int]) -> None:
        self._values = take_targets(self._values, self._padded(rows))
        self._count = len(rows)

    def output(self) -> StepOutput:
        return tf.nest.map_structure(lambda values: values[: self._count], self._values[1])

    def _padded(self, values: Sequence[int]) -> list[int]:
        """Values of the targets, the last one's repeated for the rows that only fill up."""
        values = list(values)
        count = padded_count(max(len(values), self._capacity))
        return values + values[-1:] * (count - len(values))


def padded_count(count: int) -> int:
    """Returns the rows that XLA computes for so many targets."""
    return 1 << (count - 1).bit_length()


def take_targets(values, rows):
    """Takes rows of a structure of tensors [targets, ...]."""
    return tf.nest.map_structure(lambda each: tf.gather(each, rows), values)


def join_targets(first, second):
    """Joins the targets of two structures of tensors [targets, ...]."""
    return tf.nest.map_structure(lambda *pair: tf.concat(pair, axis=0), first, second)
