"""Runs one tracker on one sequence as a protocol says: once through, or supervised as VOT does.

* ope: The tracker starts in the first frame and gets every frame once (OTB's one-pass evaluation).
* supervised: Where the box no longer overlaps the ground truth, the tracker has failed; five frames
  after that it is initialised again (VOT until 2019).
* realtime: Either of them under a simulated clock, see `realtime`.

A tracker has ``init(image, box)`` and ``update(image) -> box``: images uint8 [h, w, 3] RGB, boxes
(x, y, width, height), 0-based px. Only these calls are timed; reading images is timed apart. Before
the clock starts, both are called on the first frame, so that tracing and compiling are done.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
import time
from typing import Any, Callable, Optional

import numpy as np
from absl import logging

from gradnet_tf.boxes import checks
from gradnet_tf.datasets.sequences import Sequence
from gradnet_tf.eval.metrics import regions
from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.eval.results.sequence_result import SequenceResult, blank
from gradnet_tf.eval.running import realtime
from gradnet_tf.media.images import as_rgb

STOP, HOLD = BAD_FRAMES = ("stop", "hold")
OPE, SUPERVISED, REALTIME = PROTOCOLS = ("ope", "supervised", "realtime")
SKIP = 5  # Frames from a failure to the next initialisation.
IDENTICAL = 3  # So many equal repetitions show a deterministic tracker (vot-toolkit).

Clock = Callable[[], float]
# Called after each frame with its number, and boxes [n, 4] and seconds [n], filled so far.
Observer = Callable[[int, np.ndarray, np.ndarray], None]


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How every sequence of a data set is run; a value out of its range raises a ValueError.

    Attributes:
        name: One of `PROTOCOLS`, as results are called.
        resets: Whether the tracker starts again after a failure.
        repetitions: Runs of a sequence at most; fewer if the first ones are equal.
        fps: Frames a second of the simulated clock; None without one.
        grace: See `realtime.RealtimeClock`.
        skip: Frames from a failure to the next initialisation.
        limit: Frames of each sequence at most, for trials.
        on_bad_frame: What happens at a frame that cannot be read: "stop" fails the sequence, "hold"
            repeats the last box. The first frame must be good in either case.
    """

    name: str = OPE
    resets: bool = False
    repetitions: int = 1
    fps: Optional[float] = None
    grace: int = realtime.DEFAULT_GRACE
    skip: int = SKIP
    limit: Optional[int] = None
    on_bad_frame: str = STOP

    def __post_init__(self):
        if self.on_bad_frame not in BAD_FRAMES:
            raise ValueError(
                f"on_bad_frame must be one of {', '.join(BAD_FRAMES)}, got {self.on_bad_frame!r}"
            )
        if self.name not in PROTOCOLS:
            raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {self.name!r}")
        for name in ("repetitions", "skip"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.limit is not None and self.limit < 2:
            raise ValueError(f"limit must leave at least 2 frames, got {self.limit}")
        if self.fps is not None:
            realtime.RealtimeClock(self.fps, self.grace)


def run_sequence(
    tracker: Any,
    sequence: Sequence,
    protocol: Protocol,
    *,
    repetition: int = 1,
    clock: Clock = time.perf_counter,
    observer: Optional[Observer] = None,
) -> SequenceResult:
    """Runs a tracker, see above, once over a sequence that is cut to its limit.

    The global random numbers, on which a tracker may draw, are seeded by the sequence's name and
    the number of the repetition. Of the clock's seconds only differences count. The observer is
    called after each frame.

    Raises:
        OSError: If an image cannot be read, and is not to be held.
        ValueError: If the tracker's answer is no box; or whatever it raises itself.
    """
    _seed(f"{sequence.name} {repetition}")
    run = _Run(tracker, sequence, protocol, clock, repetition)
    first = run.read(0)
    size = (first.shape[1], first.shape[0])
    warm_up = run.warm_up(first)
    next_start = 0
    for index in range(len(sequence.frames)):
        if protocol.resets and index >= next_start and run.lost and _is_known(sequence, index):
            run.start_again(index)
        elif index == 0:
            run.start(0, first)
        elif run.lost:
            run.codes[index] = FrameCode.SKIPPED
        else:
            run.follow(index)
            if protocol.resets and _has_failed(run.boxes[index], sequence, index, size):
                run.fail(index)
                next_start = index + protocol.skip
        if observer is not None:
            observer(index, run.boxes, run.seconds)
    codes = run.codes if protocol.resets else None
    return dataclasses.replace(
        run.result, warm_up_seconds=warm_up, codes=codes, held=tuple(run.held)
    )


def _seed(text: str) -> None:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002


def is_complete(results: list[SequenceResult], protocol: Protocol, tracker: Any) -> bool:
    """Whether no further repetition is needed.

    All are there, or the tracker's attribute `is_deterministic` is true (as in got10k), or the
    first runs gave the same boxes and failed in the same frames.
    """
    if not results:
        return False
    if len(results) >= protocol.repetitions or getattr(tracker, "is_deterministic", False):
        return True
    first = results[0]
    return len(results) >= IDENTICAL and all(
        np.array_equal(other.boxes, first.boxes, equal_nan=True)
        and np.array_equal(np.asarray(other.codes), np.asarray(first.codes))
        for other in results[1:]
    )


def timed(clock: Clock, function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Calls a function, and returns its result and the seconds that it took."""
    begin = clock()
    return function(*arguments), clock() - begin


class _Run:
    """The tracker, the clocks, and what was measured so far."""

    def __init__(self, tracker, sequence: Sequence, protocol: Protocol, clock, repetition: int):
        count = len(sequence.frames)
        self._tracker, self._sequence, self._clock = tracker, sequence, clock
        self._protocol = protocol
        self._realtime = None
        if protocol.fps is not None:
            self._realtime = realtime.RealtimeClock(protocol.fps, protocol.grace)
        self._last = sequence.boxes[0]
        self.result = blank(sequence.name, count, repetition)
        self.boxes, self.seconds = self.result.boxes, self.result.seconds
        self.codes = np.full(count, int(FrameCode.TRACKED), np.int64)
        self.held: list[int] = []
        self.lost = False

    def read(self, index: int) -> np.ndarray:
        frame = self._sequence.frames[index]
        image, self.result.decode_seconds[index] = timed(self._clock, as_rgb, frame)
        return image

    def read_or_hold(self, index: int) -> Optional[np.ndarray]:
        try:
            return self.read(index)
        except (OSError, TypeError, ValueError) as error:
            if self._protocol.on_bad_frame != HOLD:
                raise
            name = self._sequence.name
            logging.warning("%s, frame %d: %s; the last box is held", name, index, error)
            self.held.append(index)
            return None

    def warm_up(self, image: np.ndarray) -> float:
        begin = self._clock()
        # Copies, here and below: a tracker may work in what it is given.
        self._tracker.init(image.copy(), self._sequence.boxes[0].copy())
        self._tracker.update(image.copy())
        return self._clock() - begin

    def start(self, index: int, image: np.ndarray) -> None:
        box = self._sequence.boxes[index]
        _, self.seconds[index] = timed(self._clock, self._tracker.init, image, box.copy())
        self.codes[index] = FrameCode.INIT
        self.lost = False
        self._last = box.copy()
        if not self._protocol.resets:
            self.boxes[index] = box
        if self._realtime is not None:
            self._realtime.start(self.seconds[index])

    def start_again(self, index: int) -> None:
        image = self.read_or_hold(index)
        if image is None:  # There is no box to hold: the next frame may do.
            self.codes[index] = FrameCode.SKIPPED
        else:
            self.start(index, image)

    def follow(self, index: int) -> None:
        if self._realtime is None or not self._realtime.is_late():
            image = self.read_or_hold(index)
            if image is not None:
                answer, self.seconds[index] = timed(self._clock, self._tracker.update, image)
                self._last = checks.answered_box(answer, f"{self._sequence.frames[index]}: ")
            if self._realtime is not None:
                self._realtime.answered(np.nan_to_num(self.seconds[index]))
        self.boxes[index] = self._last

    def fail(self, index: int) -> None:
        self.codes[index] = FrameCode.FAILED
        self.boxes[index] = np.nan
        self.lost = True


def _is_known(sequence: Sequence, index: int) -> bool:
    return bool(checks.is_known(sequence.boxes[index : index + 1])[0])


def _has_failed(box: np.ndarray, sequence: Sequence, index: int, size: tuple[int, int]) -> bool:
    """Whether a box does not overlap the truth within the image; not where there is no truth."""
    if not _is_known(sequence, index):
        return False
    truth = sequence.boxes if sequence.regions is None else sequence.regions
    overlap = regions.vot_raster_overlap(box[np.newaxis], truth[index : index + 1], size)[0]
    return not overlap > 0  # NaN, from a box of NaN, is a failure.
