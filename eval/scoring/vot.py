"""The numbers of supervised runs, as VOT's toolkit has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradnet_tf.datasets.sequences import Dataset, frame_size
from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.eval.metrics import eao, regions, supervised
from gradnet_tf.eval.scoring.ope import Numbers, TrackerNumbers
from gradnet_tf.eval.scoring.summary import Measure, TrackerRuns

MEASURES = (
    Measure("eao", "EAO", "Expected average overlap", by_sequence=False),
    Measure("accuracy", "A", "Accuracy"),
    Measure("failures", "R (failures)", "Failures in a sequence", low=True, bounded=False),
    Measure("failures_100", "R (of 100)", "Failures in 100 frames", low=True, bounded=False),
)


def measure(dataset: Dataset, trackers: Sequence[TrackerRuns], samples: int) -> Numbers:
    """Measures all runs, which have codes; several runs of a sequence are its repetitions.

    Raises a ValueError if codes or boxes do not fit a sequence.
    """
    # VOT2013 and VOT2014 rank by accuracy and robustness: they have no EAO.
    interval = eao.EAO_INTERVALS.get(dataset.name)
    sizes = [frame_size(sequence) for sequence in dataset.sequences]
    weights = np.array([float(len(sequence.frames)) for sequence in dataset.sequences])
    found = []
    for tracker in trackers:
        groups = [
            [_run(sequence, run.codes, run.boxes, size) for run in runs]
            for sequence, runs, size in zip(dataset.sequences, tracker.runs, sizes)
        ]
        values = {
            "accuracy": np.array([supervised.accuracy(group) for group in groups]),
            "failures": np.array([supervised.robustness(group) for group in groups]),
            "failures_100": np.array([supervised.robustness(group, "pysot") for group in groups]),
        }
        numbers = TrackerNumbers(values, {}, [group[0].overlaps for group in groups])
        if interval:
            runs = [run for group in groups for run in group]
            curve = eao.eao_curve(runs)[1:]
            beyond = int(max(weights)) - 1 - len(curve)
            numbers = numbers._replace(
                curves={"eao": np.pad(curve, (0, beyond), constant_values=np.nan)},
                totals={"eao": eao.eao(runs, interval)},
                intervals={"eao": eao.eao_interval(runs, interval, samples)},
            )
        found.append(numbers)
    return Numbers(MEASURES if interval else MEASURES[1:], (), weights, found, interval)


def _run(sequence: TestSequence, codes, boxes, size) -> supervised.Run:
    truth = sequence.boxes if sequence.regions is None else sequence.regions
    return supervised.Run(sequence.name, codes, regions.vot_raster_overlap(boxes, truth, size))
