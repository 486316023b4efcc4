"""Says in words how the numbers of a report were measured: rules, frames, intervals, machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradnet_tf.datasets import otb
from gradnet_tf.datasets.sequences import Dataset, shorten
from gradnet_tf.eval.running import start_frames
from gradnet_tf.eval.scoring.summary import Evaluation, TrackerEvaluation

_CONVENTIONS = {
    "otb": "OTB: success is IoU > t at 21 thresholds from 0 to 1, AUC their mean; precision is a "
    "centre error <= 20 px. The first frame counts, with its ground truth. Frames whose ground "
    "truth is invalid fail in success, but count as precise. Sequences count alike.",
    "pysot": "pysot: as OTB, but the first frame counts as the tracker gave it, and frames without "
    "the target count as misses.",
    "lasot": "LaSOT: success at 21 thresholds, precision at 20 px, normalized precision at 0.20. "
    "Frames in which the target is absent count as misses. Sequences count alike.",
    "got10k": "GOT-10k: AO and SR over all frames of all sequences but their first, without frames "
    "in which nothing of the target is seen; boxes are cut to the image.",
    "vot": "VOT without resets: mean overlap within the image, without the first 10 frames; "
    "sequences count by their length.",
    "reference": "GradNet's own code: precision is a centre error < 20 px, IoU is the mean; every "
    "frame counts as it is. Sequences count alike.",
}
_SUPERVISED = (
    "VOT supervised: the tracker starts again 5 frames after a failure (overlap 0); accuracy "
    "leaves out 10 frames after each start, robustness counts failures"
)


def describe_convention(evaluation: Evaluation) -> str:
    """Says by which rules results were counted."""
    if not evaluation.is_supervised:
        return _CONVENTIONS[evaluation.convention]
    if evaluation.eao_interval is None:
        return f"{_SUPERVISED}. {evaluation.title} has no EAO: no interval of lengths is defined."
    low, high = evaluation.eao_interval
    text = (
        f"{_SUPERVISED}, EAO is the mean expected overlap over sequence lengths of {low} to "
        f"{high} frames, the interval of the whole benchmark."
    )
    return f"{text} {describe_reach(evaluation)}".rstrip()


def describe_reach(evaluation: Evaluation) -> str:
    """Tells which trackers have no EAO, or one over a part of the interval; empty if none.

    The curve ends where no run goes on.
    """
    if evaluation.eao_interval is None:
        return ""
    low, high = evaluation.eao_interval
    reaches = {one.name: int(np.isfinite(one.curves["eao"]).sum()) for one in evaluation.trackers}
    short = {name: reach for name, reach in reaches.items() if reach < low}
    parts = []
    if short:
        parts.append(
            f"There is no EAO of {', '.join(short)}: it is a mean over lengths from {low} to "
            f"{high} frames, and no run goes on for more than {max(short.values())}."
        )
    for name, reach in reaches.items():
        if low <= reach < high:
            parts.append(
                f"The EAO of {name} is a mean over {low} to {reach} frames, not to {high}, for no "
                "run goes on longer."
            )
    return " ".join(parts)


def describe_coverage(dataset: Dataset) -> str:
    """Says how many sequences of how many there are, and which are missing."""
    missing = f" Nothing is there of {shorten(dataset.missing)}." if dataset.missing else ""
    return f"{dataset.coverage}.{missing}"


def describe_ranges(dataset: Dataset) -> str:
    """Says which frames of the sequences are tracked; OTB's Tiger1 is always named."""
    parts = [dataset.rule.rstrip(". ") + "."] if dataset.rule else []
    is_split = start_frames.is_split(dataset)
    cut = [
        f"{s.name} from frame {s.first_number}"
        for s in dataset.sequences
        if s.first_number != 1 and s.name != otb.TIGER1 and not is_split  # The names tell.
    ]
    if cut:
        parts.append(f"Sequences that do not begin at frame 1: {', '.join(cut)}.")
    if dataset.name.startswith("otb"):
        firsts = [
            s.first_number
            for s in dataset.sequences
            if (start_frames.source(s.name) or s.name) == otb.TIGER1
        ]
        if not firsts:
            parts.append("Tiger1 is not among the sequences.")
        elif firsts[0] > otb.TIGER1_SKIPPED:
            parts.append("Tiger1 begins at frame 6 (the official init_omit).")
        else:
            tiger1 = f"Tiger1 begins at frame {firsts[0]}"
            parts.append(f"{tiger1}: the official init_omit of 5 frames is not applied.")
    return " ".join(parts) or "All frames of all sequences."


def describe_intervals(dataset: Dataset, samples: int) -> str:
    """Says what the confidence intervals are."""
    text = f"95%, bootstrap over sequences, {samples} samples."
    if start_frames.is_split(dataset):
        text += " Runs over parts of the same sequence are drawn together."
    return text


def describe_machines(trackers: Sequence[TrackerEvaluation]) -> str:
    """Says on what hardware and software the trackers ran, as far as their provenance tells."""
    found: dict[str, list[str]] = {}
    for tracker in trackers:
        parts = [tracker.provenance.get(key) for key in ("hardware", "stack")]
        pairs = [pair for part in parts if isinstance(part, Mapping) for pair in flatten(part)]
        text = ", ".join(map(" ".join, pairs)) or "unknown"
        found.setdefault(text, []).append(tracker.name)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in found.items())


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Turns nested values into pairs of a name with dots and a text; empty ones are left out."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        elif value not in (None, "", [], ()):
            parts = value if isinstance(value, (list, tuple)) else [value]
            yield f"{prefix}{name}", ", ".join(map(str, parts))
