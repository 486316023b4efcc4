"""VOT's accuracy and robustness of supervised runs; `eao` has the expected average overlap.

In a supervised run the tracker starts again five frames after each failure, that is, after a frame
in which its box does not overlap the ground truth within the image. The toolkits measure such runs
in ways that differ a little; each function names the one it follows:

* vot: vot-toolkit (``vot/analysis/supervised.py``, the stacks VOT2013 to VOT2019).
* pysot: ``AccuracyRobustnessBenchmark``. Robustness is failures in 100 frames; that of GradNet's
  paper is on this scale.
* got10k: ``ExperimentVOT.report``, weighted by attributes.

Several runs over the same sequence are its repetitions. Every function raises a ValueError if there
are no runs, one is malformed, or the toolkit is unknown.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gradnet_tf.eval.metrics import regions

BURN_IN = 10  # frames from an initialisation on that accuracy leaves out
SENSITIVITY = 30.0  # of vot-toolkit's reliability

# The attributes by which got10k weighs, and besides them the frames that have none.
TAGS = ("camera_motion", "illum_change", "occlusion", "size_change", "motion_change")


class FrameCode(enum.IntEnum):
    """What happened in a frame of a supervised run."""

    TRACKED = 0
    INIT = 1
    FAILED = 2
    SKIPPED = 3


class Run(NamedTuple):
    """A supervised run over a sequence; functions take any tuple of this order."""

    sequence: str
    codes: np.ndarray  # int64 [n], `FrameCode`; the first is INIT.
    overlaps: np.ndarray  # float64 [n] of `overlaps`; only those of tracked frames count.
    tags: Mapping[str, np.ndarray] = {}  # Attributes, bool [n] each (got10k only).


def overlaps(
    boxes: np.ndarray,
    truth: np.ndarray,
    resolution: regions.Resolution,
    convention: str = "vot",
) -> np.ndarray:
    """Returns the overlap of each box with its truth inside the image, as a toolkit counts it.

    Args:
        boxes: [n, 4], (x, y, width, height); NaN where there is none.
        truth: [n, 4], or [n, 8], the corners of quadrilaterals.
        resolution: (width, height) of the image in px.
        convention: "vot" counts pixels, "got10k" is exact.

    Returns:
        float64 [n] of 0 to 1; NaN without a box or truth. Where it is 0, the tracker has failed.
    """
    if convention == "vot":
        return regions.vot_raster_overlap(boxes, truth, resolution)
    if convention == "got10k":
        return regions.polygon_overlap(boxes, truth, resolution)
    raise ValueError(f"{convention!r} is no overlap; there are vot, got10k")


def accuracy(runs: Sequence[Run], burn_in: int = BURN_IN, weighting: str = "vot") -> float:
    """Returns the mean overlap of tracked frames, without the first ones after an initialisation.

    Args:
        runs: The runs over all sequences.
        burn_in: Frames left out, the initialisation included; it goes on over failures.
        weighting: "vot": mean of each run, of its repetitions, then of the sequences by their
            lengths. "got10k": mean of each frame over its repetitions, of the frames of each
            attribute (`TAGS`, and no attribute), then by the attributes' numbers of frames.

    Returns:
        0 to 1, higher is better; a run or an attribute without a frame that counts has 0.
    """
    groups = group_runs(runs)
    if weighting == "vot":
        means = [np.mean([_mean(_left(run, burn_in)) for run in group]) for group in groups]
        return float(np.average(means, weights=sequence_lengths(groups)))
    if weighting == "got10k":
        values = np.concatenate([_frame_means(group, burn_in) for group in groups])
        masks, shares = _attributes(groups)
        return float(np.array([_mean(values[mask]) for mask in masks]) @ shares)
    raise ValueError(f"{weighting!r} is no weighting; there are vot, got10k")


def robustness(runs: Sequence[Run], kind: str = "vot") -> float:
    """Counts failures; lower is better.

    Args:
        runs: The runs over all sequences.
        kind: "vot": failures of a run, averaged over sequences by their lengths. "pysot": all
            failures in 100 frames of all. "got10k": failures in frames of each attribute, by the
            attributes' numbers of frames.
    """
    groups = group_runs(runs)
    if kind == "vot":
        return float(np.average(_failures(groups), weights=sequence_lengths(groups)))
    if kind == "pysot":
        return float(100 * _failures(groups).sum() / sequence_lengths(groups).sum())
    if kind == "got10k":
        values = [np.mean([run.codes == FrameCode.FAILED for run in group], 0) for group in groups]
        masks, shares = _attributes(groups)
        return float(np.array([np.concatenate(values)[mask].sum() for mask in masks]) @ shares)
    raise ValueError(f"{kind!r} is no robustness; there are vot, pysot, got10k")


def reliability(runs: Sequence[Run], sensitivity: float = SENSITIVITY) -> float:
    """Returns the probability of tracking on for `sensitivity` frames.

    It is exp(-sensitivity F / length), where F is vot-toolkit's robustness and length the mean
    length of the sequences; this is the abscissa of its AR plot.
    """
    length = sequence_lengths(group_runs(runs)).mean()
    return float(np.exp(-sensitivity * robustness(runs) / length))


def group_runs(runs: Sequence[Run]) -> list[list[Run]]:
    """Groups runs by sequence; raises a ValueError without any, or if one is malformed."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        name, codes, values, *tags = run
        codes, values = np.asarray(codes), np.asarray(values, np.float64)
        if codes.ndim != 1 or not len(codes) or codes.shape != values.shape:
            raise ValueError(
                f"{name}: codes {list(codes.shape)} and overlaps {list(values.shape)} must be "
                "[n], n > 0, both"
            )
        if codes[0] != FrameCode.INIT or not np.isin(codes, list(FrameCode)).all():
            raise ValueError(
                f"{name}: codes must start with {int(FrameCode.INIT)} and be of "
                f"{[int(code) for code in FrameCode]}, got {codes[:10].tolist()} ..."
            )
        group = groups.setdefault(name, [])
        if group and len(group[0].codes) != len(codes):
            raise ValueError(
                f"{name}: repetitions of {len(group[0].codes)} and {len(codes)} frames"
            )
        group.append(Run(name, codes, values, *tags))
    if not groups:
        raise ValueError("there are no runs to measure")
    return list(groups.values())


