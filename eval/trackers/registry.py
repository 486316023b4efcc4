"""Reads what `--tracker` names, makes the tracker, and tells it from others.

    [NAME=]gradnet[:CHECKPOINT][,setting=value...]
    [NAME=]opencv:csrt | opencv:kcf | opencv:mil
    [NAME=]static
    [NAME=]python:MODULE:CLASS[,argument=value...]

NAME is how results are called; without it, it follows from the rest. CHECKPOINT is a folder or an
.npz file (its path without commas); without it, the weights that come with gradnet_tf. Settings are
`preset`, `jit_compile`, `precision` (float32, bfloat16, float16 or int8, of the search branch) and
the constants of `TrackerConfig`. CLASS is called with the arguments, each taken as JSON if it is
that (0.3, true, [1, 2]) and else as text. One tracker is made for each sequence.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from gradnet_tf.eval.results import marks
from gradnet_tf.eval.trackers import baselines
from gradnet_tf.tracking import config

GRADNET, OPENCV, STATIC, PYTHON = KINDS = ("gradnet", "opencv", "static", "python")
_OWN_SETTINGS = ("jit_compile", "precision", "preset")  # Of GradNet, besides the constants.
# By one of these a folder is known to hold a model: ours, TensorFlow's, Hugging Face's.
_MODEL_FILES = ("card.json", "checkpoint", "saved_model.pb", "config.json")
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f/\\:*?"<>|]')


@dataclasses.dataclass(frozen=True)
class TrackerSpec:
    """A tracker as named on the command line."""

    name: str  # How its results are called; can be the name of a folder.
    kind: str  # One of `KINDS`.
    target: str  # Checkpoint ("" for that of gradnet_tf), OpenCV's name, or MODULE:CLASS.
    settings: tuple[tuple[str, Any], ...]  # Names and values.
    text: str  # What was given, without the name.


def parse_tracker(text: str) -> TrackerSpec:
    """Reads a tracker as it is given on the command line; raises a ValueError if it cannot."""
    try:
        return _parse(text)
    except ValueError as error:
        raise ValueError(f"tracker {text!r}: {error}") from None


def parse_trackers(texts: Sequence[str]) -> list[TrackerSpec]:
    """Reads several trackers; raises a ValueError as `parse_tracker`, and for equal names."""
    specs = [parse_tracker(text) for text in texts]
    # Case is ignored, since some file systems do.
    names = [spec.name.lower() for spec in specs]
    for spec in specs:
        if names.count(spec.name.lower()) > 1:
            raise ValueError(
                f"two trackers are called {spec.name!r}; give them names, such as "
                f'--tracker="{spec.name} 2={spec.text}"'
            )
    return specs


def make_tracker(spec: TrackerSpec) -> Any:
    """Makes a tracker: an object with ``init(image, box)`` and ``update(image) -> box``.

    Raises an ImportError if something is not installed or not there, a ValueError for a bad value.
    """
    if spec.kind == STATIC:
        return baselines.StaticTracker()
    if spec.kind == OPENCV:
        return baselines.OpenCVTracker(spec.target)
    if spec.kind == PYTHON:
        return find_class(spec.target)(**dict(spec.settings))
    from gradnet_tf.tracking.tracker import Tracker

    settings = dict(spec.settings)
    if not settings.keys() <= set(_OWN_SETTINGS):
        _, constants, settings = _read_gradnet(spec)
        settings["config"] = constants
    return Tracker(spec.target or None, **settings)


def find_class(target: str) -> Any:
    """Finds the class that MODULE:CLASS names; raises an ImportError if there is none."""
    module_name, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), name)
    except AttributeError:
        raise ImportError(f"python:{target}: module {module_name} has no {name}") from None
    except ImportError as error:
        raise ImportError(f"python:{target}: {error}") from error


def load_code(spec: TrackerSpec) -> None:
    """Imports what a tracker is made of; raises an ImportError as `make_tracker`."""
    if spec.kind == GRADNET:
        importlib.import_module("gradnet_tf.tracking.tracker")
    elif spec.kind == PYTHON:
        find_class(spec.target)


def identify(spec: TrackerSpec) -> tuple[Optional[str], dict[str, Any]]:
    """Returns what tells a tracker from others: the weights' hash (or None), and its configuration.

    The configuration is JSON values: for GradNet every constant; for OpenCV its version; for a
    Python class the hashes of files and folders of models that its arguments name. The sources are
    not part of it, see `sources`. Raises an ImportError if something is not installed, an OSError
    if a checkpoint or file cannot be used, and a ValueError for a wrong value.
    """
    if spec.kind == GRADNET:
        return _identify_gradnet(spec)
    configuration: dict[str, Any] = {"kind": spec.kind}
    if spec.kind == OPENCV:
        version = baselines.import_opencv(spec.target).__version__
        configuration.update(tracker=spec.target, opencv=version)
    elif spec.kind == PYTHON:
        find_class(spec.target)
        arguments = dict(spec.settings)
        named = {v: _find_files(v) for v in arguments.values() if isinstance(v, str)}
        configuration.update(
            tracker=spec.target,
            arguments=arguments,
            files={path: _hash_files(files) for path, files in named.items() if files},
        )
    return None, configuration


def _identify_gradnet(spec: TrackerSpec) -> tuple[str, dict[str, Any]]:
    from gradnet_tf.tracking import precision
    from gradnet_tf.tracking.tracker import choose_jit

    loaded, constants, how = _read_gradnet(spec)
    how = {"jit_compile": "auto", "precision": "float32", **how}
    precision.check_precision(how["precision"], choose_jit(how["jit_compile"]))
    configuration = {
        "kind": GRADNET,
        "variant": loaded.variant,
        **how,
        "constants": dataclasses.asdict(constants),
    }
    return loaded.digest, configuration


def _read_gradnet(spec: TrackerSpec) -> tuple[Any, config.TrackerConfig, dict[str, Any]]:
    """Returns weights, constants (by default of the preset on the weights' card), and the rest."""
    from gradnet_tf import weights

    loaded = weights.load(spec.target) if spec.target else weights.load_embedded()
    changes = dict(spec.settings)
    how: dict[str, Any] = {
        name: changes.pop(name) for name in ("jit_compile", "precision") if name in changes
    }
    preset = changes.pop("preset", loaded.card.get("preset", "reference"))
    return loaded, config.preset(preset, **changes), how


def _parse(text: str) -> TrackerSpec:
    match = re.match(r"([^=:,]+)=(.*)", text, re.DOTALL)
    name, rest = (match[1].strip(), match[2].strip()) if match else (None, text.strip())
    head, *parts = rest.split(",")
    kind, colon, target = head.partition(":")
    if kind not in KINDS:
        raise ValueError(
            f"there is no kind {kind!r}; expected [NAME=]gradnet[:CHECKPOINT][,setting=value...], "
            "opencv:csrt|kcf|mil, static or python:MODULE:CLASS"
        )
    if kind == STATIC and colon:
        raise ValueError(f"nothing is expected after {kind}")
    if colon and not target:
        raise ValueError(f"something is missing after {kind}:")
    settings = _parse_settings(kind, target, parts)
    if name is None:
        name = _default_name(kind, target, parts)
    if not name or name.startswith(".") or name.endswith(".") or _NOT_IN_NAMES.search(name):
        raise ValueError(
            f"{name!r} cannot name a folder; no dot at its ends and none of "
            '/ \\ : * ? " < > | in it, please'
        )
    return TrackerSpec(name, kind, target, tuple(settings.items()), rest)


def _parse_settings(kind: str, target: str, parts: Sequence[str]) -> dict[str, Any]:
    if kind == GRADNET:
        return dict(map(_parse_setting, parts))
    if kind == PYTHON:
        if not re.fullmatch(r"[\w.]+:\w+", target):
            raise ValueError("expected python:MODULE:CLASS")
        return dict(map(_parse_argument, parts))
    if parts:
        raise ValueError(f"{kind} takes no settings, got {parts[0]!r}")
    if kind == OPENCV and target not in baselines.OPENCV:
        raise ValueError(f"OpenCV's trackers here are {', '.join(baselines.OPENCV)}")
    return {}


def _parse_setting(part: str) -> tuple[str, Any]:
    """Reads a setting of GradNet, of the type that it is of."""
    known = dict.fromkeys(_OWN_SETTINGS, "str")
    known.update(
        (field.name, str(field.type)) for field in dataclasses.fields(config.TrackerConfig)
    )
    key, equals, value = part.partition("=")
    if not equals or key not in known:
        raise ValueError(f"{part!r} is no setting; known are {', '.join(known)}")
    if key == "jit_compile":
        if value not in config.JIT_COMPILE:
            raise ValueError(f"jit_compile must be auto, true or false, got {value!r}")
        return key, config.JIT_COMPILE[value]
    try:
        if known[key] == "bool":
            return key, {"true": True, "false": False}[value.lower()]
        return key, {"int": int, "float": float}.get(known[key], str)(value)
    except (KeyError, ValueError):
        raise ValueError(f"{part}: expected a value of the type {known[key]}") from None


def _parse_argument(part: str) -> tuple[str, Any]:
    key, equals, value = part.partition("=")
    if not equals or not key.isidentifier():
        raise ValueError(f"{part!r} is no argument=value")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _default_name(kind: str, target: str, parts: Sequence[str]) -> str:
    names = {GRADNET: "GradNet", OPENCV: target.upper(), STATIC: "static"}
    name = names.get(kind) or target.rpartition(":")[2]
    if kind == GRADNET and target:
        name += f" {Path(target).name}"
    return _NOT_IN_NAMES.sub("-", " ".join((name, *parts)))


def _find_files(path: str) -> dict[str, Path]:
    """Finds the files that an argument names: one, or those of a model in a folder or by a prefix.

    What is in other folders, such as output or videos, is not of the tracker.
    """
    if not path:
        return {}
    if os.path.isfile(path):
        return {"": Path(path)}
    folder, prefix = Path(path), ""
    if os.path.isfile(f"{path}.index"):
        folder, prefix = folder.parent, f"{folder.name}."
    elif not any((folder / name).is_file() for name in _MODEL_FILES):
        return {}
    found = folder.iterdir() if prefix else folder.rglob("*")
    return {
        file.relative_to(folder).as_posix(): file
        for file in found
        if file.name.startswith(prefix) and file.is_file()
    }


def _hash_files(files: Mapping[str, Path]) -> str:
    digests = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    if set(digests) == {""}:
        return digests[""]
    return marks.digest(digests)
