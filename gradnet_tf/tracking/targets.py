"""Many targets as `Tracker` holds them: one state for all, targets that come and go.

Where XLA compiles, the number of targets is padded to a power of two, so that a target more or less
seldom means another compilation; a plain graph takes any number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from gradnet_tf.tracking.compiled import Compiled
from gradnet_tf.tracking.state import StepOutput
from gradnet_tf.tracking.targets_crops import Frames, make_frames
from gradnet_tf.tracking.targets_step import join_targets, take_targets


class Targets:
    """The targets of one or several videos, each known by a number that stays its own.

    Args:
        compiled: The functions, `CompiledStep.many`.
        images: First frames, uint8 RGB [height, width, 3].
        boxes: float64 [targets, 4].
        of_target: Index of each target's image; the first image by default.
        capacity: Rows that XLA computes at least: up to so many targets need one compilation.
    """

    def __init__(self, compiled: Compiled, images, boxes, of_target=None, *, capacity: int = 1):
        self._compiled = compiled
        self._capacity = capacity
        count = len(boxes)
        self.of_target = list(of_target) if of_target is not None else [0] * count
        self.ids = list(range(count))
        self._next_id = count
        self._state, self._output = self._init(images, boxes, self.of_target)

    def _frames(self, images, of_target) -> Frames:
        return make_frames(images, self._padded(of_target), self._compiled.jit_compile)

    def _init(self, images, boxes, of_target):
        rows = self._padded(range(len(boxes)))
        frames = self._frames(images, of_target)
        boxes = tf.constant(np.asarray(boxes, np.float64)[rows])
        state, output = self._compiled.init(frames, boxes)
        self._compiled.warm_up(state, frames)
        return state, output

    def update(self, images: Sequence[np.ndarray], of_target=None) -> None:
        """Tracks all targets into the next frame of each video.

        Args:
            images: The frames.
            of_target: Index of each target's image, if the videos are not in the order of before.
        """
        if of_target is not None:
            self.of_target = list(of_target)
        frames = self._frames(images, self.of_target)
        self._state, self._output = self._compiled.step(self._state, frames)

    def add(self, images: Sequence[np.ndarray], boxes, of_target=None) -> list[int]:
        """Starts on more targets, in the frames that were tracked last.

        Returns:
            The numbers of the new targets.
        """
        of_target = list(of_target) if of_target is not None else [0] * len(boxes)
        new = self._init(images, boxes, of_target)
        ids = list(range(self._next_id, self._next_id + len(boxes)))
        old_count = self._output.score.shape[0]
        kept = list(range(len(self.ids)))
        rows = kept + [old_count + row for row in range(len(boxes))]
        self.ids += ids
        self.of_target += of_target
        self._next_id += len(boxes)
        self._state, self._output = (
            take_targets(join_targets(old, more), self._padded(rows))
            for old, more in zip((self._state, self._output), new)
        )
        return ids

    def drop(self, ids: Sequence[int]) -> None:
        """Lets targets go; at least one must stay."""
        rows = [row for row, number in enumerate(self.ids) if number not in set(ids)]
        self.ids = [self.ids[row] for row in rows]
        self.of_target = [self.of_target[row] for row in rows]
        rows = self._padded(rows)
        self._state, self._output = (
            take_targets(values, rows) for values in (self._state, self._output)
        )

    def _padded(self, values: Sequence[int]) -> list[int]:
        """Values of the targets, the last one's repeated for the rows that only fill up."""
        values = list(values)
        least = max(len(values), self._capacity) if self._compiled.jit_compile else len(values)
        count = capacity(least, self._compiled)
        return values + values[-1:] * (count - len(values))

    @property
    def output(self) -> StepOutput:
        """What the last frame gave, every value [targets, ...], in the order of `ids`."""
        count = len(self.ids)
        return tf.nest.map_structure(lambda values: values[:count], self._output)


def capacity(count: int, compiled: Compiled) -> int:
    """Rows that are computed for so many targets."""
    return 1 << (count - 1).bit_length() if compiled.jit_compile else count
