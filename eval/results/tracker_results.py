"""Results of trackers, in memory and as trees of files: ours and those of other people.

`find_results` reads what `gradnet_tf.eval run` wrote, merges the folders of shards, and takes plain
trees in the layouts of the benchmarks as well (see `results_format`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Optional

import numpy as np

from gradnet_tf.eval.results import formats, store
from gradnet_tf.files import disk

_NAMED = 8  # Sequences that a message names.
_DEPTH = 4  # Folders below a given one in which results are looked for.


@dataclasses.dataclass(frozen=True, eq=False)
class SequenceResult:
    """What a tracker answered in one run over one sequence of n frames.

    Attributes:
        sequence: Its name.
        boxes: float64 [n, 4], (x, y, width, height), 0-based px. NaN where there is none: in
            supervised runs in every frame whose code is not TRACKED, in VOT's other runs in the
            first.
        seconds: float64 [n], time of `init` or `update` without decoding; NaN where the tracker was
            not called.
        decode_seconds: float64 [n], time of reading the image; NaN where it was not read.
        warm_up_seconds: Calls before the clock started: tracing and compiling.
        codes: int64 [n], `supervised.FrameCode`; None in runs that never start again.
        repetition: Number of the run, from 1.
        held: Places of the frames that could not be read, where the last box is repeated.
        notes: In words, what has to be said of it: times that cannot be used, frames held.
    """

    sequence: str
    boxes: np.ndarray
    seconds: np.ndarray
    decode_seconds: np.ndarray
    warm_up_seconds: float = 0.0
    codes: Optional[np.ndarray] = None
    repetition: int = 1
    held: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class TrackerResults:
    """All results of one tracker on one data set by one protocol.

    Attributes:
        dataset: Title of the data set, as its folder is called.
        tracker: Name of the tracker.
        protocol: "ope", "supervised" or "realtime".
        layout: One of `results_format.LAYOUTS`.
        provenance: Content of `provenance.json`; empty for a foreign tree.
        sources: For each sequence the folder (of the tracker; vot: of the experiment) that has it.
        failures: For each sequence that failed and was not finished since, what was recorded.
        codes: For each sequence the hash of the sources that made its results; "" where none was
            recorded. Empty for a foreign tree.
        stale: Sequences that were finished by other code than the provenance's, and are not kept.
    """

    dataset: str
    tracker: str
    protocol: str
    layout: str
    provenance: Mapping[str, Any]
    sources: Mapping[str, Path]
    failures: Mapping[str, str] = dataclasses.field(default_factory=dict)
    codes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stale: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sequences, sorted."""
        return tuple(sorted(self.sources))

    def is_mixed(self, sequences: Iterable[str]) -> bool:
        """Whether results of different code are among those of some sequences."""
        return len({self.codes[name] for name in sequences if name in self.codes}) > 1

    def describe_code(self, sequences: Iterable[str]) -> list[str]:
        """What has to be said of the code behind the results of some sequences, in words."""
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
        parts = [
            (", ".join(names) if len(names) <= _NAMED else f"{len(names)} sequences")
            + f" by {_code(code)}"
            for code, names in groups.items()
        ]
        return [f"{self.tracker} joins results of different code: {'; '.join(parts)}."]

    def mark(self, sequence: str) -> Optional[dict[str, Any]]:
        """What was recorded when a sequence was finished; None for a foreign tree."""
        return store.read_mark(self._root(sequence), sequence)

    def find_flaw(self, sequence: str) -> Optional[str]:
        """Which file was changed since `run` wrote it, in words; None if nothing tells of any."""
        mark = self.mark(sequence)
        return None if mark is None else store.find_changed_file(self._root(sequence), mark)

    def repetitions(self, sequence: str) -> int:
        """How often a sequence was run."""
        if self.layout == formats.OTB:
            return 1
        return len(_repetitions(self._root(sequence), sequence))

    def path(self, sequence: str, repetition: int = 1) -> Path:
        """The file of the boxes of one run.

        Raises:
            KeyError: If there is no such sequence.
        """
        return self._root(sequence) / formats.box_file(self.layout, sequence, repetition)

    def read(self, sequence: str, repetition: int = 1) -> SequenceResult:
        """Reads one run. Times that are not recorded are NaN.

        Raises:
            KeyError: If there is no such sequence.
            OSError: If a file cannot be read.
            ValueError: If a file is damaged; the message names it.
        """
        path = self.path(sequence, repetition)
        boxes, codes = formats.decode_boxes(path, self.layout, self._origin)
        if self.protocol == "ope":
            codes = None
        elif codes is not None:
            formats.check_codes(path, codes)
        seconds, flaw = self._read_seconds(sequence, repetition, len(boxes))
        decoding, warm_up, held = np.full(len(boxes), np.nan), 0.0, ()
        mark = self.mark(sequence)
        if mark is not None and len(mark.get("decode_seconds", ())) >= repetition:
            decoding = np.array(mark["decode_seconds"][repetition - 1], np.float64)
            warm_up = mark["warm_up_seconds"][repetition - 1]
        if mark is not None and mark.get("held"):
            held = tuple(mark["held"][repetition - 1])
        notes = [flaw] if flaw else []
        if held:
            places = ", ".join(map(str, held[:_NAMED])) + ", ..." * (len(held) > _NAMED)
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
        """Times of a run, NaN where they cannot be used; and why they cannot, in words.

        The boxes are the result, the times are beside them: what is wrong there takes nothing away.
        """
        unknown = np.full(count, np.nan)
        path = self._root(sequence) / formats.time_file(self.layout, sequence)
        if not path.exists():
            return unknown, None
        try:
            columns = formats.decode_times(path)
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
        return self.provenance.get("origin", 0 if self.layout == formats.VOT else 1)

    def _root(self, sequence: str) -> Path:
        if sequence not in self.sources:
            raise KeyError(f"{self.tracker} has no result of {sequence}")
        return self.sources[sequence]


