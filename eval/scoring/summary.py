"""What a report tells: all trackers on all sequences, by measure and by attribute.

`Evaluation` is what tables, plots and the page are made of; `evaluate.evaluate` computes it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np

from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.media import markup


@dataclasses.dataclass(frozen=True, eq=False)
class TrackerRuns:
    """What a tracker did: for each sequence its runs, in the order of the sequences."""

    name: str
    runs: Sequence[Sequence[SequenceResult]]
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Measure:
    """One number for a tracker."""

    key: str  # Its name in files, such as "auc".
    label: str  # In heads of tables, such as "AUC".
    title: str  # In plots, with its rule.
    by_sequence: bool = True  # Whether a single sequence has it.
    low: bool = False  # Whether less is better.
    bounded: bool = True  # Whether it is of 0 to 1.
    digits: int = 3  # Decimals to print.


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """A kind of curve over t thresholds."""

    key: str  # "success", "precision" or "normalized_precision".
    title: str  # Of its plot.
    x: np.ndarray  # float64 [t], thresholds.
    x_title: str
    y_title: str
    measure: str  # Key of the measure that the legend shows.


@dataclasses.dataclass(frozen=True)
class Attribute:
    """What makes sequences hard."""

    code: str  # As the data set has it.
    title: str  # In words, where they are known.
    members: tuple[int, ...]  # Places of the sequences that have it.


@dataclasses.dataclass(frozen=True)
class Speed:
    """Times of a tracker."""

    frames: int  # That were tracked, without initialisations.
    fps: float  # Frames a second of tracking alone.
    median_ms: float  # Of one frame.
    p95_ms: float  # 95th percentile.
    initialization_ms: float  # Of one initialisation, mean.
    decoding_ms: float  # Of one image, mean; NaN where it was not measured.
    warm_up: float  # Seconds before the clock started, together.


@dataclasses.dataclass(frozen=True, eq=False)
class TrackerEvaluation:
    """The numbers of one tracker on n sequences."""

    name: str
    values: Mapping[str, np.ndarray]  # float64 [n] by measure; NaN where there is none.
    totals: Mapping[str, float]  # Over all sequences, by measure.
    intervals: Mapping[str, tuple[float, float]]  # Confidence intervals of totals, by measure.
    attributes: Mapping[str, Mapping[str, float]]  # Over the sequences of a code, by measure.
    curves: Mapping[str, np.ndarray]  # float64 [n, t] by kind of curve.
    boxes: Sequence[np.ndarray]  # Of first runs, float64 [frames, 4] a sequence; NaN for none.
    overlaps: Sequence[np.ndarray]  # IoU of these, float64 [frames] a sequence; NaN for none.
    speed: Optional[Speed]  # None where no times were recorded.
    provenance: Mapping[str, Any]  # Where the results come from; empty if nothing tells.


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Trackers, best first, on the n sequences that all of them finished."""

    title: str  # Of the data set.
    coverage: str  # How many sequences of how many there are, in words.
    size: int  # How many the whole benchmark has; 0 if there is no such number.
    convention: str  # By which boxes were counted.
    protocol: str  # By which trackers were run.
    sequences: Sequence[TestSequence]
    weights: np.ndarray  # float64 [n], what each sequence weighs in means, by the convention.
    measures: Sequence[Measure]  # The first one ranks the trackers.
    curves: Sequence[Curve]
    attributes: Sequence[Attribute]
    trackers: Sequence[TrackerEvaluation]
    # By places of two trackers: confidence interval of the mean difference of the first measure
    # that single sequences have.
    differences: Mapping[tuple[int, int], tuple[float, float]]
    # First and last length of the EAO, of supervised runs where the benchmark has an interval for
    # it. The curves "eao" of the trackers are of the lengths 1, 2, ..., k: float64 [k].
    eao_interval: Optional[tuple[int, int]] = None
    is_supervised: bool = False  # Whether trackers started again after a failure.

    @property
    def heading(self) -> str:
        """The data set and how much of it there is, for titles."""
        return f"{self.title} ({self.coverage})"

    @property
    def by_sequence(self) -> list[Measure]:
        """The measures that single sequences have."""
        return [measure for measure in self.measures if measure.by_sequence]

    def __repr__(self) -> str:
        return f"Evaluation({self.heading}: {', '.join(one.name for one in self.trackers)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the trackers, best first, with intervals in brackets."""
        rows = [
            (one.name, *(_text(one, measure) for measure in self.measures), _speed(one.speed))
            for one in self.trackers
        ]
        heads = ("Tracker", *(measure.label for measure in self.measures), "FPS")
        return markup.table(f"Results on {self.heading}", rows, heads)

    def mean_curve(
        self, curve: Curve, tracker: int, attribute: Optional[Attribute] = None
    ) -> np.ndarray:
        """Averages a tracker's curve over all sequences or those of an attribute: float64 [t]."""
        rows = self.trackers[tracker].curves[curve.key]
        members = list(range(len(rows)) if attribute is None else attribute.members)
        return mean(rows[members], self.weights[members])


def _text(tracker: TrackerEvaluation, measure: Measure) -> str:
    numbers = [tracker.totals[measure.key], *tracker.intervals.get(measure.key, ())]
    value, *interval = [f"{n:.{measure.digits}f}" for n in numbers if math.isfinite(n)] or ["–"]
    return f"{value} [{', '.join(interval)}]" if interval else value


def _speed(speed: Optional[Speed]) -> str:
    return f"{speed.fps:.1f}" if speed else "–"


def mean(values: np.ndarray, weights: np.ndarray) -> Any:
    """Averages over the first axis; rows with NaN are left out, NaN if none is left."""
    values, weights = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    is_known = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if not is_known.any():
        return np.full(values.shape[1:], math.nan)[()]
    return np.average(values[is_known], axis=0, weights=weights[is_known])
