"""Brings results on disk and a data set together: the sequences that every tracker finished."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Optional

from gradnet_tf.eval import protocols, temporal
from gradnet_tf.eval.datasets import otb
from gradnet_tf.eval.report.evaluate import TrackerRuns
from gradnet_tf.eval.results import SequenceResult, TrackerResults
from gradnet_tf.eval.sequences import Dataset
from gradnet_tf.eval.sequences import Sequence as TestSequence


@dataclasses.dataclass(frozen=True, eq=False)
class Loaded:
    """What can be compared.

    Attributes:
      dataset: with the sequences that every tracker has, cut as they were tracked.
      trackers: their runs.
      notes: in words what was left out, and why.
    """

    dataset: Dataset
    trackers: tuple[TrackerRuns, ...]
    notes: tuple[str, ...]


def choose(
    dataset: Dataset,
    results: Sequence[TrackerResults],
    names: Optional[Collection[str]] = None,
    protocol: Optional[str] = None,
) -> list[TrackerResults]:
    """Picks the results that belong to a data set.

    Args:
      dataset: results of other ones are passed over, unless nothing tells what they are of, and
        the tracker has none in a folder of its title. Those of segments have to lie in such a one.
      results: as found.
      names: of trackers; None for all.
      protocol: None for the data set's own, or the only one there is.

    Raises:
      ValueError: none is left, or a name is unknown; the message lists what there is.
    """
    known = {sequence.name for sequence in dataset.sequences}
    if temporal.is_split(dataset):
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
        missing = sorted(set(names) - {one.tracker for one in own})
        if missing:
            raise ValueError(
                f"no results of {', '.join(missing)}; there are "
                f"{', '.join(sorted(one.tracker for one in own))}"
            )
        own = [one for one in own if one.tracker in names]
    for name in sorted({one.tracker for one in own}):
        places = [one.dataset for one in own if one.tracker == name]
        if len(places) > 1:
            raise ValueError(
                f"more than one result is called {name}, in {' and in '.join(places)}: give one of "
                "these folders instead"
            )
    return own


def load(dataset: Dataset, results: Sequence[TrackerResults]) -> Loaded:
    """Reads the results of the sequences that every tracker finished.

    A tracker without any result is left out, unless none has one.

    Raises:
      ValueError: the truth is withheld, or no sequence is common to all trackers.
    """
    notes = [f"{name} is left out: {detail}" for name, detail in dataset.problems]
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

    runs, reasons = _read_all(results, sequences, dataset.convention)
    empty = [one for one in results if all((one.tracker, s.name) in reasons for s in sequences)]
    if len(empty) < len(results):
        results = [one for one in results if one not in empty]
        notes += [f"{one.tracker} is left out: it has no result of any sequence." for one in empty]
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
    return Loaded(
        dataclasses.replace(dataset, sequences=tuple(common), protocol=results[0].protocol),
        tuple(
            TrackerRuns(one.tracker, [runs[one.tracker, s.name] for s in common], one.provenance)
            for one in results
        ),
        tuple(notes),
    )


def _cut(
    sequences: list[TestSequence], results: Sequence[TrackerResults]
) -> tuple[list[TestSequence], Optional[int]]:
    limits = {(one.provenance.get("protocol") or {}).get("limit") for one in results}
    limits.discard(None)
    if not limits:
        return sequences, None
    if len(limits) > 1:
        raise ValueError(f"the trackers ran on different numbers of frames: {sorted(limits)}")
    (limit,) = limits
    return [protocols.cut(sequence, limit) for sequence in sequences], limit


def _read_all(results, sequences, convention):
    """All runs by names of tracker and sequence; and why others cannot be read, in parentheses."""
    runs: dict[tuple[str, str], list[SequenceResult]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for one in results:
        for sequence in sequences:
            key = one.tracker, sequence.name
            try:
                runs[key] = _read(one, sequence, convention)
            except (KeyError, OSError, ValueError) as error:
                reason = "" if isinstance(error, KeyError) else f" ({error})"
                reasons[key] = " (it failed)" if sequence.name in one.failures else reason
    return runs, reasons


def _read(results: TrackerResults, sequence: TestSequence, convention: str) -> list[SequenceResult]:
    """All runs over a sequence.

    Raises:
      KeyError: there is none.
      OSError: a file cannot be read.
      ValueError: a file is damaged, or its length is not the sequence's.
    """
    name = sequence.name
    if name not in results.sources and not results.provenance:
        # Toolkits write "Jogging.1", "Jogging_1" or "Jogging-1".
        name = next((n for n in results.names if _canonical(n, {sequence.name})), name)
    found = []
    for repetition in range(1, (results.repetitions(name) if name in results.sources else 1) + 1):
        run = results.read(name, repetition)
        if convention == "lasot":  # Its toolkit cuts the boxes of monkey-17.
            run = _shorten(run, len(sequence.frames))
        if len(run.boxes) != len(sequence.frames):
            raise ValueError(f"{len(run.boxes)} boxes for {len(sequence.frames)} frames")
        found.append(run)
    return found


def _shorten(run: SequenceResult, count: int) -> SequenceResult:
    return dataclasses.replace(
        run,
        boxes=run.boxes[:count],
        seconds=run.seconds[:count],
        decode_seconds=run.decode_seconds[:count],
    )


def _canonical(name: str, known: Collection[str]) -> bool:
    return name in known or otb.canonical(name) in known