def sequence_lengths(groups: list[list[Run]]) -> np.ndarray:
    """Returns the number of frames of each sequence, int64 [s]."""
    return np.array([len(group[0].codes) for group in groups])


def _failures(groups):
    """Returns the mean number of failures of each sequence."""
    return np.array(
        [np.sum([run.codes == FrameCode.FAILED for run in group]) / len(group) for group in groups]
    )


def _left(run, burn_in):
    """Returns overlaps [n] of the frames that accuracy counts, NaN elsewhere."""
    counts = run.codes == FrameCode.TRACKED
    for start in np.flatnonzero(run.codes == FrameCode.INIT):
        counts[start : start + burn_in] = False
    return np.where(counts, run.overlaps, np.nan)


def _frame_means(group, burn_in):
    """Returns the mean overlap of each frame over its repetitions; NaN where none counts."""
    values = np.stack([_left(run, burn_in) for run in group])
    counts = (~np.isnan(values)).sum(axis=0)
    return np.where(counts, np.nansum(values, axis=0) / np.maximum(counts, 1), np.nan)


def _mean(values):
    """Returns the mean without NaN, 0 of nothing."""
    known = values[~np.isnan(values)]
    return known.mean() if len(known) else 0.0


def _attributes(groups):
    """Returns the frames of each attribute, bool [6, all frames], and the shares of frames [6]."""
    masks = []
    for group in groups:
        count = len(group[0].codes)
        tags = {tag: np.asarray(values, bool) for tag, values in group[0].tags.items()}
        none = np.zeros(count, bool)
        # "practical" is not an attribute of the picture, so got10k passes it over.
        some = [values for tag, values in tags.items() if "practical" not in tag]
        untagged = ~np.any([none, *some], axis=0)
        masks.append(np.stack([*(tags.get(tag, none) for tag in TAGS), untagged]))
    together = np.concatenate(masks, axis=1)
    return together, together.sum(axis=1) / together.sum()
