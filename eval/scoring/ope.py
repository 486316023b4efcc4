"""The numbers of runs without resets (one-pass evaluation), by the convention of the benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Optional

import numpy as np

from gradnet_tf.datasets.sequences import Dataset, frame_size
from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.eval.scoring.summary import Curve, Eao, Measure

if TYPE_CHECKING:
    from gradnet_tf.eval.results.tracker_results import SequenceResult
    from gradnet_tf.eval.scoring.evaluate import TrackerRuns

_GOT10K = "got10k"


@dataclasses.dataclass(frozen=True, eq=False)
class TrackerNumbers:
    """One tracker on n sequences; see `summary.TrackerEvaluation`.

    Totals and intervals are given only where they do not follow from the values of sequences.
    """

    values: Mapping[str, np.ndarray]
    curves: Mapping[str, np.ndarray]
    overlaps: Sequence[np.ndarray]
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


def list_measures(convention: str) -> list[Measure]:
    """The measures of a convention, the one that ranks first."""
    if convention == _GOT10K:
        return [
            Measure("average_overlap", "AO", "Average overlap"),
            Measure("success_rate_50", "SR 0.5", "Success rate (IoU > 0.5)"),
            Measure("success_rate_75", "SR 0.75", "Success rate (IoU > 0.75)"),
        ]
    if convention == "vot":
        return [
            Measure("average_overlap", "AO", "Average overlap"),
            Measure("success_rate_50", "SR 0.5", "Success rate (IoU > 0.5)"),
        ]
    is_reference = convention == "reference"
    found = [
        Measure("auc", "AUC", "Success AUC"),
        Measure(
            "precision", "Precision", f"Precision (error {'<' if is_reference else '≤'} 20 px)"
        ),
        Measure("normalized_precision", "Norm. precision", "Normalized precision"),
        Measure("success_rate_50", "SR 0.5", "Success rate (IoU > 0.5)"),
        Measure("mean_iou", "Mean IoU", "Mean IoU"),
    ]
    if is_reference:
        found = [m for m in found if m.key in ("precision", "mean_iou")][::-1]
    return found


def list_curves(convention: str) -> list[Curve]:
    """The kinds of curves of a convention."""
    thresholds = ope_metrics.thresholds(convention)
    measures = [measure.key for measure in list_measures(convention)]
    found = [
        Curve(
            *("success", "Success", thresholds.success, "Overlap threshold", "Success rate"),
            measure="auc" if "auc" in measures else measures[0],
        )
    ]
    if "precision" in measures:
        found.append(
            Curve(
                *("precision", "Precision", thresholds.precision),
                *("Location error threshold (px)", "Precision", "precision"),
            )
        )
    if "normalized_precision" in measures:
        found.append(
            Curve(
                *("normalized_precision", "Normalized precision", thresholds.normalized_precision),
                *("Normalized error threshold", "Precision", "normalized_precision"),
            )
        )
    return found


def measure(
    dataset: Dataset, trackers: Sequence[TrackerRuns], convention: str, samples: int = 0
) -> Numbers:
    """Measures all runs; several runs of a sequence count as their mean.

    Args:
        dataset: The sequences.
        trackers: Their runs.
        convention: One of `metrics.CONVENTIONS`.
        samples: Not used: all intervals follow from the values of sequences.

    Raises:
        ValueError: Boxes do not fit a sequence, or the convention is unknown.
    """
    del samples
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
    """Scores of one run.

    Raises:
        ValueError: If it has other numbers of boxes and frames; the message names the sequence.
    """
    if len(run.boxes) != len(sequence.frames):
        raise ValueError(
            f"{sequence.name}: {len(run.boxes)} boxes for {len(sequence.frames)} frames"
        )
    is_vot = convention == "vot"
    needs_size = is_vot or convention == _GOT10K
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
    """IoU of each frame, to be shown: NaN where there is no box, or no true one with an area."""
    overlaps = ope_metrics.overlap_ratio(boxes, truth)
    has_truth = np.isfinite(truth).all(axis=1) & (truth[:, 2:] > 0).all(axis=1)
    return np.where(has_truth, overlaps, np.nan)
