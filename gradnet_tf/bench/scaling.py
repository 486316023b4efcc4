"""Time and memory of many targets in one compiled step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Optional

import numpy as np

from gradnet_tf.bench import video
from gradnet_tf.bench.timing import Summary
from gradnet_tf.tracking.tracker import Tracker


@dataclasses.dataclass(frozen=True)
class Scale:
    """What so many targets cost.

    Attributes:
        targets: How many.
        seconds: Of a frame, all targets together.
        memory: Largest resident memory of a process that does nothing else, bytes; None where it
            was not measured.
    """

    targets: int
    seconds: Summary
    memory: Optional[int]


def trackers(
    create: Callable[[], Tracker], counts: Sequence[int], images: Sequence[np.ndarray]
) -> dict[int, Callable[[int], object]]:
    """A function for each number of targets, which tracks them all into the next frame.

    Args:
        create: Makes a tracker.
        counts: Numbers of targets.
        images: Frames of a video made for at least as many targets, uint8 RGB.
    """

    def start(count):
        tracker = create()
        height, width = images[0].shape[:2]
        tracker.init(images[0], video.first_boxes(count, width, height))
        return lambda index: tracker.update(images[(index + 1) % len(images)])

    return {count: start(count) for count in counts}


def table(scales: Sequence[Scale]) -> list[list[str]]:
    """Rows of a table, its head first."""
    first = scales[0].seconds.mean / scales[0].targets
    rows = [["targets", "ms a frame", "ms a target", "frames a second", "to one", "memory, MiB"]]
    for scale in scales:
        each = scale.seconds.mean / scale.targets
        memory = "-" if scale.memory is None else f"{scale.memory / 2**20:.0f}"
        rows.append(
            [
                str(scale.targets),
                f"{1e3 * scale.seconds.mean:.1f}",
                f"{1e3 * each:.2f}",
                f"{1 / scale.seconds.mean:.1f}",
                f"{each / first:.2f}",
                memory,
            ]
        )
    return rows
