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


@dataclasses.dataclass(frozen=True, eq=False)
class TrackerRuns:
    """What a tracker did: for each sequence its runs, in the order of the sequences."""

    name: str
    runs: Sequence[Sequence[SequenceResult]]
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Measure:
    """One number for a tracker.

    Attributes:
        key: Its name in files, such as "auc".
        label: In heads of tables, such as "AUC".
        title: In plots, with its rule.
        by_sequence: Whether a single sequence has it.
        low: Whether less is better.
        bounded: Whether it is of 0 to 1.
        digits: Decimals to print.
    """

    key: str
    label: str
    title: str
    by_sequence: bool = True
    low: bool = False
    bounded: bool = True
    digits: int = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """A kind of curve over thresholds.

    Attributes:
        key: "success", "precision" or "normalized_precision".
        title: Of its plot.
        x: float64 [t], thresholds.
        x_title: What they are.
        y_title: What the curve tells.
        measure: Key of the measure that the legend shows.
    """

    key: str
    title: str
    x: np.ndarray
    x_title: str
    y_title: str
    measure: str


@dataclasses.dataclass(frozen=True)
class Attribute:
    """What makes sequences hard.

    Attributes:
        code: As the data set has it.
        title: In words, where they are known.
        members: Places of the sequences that have it.
    """

    code: str
    title: str
    members: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Speed:
    """Times of a tracker.

    Attributes:
        frames: That were tracked, without initialisations.
        fps: Frames a second of tracking alone.
        median_ms: Of one frame.
        p95_ms: 95th percentile.
        initialization_ms: Of one initialisation, mean.
        decoding_ms: Of one image, mean; NaN where it was not measured.
        warm_up: Seconds before the clock started, together.
    """

    frames: int
    fps: float
    median_ms: float
    p95_ms: float
    initialization_ms: float
    decoding_ms: float
    warm_up: float


@dataclasses.dataclass(frozen=True, eq=False)
class TrackerEvaluation:
    """The numbers of one tracker on n sequences.

    Attributes:
        name: Of the tracker.
        values: For each measure by sequence float64 [n]; NaN where there is none.
        totals: For each measure the number over all sequences.
        intervals: For each measure the ends of the confidence interval of its total.
        attributes: For each attribute's code the numbers over its sequences, by measure.
        curves: For each kind of curve float64 [n, t].
        boxes: For each sequence the boxes of the first run, float64 [frames, 4], NaN for none.
        overlaps: For each sequence the IoU of these, float64 [frames], NaN where there is none.
        speed: Times; None where none were recorded.
        provenance: Where the results come from; empty if nothing tells.
    """

    name: str
    values: Mapping[str, np.ndarray]
    totals: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    attributes: Mapping[str, Mapping[str, float]]
    curves: Mapping[str, np.ndarray]
    boxes: Sequence[np.ndarray]
    overlaps: Sequence[np.ndarray]
    speed: Optional[Speed]
    provenance: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Eao:
    """Expected average overlap of the trackers.

    Attributes:
        interval: First and last length that count.
        longest: Length of the curves.
        curves: For each tracker float64 [longest], of the lengths 1, 2, ...
    """

    interval: tuple[int, int]
    longest: int
    curves: Sequence[np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Trackers, best first, on the sequences that all of them finished.

    Attributes:
        title: Of the data set.
        coverage: How many sequences of how many there are, in words.
        size: How many the whole benchmark has; 0 if there is no such number.
        convention: How was counted.
        protocol: How was run.
        sequences: n sequences.
        weights: float64 [n], what each sequence weighs in means, by the convention.
        measures: The first one ranks the trackers.
        curves: Kinds of curves.
        attributes: Those that a sequence has.
        trackers: Best first.
        differences: For places of two trackers the confidence interval of the mean difference of
            the first measure by sequence.
        eao: Of supervised runs where the benchmark has an interval for it, else None.
        is_supervised: Whether the trackers started again after a failure.
    """

    title: str
    coverage: str
    size: int
    convention: str
    protocol: str
    sequences: Sequence[TestSequence]
    weights: np.ndarray
    measures: Sequence[Measure]
    curves: Sequence[Curve]
    attributes: Sequence[Attribute]
    trackers: Sequence[TrackerEvaluation]
    differences: Mapping[tuple[int, int], tuple[float, float]]
    eao: Optional[Eao] = None
    is_supervised: bool = False

    @property
    def heading(self) -> str:
        """The data set and how much of it there is, for titles."""
        return f"{self.title} ({self.coverage})"

    @property
    def by_sequence(self) -> list[Measure]:
        """The measures that single sequences have."""
        return [measure for measure in self.measures if measure.by_sequence]

    def mean_curve(
        self, curve: Curve, tracker: int, attribute: Optional[Attribute] = None
    ) -> np.ndarray:
        """Averages a tracker's curve over all sequences or those of an attribute: float64 [t]."""
        rows = self.trackers[tracker].curves[curve.key]
        members = list(range(len(rows)) if attribute is None else attribute.members)
        return mean(rows[members], self.weights[members])


def mean(values: np.ndarray, weights: Optional[np.ndarray] = None) -> Any:
    """Averages over the first axis; rows with NaN are left out, NaN if none is left."""
    values = np.asarray(values, np.float64)
    is_known = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if not is_known.any():
        return np.full(values.shape[1:], math.nan)[()]
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    return np.average(values[is_known], axis=0, weights=weights[is_known])
