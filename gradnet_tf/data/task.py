"""The task that tracking sets, drawn for training: successive updates and what they are judged on.

A sequence is what one template goes through in one step: the exemplar and search regions of one
video, and regions of k - 1 other videos. Its first region, the anchor, is of the exemplar's own
frame, the only one whose label tracking knows for certain. Each update after the first has a sample
besides, cut as a tracker cuts it: a little off the target, and sometimes wrong altogether. The
losses are on further regions, whose labels are right and which no update has seen. With template
generalization (paper, section 3.3) some regions of the other videos take part in the gradients, and
others in the losses. All is a pure function of (seed, step, group).
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from gradnet_tf import settings
from gradnet_tf.data import sampling
from gradnet_tf.settings import SHARE, Range, constant

# A wrong sample of the sequence's own video is off by this many cells of 8 px, so that its centre
# is not the target, which is about half as wide as the exemplar of 127 px.
WRONG_CELLS = 5
_CELLS = Range(lambda v: v in range(4), "in 0 to 3 cells")


@dataclasses.dataclass(frozen=True)
class TaskConfig:
    """How sequences are drawn; each field says what it is for.

    Raises:
        ValueError: If a value is out of its range.
    """

    updates: int = constant(
        3,
        "Successive updates; the first one is by the anchor alone.",
        Range(lambda v: v >= 2, "at least 2"),
    )
    regions: int = constant(
        5,
        "Search regions of the template's own video: the anchor, a sample for each further update, "
        "and those of the losses.",
    )
    first_frame_weight: float = constant(
        0.0, "Share of the first region in the gradients (updates of at least 2).", SHARE
    )
    generalization: float = constant(
        1.0, "How often a group's other videos take part in the updates (likewise).", SHARE
    )
    shift: int = constant(
        0,
        "Cells of 8 px by which targets of the losses are off the centre at most (likewise).",
        _CELLS,
    )
    sample_shift: int = constant(
        0,
        "Cells of 8 px by which samples of updates are off the target at most (likewise).",
        _CELLS,
    )
    wrong_samples: float = constant(
        0.0,
        "How often a sample of an update is wrong altogether (likewise): as often another video's "
        "region as one that is off by more than the target.",
        SHARE,
    )

    def __post_init__(self):
        settings.check(self)
        more = Range(lambda v: v > self.updates, f"more than updates={self.updates}")
        more.check(self, "regions")

    def count(self, batch: int) -> int:
        """Search regions of a sequence: its own ones, then two of each other video."""
        return self.regions + 2 * (batch - 1)


class Sequence(NamedTuple):
    """One sequence; n = `TaskConfig.count` regions."""

    frame: np.ndarray  # int64 [n], the frame of each region.
    # int32 [n, 2], cells, (y, x), by which the region's target is off its centre.
    moved: np.ndarray
    # int32 [n, 2], cells by which the label is off the centre; that of a sample is not where its
    # target is.
    label: np.ndarray
    # float32 [updates, n], weights of the regions' losses in the gradient of each update; each row
    # sums to 1.
    gradient: np.ndarray
    # float32 [n], weights of the regions in the loss after each update; they sum to 1.
    loss: np.ndarray


def draw(
    videos: sampling.Videos,
    pairs: sampling.Pairs,
    config: TaskConfig,
    key: sampling.Key,
    frame_range: int,
) -> Sequence:
    """Draws the sequence of a group.

    Args:
        videos: What to draw from.
        pairs: The group's pairs: the first one's video and exemplar are the sequence's own.
        config: How.
        key: Of the group.
        frame_range: Largest distance of frame numbers to the exemplar's.
    """
    updates, own, others = config.updates, config.regions, len(pairs.z) - 1
    count = config.count(len(pairs.z))
    draws = sampling.uniforms(key, sampling.TASK, (count, 6))

    anchor = int(pairs.z[0])
    frames = [anchor]
    frames += sampling.choose_frames(
        videos, int(pairs.track[0]), anchor, draws[1:own, 0], frame_range
    )
    for other in range(1, others + 1):
        place = own + 2 * (other - 1)
        frames += sampling.choose_frames(
            videos,
            int(pairs.track[other]),
            int(pairs.z[other]),
            draws[place : place + 2, 0],
            frame_range,
        )
    samples = range(1, updates)
    seen = list(range(own, count, 2))  # Of the other videos.
    judged = [*range(updates, own), *(place + 1 for place in seen)]

    moved, label = np.zeros((count, 2), np.int32), np.zeros((count, 2), np.int32)
    moved[judged] = label[judged] = _cells(draws[judged, 1:3], config.shift)
    label[1:updates] = _cells(draws[1:updates, 1:3], config.sample_shift)
    for place in samples:
        wrong = draws[place, 3] < config.wrong_samples
        if wrong and others and draws[place, 4] < 0.5:
            frames[place] = frames[seen[sampling.index(draws[place, 5], others)]]
        elif wrong:
            label[place] = _off_the_target(draws[place, 4], draws[place, 5])

    together = bool(others) and draws[0, 3] < config.generalization
    share = 1.0 / (1 + others) if together else 1.0
    gradient, loss = np.zeros((updates, count), np.float32), np.zeros(count, np.float32)
    gradient[0, 0] = share
    for place in samples:
        gradient[place, 0] = share * config.first_frame_weight
        gradient[place, place] = share * (1 - config.first_frame_weight)
    loss[updates:own] = share / (own - updates)
    if together:
        gradient[:, seen] = share
        loss[[place + 1 for place in seen]] = share
    return Sequence(np.array(frames, np.int64), moved, label, gradient, loss)


def _cells(draws: np.ndarray, most: int) -> np.ndarray:
    """Whole numbers from -most to most."""
    return np.floor(draws * (2 * most + 1)).astype(np.int32) - most


def _off_the_target(draw: float, other: float) -> tuple[int, int]:
    """Cells, of which one is `WRONG_CELLS` from 0 and the other one is anything up to it."""
    side = sampling.index(2 * draw % 1, 4)
    along = sampling.index(other, 2 * WRONG_CELLS + 1) - WRONG_CELLS
    across = WRONG_CELLS if side % 2 else -WRONG_CELLS
    return (across, along) if side < 2 else (along, across)
