"""Computes what a report tells from a data set and from results in memory."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Optional

import numpy as np

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.eval.metrics import bootstrap
from gradnet_tf.eval.results.sequence_result import SequenceResult, measure_times
from gradnet_tf.eval.running import start_frames
from gradnet_tf.eval.scoring import ope, vot
from gradnet_tf.eval.scoring.summary import (
    Attribute,
    Evaluation,
    Speed,
    TrackerEvaluation,
    TrackerRuns,
    mean,
)

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
        dataset: The data set, with the sequences that every tracker has runs of.
        trackers: The trackers' runs, in the order of the sequences.
        convention: One of `conventions.CONVENTIONS`. Supervised runs are measured as VOT does.
        samples: Samples of the bootstrap.

    Raises:
        ValueError: If there is no tracker, or runs and sequences do not fit.
    """
    if not trackers or not dataset.sequences:
        raise ValueError("there is nothing to report: no tracker has results of any sequence")
    kinds = {run.codes is not None for tracker in trackers for runs in tracker.runs for run in runs}
    if len(kinds) > 1:
        raise ValueError("supervised and other runs cannot be compared in one report")
    is_supervised = kinds == {True}
    attributes = find_attributes(dataset.sequences)
    if is_supervised:
        numbers = vot.measure(dataset, trackers, samples)
    else:
        numbers = ope.measure(dataset, trackers, convention)
    interval = functools.partial(
        bootstrap.interval,
        weights=numbers.weights,
        clusters=_find_clusters(dataset),
        samples=samples,
    )
    evaluations = [
        _evaluate(tracker, own, numbers, attributes, interval)
        for tracker, own in zip(trackers, numbers.trackers)
    ]
    key = numbers.measures[0].key
    order = sorted(
        range(len(trackers)),
        key=lambda i: (-np.nan_to_num(evaluations[i].totals[key], nan=-1), trackers[i].name),
    )
    evaluations = [evaluations[i] for i in order]
    compared = next(measure.key for measure in numbers.measures if measure.by_sequence)
    differences = {}
    for (a, first), (b, second) in itertools.combinations(enumerate(evaluations), 2):
        low, high = interval(first.values[compared] - second.values[compared])
        differences[a, b], differences[b, a] = (low, high), (-high, -low)
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
        differences=differences,
        eao_interval=numbers.eao_interval,
        is_supervised=is_supervised,
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
    times = measure_times(runs)
    if times.median is None or times.p95 is None or not times.tracking > 0:
        return None
    started = sum(int(np.isfinite(run.seconds).sum()) for run in runs) - times.frames
    decoded = sum(int(np.isfinite(run.decode_seconds).sum()) for run in runs)
    return Speed(
        frames=times.frames,
        fps=times.fps,
        median_ms=1e3 * times.median,
        p95_ms=1e3 * times.p95,
        initialization_ms=1e3 * times.initialization / started if started else math.nan,
        decoding_ms=1e3 * times.decoding / decoded if decoded else math.nan,
        warm_up=times.warm_up,
    )


def _evaluate(tracker, own, numbers, attributes, interval) -> TrackerEvaluation:
    keys = [measure.key for measure in numbers.measures if measure.by_sequence]

    def means(places: Sequence[int]) -> dict[str, float]:
        weights = numbers.weights[places]
        return {key: float(mean(own.values[key][places], weights)) for key in keys}

    return TrackerEvaluation(
        name=tracker.name,
        values=own.values,
        totals={**means(list(range(len(numbers.weights)))), **own.totals},
        intervals={**{key: interval(own.values[key]) for key in keys}, **own.intervals},
        attributes={one.code: means(list(one.members)) for one in attributes},
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
