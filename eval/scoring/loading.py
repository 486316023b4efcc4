"""Brings results on disk and a data set together: the sequences that every tracker finished."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Optional

from gradnet_tf.datasets import otb
from gradnet_tf.datasets.sequences import Dataset, part
from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.results.tracker_results import TrackerResults
from gradnet_tf.eval.running import start_frames
from gradnet_tf.eval.scoring.summary import TrackerRuns

MIXED = " (mixed code)"  # Behind a tracker's name, wherever results of different code are joined.


class Loaded(NamedTuple):
    """What can be compared."""

    dataset: Dataset  # With the sequences that every tracker has, cut as they were tracked.
    trackers: tuple[TrackerRuns, ...]
    notes: tuple[str, ...]  # In words what was left out, and why.


def choose(
    dataset: Dataset,
    results: Sequence[TrackerResults],
    names: Optional[Collection[str]] = None,
    protocol: Optional[str] = None,
) -> list[TrackerResults]:
    """Picks the results that belong to a data set.

    Args:
        dataset: The data set. Results in a folder of another title are passed over, unless nothing
            tells what they are of, the tracker has none in a folder of this title, and sequences
            are whole.
        results: All that were found.
        names: The trackers' names; None for all.
        protocol: The protocol; None for the only one there is, or the data set's own.

    Raises:
        ValueError: If none is left, or a name is unknown; the message lists what there is.
    """
    known = {sequence.name for sequence in dataset.sequences}
    if start_frames.is_split(dataset):
        known = set()  # Other numbers of starts have segments of the same names.
    own = [
        one
        for one in results
        if one.dataset == dataset.title
        or (not one.provenance and any(_canonical(name, known) for name in one.names))
    ]
    if not own:
        found = sorted({one.dataset for one in results})
        raise ValueError(f"no results of {dataset.title} among those of {', '.join(found)}")
    there = sorted({one.protocol for one in own})
    if protocol is None:
        protocol = there[0] if len(there) == 1 else dataset.protocol
    own = [one for one in own if one.protocol == protocol]
    titled = {one.tracker for one in own if one.dataset == dataset.title}
    own = [one for one in own if one.dataset == dataset.title or one.tracker not in titled]
    if not own:
        raise ValueError(f"no results of the protocol {protocol!r}; there are {', '.join(there)}")
    if names is not None:
        found = sorted(one.tracker for one in own)
        missing = sorted(set(names).difference(found))
        if missing:
            raise ValueError(f"no results of {', '.join(missing)}; there are {', '.join(found)}")
        own = [one for one in own if one.tracker in names]
    for name in sorted({one.tracker for one in own}):
        places = [one.dataset for one in own if one.tracker == name]
        if len(places) > 1:
            raise ValueError(
                f"more than one result is called {name}, in {' and in '.join(places)}: give one of "
                "these folders instead"
            )
    if dataset.layout == "otb":  # Foreign results count as the annotations do.
        own = [
            one if one.provenance else dataclasses.replace(one, origin=dataset.origin)
            for one in own
        ]
    return own


def load(dataset: Dataset, results: Sequence[TrackerResults]) -> Loaded:
    """Reads the results of the sequences that every tracker finished.

    A tracker without any result is left out, unless none has one.

    Raises:
        ValueError: If the truth is withheld, or no sequence is common to all trackers.
    """
    notes = [f"{name} is left out: {detail}" for name, detail in dataset.problems]
    notes += [f"passed over: {remark}" for remark in dataset.remarks]
    if not dataset.has_images:
        notes.append("There are no images: annotations alone are scored, and nothing is shown.")
    sequences = [sequence for sequence in dataset.sequences if not sequence.withheld]
    if not sequences:
        raise ValueError(
            f"the truth of {dataset.title} is withheld: send the results to the benchmark's server"
        )
    if len(sequences) < len(dataset.sequences):
        count = len(dataset.sequences) - len(sequences)
        notes.append(f"{count} sequences are left out, for their truth is withheld.")
    sequences, limit = _cut(sequences, results)
    if limit:
        notes.append(f"Only the first {limit} frames of each sequence were tracked.")
    sequences, tiger1_notes = _fit_tiger1(dataset, sequences, results)
    notes += tiger1_notes
    runs, reasons = _read_all(results, sequences, dataset.convention)
    empty = [one for one in results if all((one.tracker, s.name) in reasons for s in sequences)]
    if len(empty) < len(results):
        results = [one for one in results if one not in empty]
        notes += [_describe_empty(one, sequences, reasons) for one in empty]
    rule = dataset.rule
    if any(s.name == otb.TIGER1 and s.first_number > otb.TIGER1_SKIPPED for s in sequences):
        rule = rule.replace(otb.describe_tiger1(False), otb.describe_tiger1(True))
    common = []
    for sequence in sequences:
        keys = [(one.tracker, sequence.name) for one in results]
        missing = [key[0] + reasons[key] for key in keys if key in reasons]
        if missing:
            notes.append(f"{sequence.name} is left out, without results of {', '.join(missing)}.")
        else:
            common.append(sequence)
    if not common:
        raise ValueError(
            f"no sequence of {dataset.title} has results of every tracker "
            f"({', '.join(one.tracker for one in results)}); {notes[-1]}"
        )
    for one in results:
        flaws = [one.find_flaw(s.name) for s in common if s.name in one.sources]
        notes += [f"{flaw}, but counted as it is." for flaw in flaws if flaw]
        notes += one.describe_code([s.name for s in common])
        own = [run for s in common for run in runs[one.tracker, s.name]]
        notes += [f"{one.tracker}: {text}" for run in own for text in run.notes]
    trackers = tuple(
        TrackerRuns(
            one.tracker + (MIXED if one.is_mixed(s.name for s in common) else ""),
            [runs[one.tracker, s.name] for s in common],
            one.provenance,
        )
        for one in results
    )
    protocol = results[0].protocol
    kept = dataclasses.replace(dataset, rule=rule, sequences=tuple(common), protocol=protocol)
    return Loaded(kept, trackers, tuple(notes))


def _cut(
    sequences: list[TestSequence], results: Sequence[TrackerResults]
) -> tuple[list[TestSequence], Optional[int]]:
    limits: set[Any] = {(one.provenance.get("protocol") or {}).get("limit") for one in results}
    limits.discard(None)
    if not limits:
        return sequences, None
    if len(limits) > 1:
        raise ValueError(f"the trackers ran on different numbers of frames: {sorted(limits)}")
    (limit,) = limits
    return [part(sequence, end=limit) for sequence in sequences], limit


def _read_all(results, sequences, convention):
    """Reads all runs, by tracker and sequence; and says why others cannot be read."""
    runs: dict[tuple[str, str], list[SequenceResult]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for one in results:
        for sequence in sequences:
            key = one.tracker, sequence.name
            try:
                runs[key] = _read(one, sequence, convention)
            except (KeyError, OSError, ValueError) as error:
                reason = "" if isinstance(error, KeyError) else f" ({error})"
                if sequence.name in one.stale:
                    reason = " (it was tracked by other code)"
                reasons[key] = " (it failed)" if sequence.name in one.failures else reason
    return runs, reasons


def _read(results: TrackerResults, sequence: TestSequence, convention: str) -> list[SequenceResult]:
    """Reads all runs over a sequence; raises a KeyError, OSError or ValueError if it cannot."""
    name = _name_in(results, sequence.name)
    found = []
    for repetition in range(1, (results.repetitions(name) if name in results.sources else 1) + 1):
        run = results.read(name, repetition)
        if convention == "lasot":  # Its toolkit cuts the boxes of monkey-17.
            run = _take(run, slice(len(sequence.frames)))
        count = len(sequence.frames)
        if sequence.name == otb.TIGER1 and len(run.boxes) == count + otb.TIGER1_SKIPPED:
            run = _take(run, slice(otb.TIGER1_SKIPPED, None))
        if len(run.boxes) != count:
            path = results.path(name, repetition)
            raise ValueError(f"{path}: {len(run.boxes)} boxes for {count} frames")
        found.append(run)
    return found


def _name_in(results: TrackerResults, name: str) -> str:
    """Returns how results call a sequence: "Jogging.1", "Jogging_1" or "Jogging-1"."""
    if name in results.sources or results.provenance:
        return name
    return next((n for n in results.names if _canonical(n, {name})), name)


def _fit_tiger1(
    dataset: Dataset, sequences: list[TestSequence], results: Sequence[TrackerResults]
) -> tuple[list[TestSequence], list[str]]:
    """Counts OTB's Tiger1 from frame 6 on if a tracker began there, and says so."""
    place = next((i for i, s in enumerate(sequences) if s.name == otb.TIGER1), None)
    if place is None or not dataset.name.startswith("otb"):
        return sequences, []
    trackers: dict[int, list[str]] = {}  # By how many boxes they have.
    for one in results:
        with contextlib.suppress(KeyError, OSError, ValueError):
            count = len(one.read(_name_in(one, otb.TIGER1)).boxes)
            trackers.setdefault(count, []).append(one.tracker)
    cut, frames = otb.TIGER1_SKIPPED, len(sequences[place].frames)
    if frames - cut in trackers:
        text = f"{', '.join(trackers[frames - cut])} began {otb.TIGER1} at frame {cut + 1}"
        others = f"without the first {cut} boxes of the other trackers"
        where = others if frames in trackers else "from there on"
        fitted = [*sequences[:place], part(sequences[place], cut), *sequences[place + 1 :]]
        return fitted, [f"{text}: despite skip_tiger1=false it counts {where}."]
    if frames + cut in trackers:
        return sequences, [
            f"{', '.join(trackers[frames + cut])} began {otb.TIGER1} at frame 1, as the got10k "
            f"toolkit does: the first {cut} boxes are left out. --dataset_option=skip_tiger1=false "
            "counts them, if all trackers have them."
        ]
    return sequences, []


def _take(run: SequenceResult, kept: slice) -> SequenceResult:
    arrays = {name: getattr(run, name)[kept] for name in ("boxes", "seconds", "decode_seconds")}
    return dataclasses.replace(run, **arrays)


def _describe_empty(results: TrackerResults, sequences, reasons) -> str:
    told = [(s.name, reasons[results.tracker, s.name]) for s in sequences]
    flawed = [f"; {name}{reason}" for name, reason in told if reason]
    text = f"{results.tracker} is left out: it has no result of any sequence"
    others = f" and {len(flawed) - 1} more" if len(flawed) > 1 else ""
    return text + "".join(flawed[:1]) + others + "."


def _canonical(name: str, known: Collection[str]) -> bool:
    return name in known or otb.canonical(name) in known