def find_results(paths: Iterable[disk.PathLike]) -> list[TrackerResults]:
    """Finds results below some folders, and merges those of the same tracker.

    Args:
        paths: Outputs of `run`, or folders in them, or trees of others. A foreign tree is taken to
            be 1-based (vot: 0-based), and named by its folders: TITLE/TRACKER.

    Returns:
        Results, sorted by data set, tracker and protocol. Unfinished sequences are not among them.

    Raises:
        OSError: If there is no such folder.
        ValueError: If nothing is found below a path, or two results of the same name cannot be
            merged: they were made by different trackers, or differ on the same sequence.
    """
    found: dict[tuple[str, str, str], TrackerResults] = {}
    for path in map(Path, map(disk.local_path, paths)):
        if not path.is_dir():
            raise NotADirectoryError(f"{path} is no folder of results")
        here = list(_walk(path.resolve(), _DEPTH))
        if not here:
            raise ValueError(
                f"no results in {path}: expected what `gradnet_tf.eval run` writes, or folders "
                f"TITLE/TRACKER of text files as the benchmarks have them{_unreadable(path)}"
            )
        for results in here:
            key = (results.dataset, results.tracker, results.protocol)
            found[key] = _merge(found[key], results) if key in found else results
    return [found[key] for key in sorted(found)]


def _walk(path: Path, depth: int) -> Iterable[TrackerResults]:
    provenance = store.read_provenance(path)
    here = _open_own(path, provenance) if provenance is not None else _open_foreign(path)
    if here is not None:
        yield here
    elif depth:
        for child in sorted(path.iterdir()):
            if child.is_dir() and not child.name.startswith("."):
                yield from _walk(child, depth - 1)


