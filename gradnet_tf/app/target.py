"""A target of a session."""

from __future__ import annotations

import dataclasses
from typing import Optional

import numpy as np


@dataclasses.dataclass
class Target:
    """A target from the frame in which it was drawn first to the last one it was tracked in."""

    start: int  # Number of the first frame.
    # Box (x, y, width, height) of each frame from there on.
    boxes: list[np.ndarray] = dataclasses.field(default_factory=list)
    # Likewise; NaN where a person drew the box, and in frames that cannot be read.
    scores: list[float] = dataclasses.field(default_factory=list)
    confidences: list[float] = dataclasses.field(default_factory=list)  # Likewise.

    @property
    def end(self) -> int:
        """The number after the last frame's."""
        return self.start + len(self.boxes)

    def box(self, frame: int) -> Optional[np.ndarray]:
        """Returns the box in a frame; None where there is none."""
        return self.boxes[frame - self.start] if self.start <= frame < self.end else None

    def cut(self, frame: int) -> None:
        """Forgets a frame and all after it."""
        for values in (self.boxes, self.scores, self.confidences):
            del values[max(0, frame - self.start) :]

    def add(self, box: np.ndarray, score: float, confidence: float) -> None:
        """Appends the next frame."""
        self.boxes.append(box)
        self.scores.append(score)
        self.confidences.append(confidence)
