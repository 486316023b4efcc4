"""Checkpoints of a training run: whole or not at all, the newest few and the best.

A checkpoint is one npz file in `WORKDIR/checkpoints`:

*   `step-00000300.npz`: the state after 300 steps.
*   `best-00000200.npz`: the state with the lowest value so far (another name of the same file
    where the file system can do that, a copy elsewhere).

It holds the arrays of the state as `state/NAME`, and `meta`, the UTF-8 bytes of a JSON object with
the caller's values, and one SHA-256 over names, shapes, types and bytes of all arrays
(`gradnet_tf.weights.digest`). npz adds a CRC-32 to each array and to `meta`. Nothing is ever
unpickled. The same state gives the same file to the bit. After `kill -9`, or a power failure, there
is either the whole new checkpoint or only the ones before it (`gradnet_tf.files.disk`).
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np
from absl import logging

from gradnet_tf.files import disk
from gradnet_tf.weights import CheckpointError, digest

FOLDER = "checkpoints"
FORMAT = "gradnet_tf training checkpoint"
FORMAT_VERSION = 1

_META = "meta"
_STATE = "state/"
_NAME = re.compile(r"(?P<kind>step|best)-(?P<step>\d+)\.npz")
_LEFTOVER = re.compile(r"\.(step|best)-\d+\.\d+\.tmp\.npz")  # As `files.replacing` names them.
_DAMAGED = ".damaged"  # Appended to the name of a checkpoint that was skipped.


class Checkpoint(NamedTuple):
    """What one file holds."""

    state: dict[str, np.ndarray]  # Arrays by name.
    # The caller's JSON object; `info["step"]` is the number of finished steps.
    info: dict[str, Any]
    # The value by which the best is chosen, or None where none was measured.
    value: Optional[float]


class CheckpointStore:
    """The checkpoints of a working directory.

    Only one process may write to a working directory (`gradnet_tf.files.locks`): temporary files
    that are found at start were left behind by a killed one and are removed.

    Args:
        workdir: The working directory; it must exist.
        keep: How many of the newest checkpoints stay, besides the best.
        read_only: Change nothing: no leftover is removed, no damaged file renamed.
            For workers that are not the chief, and for tools that read a run.

    Raises:
        OSError: If the directory is missing or cannot be written.
    """

    def __init__(self, workdir: disk.PathLike, *, keep: int = 2, read_only: bool = False):
        self.directory = Path(workdir) / FOLDER
        self._keep = keep
        self._read_only = read_only
        # The lowest value so far, of this process or restored; None if none was given.
        self.best_value: Optional[float] = None
        if not read_only:
            with disk.naming(self.directory):
                self.directory.mkdir(exist_ok=True)
            for name in filter(_LEFTOVER.fullmatch, os.listdir(self.directory)):
                logging.info("removed %s, which a killed process left behind", name)
                (self.directory / name).unlink()

    def save(
        self, state: Mapping[str, np.ndarray], info: Mapping[str, Any], best: Optional[float] = None
    ) -> Path:
        """Writes a checkpoint, then removes those that are no longer kept.

        Args:
            state: Arrays of numbers by name, of any shape and type.
            info: JSON values (tuples come back as lists). `info["step"]` is the number of finished
                steps; a checkpoint of the same step is replaced.
            best: Value of this state, such as its validation loss: the state is the best one if
                this is lower than every value before. None or NaN: not measured.

        Returns:
            The file.

        Raises:
            OSError: If it cannot be written; the message names the file.
        """
        step = info["step"]
        value = None if best is None or math.isnan(best) else float(best)
        path = self._path("step", step)
        disk.write_bytes(path, _encode(state, info, value))
        self._note_best(step, value)
        _remove(self._paths("step")[self._keep :])
        return path

    def restore(self) -> Optional[tuple[dict[str, np.ndarray], dict[str, Any]]]:
        """Reads state and info of the newest sound checkpoint; None if there is no checkpoint.

        A damaged one is named in a warning and set aside (`NAME.damaged`), and an older one is
        tried.

        Raises:
            CheckpointError: If there are checkpoints and none is sound; they stay as they are.
            OSError: If one cannot be read, such as for its permissions.
        """
        damaged: dict[Path, str] = {}
        paths = sorted(self._paths("step") + self._paths("best"), key=_step, reverse=True)
        newest = self._first_sound(paths, damaged)
        if newest is None:
            if damaged:
                raise CheckpointError(
                    f"none of the {len(damaged)} checkpoints in {self.directory} is sound, the "
                    f"newest: {next(iter(damaged.values()))}; remove them to start from the "
                    "beginning"
                )
            return None
        best = [self._first_sound([path], damaged) for path in self._paths("best")]
        values = [one.value for one in best if one is not None and one.value is not None]
        self.best_value = min(values, default=None)
        for path in damaged if not self._read_only else ():
            os.replace(path, path.with_name(path.name + _DAMAGED))
        if not self._read_only and None not in best:
            # A kill may have come between writing it and making it the best.
            self._note_best(newest.info["step"], newest.value)
        return newest.state, newest.info

    def best(self) -> Optional[Checkpoint]:
        """Reads the best checkpoint, None if there is none; raises as `read`."""
        # Two are left only by a kill between writing one and removing the one before it.
        found = [read(path) for path in self._paths("best")]
        return min(
            found, key=lambda one: math.inf if one.value is None else one.value, default=None
        )

    def steps(self) -> list[int]:
        """Steps of the checkpoints, newest first, without the best one."""
        return [_step(path) for path in self._paths("step")]

    def _note_best(self, step: int, value: Optional[float]) -> None:
        """Makes the checkpoint of a step the best one if its value is the lowest so far."""
        if value is None or (self.best_value is not None and value >= self.best_value):
            return
        path, target = self._path("step", step), self._path("best", step)
        with disk.replacing(target) as temporary, disk.naming(target):
            try:
                os.link(path, temporary)
            except OSError:  # FAT, and some network file systems, have no links.
                shutil.copyfile(path, temporary)
        self.best_value = value
        _remove(p for p in self._paths("best") if _step(p) != step)

    def _first_sound(self, paths: list[Path], damaged: dict[Path, str]) -> Optional[Checkpoint]:
        for path in paths:
            if path in damaged:
                continue
            try:
                return read(path)
            except CheckpointError as error:
                logging.warning("skipped a damaged checkpoint: %s", error)
                damaged[path] = str(error)
        return None

    def _path(self, kind: str, step: int) -> Path:
        return self.directory / f"{kind}-{step:08d}.npz"

    def _paths(self, kind: str) -> list[Path]:
        """Files of a kind, newest first."""
        names = os.listdir(self.directory) if self.directory.is_dir() else []
        matches = [match for match in map(_NAME.fullmatch, names) if match]
        paths = [self.directory / match.string for match in matches if match["kind"] == kind]
        return sorted(paths, key=_step, reverse=True)


def read(path: disk.PathLike) -> Checkpoint:
    """Reads and verifies one checkpoint.

    Raises:
        CheckpointError: If it is damaged, or no checkpoint of this kind.
        OSError: If it cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop(_META).tobytes())
        state = {name[len(_STATE) :]: array for name, array in arrays.items()}
        kind = (meta["format"], meta["version"])
        result = Checkpoint(state, meta["info"], meta["value"])
        sound = meta["digest"] == digest(state)
    except Exception as error:  # NumPy, zipfile and json raise a dozen kinds for a damaged file.
        raise CheckpointError(f"{path}: is damaged ({error or type(error).__name__})") from error
    if kind != (FORMAT, FORMAT_VERSION):
        raise CheckpointError(f"{path}: is {kind}, expected {(FORMAT, FORMAT_VERSION)}")
    if not sound:
        raise CheckpointError(f"{path}: is damaged (its arrays do not have the recorded SHA-256)")
    return result


def _encode(state: Mapping[str, np.ndarray], info: Mapping[str, Any], value) -> bytes:
    meta = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "value": value,
        "digest": digest(state),
        "info": dict(info),
    }
    arrays: dict[str, Any] = {_STATE + name: array for name, array in state.items()}
    arrays[_META] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    # In memory first: a full disk then fails in one place, with its own error.
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _step(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    assert match is not None  # `_paths` lists no others.
    return int(match["step"])