def _open_own(root: Path, provenance: Mapping[str, Any]) -> TrackerResults:
    def names(folder, suffix):
        return sorted(p.stem for p in (root / folder).glob(f"*{suffix}") if p.name[0] != ".")

    done = names(store.DONE, ".json")
    marks = {name: store.read_mark(root, name) for name in done}
    read = {name: mark for name, mark in marks.items() if mark is not None}
    sources = {name: root for name, mark in read.items() if store.belongs(mark, provenance)}
    failures = {
        name: (root / store.FAILED / f"{name}.txt").read_text(errors="replace")
        for name in names(store.FAILED, ".txt")
        if name not in sources
    }
    return TrackerResults(
        dataset=provenance["dataset"]["title"],
        tracker=provenance["tracker"]["name"],
        protocol=provenance["protocol"]["name"],
        layout=provenance["layout"],
        provenance=provenance,
        sources=sources,
        failures=failures,
        codes={name: read[name]["identity"].get("code", "") for name in sources},
        stale=tuple(
            name
            for name in read
            if name not in sources
            and store.is_same_but_code(read[name]["identity"], provenance["identity"])
        ),
    )


def _open_foreign(root: Path) -> Optional[TrackerResults]:
    """Results in a layout of the benchmarks, without anything of ours beside them."""
    children = [child for child in root.iterdir() if not child.name.startswith(".")]
    tracker, layout, protocol = root, formats.OTB, "ope"
    texts = [c for c in children if c.suffix == ".txt" and not formats.seems_prose(c)]
    # What cannot be read is among them: whoever reads it is told why.
    names = [c.stem for c in texts] if any(map(formats.seems_boxes, texts)) else []
    if not names:
        layout = formats.GOT10K
        names = [c.name for c in children if c.is_dir() and _repetitions(root, c.name)]
        if root.name in formats.PROTOCOLS:
            tracker, layout = root.parent, formats.VOT
            protocol = formats.PROTOCOLS[root.name]
    if not names:
        return None
    return TrackerResults(
        dataset=tracker.parent.name,
        tracker=tracker.name,
        protocol=protocol,
        layout=layout,
        provenance={},
        sources={name: root for name in names},
    )


def _unreadable(path: Path) -> str:
    """What is wrong with the first text file below a folder, for a message; empty if none is."""
    for file in sorted(path.rglob("*.txt"))[:1]:
        try:
            formats.decode_boxes(file, formats.OTB, 1)
        except (OSError, ValueError) as error:
            return f"; {error}"
    return ""


def _repetitions(root: Path, name: str) -> list[Path]:
    pattern = re.compile(re.escape(name) + r"_[0-9]+\.txt")
    folder = root / name
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name)]


def _merge(first: TrackerResults, second: TrackerResults) -> TrackerResults:
    there, here = (one.provenance.get("identity", {}) for one in (first, second))
    if not store.is_same(there, here):
        what = "the same tracker and settings"
        if there and here and store.is_same_but_code(there, here):
            what = "the same code"
        raise ValueError(
            f"{_place(first)} and {_place(second)} are both called {first.tracker!r} "
            f"on {first.dataset}, but are not of {what} (see "
            f"{store.PROVENANCE}): report them apart, or give them other names"
        )
    for name in first.sources.keys() & second.sources.keys():
        if first.sources[name] != second.sources[name] and _content(first, name) != _content(
            second, name
        ):
            raise ValueError(
                f"{first.sources[name]} and {second.sources[name]} have different results of "
                f"{first.tracker!r} on {name}: give only one of them"
            )
    sources = {**second.sources, **first.sources}
    failures = {
        name: text
        for name, text in {**second.failures, **first.failures}.items()
        if name not in sources
    }
    return dataclasses.replace(
        first,
        sources=sources,
        failures=failures,
        codes={**second.codes, **first.codes},
        stale=tuple(name for name in {*first.stale, *second.stale} if name not in sources),
    )


def _code(digest: str) -> str:
    return f"the code {digest[:12]}" if digest else "code that was not recorded"


def _place(results: TrackerResults) -> str:
    return str(next(iter(results.sources.values()), results.tracker))


def _content(results: TrackerResults, name: str) -> bytes:
    root = results.sources[name]
    return (root / formats.box_file(results.layout, name)).read_bytes()
