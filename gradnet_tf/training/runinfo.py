"""Keeps a working directory to the flags that it was started with.

`config.json` holds the flags of the first run, and of the last one those that may change. It is
written before the first step, so that every checkpoint in a working directory belongs to it.
"""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf.data import catalog
from gradnet_tf.files import disk
from gradnet_tf.training import checkpoints
from gradnet_tf.training.config import FLOAT32_VARIABLES, TrainConfig

FILE = "config.json"
FORMAT = "gradnet_tf training"
FORMAT_VERSION = 1

_ABSENT = object()


class WorkdirError(ValueError):
    """A working directory that does not fit this run; the message says why."""


def claims_of(
    config: TrainConfig,
    data: Sequence[str],
    data_weights: Optional[Sequence[float]],
    source: catalog.Catalog,
) -> dict[str, Any]:
    """The constants and the data of a training, on which its outcome depends, as JSON values."""
    return {
        **dataclasses.asdict(config),
        "data": list(data),
        "data_weights": None if data_weights is None else list(data_weights),
        "data_digest": source.digest,
        "statistics_digest": source.statistics_digest if config.augment != "none" else None,
    }


def claim_training(workdir: disk.PathLike, flags: Mapping[str, Any]) -> None:
    """Keeps a working directory to a training, see `claim`.

    Args:
        workdir: The directory.
        flags: What `claims_of` gave, and what else the outcome depends on.
    """
    # Working directories of earlier versions do not name constants that came later: their defaults
    # are what was done before.
    unrecorded = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    claim(
        workdir,
        flags,
        alike={"precision": FLOAT32_VARIABLES},
        vouched={"data": "data_digest"},
        unrecorded={**unrecorded, "statistics_digest": flags["statistics_digest"]},
    )


def claim(
    workdir: disk.PathLike,
    flags: Mapping[str, Any],
    *,
    alike: Optional[Mapping[str, Collection[Any]]] = None,
    vouched: Optional[Mapping[str, str]] = None,
    unrecorded: Optional[Mapping[str, Any]] = None,
) -> bool:
    """Writes `config.json` into a new working directory, or compares it with that of an old one.

    Call it while holding the lock of the directory.

    Args:
        workdir: The directory; it must exist.
        flags: JSON values by name: everything that the outcome of the training depends on.
        alike: By name of a flag, values that may follow on each other; the new one is recorded.
        vouched: By name of a flag, another one that tells whether the two mean the same, such as
            the hash of what lies at a path: where that has not changed, the new value is recorded.
        unrecorded: Values of flags that earlier versions did not write down, by name.

    Returns:
        Whether the directory is new.

    Raises:
        WorkdirError: If it was started with other flags (each is named with both values), its
            config.json is damaged or of something else, or it holds checkpoints without one.
        ValueError: If the flags are no JSON.
        OSError: If it cannot be read or written.
    """
    path = Path(workdir) / FILE
    try:
        text = json.dumps(dict(flags), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the flags are no JSON: {error}") from error
    here = json.loads(text)  # As they will be read: tuples are lists.
    versions = _versions()
    if not path.exists():
        kept = Path(workdir) / checkpoints.FOLDER
        if kept.is_dir() and any(kept.iterdir()):
            raise WorkdirError(
                f"{workdir} holds checkpoints but no {FILE}: with which flags they were made is "
                "not known; give another working directory"
            )
        _write(path, here, versions)
        return True
    recorded, made_with = _read(path)
    there = {**(unrecorded or {}), **recorded}
    names = [*here, *(name for name in there if name not in here)]
    changed = [name for name in names if there.get(name, _ABSENT) != here.get(name, _ABSENT)]
    allowed = set()
    for name, values in (alike or {}).items():
        if name in changed and there.get(name) in values and here.get(name) in values:
            allowed.add(name)
    allowed.update(n for n, by in (vouched or {}).items() if n in changed and by not in changed)
    differing = [
        f"{name}: {_show(there, name)}/{_show(here, name)}"
        for name in changed
        if name not in allowed
    ]
    if differing:
        raise WorkdirError(
            f"{workdir} was started with other flags (there/here): {', '.join(differing)}; give "
            "the same flags, or another working directory"
        )
    for name in sorted(allowed):
        logging.info(
            "%s goes on with %s=%s after %s", workdir, name, _show(here, name), _show(there, name)
        )
    for name, version in versions.items():
        if made_with.get(name) != version:
            logging.warning(
                "%s was started with %s %s and goes on with %s: numbers may differ in their last "
                "digits",
                workdir,
                name,
                made_with.get(name),
                version,
            )
    if recorded != here:
        _write(path, here, made_with)
    return False


def read(workdir: disk.PathLike) -> dict[str, Any]:
    """The flags of a working directory; raises WorkdirError if they are damaged, or OSError."""
    return _read(Path(workdir) / FILE)[0]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        content = json.loads(path.read_bytes())
        kind = (content["format"], content["version"])
        flags, versions = dict(content["flags"]), dict(content["versions"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WorkdirError(
            f"{path}: is not the configuration of a training, or damaged ({error!r})"
        ) from error
    if kind != (FORMAT, FORMAT_VERSION):
        raise WorkdirError(f"{path}: is {kind}, expected {(FORMAT, FORMAT_VERSION)}")
    return flags, versions


def _write(path: Path, flags: Mapping[str, Any], versions: Mapping[str, str]) -> None:
    content = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "flags": dict(flags),
        "versions": dict(versions),
    }
    disk.write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "tensorflow": tf.__version__,
    }


def _show(flags: Mapping[str, Any], name: str) -> str:
    return json.dumps(flags[name], ensure_ascii=False) if name in flags else "(not set)"
