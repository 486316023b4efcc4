"""``dataset.json``: what a directory of shards holds, beside them.

Data preparation writes it; training reads the colour statistics from it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradnet_tf.files import storage

FILE_NAME = "dataset.json"
FORMAT = "gradnet_tf tracks"
VERSION = 1
MAX_LISTED_PROBLEMS = 1000
# Fields of `Description` that are JSON values, and those that are statistics.
_PLAIN = ("source", "root", "options", "counts", "problems", "problem_list")
_COLOURS = ("exemplar", "instance")


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Colours of all pixels of a set of crops."""

    mean: np.ndarray  # float64 [3], RGB, 0..255.
    # float64 [3, 3], RGB, population covariance (divided by the number of pixels).
    covariance: np.ndarray
    pixels: int  # How many pixels they were taken from.


@dataclasses.dataclass(frozen=True)
class Shard:
    """One shard: its file name, what it holds, its size and its SHA-256 (hexadecimal)."""

    name: str
    tracks: int
    frames: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Description:
    """The content of ``dataset.json``."""

    source: str  # Name of the reader that read the raw data.
    root: str  # Directory of the raw data.
    options: Mapping[str, Any]  # Options of the preparation, by name.
    counts: Mapping[str, int]  # Numbers of "videos", "tracks" and "frames".
    problems: Mapping[str, int]  # Number of problems by their kind.
    # The first problems: {"kind", "where", "detail"} each.
    problem_list: Sequence[Mapping[str, str]]
    exemplar: Statistics  # Colours of the crops z.
    instance: Statistics  # Colours of the crops x.
    shards: Sequence[Shard]  # The shards beside the file.


def pool(parts: Sequence[Statistics]) -> Statistics:
    """Statistics of several sets together, in which every pixel counts alike."""
    total = sum(part.pixels for part in parts)
    mean, covariance = np.zeros(3), np.zeros((3, 3))
    for part in parts:
        mean = mean + part.pixels / total * np.asarray(part.mean)
    for part in parts:
        shift = np.asarray(part.mean) - mean
        covariance = covariance + part.pixels / total * (
            np.asarray(part.covariance) + np.outer(shift, shift)
        )
    return Statistics(mean, covariance, total)


def save(description: Description, directory: str) -> None:
    """Writes ``dataset.json`` into a directory, whole or not at all.

    Of the problem list the first 1000 are written. Raises OSError if it cannot be written.
    """
    content: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    content.update({name: getattr(description, name) for name in _PLAIN})
    content["problem_list"] = content["problem_list"][:MAX_LISTED_PROBLEMS]
    content["statistics"] = {name: vars(getattr(description, name)) for name in _COLOURS}
    content["shards"] = list(map(vars, description.shards))
    text = json.dumps(content, indent=2, ensure_ascii=False, default=np.ndarray.tolist)
    storage.write_bytes(os.path.join(directory, FILE_NAME), storage.encode(text + "\n"))


def load(path: str) -> Description:
    """Reads ``dataset.json``, or the one in a directory.

    Raises:
        FileNotFoundError: If there is none.
        OSError: If it cannot be read.
        ValueError: If it is not a description of tracks, or one of a later version.
    """
    path = os.fspath(path)
    if not path.endswith(".json"):
        path = os.path.join(path, FILE_NAME)
    text = storage.read_bytes(path)
    try:
        return _parse(json.loads(text))
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} does not describe a set of tracks: {error}") from error


def _parse(content: Mapping[str, Any]) -> Description:
    if content.get("format") != FORMAT:
        raise ValueError(f"its format is {content.get('format')!r}, not {FORMAT!r}")
    if content["version"] != VERSION:
        raise ValueError(
            f"it has version {content['version']!r}, this program reads version {VERSION}"
        )
    values: dict[str, Any] = {name: content[name] for name in _PLAIN}
    for name in _COLOURS:
        values[name] = _parse_statistics(name, content["statistics"][name])
    return Description(**values, shards=[Shard(**shard) for shard in content["shards"]])


def _parse_statistics(name: str, content: Mapping[str, Any]) -> Statistics:
    mean = np.array(content["mean"], np.float64)
    covariance = np.array(content["covariance"], np.float64)
    pixels = int(content["pixels"])
    if mean.shape != (3,) or covariance.shape != (3, 3):
        raise ValueError(f"statistics of the {name}: shapes {mean.shape} and {covariance.shape}")
    if not (np.all(np.isfinite(mean)) and np.all(np.isfinite(covariance)) and pixels >= 0):
        raise ValueError(f"statistics of the {name} are not finite")
    return Statistics(mean, covariance, pixels)
