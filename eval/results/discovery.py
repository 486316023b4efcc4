"""Finds results below folders: what `gradnet_tf.eval run` wrote, and trees of other people.

Folders of several shards of one run are merged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Optional

from gradnet_tf.eval.results import formats, marks
from gradnet_tf.eval.results.identity import is_same, is_same_but_code
from gradnet_tf.eval.results.tracker_results import TrackerResults, find_repetitions
from gradnet_tf.files import disk

_DEPTH = 4  # Folders below a given one in which results are looked for.


def find_results(paths: Iterable[disk.PathLike]) -> list[TrackerResults]:
    """Finds results below some folders, and merges those of the same tracker.

    `paths` are outputs of `run`, folders in them, or trees of others in one of the layouts of
    `formats`, called TITLE/TRACKER, which count from 1 (vot: from 0). Results are sorted by data
    set, tracker and protocol.

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
    provenance = marks.read_provenance(path)
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

    done = {name: marks.read_mark(root, name) for name in names(marks.DONE, ".json")}
    read = {name: mark for name, mark in done.items() if mark is not None}
    sources = {name: root for name, mark in read.items() if marks.belongs(mark, provenance)}
    failures = {
        name: (root / marks.FAILED / f"{name}.txt").read_text(errors="replace")
        for name in names(marks.FAILED, ".txt")
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
            and is_same_but_code(read[name]["identity"], provenance["identity"])
        ),
    )


def _open_foreign(root: Path) -> Optional[TrackerResults]:
    """Opens results that have nothing of ours beside them."""
    children = [child for child in root.iterdir() if not child.name.startswith(".")]
    tracker, layout, protocol = root, formats.OTB, "ope"
    texts = [c for c in children if c.suffix == ".txt" and not formats.seems_prose(c)]
    # What cannot be read is among them: whoever reads it is told why.
    names = [c.stem for c in texts] if any(map(formats.seems_boxes, texts)) else []
    if not names:
        layout = formats.GOT10K
        names = [c.name for c in children if c.is_dir() and find_repetitions(root, c.name)]
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
    """Says what is wrong with the first text file below a folder; empty if nothing is."""
    for file in sorted(path.rglob("*.txt"))[:1]:
        try:
            formats.decode_boxes(file, formats.OTB, 1)
        except (OSError, ValueError) as error:
            return f"; {error}"
    return ""


def _merge(first: TrackerResults, second: TrackerResults) -> TrackerResults:
    there, here = (one.provenance.get("identity", {}) for one in (first, second))
    if not is_same(there, here):
        what = "the same tracker and settings"
        if there and here and is_same_but_code(there, here):
            what = "the same code"
        raise ValueError(
            f"{_place(first)} and {_place(second)} are both called {first.tracker!r} "
            f"on {first.dataset}, but are not of {what} (see "
            f"{marks.PROVENANCE}): report them apart, or give them other names"
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


def _place(results: TrackerResults) -> str:
    return str(next(iter(results.sources.values()), results.tracker))


def _content(results: TrackerResults, name: str) -> bytes:
    root = results.sources[name]
    return (root / formats.box_file(results.layout, name)).read_bytes()
