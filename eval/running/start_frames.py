"""Makes several segments of each sequence, from different frames to its end.

Temporal robustness evaluation (TRE; Wu et al., "Online Object Tracking: A Benchmark", CVPR 2013).

The numbers cannot be compared with published ones. The authors' toolkit (tracker_benchmark) takes
20 starts, the last one about 20 frames before the end (splitSeqTRE), and pools the frames of all
segments of a sequence (genPerfMat). Here the starts cut the frames with truth into equal parts, and
a segment is measured as any sequence is.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from gradnet_tf.boxes import checks
from gradnet_tf.datasets.sequences import Dataset, Sequence, part

_NAME = "+"
_UNIT = "segment"


def segments(dataset: Dataset, starts: int) -> Dataset:
    """Makes a data set of segments, each from a start to the end of its sequence.

    The first segment is the whole sequence. The starts are spread over the frames in which the
    target can be seen and its box is known; so no two are the same. With one start, the data set
    stays as it is; else its title ends in "-TRE5", so that results are kept apart from those of
    whole sequences. Segments are called after the number that the data set gives to their first
    frame, such as "Couple+029".

    Raises:
        ValueError: If `starts` is below 1, or a sequence has too few frames with truth.
    """
    if starts < 1:
        raise ValueError(f"each sequence needs at least 1 start, got {starts}")
    if starts == 1:
        return dataset
    parts = [_from(s, first) for s in dataset.sequences for first in _firsts(s, starts)]
    rule = f"TRE: each sequence from {starts} evenly spread frames to its end"
    return dataclasses.replace(
        dataset,
        title=f"{dataset.title}-TRE{starts}",
        sequences=tuple(parts),
        size=dataset.size * starts,
        unit=_UNIT,
        rule="; ".join(filter(None, (dataset.rule, rule))),
    )


def is_split(dataset: Dataset) -> bool:
    """Whether `segments` made a data set out of another."""
    return dataset.unit == _UNIT


def source(name: str) -> str:
    """Returns the name of the sequence of which a segment is called `name`."""
    return name.rpartition(_NAME)[0]


def _firsts(sequence: Sequence, starts: int) -> np.ndarray:
    """Returns where the segments of a sequence begin: int64 [starts], ascending, from 0."""
    if sequence.withheld:
        raise ValueError(
            f"{sequence.name} has only one start: the truth of its other frames is withheld"
        )
    usable = checks.is_known(sequence.boxes)
    if sequence.absent is not None:
        usable &= ~sequence.absent
    if sequence.cover is not None:
        usable &= sequence.cover > 0
    usable[0] = True  # Where the benchmark starts, whatever it says of the target.
    places = np.flatnonzero(usable)
    # One more, for the last segment has to have a frame to be measured.
    if len(places) <= starts:
        raise ValueError(
            f"{sequence.name} has {len(places)} frames with truth: {starts} starts need at least "
            f"{starts + 1}"
        )
    return places[len(places) * np.arange(starts) // starts]


def _from(sequence: Sequence, first: int) -> Sequence:
    digits = len(str(sequence.first_number + len(sequence.frames) - 1))
    segment = part(sequence, int(first))
    return dataclasses.replace(
        segment, name=f"{sequence.name}{_NAME}{segment.first_number:0{digits}d}"
    )
