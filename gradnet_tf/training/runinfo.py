"""Keeps a working directory to the flags that it was started with.

`config.json` holds the flags of the first run, and of the last one those that may change. It is
written before the first step, so that every checkpoint in a working directory belongs to it.
"""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf.files import disk
from gradnet_tf.training import checkpoints
from gradnet_tf.training.config import FLOAT32_VARIABLES, TrainConfig

FILE = "config.json"
FORMAT = "gradnet_tf training"
FORMAT_VERSION = 1


class WorkdirError(ValueError):
    """A working directory that does not fit this run; the message says why."""


def claim(workdir: disk.PathLike, flags: Mapping[str, Any]) -> None:
    """Writes `config.json` into a new working directory, or compares it with that of an old one.

    Call it while holding the lock of the directory. Two flags may change, and the new value is
    recorded: precisions whose variables are float32 may follow on each other, and data may lie
    elsewhere while `data_digest` is the same.

    Args:
        workdir: The directory; it must exist.
        flags: JSON values by name: everything that the outcome of the training depends on.

    Raises:
        WorkdirError: If it was started with other flags (each is named with both values), its
            config.json is damaged or of something else, or it holds checkpoints without one.
        OSError: If it cannot be read or written.
    """
    path = Path(workdir) / FILE
    here = json.loads(json.dumps(dict(flags)))  # As they will be read: tuples are lists.
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "tensorflow": tf.__version__,
    }
    if not path.exists():
        kept = Path(workdir) / checkpoints.FOLDER
        if kept.is_dir() and any(kept.iterdir()):
            raise WorkdirError(
                f"{workdir} holds checkpoints but no {FILE}: with which flags they were made is "
                "not known; give another working directory"
            )
        _write(path, here, versions)
        return
    recorded, made_with = _read(path)
    changed = _compare(workdir, recorded, here)
    for name, version in versions.items():
        if made_with.get(name) != version:
            logging.warning(
                "%s was started with %s %s and goes on with %s: numbers may differ in their last "
                "digits",
                *(workdir, name, made_with.get(name), version),
            )
    if changed:
        _write(path, here, made_with)


def _compare(workdir: disk.PathLike, recorded: dict[str, Any], here: dict[str, Any]) -> bool:
    """Raises WorkdirError if flags differ that may not; tells whether what is recorded changes."""
    # Earlier versions did not record constants that came later: they did what the defaults say.
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    defaults["statistics_digest"] = here.get("statistics_digest")
    there = {**{name: defaults[name] for name in here if name in defaults}, **recorded}
    changed = [
        name
        for name in {**here, **there}
        if name not in there or name not in here or there[name] != here[name]
    ]
    allowed = set() if "data_digest" in changed else {"data"}
    if all(flags.get("precision") in FLOAT32_VARIABLES for flags in (there, here)):
        allowed.add("precision")
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
    for name in sorted(changed):
        now, before = _show(here, name), _show(there, name)
        logging.info("%s goes on with %s=%s after %s", workdir, name, now, before)
    return recorded != here


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


def _write(path: Path, flags: dict[str, Any], versions: dict[str, str]) -> None:
    content = {"format": FORMAT, "version": FORMAT_VERSION, "flags": flags, "versions": versions}
    disk.write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def _show(flags: dict[str, Any], name: str) -> str:
    return json.dumps(flags[name], ensure_ascii=False) if name in flags else "(not set)"
