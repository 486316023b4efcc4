"""Simulates the clock of VOT's real-time experiment, by which a tracker misses frames.

Frames come at a fixed rate. A tracker that is still busy with an older frame when one comes does
not get it; its last box is taken instead. The rules are those of vot-toolkit's real-time runtime
(got10k's emulation runs at 25 frames a second and rounds otherwise):

* The tracker is given a frame if it is behind by at most one interval; what is left over is
  forgiven then. So a tracker of up to two intervals a frame misses none.
* The first `grace` answers that take more than an interval since a start are forgiven; the start
  itself may be one of them.
* The answer to a frame counts for that frame, however late; the frames after it pay.
"""

from __future__ import annotations

DEFAULT_FPS = 20.0  # vot-toolkit's
DEFAULT_GRACE = 3


class RealtimeClock:
    """Simulated time between frames and answers.

    `fps` frames come in a second, and `grace` slow answers are forgiven after each start. Raises a
    ValueError if `fps` is not positive, or `grace` negative.
    """

    def __init__(self, fps: float = DEFAULT_FPS, grace: int = DEFAULT_GRACE):
        if not 0 < fps < float("inf"):
            raise ValueError(f"frames a second must be positive, got {fps!r}")
        if grace < 0:
            raise ValueError(f"grace must be a number of frames, 0 or more, got {grace!r}")
        self._interval = 1 / fps
        self._grace = grace
        self._forgiving = 0
        self._behind = 0.0  # Seconds

    def start(self, seconds: float) -> None:
        """Notes that the tracker was initialised, and how long that took."""
        self._forgiving = self._grace
        self.answered(seconds)

    def answered(self, seconds: float) -> None:
        """Notes how long the tracker took for the frame that it was given."""
        self._behind = 0.0
        if seconds > self._interval:
            if self._forgiving:
                self._forgiving -= 1
            else:
                self._behind = seconds - self._interval

    def is_late(self) -> bool:
        """Whether the tracker misses the next frame; to be asked once for each one."""
        if self._behind > self._interval:
            self._behind -= self._interval
            return True
        return False
