"""Tells what made results, as JSON values: tracker, protocol, data, software and hardware."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Optional

import numpy as np

import gradnet_tf
from gradnet_tf import hardware
from gradnet_tf.datasets.sequences import Dataset, Sequence
from gradnet_tf.eval.results import marks
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.trackers import registry
from gradnet_tf.eval.trackers.registry import TrackerSpec

_OPENCV = [f"opencv-{kind}python{tail}" for kind in ("contrib-", "") for tail in ("-headless", "")]
_TIMEOUT = 10  # Seconds that another program may take.
# The full hash, whatever tags there are.
_DESCRIBE = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def make_identity(record: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Returns all but the data that the boxes depend on; results of equal identity belong together.

    `record` is of `make_provenance`, `code` the digest of `sources.read_code`.
    """
    return {
        "version": record["gradnet_tf"],
        "code": code,
        "weights": record["tracker"]["weights"],
        "configuration": marks.digest(record["tracker"]["configuration"]),
        "protocol": record["protocol"],
    }


def hash_data(sequence: Sequence, protocol: Protocol) -> str:
    """Hashes what a tracker gets of a sequence: the frames' names and the boxes that it is given.

    In supervised runs that is all of the truth, which tells where it starts again.
    """
    given = sequence.boxes if protocol.resets else sequence.boxes[:1]
    regions = sequence.regions if protocol.resets else None
    return marks.digest(
        {
            "frames": [os.path.basename(frame) for frame in sequence.frames],
            "boxes": np.round(given, 6).tolist(),
            "regions": None if regions is None else np.round(regions, 6).tolist(),
        }
    )


def make_provenance(
    spec: TrackerSpec,
    name: str,
    protocol: Protocol,
    dataset: Dataset,
    environment: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the content of `provenance.json` besides the identity, see `make_identity`.

    `name` is how the results are called, `environment` is of `describe_environment`. Raises as
    `registry.identify`.
    """
    weights, configuration = registry.identify(spec)
    return {
        "gradnet_tf": gradnet_tf.__version__,
        "tracker": {
            "name": name,
            "spec": spec.text,
            "kind": spec.kind,
            "weights": weights,
            "configuration": configuration,
        },
        "protocol": dataclasses.asdict(protocol),
        "dataset": {
            "name": dataset.name,
            "title": dataset.title,
            "root": dataset.root,
            "convention": dataset.convention,
            "rule": dataset.rule,
        },
        **environment,
    }


def describe_environment(jobs: int = 1, batch: int = 1) -> dict[str, Any]:
    """Describes the commit of the package, software and hardware, without loading TensorFlow.

    The machine is shared by `jobs` processes with `batch` sequences side by side in each.
    """
    return {
        "git_commit": find_commit(Path(gradnet_tf.__file__).parents[1]),
        "stack": {
            "python": platform.python_version(),
            "tensorflow": _version("tensorflow"),
            "keras": _version("keras"),
            "numpy": np.__version__,
            "opencv": next(filter(None, map(_version, _OPENCV)), None),
        },
        "hardware": {
            "system": platform.platform(),
            "processor": hardware.processor_name(),
            "cores": count_cores(),
            "jobs": jobs,
            "batch": batch,
            "gpus": _run("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines(),
        },
    }


def count_cores() -> int:
    """Counts the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_commit(checkout: Path) -> Optional[str]:
    """Finds the commit of a checkout, with "-dirty" if files are changed; None if it is none."""
    if not (checkout / ".git").exists():
        return None
    return _run("git", "-C", str(checkout), *_DESCRIBE) or None


def _version(package: str) -> Optional[str]:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _run(program: str, *arguments: str) -> str:
    """Returns what a program prints; empty if it is not there or fails."""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
