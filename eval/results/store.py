"""The results of one tracker on disk while they are made: finished sequences, failed ones.

Within the folder of a tracker (vot: of an experiment):

* files of boxes and times, see `results_format`;
* `.done/NAME.json` marks a finished sequence. It is written last and holds what made the results
  (`identity`), the sha256 of every file, and times that the benchmarks' formats have no place for;
* `.failed/NAME.txt`: the traceback of a sequence that failed;
* `.locks/NAME.lock`, while a process tracks a sequence: another one with the same output leaves
  that sequence to it (see `training.lock`);
* `provenance.json`: see `results_provenance`.

Files are whole or not there. Only times, the marks and `provenance.json` tell one run from
another: everything else follows from the identity and the data.

Results whose identities differ in the code alone are of the same tracker before and after an edit.
They are done again, or kept where that is asked for (`provenance.json` says so then); marks of an
older version tell no code, which is another code than any.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from absl import logging

from gradnet_tf.eval.results import formats, sources, timing
from gradnet_tf.files import disk, locks

if TYPE_CHECKING:
    from gradnet_tf.eval.results.tracker_results import SequenceResult

DONE = ".done"
FAILED = ".failed"
_LOCKS = ".locks"
PROVENANCE = "provenance.json"
KEPT = "kept_other_code"  # In the provenance: whether results of other code belong to it as well.
FORMAT = "gradnet_tf results"
FORMAT_VERSION = 1

_ATTEMPTS = 3
_LOCK_ATTEMPTS = 100
_NAMED = 5  # Modules in a message.
# What of an identity changes with the sources. Hashes of the modules are beside it in a mark.
_CODE = ("version", "code")
_DIGEST = "digest"  # In a mark: the sha256 of the rest of it.


class ResultsConflictError(ValueError):
    """Results that are there were made by something else; the message says by what."""


class RunConflictError(OSError):
    """Another run, of something else, writes to the same folder."""


def read_mark(root: disk.PathLike, name: str) -> Optional[dict[str, Any]]:
    """The mark of a finished sequence; None without one that is as it was written."""
    return _read_mark(Path(root, DONE, f"{name}.json"))


def find_changed_file(root: disk.PathLike, mark: Mapping[str, Any]) -> Optional[str]:
    """Which file of a finished sequence is not as it was written, in words; None if all are.

    Args:
        root: Folder of the tracker (vot: of the experiment).
        mark: Of `read_mark`.
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


