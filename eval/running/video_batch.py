"""Tracks one target in each of several videos side by side, with GradNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional

import numpy as np

from gradnet_tf.boxes import checks

if TYPE_CHECKING:
    from gradnet_tf.tracking.target_group import TargetGroup
    from gradnet_tf.tracking.tracker import Tracker


class VideoBatch:
    """At most `size` videos side by side; each frame may have a size of its own.

    Places are those of the videos in the order in which they were added, without the dropped ones.
    Images are uint8 RGB [height, width, 3], boxes (x, y, width, height) in 0-based px. A box that
    cannot be used raises a ValueError. The tracker's own target stays as it is.

    Nothing is traced again as videos come and go. XLA compiles for shapes: there the frames are
    filled up to `size` and one more, which is as large as the largest so far. So it compiles again
    only where a frame has more pixels: within `warm_up`, unless it is in the midst of a video.
    """

    def __init__(self, tracker: Tracker, size: int):
        self._compiled = tracker.compiled
        self._size = size
        self._targets: Optional[TargetGroup] = None
        self._filler = np.zeros([1, 1, 3], np.uint8)

    def __len__(self) -> int:
        return 0 if self._targets is None else len(self._targets.ids)

    def warm_up(self, image: np.ndarray, box: np.ndarray) -> TargetGroup:
        """Starts on a video by itself, so that tracing and compiling are done."""
        from gradnet_tf.tracking.target_group import TargetGroup  # Loads TensorFlow.

        boxes = checks.check_box(box, image.shape[:2])[np.newaxis]
        return TargetGroup(self._compiled, self._filled([image]), boxes, [0], capacity=self._size)

    def add(self, image: np.ndarray, box: np.ndarray) -> None:
        """Starts on a video, which gets the last place; `warm_up` comes before."""
        if self._targets is None:
            self._targets = self.warm_up(image, box)
        else:
            boxes = checks.check_box(box, image.shape[:2])[np.newaxis]
            self._targets.add(self._filled([image]), boxes, [0])

    def update(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Tracks all targets into the next frames: float64 [videos, 4]."""
        assert self._targets is not None, "there is no video"
        self._targets.update(self._filled(images), range(len(images)))
        return self._targets.output.box.numpy()

    def drop(self, place: int) -> None:
        """Lets a video go; those after it move up."""
        if self._targets is not None and len(self) > 1:
            self._targets.drop([self._targets.ids[place]])
        else:
            self._targets = None  # `TargetGroup` has one at least.

    def _filled(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        if not self._compiled.jit_compile:
            return list(images)
        pixels = max(image.shape[0] * image.shape[1] for image in images)
        if pixels > self._filler.shape[1]:
            self._filler = np.zeros([1, pixels, 3], np.uint8)
        return [*images, *[self._filler] * (self._size + 1 - len(images))]
