r"""Compares results with numbers that were stored earlier, sequence by sequence.

    python -m gradnet_tf.eval verify --dataset=otb100 --root=OTB --results=OUTPUT --save=old.json
    python -m gradnet_tf.eval verify --dataset=otb100 --root=OTB --results=OUTPUT --against=old.json

Names the sequences whose numbers changed by more than --tolerance, or that are missing now; the
exit status is 1 if there is any, 2 if nothing could be compared. Speed is not compared.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
from absl import flags

from gradnet_tf import command_line
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.commands import listing
from gradnet_tf.eval.results import discovery
from gradnet_tf.eval.results.tracker_results import TrackerResults
from gradnet_tf.eval.running import start_frames
from gradnet_tf.eval.scoring import evaluate, loading
from gradnet_tf.files import disk

OK, CHANGED, BAD_ARGUMENTS = 0, 1, 2  # Exit statuses.
FORMAT = "gradnet_tf verify"
VERSION = 1
_DIGITS = 9

# Tracker: sequence: measure: number.
Numbers = Mapping[str, Mapping[str, Mapping[str, Any]]]
# Tracker: sequence: what changed, in words.
Changes = dict[str, dict[str, list[str]]]


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    listing.define_flags(values)
    listing.define_results_flags(values)
    flags.DEFINE_string("save", None, "Output: JSON file of the numbers.", **here)
    flags.DEFINE_string("against", None, "JSON file of an earlier --save.", **here)
    flags.DEFINE_float("tolerance", 0.001, "How far a measure (0 to 1) may be off.", 0, **here)


def compute(
    dataset: Dataset, results: Sequence[TrackerResults], convention: Optional[str] = None
) -> dict[str, Any]:
    """Returns the numbers of results as they are saved, JSON values.

    Each tracker has, by sequence, its measures and a hash of the boxes. The results are those of
    `loading.choose`, the convention is by default the data set's. Raises an OSError if a file
    cannot be read, a ValueError if there is nothing to measure.
    """
    convention = convention or dataset.convention
    trackers: dict[str, Any] = {}
    notes: list[str] = []
    for one in results:
        # Each tracker by itself: what another one lacks does not matter here.
        try:
            loaded = loading.load(dataset, [one])
        except ValueError as error:
            notes.append(f"{one.tracker} is left out: {error}")
            continue
        evaluation = evaluate.evaluate(loaded.dataset, loaded.trackers, convention, samples=1)
        notes += [f"{one.tracker}: {note}" for note in loaded.notes]
        (own,) = evaluation.trackers
        trackers[one.tracker] = {
            sequence.name: {
                **{m.key: _number(own.values[m.key][place]) for m in evaluation.by_sequence},
                "frames": len(sequence.frames),
                "boxes": _digest(own.boxes[place]),
            }
            for place, sequence in enumerate(evaluation.sequences)
        }
    if not trackers:
        raise ValueError("; ".join(notes) or "there are no results")
    return {
        "format": FORMAT,
        "version": VERSION,
        "dataset": dataset.title,
        "rule": dataset.rule,
        "sequences_of_benchmark": dataset.size or None,
        "convention": convention,
        "protocol": results[0].protocol,
        "trackers": trackers,
        "notes": notes,
    }


def load(path: disk.PathLike) -> dict[str, Any]:
    """Reads what `--save` wrote; raises an OSError, or a ValueError if it is something else."""
    try:
        content = json.loads(Path(disk.local_path(path)).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON file: {error}") from error
    kind = isinstance(content, dict) and (content.get("format"), content.get("version"))
    if kind != (FORMAT, VERSION):
        raise ValueError(f"{path} was not written by verify --save, or by that of another version")
    named = all(isinstance(content.get(key), str) for key in ("dataset", "convention", "protocol"))
    if not named or not _are_numbers(content.get("trackers")):
        raise ValueError(f"{path} is not as verify --save wrote it")
    return content


def compare(before: Numbers, now: Numbers, tolerance: float) -> Changes:
    """Finds what changed by more than a tolerance, in the order of `before`, with all its trackers.

    What only `now` has is no change; numbers of frames have to be equal.
    """
    changes: Changes = {}
    for tracker, sequences in before.items():
        changes[tracker] = {}
        for sequence, measures in sequences.items():
            there = now.get(tracker, {}).get(sequence)
            texts = ["no results now"]
            if there is not None:
                texts = [
                    _describe_change(measure, old, there.get(measure))
                    for measure, old in measures.items()
                    if measure != "boxes"
                    and _differs(old, there.get(measure), 0 if measure == "frames" else tolerance)
                ]
            if texts:
                changes[tracker][sequence] = texts
    return changes


def describe(changes: Changes, before: Numbers, now: Numbers) -> str:
    """Returns a text on what changed, and on what is as it was."""
    lines = []
    for tracker, changed in changes.items():
        sequences, there = before[tracker], now.get(tracker, {})
        lines.append(f"{tracker}: {len(changed)} of {len(sequences)} sequences changed")
        lines += [f"  {name}: {', '.join(parts)}" for name, parts in changed.items()]
        same = [name for name in sequences if name in there and name not in changed]
        moved = [n for n in same if there[n].get("boxes") != sequences[n].get("boxes")]
        added = [name for name in there if name not in sequences]
        lines += [f"  other boxes within the tolerance: {', '.join(moved)}"] * bool(moved)
        lines += [f"  new: {', '.join(added)}"] * bool(added)
    return "\n".join(lines)


def _differs(old: Optional[float], new: Optional[float], tolerance: float) -> bool:
    if old is None or new is None:
        return old is not new
    return abs(new - old) > tolerance + 10.0**-_DIGITS  # They were rounded when they were saved.


def _describe_change(measure: str, old: Optional[float], new: Optional[float]) -> str:
    texts = ["none" if n is None else f"{n:.4f}".rstrip("0").rstrip(".") or "0" for n in (old, new)]
    by = "" if old is None or new is None else f" ({new - old:+.4f})"
    return f"{measure} {texts[0]} -> {texts[1]}{by}"


def _run(values: flags.FlagValues) -> int:
    if bool(values.save) == bool(values.against):
        raise ValueError("give either --save=FILE or --against=FILE")
    if not values.results:
        raise ValueError("--results is missing: a folder that `run` wrote")
    old = load(values.against) if values.against else None
    if values.save:
        disk.check_target(values.save)
    dataset = listing.open_flagged(values, needs_images=False)
    found = discovery.find_results(values.results)
    names = values.trackers
    if old is not None and not names:
        there = {one.tracker for one in found}
        names = [name for name in old["trackers"] if name in there] or list(old["trackers"])
    protocol = values.protocol or (old["protocol"] if old else None)
    chosen = loading.choose(dataset, found, names, protocol)
    new = compute(dataset, chosen, values.convention or (old["convention"] if old else None))
    if old is None:
        text = json.dumps(new, indent=1, ensure_ascii=False) + "\n"
        disk.write_bytes(values.save, text.encode())
        of = f" of {new['sequences_of_benchmark']}" if new["sequences_of_benchmark"] else ""
        for tracker, rows in new["trackers"].items():
            print(f"{tracker}: {len(rows)}{of} sequences of {new['dataset']}")
        print(*(f"note: {note}" for note in new["notes"]), f"saved: {values.save}", sep="\n")
        return OK
    for key in ("dataset", "convention", "protocol"):
        if old[key] != new[key]:
            raise ValueError(
                f"{values.against} holds numbers of the {key} {old[key]!r}, not {new[key]!r}"
            )
    before = _select(old["trackers"], values, dataset)
    changes = compare(before, new["trackers"], values.tolerance)
    if old.get("rule") != new["rule"]:
        print(f"note: the rule for sequences was {old.get('rule')!r}, now it is {new['rule']!r}")
    for note in new["notes"]:
        print(f"note: {note}")
    print(describe(changes, before, new["trackers"]))
    return CHANGED if any(changes.values()) else OK


run = command_line.flags_alone(_run, status=BAD_ARGUMENTS)


def _select(numbers: Numbers, values: flags.FlagValues, dataset: Dataset) -> Numbers:
    """Returns the numbers of the trackers and sequences that the flags name."""
    if values.trackers:
        numbers = {name: rows for name, rows in numbers.items() if name in values.trackers}
        if not numbers:
            raise ValueError(f"{values.against} has no numbers of {', '.join(values.trackers)}")
    if not values.sequences:
        return numbers
    # Not the names as they were given: OTB's can be written in several ways.
    names = {sequence.name for sequence in dataset.sequences}
    names |= {problem.sequence for problem in dataset.problems}
    is_split = start_frames.is_split(dataset)
    return {
        tracker: {
            name: row
            for name, row in rows.items()
            if name in names or (is_split and start_frames.source(name) in names)
        }
        for tracker, rows in numbers.items()
    }


def _are_numbers(content: Any, depth: int = 3) -> bool:
    """Whether a JSON value has the form of `Numbers`, with a text for "boxes"."""
    if not isinstance(content, dict):
        return False
    if depth > 1:
        return all(_are_numbers(value, depth - 1) for value in content.values())
    return all(
        value is None or isinstance(value, str if key == "boxes" else (int, float))
        for key, value in content.items()
    )


def _number(value: float) -> Optional[float]:
    return round(float(value), _DIGITS) if math.isfinite(value) else None


def _digest(boxes: np.ndarray) -> str:
    # As many decimals as the files have; -0 and 0 are the same.
    text = (np.round(boxes, 4) + 0.0).astype("<f8").tobytes()
    return hashlib.sha256(text).hexdigest()
