"""The numbers of runs without resets (one-pass evaluation), by the convention of the benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Optional

import numpy as np

from gradnet_tf.boxes import checks
from gradnet_tf.datasets.sequences import Dataset, frame_size
from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.scoring.summary import Curve, Eao, Measure, TrackerRuns


@dataclasses.dataclass(frozen=True, eq=False)
class TrackerNumbers:
    """One tracker on n sequences; see `summary.TrackerEvaluation`."""

    values: Mapping[str, np.ndarray]
    curves: Mapping[str, np.ndarray]
    overlaps: Sequence[np.ndarray]
    # Those that do not follow from the values of sequences:
    totals: Mapping[str, float] = dataclasses.field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Numbers:
    """All trackers on n sequences; see `summary.Evaluation`."""

    measures: Sequence[Measure]
    curves: Sequence[Curve]
    weights: np.ndarray
    trackers: Sequence[TrackerNumbers]
    eao: Optional[Eao] = None


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


def list_measures(convention: str) -> list[Measure]:
    """Lists the measures of a convention, the one that ranks first."""
    return _MEASURES.get(convention, _OTHERS)


def list_curves(convention: str) -> list[Curve]:
    """Lists the kinds of curves of a convention."""
    at = ope_metrics.thresholds(convention)
    keys = [measure.key for measure in list_measures(convention)]
    success = "auc" if "auc" in keys else keys[0]
    curves = [
        Curve("success", "Success", at.success, "Overlap threshold", "Success rate", success),
        Curve(
            *("precision", "Precision", at.precision),
            *("Location error threshold (px)", "Precision", "precision"),
        ),
        Curve(
            *("normalized_precision", "Normalized precision", at.normalized_precision),
            *("Normalized error threshold", "Precision", "normalized_precision"),
        ),
    ]
    return [curve for curve in curves if curve.key in ("success", *keys)]


def measure(dataset: Dataset, trackers: Sequence[TrackerRuns], convention: str) -> Numbers:
    """Measures all runs by a convention; several runs of a sequence count as their mean.

    Raises:
        ValueError: If boxes do not fit a sequence, or the convention is unknown.
    """
    measures, curves = list_measures(convention), list_curves(convention)
    weights = np.zeros(len(dataset.sequences))
    found = []
    for tracker in trackers:
        values = {one.key: np.full(len(weights), np.nan) for one in measures}
        rows: dict[str, list[np.ndarray]] = {curve.key: [] for curve in curves}
        overlaps = []
        for place, (sequence, runs) in enumerate(zip(dataset.sequences, tracker.runs)):
            scores = [score(sequence, run, convention) for run in runs]
            single = [ope_metrics.summarize([one]) for one in scores]
            for key, column in values.items():
                column[place] = np.mean([getattr(one, key) for one in single])
            for key, curve in rows.items():
                curve.append(np.mean([getattr(one, key) for one in scores], axis=0))
            overlaps.append(frame_overlaps(runs[0].boxes, sequence.boxes))
            weights[place] = scores[0].weight
        stacked = {key: np.stack(row) for key, row in rows.items()}
        found.append(TrackerNumbers(values, stacked, overlaps))
    return Numbers(measures, curves, weights, found)


def score(
    sequence: TestSequence, run: SequenceResult, convention: str
) -> ope_metrics.SequenceScores:
    """Scores one run; raises a ValueError that names the sequence if boxes and frames differ."""
    if len(run.boxes) != len(sequence.frames):
        raise ValueError(
            f"{sequence.name}: {len(run.boxes)} boxes for {len(sequence.frames)} frames"
        )
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
