"""The results of one tracker on disk while they are made: finished sequences, failed ones.

Within the folder of a tracker (vot: of an experiment) there are

* files of boxes and times, see `formats`;
* `.done/NAME.json`, which is written last, and `provenance.json`, see `marks`;
* `.failed/NAME.txt`, the traceback of a sequence that failed;
* `.locks/NAME.lock`, while a process tracks a sequence.

Files are whole or not there. Only times, the marks and `provenance.json` tell one run from
another: everything else follows from the identity and the data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import glob
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Optional

import numpy as np
from absl import logging

from gradnet_tf.eval.results import formats, marks
from gradnet_tf.eval.results.identity import (
    describe_code,
    describe_differences,
    is_same,
    is_same_but_code,
)
from gradnet_tf.eval.results.marks import DONE, FAILED, FORMAT, FORMAT_VERSION, KEPT, PROVENANCE
from gradnet_tf.eval.results.sequence_result import SequenceResult, measure_times
from gradnet_tf.files import disk, locks

_LOCKS = ".locks"
_ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Store:
    """Where the results of one tracker by one protocol go."""

    root: Path  # Folder of the tracker (vot: of the experiment).
    layout: str  # One of `formats.LAYOUTS`.
    origin: int  # The number of the first pixel in the files.
    identity: Mapping[str, Any]  # JSON values: everything but the data that the boxes depend on.
    # Hashes of the sources by module, to tell what differs from other code.
    modules: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def check_conflicts(
        self, names: Collection[str], *, force: bool = False, keep_other_code: bool = False
    ) -> dict[str, str]:
        """Makes sure that what is in the folder and what is to come belong together.

        Args:
            names: Sequences that are to be tracked, by this process or by others.
            force: Whether results of `names` may be replaced.
            keep_other_code: Whether results of other code may stay beside those to come.

        Returns:
            For each sequence of which results of other code stay for now, how that differs.

        Raises:
            ValueError: If the folder holds results of another identity (of other code: on
                sequences that are not among `names`), or files that this package did not write.
        """
        other_code: dict[str, str] = {}
        if not self.root.is_dir():
            return other_code
        if not (self.root / PROVENANCE).exists() and not force:
            foreign = sorted(p.name for p in self.root.iterdir() if not p.name.startswith("."))
            if foreign:
                raise ValueError(
                    f"{self.root} holds files of another origin ({', '.join(foreign[:3])}): give "
                    "another output or another name to the tracker, or --force to replace them"
                )
        for path in sorted((self.root / DONE).glob("*.json")):
            if force and path.stem in names:
                continue
            mark = marks.read_mark(self.root, path.stem) or {}
            there = mark.get("identity")
            if there is None or is_same(there, self.identity):
                continue
            if is_same_but_code(there, self.identity):
                other_code[path.stem] = describe_code(mark, self.identity, self.modules)
                if path.stem in names or keep_other_code:
                    continue
                differences = other_code[path.stem]
                more = ", run those sequences as well, or keep them by --keep_other_code"
            else:
                differences = describe_differences(there, self.identity)
                more = ", or --force to replace them" if path.stem in names else ""
            raise ValueError(
                f"{self.root} holds results of something else, {path.stem} for one: "
                f"{differences}; give another output or another name to the tracker{more}"
            )
        return other_code

    def check_owner(self) -> None:
        """Raises an OSError if another run has taken over the folder meanwhile."""
        there = marks.read_provenance(self.root)
        if there is not None and not marks.belongs({"identity": self.identity}, there):
            raise OSError(
                f"another run has begun to write to {self.root}: "
                f"{describe_differences(there.get('identity', {}), self.identity)}; this one ends"
            )

    def write_provenance(
        self, provenance: Mapping[str, Any], *, keep_other_code: bool = False
    ) -> None:
        """Writes `provenance.json`, unless there is one of this identity; or raises an OSError.

        The identity and what tells the format are added to `provenance`, which is JSON values. If
        results of other code stay, it is that of the first of them. If the results go on in batches
        of another size, `hardware.batch` lists both: the times of frames mean another thing then.
        """
        there = marks.read_provenance(self.root)
        same = is_same_but_code if keep_other_code else is_same
        if there is not None and same(there.get("identity", {}), self.identity):
            if there.get("stack") != provenance.get("stack"):
                logging.warning(
                    "%s was begun on another stack (%s) and goes on with %s: numbers may differ",
                    *(self.root, there.get("stack"), provenance.get("stack")),
                )
            batches = sorted(_batches(there) | _batches(provenance))
            if batches != sorted(_batches(there)) or there.get(KEPT, False) != keep_other_code:
                there["hardware"] = {**there.get("hardware", {}), "batch": batches}
                there[KEPT] = keep_other_code
                _write(self.root / PROVENANCE, marks.encode(there, indent=1))
            return
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "layout": self.layout,
            "origin": self.origin,
            "identity": dict(self.identity),
            **({KEPT: True} if keep_other_code else {}),
            **provenance,
        }
        disk.remove_temporaries(self.root / PROVENANCE)
        _write(self.root / PROVENANCE, marks.encode(content, indent=1))

    def locked(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Keeps a sequence to this process during the block; raises InUseError if it is taken."""
        folder = self.root / _LOCKS
        folder.mkdir(parents=True, exist_ok=True)
        return locks.held(folder / f"{name}.lock", remove=True)

    def stamp(self, name: str) -> Optional[str]:
        """Returns what tells one mark of a sequence from the next; None without a mark."""
        try:
            return hashlib.sha256(self._mark(name).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def find_flaw(
        self, name: str, frames: int, data: str, *, keep_other_code: bool = False
    ) -> Optional[str]:
        """Says why a sequence is not finished; None if it is, "" if it never was.

        It has to have so many `frames`, and `data` as `commit` got it.
        """
        path = self._mark(name)
        if not path.exists():
            return ""
        mark = marks.read_mark(self.root, name)
        if mark is None:
            return f"{path} is damaged"
        there = mark.get("identity", {})
        if not is_same_but_code(there, self.identity):
            return "it was tracked with other identity"
        if not (keep_other_code or is_same(there, self.identity)):
            return f"it was tracked by {describe_code(mark, self.identity, self.modules)}"
        for key, value in (("frames", frames), ("data", data)):
            if mark.get(key) != value:
                return f"it was tracked with other {key}"
        return marks.find_changed_file(self.root, mark)

    def commit(
        self,
        results: Sequence[SequenceResult],
        *,
        data: str,
        environment: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Writes all repetitions of a sequence, then marks it finished; or raises an OSError.

        `data` is the hash of frames and truth; `environment`, JSON values, says what this ran on.
        """
        name = results[0].sequence
        contents = {
            formats.box_file(self.layout, name, number): formats.encode_boxes(
                self.layout, self.origin, result.boxes, result.codes
            )
            for number, result in enumerate(results, 1)
        }
        contents[formats.time_file(self.layout, name)] = formats.encode_times(
            [result.seconds for result in results]
        )
        self._clear(name, kept=contents)
        digests = {}
        for file, content in contents.items():
            _write(self.root / file, content)
            digests[str(file)] = hashlib.sha256(content).hexdigest()
        mark = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "sequence": name,
            "frames": len(results[0].boxes),
            "repetitions": len(results),
            "identity": dict(self.identity),
            "data": data,
            "files": digests,
            "held": [list(result.held) for result in results],
            "seconds": dataclasses.asdict(measure_times(results)),
            "warm_up_seconds": [result.warm_up_seconds for result in results],
            "decode_seconds": [_plain(result.decode_seconds) for result in results],
            "modules": dict(self.modules),
            "environment": dict(environment or {}),
            "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        }
        _write(self._mark(name), marks.encode_mark(mark))
        failure = self._failure(name)
        failure.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # Not empty, or not there.
            failure.parent.rmdir()

    def fail(self, name: str, text: str) -> None:
        """Records that a sequence failed. It is not finished then, whatever was there before."""
        self._mark(name).unlink(missing_ok=True)
        _write(self._failure(name), (text.rstrip() + "\n").encode())

    def _mark(self, name: str) -> Path:
        return self.root / DONE / f"{name}.json"

    def _failure(self, name: str) -> Path:
        """Returns the file of a failure, without what a killed process left beside it."""
        path = self.root / FAILED / f"{name}.txt"
        disk.remove_temporaries(path)
        return path

    def _clear(self, name: str, kept: Iterable[PurePosixPath]) -> None:
        """Removes the mark, what a killed process left, and repetitions that are no more."""
        mark, paths = self._mark(name), {self.root / file for file in kept}
        for path in (mark, *paths):
            disk.remove_temporaries(path)
        mark.unlink(missing_ok=True)
        if self.layout != formats.OTB:
            for path in (self.root / name).glob(f"{glob.escape(name)}_[0-9]*.txt"):
                if path not in paths:
                    path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Writes a whole file, and makes its folder."""
    # Another process with the same output may take the temporary file for one of a killed process.
    for left in reversed(range(_ATTEMPTS)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            disk.write_bytes(path, content)
            return
        except OSError:
            if not left:
                raise


def _batches(provenance: Mapping[str, Any]) -> set[int]:
    """Returns in batches of which sizes sequences were tracked."""
    return set(np.ravel(provenance.get("hardware", {}).get("batch", 1)).tolist())


def _plain(seconds: np.ndarray) -> list[Optional[float]]:
    return [None if np.isnan(s) else round(float(s), 6) for s in seconds]
