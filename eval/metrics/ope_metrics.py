"""Measures of how well boxes follow the ground truth, in pure NumPy.

Boxes are (x, y, width, height) in 0-based px, float64 [n, 4], one row a frame. Benchmarks differ
in which frames they count and what is a hit, so every number here names its convention, which
`conventions` explains with its source. `sequence_scores` gives the curves of a sequence, and
`summarize` its measures. Runs that start again after a failure (VOT) are measured by `supervised`.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Optional

import numpy as np

from gradnet_tf.eval.metrics import conventions
from gradnet_tf.eval.metrics.regions import center_error, overlap_ratio, pair

SUCCESS_THRESHOLDS = np.arange(21) / 20
PRECISION_THRESHOLD = 20.0  # px
NORMALIZED_PRECISION_THRESHOLD = 0.2  # of the truth's width and height (LaSOT, rank_idx 21)

# The reference sums its precision curve over 50 thresholds, of 0.5 to 25 px.
REFERENCE_THRESHOLDS = np.linspace(0, 25, 51)[1:]


class Thresholds(NamedTuple):
    """Where the curves of a convention are taken."""

    success: np.ndarray  # Of IoU.
    precision: np.ndarray  # Of the centre error, px.
    normalized_precision: np.ndarray  # Of the centre error in units of the truth's size.


@dataclasses.dataclass(frozen=True, eq=False)
class SequenceScores(conventions.Counted):
    """A sequence as a convention counts it, with its curves over t thresholds."""

    convention: str
    success: np.ndarray  # float64 [t], share of frames with IoU > t.
    precision: np.ndarray  # float64 [t], share of frames with an error <= t (reference: < t).
    normalized_precision: np.ndarray  # float64 [t], the same of the normalized error.


@dataclasses.dataclass(frozen=True)
class Summary:
    """The measures of a sequence; NaN if it has no weight."""

    auc: float  # Mean of the success curve over its thresholds.
    precision: float  # Share of frames with an error of at most 20 px (reference: below).
    normalized_precision: float  # The same of at most 0.2 in units of the truth's size.
    success_rate_50: float  # Share of frames with IoU > 0.5.
    success_rate_75: float  # Share of frames with IoU > 0.75.
    mean_iou: float  # Of the frames with valid truth.

    @property
    def average_overlap(self) -> float:
        """The mean IoU, as GOT-10k and VOT call it."""
        return self.mean_iou


class ReferenceMetrics(NamedTuple):
    """The four numbers that the reference prints for a sequence."""

    frames: int
    precision: float  # percent of the frames with a centre error below 20 px
    precision_auc: float  # area below the precision curve; at most 49, for its 50 thresholds
    iou: float  # mean IoU in percent


def success_auc(iou: np.ndarray) -> float:
    """Returns OTB's success, the share of frames with IoU > t, averaged over 21 thresholds.

    The last threshold, 1, is never exceeded, so perfect boxes reach 20/21. NaN is a miss.
    """
    return float(np.mean(np.asarray(iou)[:, None] > SUCCESS_THRESHOLDS))


def precision(error: np.ndarray) -> float:
    """Returns OTB's precision, the share of frames with an error <= 20 px. NaN is a miss."""
    return float(np.mean(np.asarray(error) <= PRECISION_THRESHOLD))


def reference_metrics(boxes: np.ndarray, truth: np.ndarray) -> ReferenceMetrics:
    """Returns the numbers that the reference's track.py prints (``_compile_results``).

    It differs from OTB: an error of exactly the threshold is a miss, the precision curve ends at
    25 px and is integrated over the index of the threshold, and overlap is the mean IoU. NaN is a
    miss. Raises a ValueError if the arguments are not two arrays [n, 4] of the same length.
    """
    error = center_error(boxes, truth)
    curve = np.mean(error[:, None] < REFERENCE_THRESHOLDS, axis=0)
    return ReferenceMetrics(
        frames=len(error),
        precision=100 * float(np.mean(error < PRECISION_THRESHOLD)),
        precision_auc=float(np.sum(curve[1:] + curve[:-1]) / 2),
        iou=100 * float(np.mean(np.nan_to_num(overlap_ratio(boxes, truth)))),
    )