def is_same(there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether two identities are of the same tracker, code included."""
    return is_same_but_code(there, here) and all(there.get(k) == here.get(k) for k in _CODE)


def is_same_but_code(there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether two identities are of the same tracker, before and after an edit perhaps."""
    return _settings(there) == _settings(here)


def belongs(mark: Mapping[str, Any], provenance: Mapping[str, Any]) -> bool:
    """Whether a finished sequence is one of the results that a provenance is of."""
    there, here = mark.get("identity", {}), provenance.get("identity", {})
    return (is_same_but_code if provenance.get(KEPT) else is_same)(there, here)


def read_provenance(root: disk.PathLike) -> Optional[dict[str, Any]]:
    """The provenance of a folder of results; None without a readable one."""
    return _read_json(Path(root, PROVENANCE))


@dataclasses.dataclass(frozen=True)
class Store:
    """Where the results of one tracker by one protocol go.

    Attributes:
        root: Folder of the tracker (vot: of the experiment).
        layout: One of `results_format.LAYOUTS`.
        origin: Number of the first pixel in the files.
        identity: JSON values by name: everything but the data that the boxes depend on.
        modules: Hashes of the sources by module, to tell what differs from other code.
    """

    root: Path
    layout: str
    origin: int
    identity: Mapping[str, Any]
    modules: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def check_conflicts(
        self, names: Collection[str], *, force: bool = False, keep_other_code: bool = False
    ) -> dict[str, str]:
        """Makes sure that what is in the folder and what is to come belong together.

        Args:
            names: Sequences that are to be tracked, in this process or in those of other shards.
            force: Whether results of `names` may be replaced.
            keep_other_code: Whether results of other code may stay beside those to come.

        Returns:
            For each sequence of which there are results of other code, how that differs, in words.

        Raises:
            ResultsConflictError: If the folder holds results of another identity (of other code: on
                sequences that are not among `names`), or files that this package did not write.
        """
        other_code: dict[str, str] = {}
        if not self.root.is_dir():
            return other_code
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
            if there is None or is_same(there, self.identity):
                continue
            is_code = is_same_but_code(there, self.identity)
            if is_code:
                other_code[path.stem] = self._describe_code(mark)
            if path.stem in names and (force or is_code):
                continue
            if is_code and keep_other_code:
                continue
            differences = _differences(there, self.identity)
            advice = "give another output or another name to the tracker"
            if is_code:
                differences = other_code[path.stem]
                advice += ", run those sequences as well, or keep them by --keep_other_code"
            elif path.stem in names:
                advice += ", or --force to replace them"
            raise ResultsConflictError(
                f"{self.root} holds results of something else, {path.stem} for one: "
                f"{differences}; {advice}"
            )
        return other_code

    def check_owner(self) -> None:
        """Makes sure that no other run has taken over the folder since this one began.

        Raises:
            RunConflictError: Its results are of another identity.
        """
        there = read_provenance(self.root)
        if there is not None and not belongs({"identity": self.identity}, there):
            raise RunConflictError(
                f"another run has begun to write to {self.root}: "
                f"{_differences(there.get('identity', {}), self.identity)}; this one ends"
            )

    def write_provenance(
        self, provenance: Mapping[str, Any], *, keep_other_code: bool = False
    ) -> None:
        """Writes `provenance.json`, unless there is one of this identity.

        Where the results go on in batches of another size, `hardware.batch` lists both: times of
        frames mean another thing then, see `batched`.

        Args:
            provenance: JSON values; `identity` and what tells the format are added.
            keep_other_code: Whether results of other code stay. The provenance is that of the first
                of them then.

        Raises:
            OSError: If it cannot be written.
        """
        there = read_provenance(self.root)
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
                _write(self.root / PROVENANCE, _encode(there, indent=1))
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
        _remove_temporaries(self.root / PROVENANCE)
        _write(self.root / PROVENANCE, _encode(content, indent=1))

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keeps a sequence to this process during the block.

        Raises:
            InUseError: If another process tracks it; the message says which.
            OSError: If the lock's file cannot be written.
        """
        folder = self.root / _LOCKS
        with contextlib.ExitStack() as stack:
            stack.callback(_remove_if_empty, folder)
            for left in reversed(range(_LOCK_ATTEMPTS)):
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    stack.enter_context(locks.held(folder / f"{name}.lock", remove=True))
                    break
                except OSError as error:
                    # Another process that is done may just have removed the folder.
                    if error.errno not in (errno.ENOENT, errno.EEXIST) or not left:
                        raise
            yield

    def stamp(self, name: str) -> Optional[str]:
        """What tells one mark of a sequence from the next; None without a mark."""
        try:
            return hashlib.sha256(self._mark(name).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def find_flaw(
        self, name: str, frames: int, data: str, *, keep_other_code: bool = False
    ) -> Optional[str]:
        """Checks whether a sequence is finished.

        Args:
            name: The sequence.
            frames: How many it has.
            data: Hash of frames and truth, as `commit` got it.
            keep_other_code: Whether a result of other code counts.

        Returns:
            None if it is finished and every file is as it was written; else what is missing: an
            empty text if the sequence was never finished.
        """
        path = self._mark(name)
        if not path.exists():
            return ""
        mark = _read_mark(path)
        if mark is None:
            return f"{path} is damaged"
        there = mark.get("identity", {})
        if not is_same_but_code(there, self.identity):
            return "it was tracked with other identity"
        if not (keep_other_code or is_same(there, self.identity)):
            return f"it was tracked by {self._describe_code(mark)}"
        for key, value in (("frames", frames), ("data", data)):
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
            results: One for each repetition.
            data: Hash of frames and truth.
            environment: JSON values: on what this was tracked.

        Raises:
            OSError: If something cannot be written.
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
        self._write_mark(name, results, digests, data, environment)
        failure = self.root / FAILED / f"{name}.txt"
        _remove_temporaries(failure)
        failure.unlink(missing_ok=True)
        _remove_if_empty(failure.parent)

    def fail(self, name: str, text: str) -> None:
        """Records that a sequence failed. It is not finished then, whatever was there before."""
        self._mark(name).unlink(missing_ok=True)
        path = self.root / FAILED / f"{name}.txt"
        _remove_temporaries(path)
        _write(path, (text.rstrip() + "\n").encode())

    def _describe_code(self, mark: Mapping[str, Any]) -> str:
        """How the code of a finished sequence differs from this one, in words."""
        there = mark.get("modules", {})
        if not mark["identity"].get("code"):
            return "code that was not recorded then"
        changed = sources.find_changes(there, self.modules)
        if not changed:
            return f"other code ({_differences(mark['identity'], self.identity)})"
        more = f" and {len(changed) - _NAMED} others" if len(changed) > _NAMED else ""
        return f"other code ({', '.join(changed[:_NAMED])}{more})"

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
            "held": [list(result.held) for result in results],
            "seconds": dataclasses.asdict(timing.measure(results)),
            "warm_up_seconds": [result.warm_up_seconds for result in results],
            "decode_seconds": [_plain(result.decode_seconds) for result in results],
            "modules": dict(self.modules),
            "environment": dict(environment or {}),
            "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        }
        mark[_DIGEST] = _digest(mark)
        _write(self._mark(name), _encode(mark))

    def _mark(self, name: str) -> Path:
        return self.root / DONE / f"{name}.json"

    def _clear(self, name: str, kept: Iterable[PurePosixPath]) -> None:
        """Removes the mark, what a killed process left, and repetitions that are no more."""
        mark = self._mark(name)
        _remove_temporaries(mark)
        mark.unlink(missing_ok=True)
        kept = {self.root / file for file in kept}
        for path in kept:
            _remove_temporaries(path)
        if self.layout != formats.OTB:
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
            disk.write_bytes(path, content)
            return
        except OSError:
            if not left:
                raise


def _remove_temporaries(path: Path) -> None:
    """Removes what a process that was killed while it wrote a file has left of it."""
    for temporary in path.parent.glob(f".{_escape(path.stem)}.*.tmp{path.suffix}"):
        temporary.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # Not empty, or not there.
        folder.rmdir()


def _escape(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _batches(provenance: Mapping[str, Any]) -> set[int]:
    """In batches of which sizes sequences were tracked."""
    return set(np.ravel(provenance.get("hardware", {}).get("batch", 1)).tolist())


def _settings(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity without the code; what older versions did not know has its default."""
    settings = {key: value for key, value in identity.items() if key not in _CODE}
    if "protocol" in settings:
        settings["protocol"] = {"on_bad_frame": "stop", **settings["protocol"]}
    return settings


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    # What an older version did not know is no difference where it has its default.
    there, here = (_flatten({**identity, **_settings(identity)}) for identity in (there, here))
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
