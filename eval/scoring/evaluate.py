"""Computes what a report tells from a data set and from results in memory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Optional

import numpy as np

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.eval.metrics import bootstrap
from gradnet_tf.eval.results import timing
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.running import start_frames
from gradnet_tf.eval.scoring import ope, vot
from gradnet_tf.eval.scoring.summary import (
    Attribute,
    Evaluation,
    Measure,
    Speed,
    TrackerEvaluation,
    TrackerRuns,
    mean,
)

LEVEL = 0.95  # Of the confidence intervals.

_ATTRIBUTES = {
    "ARC": "Aspect ratio change",
    "BC": "Background clutter",
    "CM": "Camera motion",
    "DEF": "Deformation",
    "FM": "Fast motion",
    "FOC": "Full occlusion",
    "IPR": "In-plane rotation",
    "IV": "Illumination variation",
    "LR": "Low resolution",
    "MB": "Motion blur",
    "OCC": "Occlusion",
    "OPR": "Out-of-plane rotation",
    "OV": "Out of view",
    "POC": "Partial occlusion",
    "ROT": "Rotation",
    "SOB": "Similar object",
    "SV": "Scale variation",
    "VC": "Viewpoint change",
}


def evaluate(
    dataset: Dataset, trackers: Sequence[TrackerRuns], convention: str, *, samples: int = 2000
) -> Evaluation:
    """Computes all numbers.

    Args:
        dataset: Its sequences are those that every tracker has runs of.
        trackers: Their runs, in the order of the sequences.
        convention: One of `conventions.CONVENTIONS`. Supervised runs are measured as VOT does.
        samples: Of the bootstrap.

    Raises:
        ValueError: If there is no tracker, or runs and sequences do not fit.
    """
    if not trackers or not dataset.sequences:
        raise ValueError("there is nothing to report: no tracker has results of any sequence")
    kinds = {run.codes is not None for tracker in trackers for runs in tracker.runs for run in runs}
    if len(kinds) > 1:
        raise ValueError("supervised and other runs cannot be compared in one report")
    kind = vot if kinds == {True} else ope
    attributes = find_attributes(dataset.sequences)
    clusters = _find_clusters(dataset)
    numbers = kind.measure(dataset, trackers, convention, samples)
    evaluations = [
        _evaluate(dataset, tracker, own, numbers, attributes, clusters, samples)
        for tracker, own in zip(trackers, numbers.trackers)
    ]
    key = numbers.measures[0].key
    order = sorted(
        range(len(trackers)),
        key=lambda i: (-np.nan_to_num(evaluations[i].totals[key], nan=-1), trackers[i].name),
    )
    evaluations = [evaluations[i] for i in order]
    eao = numbers.eao
    if eao is not None:
        eao = dataclasses.replace(eao, curves=[eao.curves[i] for i in order])
    measure = next(measure for measure in numbers.measures if measure.by_sequence)
    return Evaluation(
        title=dataset.title,
        coverage=dataset.coverage,
        size=dataset.size,
        convention=convention,
        protocol=dataset.protocol,
        sequences=dataset.sequences,
        weights=numbers.weights,
        measures=numbers.measures,
        curves=numbers.curves,
        attributes=attributes,
        trackers=evaluations,
        differences=_differences(evaluations, measure, numbers.weights, clusters, samples),
        eao=eao,
        is_supervised=kind is vot,
    )


def find_attributes(sequences: Sequence[TestSequence]) -> list[Attribute]:
    """Lists the attributes of sequences; a per-frame one counts if any frame has it."""
    members: dict[str, list[int]] = {}
    for place, sequence in enumerate(sequences):
        tags = [tag for tag, frames in sequence.tags.items() if np.any(frames)]
        for code in dict.fromkeys([*sequence.attributes, *tags]):
            members.setdefault(code, []).append(place)
    return [
        Attribute(code, _ATTRIBUTES.get(code.upper(), code.replace("_", " ")), tuple(places))
        for code, places in sorted(members.items())
    ]


def measure_speed(runs: Sequence[SequenceResult]) -> Optional[Speed]:
    """Sums up times over all runs of a tracker; None where none were recorded."""
    times = timing.measure(runs)
    if not times.frames or not times.tracking > 0:
        return None
    started = sum(int(np.isfinite(run.seconds).sum()) for run in runs) - times.frames
    decoded = sum(int(np.isfinite(run.decode_seconds).sum()) for run in runs)
    return Speed(
        frames=times.frames,
        fps=times.fps,
        median_ms=1e3 * (math.nan if times.median is None else times.median),
        p95_ms=1e3 * (math.nan if times.p95 is None else times.p95),
        initialization_ms=1e3 * times.initialization / started if started else math.nan,
        decoding_ms=1e3 * times.decoding / decoded if decoded else math.nan,
        warm_up=times.warm_up,
    )


def _evaluate(dataset, tracker, own, numbers, attributes, clusters, samples) -> TrackerEvaluation:
    def over(places: Sequence[int], measure: Measure) -> float:
        return float(mean(own.values[measure.key][places], numbers.weights[places]))

    everywhere = list(range(len(dataset.sequences)))
    by_sequence = [measure for measure in numbers.measures if measure.by_sequence]
    totals = {measure.key: over(everywhere, measure) for measure in by_sequence}
    intervals = {
        measure.key: _interval(own.values[measure.key], numbers.weights, clusters, samples)
        for measure in by_sequence
    }
    return TrackerEvaluation(
        name=tracker.name,
        values=own.values,
        totals={**totals, **own.totals},
        intervals={**intervals, **own.intervals},
        attributes={
            attribute.code: {m.key: over(list(attribute.members), m) for m in by_sequence}
            for attribute in attributes
        },
        curves=own.curves,
        boxes=[runs[0].boxes for runs in tracker.runs],
        overlaps=own.overlaps,
        speed=measure_speed([run for runs in tracker.runs for run in runs]),
        provenance=tracker.provenance,
    )


def _find_clusters(dataset: Dataset) -> Optional[np.ndarray]:
    """Numbers the sequence of each segment, int64 [n]; None for whole sequences."""
    if not start_frames.is_split(dataset):
        return None
    numbers: dict[str, int] = {}
    names = [start_frames.source(sequence.name) for sequence in dataset.sequences]
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


def _interval(
    values: np.ndarray, weights: np.ndarray, clusters: Optional[np.ndarray], samples: int
) -> tuple[float, float]:
    """Returns the confidence interval of a weighted mean over sequences; NaN without values.

    Runs over parts of one video tell less than as many runs over different ones: what belongs to a
    cluster is drawn together.
    """
    known = np.isfinite(values)
    if not known.any():
        return math.nan, math.nan
    values, weights = values[known], weights[known]
    if clusters is not None:
        _, places = np.unique(clusters[known], return_inverse=True)
        sums = np.bincount(places, weights * values)
        weights = np.bincount(places, weights)
        values = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    low, high = bootstrap.interval(values, weights=weights, samples=samples, level=LEVEL)
    return float(low), float(high)


def _differences(
    trackers: Sequence[TrackerEvaluation],
    measure: Measure,
    weights: np.ndarray,
    clusters: Optional[np.ndarray],
    samples: int,
) -> dict[tuple[int, int], tuple[float, float]]:
    """Intervals of the mean difference of each two trackers, both ways."""
    found = {}
    for a, first in enumerate(trackers):
        for b in range(a + 1, len(trackers)):
            difference = first.values[measure.key] - trackers[b].values[measure.key]
            low, high = _interval(difference, weights, clusters, samples)
            found[a, b], found[b, a] = (low, high), (-high, -low)
    return found