def thresholds(convention: str) -> Thresholds:
    """Returns the thresholds of a convention's curves.

    OTB, LaSOT and pysot: IoU 0, 0.05, ..., 1; 0 to 50 px; 0 to 0.5. GOT-10k: IoU 0, 0.01, ..., 1
    (``nbins_iou = 101``), taken for vot, too. The reference's precision is taken from 0.5 to 25 px.
    Raises a ValueError if the convention is unknown.
    """
    if convention not in conventions.COUNTERS:
        known = ", ".join(conventions.CONVENTIONS)
        raise ValueError(f"{convention!r} is no convention; there are {known}")
    fine = convention in ("got10k", "vot")
    return Thresholds(
        success=np.linspace(0, 1, 101) if fine else SUCCESS_THRESHOLDS,
        precision=REFERENCE_THRESHOLDS if convention == "reference" else np.arange(51.0),
        normalized_precision=np.arange(51) / 100,
    )


def sequence_scores(
    name: str,
    boxes: np.ndarray,
    truth: np.ndarray,
    convention: str,
    *,
    absent: Optional[np.ndarray] = None,
    cover: Optional[np.ndarray] = None,
    resolution: Optional[tuple[float, float]] = None,
) -> SequenceScores:
    """Measures a sequence by a convention.

    Args:
        name: Of the sequence.
        boxes: The tracker's [n, 4], first frame included; NaN where there is none.
        truth: [n, 4]; for vot also [n, 8], the corners of quadrilaterals.
        convention: One of `conventions.CONVENTIONS`.
        absent: bool [n], frames without the target (lasot, pysot; got10k, if there is no cover).
        cover: int [n], how much of the target is seen, 0 to 8 (got10k).
        resolution: (width, height) of the images in px; got10k and vot need it.

    Raises:
        ValueError: If arrays do not fit each other, the truth is withheld, or the convention is
            unknown or needs the resolution. The message names the sequence.
    """
    limits = thresholds(convention)
    try:
        boxes, truth = pair(boxes, truth, (4, 8) if convention == "vot" else (4,))
        if len(truth) > 1 and np.isnan(truth[1:]).any(axis=1).all():
            raise ValueError("the truth is known in the first frame only; nothing to measure")
        tracked = conventions.Tracked(boxes, truth, absent, cover, resolution)
        counted = conventions.COUNTERS[convention](tracked)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    divisor = max(counted.frames, 1)
    is_within = np.less if convention == "reference" else np.less_equal

    def curve(compare, values, at):
        return np.count_nonzero(compare(values[:, None], at), axis=0) / divisor

    return SequenceScores(
        convention=convention,
        success=curve(np.greater, counted.iou, limits.success),
        precision=curve(is_within, counted.error, limits.precision),
        normalized_precision=curve(
            is_within, counted.normalized_error, limits.normalized_precision
        ),
        **vars(counted),
    )


def summarize(scores: SequenceScores) -> Summary:
    """Returns the measures of a sequence; over sequences they are averaged by `weight`."""
    if not scores.weight:
        return Summary(*[np.nan] * len(dataclasses.fields(Summary)))
    limits = thresholds(scores.convention)
    is_limit = limits.normalized_precision == NORMALIZED_PRECISION_THRESHOLD
    valid, frames = scores.iou[scores.iou >= 0], max(scores.frames, 1)
    return Summary(
        auc=float(np.mean(scores.success)),
        precision=float(scores.precision[limits.precision == PRECISION_THRESHOLD][0]),
        normalized_precision=float(scores.normalized_precision[is_limit][0]),
        success_rate_50=np.count_nonzero(scores.iou > 0.5) / frames,
        success_rate_75=np.count_nonzero(scores.iou > 0.75) / frames,
        mean_iou=float(np.mean(valid)) if len(valid) else 0.0,
    )
