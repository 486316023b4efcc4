"""The results of one tracker on disk while they are made: finished sequences, failed ones.

Within the folder of a tracker (vot: of an experiment):

* files of boxes and times, see `results_format`;
* `.done/NAME.json` marks a finished sequence. It is written last and holds what made the results
  (`identity`), the sha256 of every file, and times that the benchmarks' formats have no place for;
* `.failed/NAME.txt`: the traceback of a sequence that failed;
* `provenance.json`: see `results_provenance`.

Files are whole or not there. Only times, the marks and `provenance.json` tell one run from
another: everything else follows from the identity and the data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from absl import logging

from gradnet_tf import files
from gradnet_tf.eval import results_format, timing

if TYPE_CHECKING:
    from gradnet_tf.eval.results import SequenceResult

DONE = ".done"
FAILED = ".failed"
PROVENANCE = "provenance.json"
FORMAT = "gradnet_tf results"
FORMAT_VERSION = 1

_ATTEMPTS = 3
_DIGEST = "digest"  # In a mark: the sha256 of the rest of it.


class ResultsConflictError(ValueError):
    """Results that are there were made by something else; the message says by what."""


def read_mark(root: files.PathLike, name: str) -> Optional[dict[str, Any]]:
    """The mark of a finished sequence; None without one that is as it was written."""
    return _read_mark(Path(root, DONE, f"{name}.json"))


def find_changed_file(root: files.PathLike, mark: Mapping[str, Any]) -> Optional[str]:
    """Which file of a finished sequence is not as it was written, in words; None if all are.

    Args:
      root: folder of the tracker (vot: of the experiment).
      mark: of `read_mark`.
    """
    for file, digest in mark["files"].items():
        path = Path(root, file)
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            return f"{path}: {error.strerror or error}"
        if found != digest:
            return f"{path} is not as it was written"
    return None


def read_provenance(root: files.PathLike) -> Optional[dict[str, Any]]:
    """The provenance of a folder of results; None without a readable one."""
    return _read_json(Path(root, PROVENANCE))


@dataclasses.dataclass(frozen=True)
class Store:
    """Where the results of one tracker by one protocol go.

    Attributes:
      root: folder of the tracker (vot: of the experiment).
      layout: one of `results_format.LAYOUTS`.
      origin: number of the first pixel in the files.
      identity: JSON values by name: everything but the data that the boxes depend on.
    """

    root: Path
    layout: str
    origin: int
    identity: Mapping[str, Any]

    def check_conflicts(self, names: Collection[str], *, force: bool = False) -> None:
        """Makes sure that what is in the folder and what is to come belong together.

        Args:
          names: sequences that are to be tracked, in this process or in those of other shards.
          force: whether results of `names` may be replaced.

        Raises:
          ResultsConflictError: the folder holds results of another identity, or files that this
            package did not write.
        """
        if not self.root.is_dir():
            return
        if not (self.root / PROVENANCE).exists() and not force:
            foreign = sorted(p.name for p in self.root.iterdir() if not p.name.startswith("."))
            if foreign:
                raise ResultsConflictError(
                    f"{self.root} holds files of another origin ({', '.join(foreign[:3])}): give "
                    "another output or another name to the tracker, or --force to replace them"
                )
        for path in sorted((self.root / DONE).glob("*.json")):
            mark = _read_mark(path)
            there = mark.get("identity") if mark else None
            if there is None or there == self.identity or (force and path.stem in names):
                continue
            advice = "give another output or another name to the tracker"
            if path.stem in names:
                advice += ", or --force to replace them"
            raise ResultsConflictError(
                f"{self.root} holds results of something else, {path.stem} for one: "
                f"{_differences(there, self.identity)}; {advice}"
            )

    def write_provenance(self, provenance: Mapping[str, Any]) -> None:
        """Writes `provenance.json`, unless there is one of this identity.

        Where the results go on in batches of another size, `hardware.batch` lists both: times of
        frames mean another thing then, see `batched`.

        Args:
          provenance: JSON values; `identity` and what tells the format are added.

        Raises:
          OSError: it cannot be written.
        """
        there = read_provenance(self.root)
        if there is not None and there.get("identity") == self.identity:
            if there.get("stack") != provenance.get("stack"):
                logging.warning(
                    "%s was begun on another stack (%s) and goes on with %s: numbers may differ",
                    *(self.root, there.get("stack"), provenance.get("stack")),
                )
            batches = sorted(_batches(there) | _batches(provenance))
            if batches != sorted(_batches(there)):
                there["hardware"] = {**there.get("hardware", {}), "batch": batches}
                _write(self.root / PROVENANCE, _encode(there, indent=1))
            return
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "layout": self.layout,
            "origin": self.origin,
            "identity": dict(self.identity),
            **provenance,
        }
        _remove_temporaries(self.root / PROVENANCE)
        _write(self.root / PROVENANCE, _encode(content, indent=1))

    def find_flaw(self, name: str, frames: int, data: str) -> Optional[str]:
        """Checks whether a sequence is finished.

        Args:
          name: the sequence.
          frames: how many it has.
          data: hash of frames and truth, as `commit` got it.

        Returns:
          None if it is finished and every file is as it was written; else what is missing: an
          empty text if the sequence was never finished.
        """
        path = self.root / DONE / f"{name}.json"
        if not path.exists():
            return ""
        mark = _read_mark(path)
        if mark is None:
            return f"{path} is damaged"
        for key, value in (("identity", self.identity), ("frames", frames), ("data", data)):
            if mark.get(key) != value:
                return f"it was tracked with other {key}"
        return find_changed_file(self.root, mark)

    def commit(
        self,
        results: Sequence[SequenceResult],
        *,
        data: str,
        environment: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Writes all repetitions of a sequence, then marks it finished.

        Args:
          results: one for each repetition.
          data: hash of frames and truth.
          environment: JSON values: on what this was tracked.

        Raises:
          OSError: something cannot be written.
        """
        name = results[0].sequence
        contents = {
            results_format.box_file(self.layout, name, number): results_format.encode_boxes(
                self.layout, self.origin, result.boxes, result.codes
            )
            for number, result in enumerate(results, 1)
        }
        contents[results_format.time_file(self.layout, name)] = results_format.encode_times(
            [result.seconds for result in results]
        )
        self._clear(name, kept=contents)
        digests = {}
        for file, content in contents.items():
            _write(self.root / file, content)
            digests[str(file)] = hashlib.sha256(content).hexdigest()
        self._write_mark(name, results, digests, data, environment)
        failure = self.root / FAILED / f"{name}.txt"
        _remove_temporaries(failure)
        failure.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # Not empty, or not there.
            failure.parent.rmdir()

    def fail(self, name: str, text: str) -> None:
        """Records that a sequence failed. It is not finished then, whatever was there before."""
        (self.root / DONE / f"{name}.json").unlink(missing_ok=True)
        path = self.root / FAILED / f"{name}.txt"
        _remove_temporaries(path)
        _write(path, (text.rstrip() + "\n").encode())

    def _write_mark(self, name, results, digests, data, environment) -> None:
        mark = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "sequence": name,
            "frames": len(results[0].boxes),
            "repetitions": len(results),
            "identity": dict(self.identity),
            "data": data,
            "files": digests,
            "seconds": dataclasses.asdict(timing.measure(results)),
            "warm_up_seconds": [result.warm_up_seconds for result in results],
            "decode_seconds": [_plain(result.decode_seconds) for result in results],
            "environment": dict(environment or {}),
            "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        }
        mark[_DIGEST] = _digest(mark)
        _write(self.root / DONE / f"{name}.json", _encode(mark))

    def _clear(self, name: str, kept: Iterable[PurePosixPath]) -> None:
        """Removes the mark, what a killed process left, and repetitions that are no more."""
        mark = self.root / DONE / f"{name}.json"
        _remove_temporaries(mark)
        mark.unlink(missing_ok=True)
        kept = {self.root / file for file in kept}
        for path in kept:
            _remove_temporaries(path)
        if self.layout != results_format.OTB:
            for path in (self.root / name).glob(f"{_escape(name)}_[0-9]*.txt"):
                if path not in kept:
                    path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Writes a whole file, and makes its folder.

    It tries again: another process with the same output may take this one's temporary file for that
    of a killed process.
    """
    for left in reversed(range(_ATTEMPTS)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_bytes(path, content)
            return
        except OSError:
            if not left:
                raise


def _remove_temporaries(path: Path) -> None:
    """Removes what a process that was killed while it wrote a file has left of it."""
    for temporary in path.parent.glob(f".{_escape(path.stem)}.*.tmp{path.suffix}"):
        temporary.unlink(missing_ok=True)


def _escape(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _batches(provenance: Mapping[str, Any]) -> set[int]:
    """In batches of which sizes sequences were tracked."""
    return set(np.ravel(provenance.get("hardware", {}).get("batch", 1)).tolist())


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    there, here = _flatten(there), _flatten(here)
    names = [*here, *(name for name in there if name not in here)]
    return ", ".join(
        f"{name} (there {_short(there.get(name))}, here {_short(here.get(name))})"
        for name in names
        if there.get(name) != here.get(name)
    )


def _flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, and those of mappings in them, which "protocol.limit" names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            flat[name] = value
    return flat


def _plain(seconds: np.ndarray) -> list[Optional[float]]:
    return [None if np.isnan(s) else round(float(s), 6) for s in seconds]


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:  # A hash.
        return f"{value[:12]}..."
    return json.dumps(value)


def _read_mark(path: Path) -> Optional[dict[str, Any]]:
    mark = _read_json(path)
    return mark if mark is not None and mark.pop(_DIGEST, None) == _digest(mark) else None


def _digest(mark: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(mark, sort_keys=True).encode()).hexdigest()


def _read_json(path: Path) -> Optional[dict[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and content.get("format") == FORMAT else None


def _encode(content: Mapping[str, Any], indent: Optional[int] = None) -> bytes:
    return (json.dumps(content, indent=indent, allow_nan=False) + "\n").encode()
