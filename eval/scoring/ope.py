"""The numbers of runs without resets (one-pass evaluation), by the convention of the benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Optional

import numpy as np

from gradnet_tf.boxes import checks
from gradnet_tf.datasets.sequences import Dataset, frame_size
from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.scoring.summary import Curve, Measure, TrackerRuns


class TrackerNumbers(NamedTuple):
    """One tracker on n sequences; see `summary.TrackerEvaluation`."""

    values: Mapping[str, np.ndarray]
    curves: Mapping[str, np.ndarray]
    overlaps: Sequence[np.ndarray]
    # Those that do not follow from the values of sequences:
    totals: Mapping[str, float] = {}
    intervals: Mapping[str, tuple[float, float]] = {}


class Numbers(NamedTuple):
    """All trackers on n sequences; see `summary.Evaluation`."""

    measures: Sequence[Measure]
    curves: Sequence[Curve]
    weights: np.ndarray
    trackers: Sequence[TrackerNumbers]
    eao_interval: Optional[tuple[int, int]] = None


_AO = Measure("average_overlap", "AO", "Average overlap")
_SR_50 = Measure("success_rate_50", "SR 0.5", "Success rate (IoU > 0.5)")
_SR_75 = Measure("success_rate_75", "SR 0.75", "Success rate (IoU > 0.75)")
_MEAN_IOU = Measure("mean_iou", "Mean IoU", "Mean IoU")
_NORMALIZED = Measure("normalized_precision", "Norm. precision", "Normalized precision")
_AUC = Measure("auc", "AUC", "Success AUC")


def _precision(sign: str) -> Measure:
    return Measure("precision", "Precision", f"Precision (error {sign} 20 px)")


# The measures of conventions, the one that ranks first.
_MEASURES = {
    "got10k": [_AO, _SR_50, _SR_75],
    "vot": [_AO, _SR_50],
    "reference": [_MEAN_IOU, _precision("<")],
}
_OTHERS = [_AUC, _precision("≤"), _NORMALIZED, _SR_50, _MEAN_IOU]
_CURVES = (
    ("success", "Success", "Overlap threshold", "Success rate"),
    ("precision", "Precision", "Location error threshold (px)", "Precision"),
    ("normalized_precision", "Normalized precision", "Normalized error threshold", "Precision"),
)


def _list_curves(convention: str, keys: Sequence[str]) -> list[Curve]:
    """Lists the kinds of curves of a convention that has measures of these keys."""
    at = ope_metrics.thresholds(convention)._asdict()
    scores = {"success": "auc" if "auc" in keys else keys[0]}  # Else the key is that of the curve.
    return [
        Curve(key, title, at[key], x_title, y_title, scores.get(key, key))
        for key, title, x_title, y_title in _CURVES
        if key in ("success", *keys)
    ]


def measure(dataset: Dataset, trackers: Sequence[TrackerRuns], convention: str) -> Numbers:
    """Measures all runs by a convention; several runs of a sequence count as their mean.

    Raises a ValueError if boxes do not fit a sequence, or the convention is unknown.
    """
    measures = _MEASURES.get(convention, _OTHERS)
    curves = _list_curves(convention, [one.key for one in measures])
    weights = np.zeros(len(dataset.sequences))
    found = []
    for tracker in trackers:
        values = {one.key: np.full(len(weights), np.nan) for one in measures}
        rows: dict[str, list[np.ndarray]] = {curve.key: [] for curve in curves}
        overlaps = []
        for place, (sequence, runs) in enumerate(zip(dataset.sequences, tracker.runs)):
            scores = [_score(sequence, run, convention) for run in runs]
            single = [ope_metrics.summarize(one) for one in scores]
            for key, column in values.items():
                column[place] = np.mean([getattr(one, key) for one in single])
            for key, curve in rows.items():
                curve.append(np.mean([getattr(one, key) for one in scores], axis=0))
            overlaps.append(frame_overlaps(runs[0].boxes, sequence.boxes))
            weights[place] = scores[0].weight
        stacked = {key: np.stack(row) for key, row in rows.items()}
        found.append(TrackerNumbers(values, stacked, overlaps))
    return Numbers(measures, curves, weights, found)


def _score(sequence: TestSequence, run: SequenceResult, convention: str):
    is_vot = convention == "vot"
    needs_size = is_vot or convention == "got10k"
    return ope_metrics.sequence_scores(
        sequence.name,
        run.boxes,
        sequence.regions if is_vot and sequence.regions is not None else sequence.boxes,
        convention,
        absent=sequence.absent,
        cover=sequence.cover,
        resolution=frame_size(sequence) if needs_size else sequence.resolution,
    )


def frame_overlaps(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the IoU of each frame, to be shown; NaN without a box or known ground truth."""
    overlaps = ope_metrics.overlap_ratio(boxes, truth)
    return np.where(checks.is_known(truth), overlaps, np.nan)
