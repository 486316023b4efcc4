"""Shows how a run gets on: bars over sequences and frames, or a line for each sequence."""

from __future__ import annotations

import sys
from typing import Any, Optional, TextIO

import numpy as np
from tqdm.auto import tqdm

from gradnet_tf.boxes import checks
from gradnet_tf.datasets.sequences import Sequence
from gradnet_tf.eval.metrics import ope_metrics

_REASON_LENGTH = 300


def score(sequence: Sequence, boxes: np.ndarray) -> float:
    """Returns the success AUC (21 thresholds) of the first frames, 0 to 1: how a run gets on.

    A frame without a box is a miss; in a supervised run, whose first box is NaN, it is passed over,
    for the tracker is not asked in every frame. NaN where the truth is withheld.
    """
    truth = sequence.boxes[: len(boxes)]
    known = checks.is_known(truth)
    if not np.isfinite(boxes[:1]).all():
        known &= np.isfinite(boxes).all(axis=1)
    if sequence.withheld or not known.any():
        return float("nan")
    return ope_metrics.success_auc(ope_metrics.overlap_ratio(boxes[known], truth[known]))


class Progress:
    """Draws bars on a terminal, and writes lines elsewhere; a context manager.

    There are so many sequences, and frames in them, each counted once. `file` is stderr by default.
    """

    def __init__(
        self,
        sequences: int,
        frames: int,
        *,
        file: Optional[TextIO] = None,
        bars: Optional[bool] = None,
    ):
        self._file = file or sys.stderr
        self._lines = not (self._file.isatty() if bars is None else bars)
        options: Any = dict(file=self._file, disable=self._lines, dynamic_ncols=True)
        self._sequences = tqdm(total=sequences, unit="sequence", desc="sequences", **options)
        self._frames = tqdm(total=frames, unit="frame", desc="frames", **options)
        self._scores: dict[str, list[float]] = {}
        self._speeds: dict[str, tuple[int, float]] = {}  # Frames and seconds of each tracker.
        self._count, self._over = sequences, 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._frames.close()
        self._sequences.close()

    def advance(
        self, tracker: str, sequence: str, frames: int, tracked: int, seconds: float, value: float
    ) -> None:
        """Notes frames that were passed, how many were tracked, in what time, and the score."""
        self._frames.set_description(f"{tracker}, {sequence}")
        before = self._speeds.get(tracker, (0, 0.0))
        self._speeds[tracker] = (before[0] + tracked, before[1] + seconds)
        total = self._frames.n + frames
        if self._frames.total is not None and total > self._frames.total:
            self._frames.total = total  # Repetitions.
        parts = [] if np.isnan(value) else [f"AUC {value:.3f}"]
        self._frames.set_postfix_str(", ".join((*parts, self._rate(tracker))), refresh=False)
        self._frames.update(frames)

    def finish(self, tracker: str, sequence: str, value: float, error: Optional[str]) -> None:
        """Notes that a sequence is over, with its score, and the traceback if it failed."""
        self._over += 1
        scores = self._scores.setdefault(tracker, [])
        if not np.isnan(value):
            scores.append(value)
        mean = f"AUC {np.mean(scores):.3f}" if scores else "AUC unknown"
        self._sequences.update()
        self._sequences.set_postfix_str(f"{tracker}: {mean}")
        if error is not None:
            tqdm.write(f"{tracker}, {sequence}: failed: {_reason(error)}", file=self._file)
        elif self._lines:
            own = "" if np.isnan(value) else f"AUC {value:.3f}, "
            place = f"[{self._over}/{self._count}] {tracker}, {sequence}"
            tqdm.write(f"{place}: {own}{self._rate(tracker)}", file=self._file)

    def _rate(self, tracker: str) -> str:
        frames, seconds = self._speeds.get(tracker, (0, 0.0))
        return f"{frames / seconds:.1f} fps" if seconds else ""


def _reason(error: str) -> str:
    """Returns what stands below the last line of code of a traceback, as one line."""
    lines = error.strip().splitlines()
    last = max((place for place, line in enumerate(lines) if line.startswith("  ")), default=-1)
    text = " ".join(" ".join(lines[last + 1 :] or lines[-1:]).split())
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 3] + "..."
