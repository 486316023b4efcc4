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
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np
from absl import flags

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.commands import listing
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.eval.results import tracker_results as results_files
from gradnet_tf.eval.running import protocols, start_frames
from gradnet_tf.files import disk

OK, CHANGED, BAD_ARGUMENTS = 0, 1, 2  # Exit statuses.
FORMAT = "gradnet_tf verify"
VERSION = 1
_DIGITS = 9

# Tracker: sequence: measure: number.
Numbers = Mapping[str, Mapping[str, Mapping[str, Any]]]


class Change(NamedTuple):
    """A number that is not what it was.

    Attributes:
        tracker: Its name.
        sequence: Its name.
        measure: Which number; "results" where all of the sequence's are missing now.
        before: None where there was none.
        now: None where there is none.
    """

    tracker: str
    sequence: str
    measure: str
    before: Optional[float]
    now: Optional[float]


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    listing.define_flags(values)
    flags.DEFINE_multi_string("results", None, "Folder of results; repeatable.", **here)
    flags.DEFINE_list("trackers", None, "Trackers to verify, instead of all.", **here)
    flags.DEFINE_enum("protocol", None, protocols.PROTOCOLS, "Which runs, as for report.", **here)
    flags.DEFINE_enum("convention", None, ope_metrics.CONVENTIONS, "Rules of counting.", **here)
    flags.DEFINE_string("save", None, "Output: JSON file of the numbers.", **here)
    flags.DEFINE_string("against", None, "JSON file of an earlier --save.", **here)
    flags.DEFINE_float("tolerance", 0.001, "How far a measure (0 to 1) may be off.", 0, **here)
    flags.DEFINE_list("tolerances", [], "measure=value, for single measures.", **here)


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Saves or compares as the flags say.

    Args:
        values: Parsed flags of `define_flags`.
        arguments: What stood on the command line besides flags; anything is an error.

    Returns:
        The exit status: 0; 1 if a sequence changed; 2 after one line "error: ..." on stderr.
    """
    try:
        return _run(values, arguments)
    except (OSError, ValueError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return BAD_ARGUMENTS


def compute(
    dataset: Dataset,
    results: Sequence[results_files.TrackerResults],
    convention: Optional[str] = None,
) -> dict[str, Any]:
    """The numbers of results, as they are saved.

    Args:
        dataset: The sequences.
        results: Of `report.loading.choose`.
        convention: By default the data set's.

    Returns:
        JSON values: for each tracker and sequence its measures and a hash of the boxes.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If there is nothing to measure.
    """
    from gradnet_tf.eval.scoring import evaluate, loading

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
        own = evaluation.trackers[0]
        trackers[one.tracker] = {
            sequence.name: {
                **{
                    measure.key: _number(own.values[measure.key][place])
                    for measure in evaluation.by_sequence
                },
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
    """Reads what `--save` wrote.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is something else.
    """
    try:
        content = json.loads(Path(disk.local_path(path)).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON file: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path} was not written by verify --save")
    if content.get("version") != VERSION:
        raise ValueError(
            f"{path} has version {content.get('version')!r}; this package reads {VERSION}"
        )
    named = all(isinstance(content.get(key), str) for key in ("dataset", "convention", "protocol"))
    if not named or not _are_numbers(content.get("trackers")):
        raise ValueError(f"{path} is not as verify --save wrote it")
    return content


def compare(
    before: Numbers,
    now: Numbers,
    tolerance: float,
    tolerances: Optional[Mapping[str, float]] = None,
) -> list[Change]:
    """Finds what changed by more than a tolerance.

    Args:
        before: Numbers by tracker, sequence and measure. What only `now` has is no change.
        now: Likewise.
        tolerance: How far apart numbers may lie; frames have to be equal.
        tolerances: For single measures.

    Returns:
        Changes, in the order of `before`.
    """
    tolerances = {"frames": 0.0, **(tolerances or {})}
    changes = []
    for tracker, sequences in before.items():
        for sequence, measures in sequences.items():
            there = now.get(tracker, {}).get(sequence)
            if there is None:
                changes.append(Change(tracker, sequence, "results", None, None))
                continue
            for measure, old in measures.items():
                new = there.get(measure)
                if measure == "boxes" or old is new is None:
                    continue
                # Numbers were rounded when they were saved.
                limit = tolerances.get(measure, tolerance) + 10.0**-_DIGITS
                if old is None or new is None or abs(new - old) > limit:
                    changes.append(Change(tracker, sequence, measure, old, new))
    return changes


def describe(changes: Sequence[Change], before: Numbers, now: Numbers) -> str:
    """Text on what changed, and on what is as it was."""
    lines = []
    for tracker, sequences in before.items():
        own = [change for change in changes if change.tracker == tracker]
        changed = list(dict.fromkeys(change.sequence for change in own))
        lines.append(f"{tracker}: {len(changed)} of {len(sequences)} sequences changed")
        for name in changed:
            parts = []
            for change in own:
                if change.sequence != name:
                    continue
                if change.measure == "results":
                    parts.append("no results now")
                    continue
                difference = ""
                if change.before is not None and change.now is not None:
                    difference = f" ({change.now - change.before:+.4f})"
                parts.append(
                    f"{change.measure} {_text(change.before)} -> {_text(change.now)}{difference}"
                )
            lines.append(f"  {name}: {', '.join(parts)}")
        there = now.get(tracker, {})
        moved = [
            name
            for name, measures in sequences.items()
            if name in there
            and name not in changed
            and there[name].get("boxes") != measures.get("boxes")
        ]
        if moved:
            lines.append(f"  other boxes within the tolerance: {', '.join(moved)}")
        added = [name for name in there if name not in sequences]
        if added:
            lines.append(f"  new: {', '.join(added)}")
    return "\n".join(lines)


def _run(values: flags.FlagValues, arguments: Sequence[str]) -> int:
    from gradnet_tf.eval.scoring import loading

    if bool(values.save) == bool(values.against):
        raise ValueError("give either --save=FILE or --against=FILE")
    if not values.results:
        raise ValueError("--results is missing: a folder that `run` wrote")
    tolerances = dict(map(_parse_tolerance, values.tolerances))
    old = load(values.against) if values.against else None
    if values.save:
        disk.check_target(values.save)
    dataset = listing.open_flagged(values, arguments, needs_images=False)
    names = values.trackers or (list(old["trackers"]) if old else None)
    found = results_files.find_results(values.results)
    if old is not None and not values.trackers:
        there = {one.tracker for one in found}
        names = [name for name in names if name in there] or names
    convention = values.convention or (old["convention"] if old else None)
    chosen = loading.choose(dataset, found, names, values.protocol or (old or {}).get("protocol"))
    new = compute(dataset, chosen, convention)
    if old is None:
        text = json.dumps(new, indent=1, ensure_ascii=False) + "\n"
        disk.write_bytes(values.save, text.encode())
        for line in _describe_saved(new):
            print(line)
        print(f"saved: {values.save}")
        return OK
    for key in ("dataset", "convention", "protocol"):
        if old[key] != new[key]:
            raise ValueError(
                f"{values.against} holds numbers of the {key} {old[key]!r}, not {new[key]!r}"
            )
    before = old["trackers"]
    if values.trackers:
        before = {name: rows for name, rows in before.items() if name in values.trackers}
        if not before:
            raise ValueError(f"{values.against} has no numbers of {', '.join(values.trackers)}")
    if values.sequences:
        # Not the names as they were given: OTB's can be written in several ways.
        names = {sequence.name for sequence in dataset.sequences}
        names |= {problem.sequence for problem in dataset.problems}
        is_split = start_frames.is_split(dataset)
        before = {
            tracker: {
                name: row
                for name, row in rows.items()
                if name in names or (is_split and start_frames.source(name) in names)
            }
            for tracker, rows in before.items()
        }
    changes = compare(before, new["trackers"], values.tolerance, tolerances)
    if old.get("rule") != new["rule"]:
        print(f"note: the rule for sequences was {old.get('rule')!r}, now it is {new['rule']!r}")
    for note in new["notes"]:
        print(f"note: {note}")
    print(describe(changes, before, new["trackers"]))
    return CHANGED if changes else OK


def _describe_saved(content: Mapping[str, Any]) -> Iterator[str]:
    size = content["sequences_of_benchmark"]
    of = f" of {size}" if size else ""
    for tracker, rows in content["trackers"].items():
        yield f"{tracker}: {len(rows)}{of} sequences of {content['dataset']}"
    for note in content["notes"]:
        yield f"note: {note}"


def _parse_tolerance(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not name or not value >= 0:
        raise ValueError(f"--tolerances: {text!r} is not measure=number")
    return name, value


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


def _text(value: Optional[float]) -> str:
    return "none" if value is None else f"{value:.4f}".rstrip("0").rstrip(".") or "0"
