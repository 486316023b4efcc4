"""What each benchmark counts in a sequence: which frames, which boxes, and what is invalid.

A protocol says how a tracker is run; a convention says how its boxes are counted afterwards. Each
function in `COUNTERS` gives the overlaps and errors that go into the curves of `ope_metrics`, and
names its source. Boxes are (x, y, width, height), 0-based px.

=========  ===============  ====================  ==================  ==========  ==============
name       first frame      invalid truth         absent frames       precision   sequences weigh
=========  ===============  ====================  ==================  ==========  ==============
otb        taken as truth   IoU -1, error -1 (!)  counted             error <= t  alike
lasot      taken as truth   IoU -1, error -1 (!)  misses              error <= t  alike
got10k     left out         counted               left out (cover 0)  error <= t  by frames
vot        left out, as     counted               counted             error <= t  by length
           the next 9
pysot      as it is         IoU -1, error -1 (!)  misses              error <= t  alike
reference  as it is         counted, a miss       counted             error < t   alike
=========  ===============  ====================  ==================  ==========  ==============

Success is IoU > t in all of them. An error of -1 counts as precise: that is how the toolkits are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple, Optional

import numpy as np

from gradnet_tf.eval.metrics import regions
from gradnet_tf.eval.metrics.supervised import BURN_IN


class Tracked(NamedTuple):
    """A sequence of n frames as it was tracked."""

    boxes: np.ndarray  # float64 [n, 4]; NaN where the tracker gave none.
    truth: np.ndarray  # float64 [n, 4], for vot also [n, 8].
    absent: Optional[np.ndarray]  # bool [n], frames without the target.
    cover: Optional[np.ndarray]  # int64 [n], how much of the target is seen, 0 to 8.
    resolution: Optional[regions.Resolution]


@dataclasses.dataclass(frozen=True, eq=False)
class Counted:
    """What a convention counts of a sequence: m of its frames."""

    iou: np.ndarray  # float64 [m]; -1 where the truth is invalid, 0 without a box.
    error: np.ndarray  # float64 [m], px; -1 where the truth is invalid, inf without a box.
    normalized_error: np.ndarray  # float64 [m], the same in units of the truth's size.
    frames: int  # What hits are divided by: m, or more if left-out frames are misses.
    weight: float  # What the sequence weighs in a mean over sequences.


def _otb(tracked: Tracked) -> Counted:
    """Counts as OTB in one pass (tracker_benchmark, ``calc_seq_err_robust``, ``calc_result``).

    Truth with a number that is not positive in the file, whose origin is (1, 1), is invalid. The
    Python version's rounding of errors to 4 digits is left out; the MATLAB version has none.
    """
    boxes = np.concatenate([tracked.truth[:1], tracked.boxes[1:]])
    return _marked(boxes, tracked.truth, _positive(tracked.truth), len(boxes))


def _lasot(tracked: Tracked) -> Counted:
    """Counts as LaSOT (LaSOT_Evaluation_Toolkit, ``calc_seq_err_robust.m`` and ``eval_tracker.m``).

    A box that is NaN or without area is replaced by the one before, where the truth is known; then
    the first by the truth. Hits are divided by all frames, the absent ones as well.
    """
    boxes = _hold_last(tracked.boxes, tracked.truth)
    boxes[:1] = tracked.truth[:1]
    keep = _present(tracked)
    truth = tracked.truth[keep]
    return _marked(boxes[keep], truth, _positive(truth), len(boxes))


def _got10k(tracked: Tracked) -> Counted:
    """Counts as GOT-10k (got10k toolkit, ``ExperimentGOT10k.report`` of the validation set).

    Where cover is not given, `absent` counts. Boxes are clipped to the image as ``rect_iou`` does
    it: a negative x becomes 0, the width stays. Errors, which the toolkit does not have for
    GOT-10k, are taken from the unclipped boxes.
    """
    if tracked.resolution is None:
        raise ValueError("the convention got10k clips boxes to the image: it needs the resolution")
    keep = _present(tracked) if tracked.cover is None else tracked.cover > 0
    keep[0] = False
    boxes, truth = tracked.boxes[keep], tracked.truth[keep]
    known = ~np.isnan(truth).any(axis=1)
    if len(truth) and not known.all():
        raise ValueError(f"{np.count_nonzero(~known)} visible frames have no true box")
    iou, error, normalized = _measure(boxes, truth)
    if len(boxes):
        clipped = (_clip(each, tracked.resolution) for each in (boxes, truth))
        iou = np.nan_to_num(regions.overlap_ratio(*clipped))
    return Counted(iou, error, normalized, len(boxes), float(len(boxes)))


def _vot(tracked: Tracked) -> Counted:
    """Counts as VOT without resets (vot-toolkit, ``SequenceAccuracy`` and ``AverageAccuracy``).

    Overlap is counted by pixels within the image. Errors, which vot-toolkit does not have, are
    those of the upright boxes.
    """
    if tracked.resolution is None:
        raise ValueError("the convention vot counts pixels of the image: it needs the resolution")
    boxes, truth = tracked.boxes[BURN_IN:], tracked.truth[BURN_IN:]
    iou, error, normalized = _measure(boxes, regions.bounding_boxes(truth))
    if len(boxes):
        iou = np.nan_to_num(regions.vot_raster_overlap(boxes, truth, tracked.resolution))
    return Counted(iou, error, normalized, len(boxes), float(len(tracked.boxes)))


def _pysot(tracked: Tracked) -> Counted:
    """Counts as pysot (``OPEBenchmark``, ``success_overlap``, ``success_error``).

    Truth without area has IoU -1; truth whose centre is not positive has error -1. Hits are divided
    by all frames, the absent ones as well (pysot's flag ``absent`` is 1 where the target is there).
    """
    keep = _present(tracked)
    boxes, truth = tracked.boxes[keep], tracked.truth[keep]
    counted = _marked(boxes, truth, (truth[:, 2:] > 0).all(axis=1), len(tracked.boxes))
    centered = (truth[:, :2] + (truth[:, 2:] - 1) / 2 > 0).all(axis=1)
    _, error, normalized = _measure(boxes, truth)
    error, normalized = (np.where(centered, each, -1.0) for each in (error, normalized))
    return dataclasses.replace(counted, error=error, normalized_error=normalized)


def _reference(tracked: Tracked) -> Counted:
    """Counts as the authors' track.py (``_compile_results``): every frame counts as it is."""
    iou, error, normalized = _measure(tracked.boxes, tracked.truth)
    return Counted(iou, error, normalized, len(tracked.boxes), 1.0)


# They raise a ValueError if the sequence lacks what they need.
COUNTERS: dict[str, Callable[[Tracked], Counted]] = {
    "otb": _otb,
    "lasot": _lasot,
    "got10k": _got10k,
    "vot": _vot,
    "pysot": _pysot,
    "reference": _reference,
}
CONVENTIONS = tuple(COUNTERS)


def _measure(boxes, truth) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the first three of `Counted`, as if all truth were valid."""
    if not len(boxes):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    iou = np.nan_to_num(regions.overlap_ratio(boxes, truth))
    error = regions.center_error(boxes, truth)
    difference = boxes[:, :2] + boxes[:, 2:] / 2 - (truth[:, :2] + truth[:, 2:] / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        normalized = np.linalg.norm(difference / truth[:, 2:], axis=1)
    error, normalized = (np.where(np.isnan(e), np.inf, e) for e in (error, normalized))
    return iou, error, normalized


def _marked(boxes, truth, valid, frames):
    iou, error, normalized = (np.where(valid, each, -1.0) for each in _measure(boxes, truth))
    return Counted(iou, error, normalized, frames, 1.0)


def _positive(truth):
    """Whether each number is positive where the first pixel is (1, 1); NaN is not."""
    return (truth + [1.0, 1.0, 0.0, 0.0] > 0).all(axis=1)


def _present(tracked):
    return np.ones(len(tracked.boxes), bool) if tracked.absent is None else ~tracked.absent


def _hold_last(boxes, truth):
    boxes = boxes.copy()
    bad = np.isnan(boxes).any(axis=1) | (boxes[:, 2:] <= 0).any(axis=1)
    bad &= ~np.isnan(truth).any(axis=1)
    for index in np.flatnonzero(bad[1:]) + 1:
        boxes[index] = boxes[index - 1]
    return boxes


def _clip(boxes, resolution):
    # The toolkit clips the numbers of the files, which count from 1.
    corner = np.clip(boxes[:, :2] + 1, 0, resolution)
    return np.concatenate([corner, np.clip(boxes[:, 2:], 0, resolution - corner)], axis=1)
