"""The results of a tracker on disk: ours, and those in the layouts of the benchmarks."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Optional

import numpy as np

from gradnet_tf.datasets.sequences import shorten
from gradnet_tf.eval.results import formats, marks
from gradnet_tf.eval.results.sequence_result import SequenceResult

_NAMED = 8  # Sequences that a message names.


@dataclasses.dataclass(frozen=True)
class TrackerResults:
    """All results of one tracker on one data set by one protocol."""

    dataset: str  # Title of the data set, as its folder is called.
    tracker: str  # Name of the tracker.
    protocol: str  # "ope", "supervised" or "realtime".
    layout: str  # One of `formats.LAYOUTS`.
    provenance: Mapping[str, Any]  # Content of `provenance.json`; empty for a foreign tree.
    sources: Mapping[str, Path]  # By sequence its folder (of the tracker; vot: of the experiment).
    # By sequence that failed and was not finished since, what was recorded.
    failures: Mapping[str, str] = dataclasses.field(default_factory=dict)
    # By sequence the hash of the sources that made its results; "" where none was recorded. Empty
    # for a foreign tree.
    codes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stale: tuple[str, ...] = ()  # Sequences finished by other code, which is not kept.
    origin: Optional[int] = None  # Number of the first px in the files of a foreign tree, if known.

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sequences, sorted."""
        return tuple(sorted(self.sources))

    def is_mixed(self, sequences: Iterable[str]) -> bool:
        """Whether results of different code are among those of some sequences."""
        return len({self.codes[name] for name in sequences if name in self.codes}) > 1

    def describe_code(self, sequences: Iterable[str]) -> list[str]:
        """Says what has to be said of the code behind the results of some sequences, in words."""
        groups: dict[str, list[str]] = {}
        for name in sequences:
            if name in self.codes:
                groups.setdefault(self.codes[name], []).append(name)
        if set(groups) == {""}:
            return [
                f"{self.tracker}: the code that made its results was not recorded; whether it was "
                "the same for all of them is not known."
            ]
        if len(groups) < 2:
            return []
        parts = []
        for code, names in groups.items():
            who = ", ".join(names) if len(names) <= _NAMED else f"{len(names)} sequences"
            what = f"the code {code[:12]}" if code else "code that was not recorded"
            parts.append(f"{who} by {what}")
        return [f"{self.tracker} joins results of different code: {'; '.join(parts)}."]

    def mark(self, sequence: str) -> Optional[dict[str, Any]]:
        """Reads what was recorded when a sequence was finished; None for a foreign tree."""
        return marks.read_mark(self._root(sequence), sequence)

    def find_flaw(self, sequence: str) -> Optional[str]:
        """Says which file was changed since `run` wrote it; None if nothing tells of any."""
        mark = self.mark(sequence)
        return None if mark is None else marks.find_changed_file(self._root(sequence), mark)

    def repetitions(self, sequence: str) -> int:
        """Counts the runs of a sequence."""
        if self.layout == formats.OTB:
            return 1
        return len(find_repetitions(self._root(sequence), sequence))

    def path(self, sequence: str, repetition: int = 1) -> Path:
        """Returns the file of the boxes of one run; raises a KeyError without such a sequence."""
        path = self._root(sequence) / formats.box_file(self.layout, sequence, repetition)
        binary = path.with_suffix(".bin")
        return binary if self.layout == formats.VOT and not path.exists() else path

    def read(self, sequence: str, repetition: int = 1) -> SequenceResult:
        """Reads one run. Times that are not recorded are NaN.

        Raises a KeyError if there is no such sequence, an OSError if a file cannot be read, and a
        ValueError that names the file if it is damaged.
        """
        path = self.path(sequence, repetition)
        notes: list[str] = []
        regions = formats.decode_regions(path) if self.layout == formats.VOT else None
        if regions is None:
            boxes, codes = formats.decode_boxes(path, self.layout, self._origin)
        else:
            boxes, codes, shapes = regions
            if shapes:
                notes.append(
                    f"{shapes} polygons or masks of {sequence} are measured by the boxes around "
                    "them."
                )
        if self.protocol == "ope":
            codes = None
        elif codes is not None:
            formats.check_codes(path, codes)
        seconds, flaw = self._read_seconds(sequence, repetition, len(boxes))
        decoding, warm_up, held = np.full(len(boxes), np.nan), 0.0, ()
        mark = self.mark(sequence) or {}
        if len(mark.get("decode_seconds", ())) >= repetition:
            decoding = np.array(mark["decode_seconds"][repetition - 1], np.float64)
            warm_up = mark["warm_up_seconds"][repetition - 1]
        if mark.get("held"):
            held = tuple(mark["held"][repetition - 1])
        notes += [flaw] if flaw else []
        if held:
            places = shorten(list(map(str, held)), _NAMED)
            notes.append(
                f"{len(held)} of {len(boxes)} frames of {sequence} could not be read, and have the "
                f"box before them: {places} (counted from 0)."
            )
        return SequenceResult(
            *(sequence, boxes, seconds, decoding, warm_up, codes, repetition),
            held=held,
            notes=tuple(notes),
        )

    def _read_seconds(
        self, sequence: str, repetition: int, count: int
    ) -> tuple[np.ndarray, Optional[str]]:
        """Returns times of a run, NaN where they cannot be used; and why they cannot, in words.

        The boxes are the result, the times are beside them: what is wrong there takes nothing away.
        """
        unknown = np.full(count, np.nan)
        path = self._root(sequence) / formats.time_file(self.layout, sequence)
        toolkit = self._root(sequence) / sequence / f"{sequence}_{repetition:03d}_time.value"
        try:
            if path.exists():
                columns = formats.decode_times(path)
            elif self.layout == formats.VOT and toolkit.exists():
                path = toolkit
                columns = np.tile(formats.decode_values(path)[:, np.newaxis], repetition)
            else:
                return unknown, None
        except (OSError, ValueError) as error:
            return unknown, f"The times of {sequence} are left out: {error}."
        if len(columns) == count and columns.shape[1] >= repetition:
            return columns[:, repetition - 1], None
        return unknown, (
            f"The times of {sequence} are left out: {path} has {len(columns)} lines of "
            f"{columns.shape[1]} for {count} boxes of repetition {repetition}."
        )

    @property
    def _origin(self) -> int:
        usual = 0 if self.layout == formats.VOT else 1
        return self.provenance.get("origin", usual if self.origin is None else self.origin)

    def _root(self, sequence: str) -> Path:
        if sequence not in self.sources:
            raise KeyError(f"{self.tracker} has no result of {sequence}")
        return self.sources[sequence]


def find_repetitions(root: Path, name: str) -> list[Path]:
    """Finds the files of the runs of a sequence in a folder of its own."""
    pattern = re.compile(re.escape(name) + r"_[0-9]{3}\.(txt|bin)")
    found = {path.stem: path for path in (root / name).iterdir() if pattern.fullmatch(path.name)}
    return list(found.values())
