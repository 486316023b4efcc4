"""Checks what is to be exported, and writes it: completely, or not at all."""

from __future__ import annotations

import importlib
import os
from typing import Any, Optional

from gradnet_tf.files import disk
from gradnet_tf.tracking.config import preset as tracker_config
from gradnet_tf.weights import load, load_embedded
from gradnet_tf.weights.staging import Staging

# Modules with `PRECISIONS` and `save`; each is loaded when it is asked for.
_WRITERS = {"saved_model": "saved_model", "tflite": "tflite_files", "onnx": "onnx_files"}


def write(
    checkpoint: Optional[str],
    kind: str,
    directory: str,
    *,
    preset: Optional[str] = None,
    precision: str = "float32",
) -> None:
    """Exports a tracker.

    Args:
        checkpoint: As `Tracker` takes it.
        kind: "saved_model", "tflite" or "onnx".
        directory: New or empty directory.
        preset: As `Tracker` takes it.
        precision: Of the features of the search regions.

    Raises:
        ImportError: If a library that the format needs is not installed.
        OSError: If the directory cannot be written, or is not empty.
        ValueError: If there is no such format, the format lacks the precision, or the checkpoint
            is not a sound one.
    """
    if kind not in _WRITERS:
        raise ValueError(f"format must be one of {', '.join(_WRITERS)}, got {kind!r}")
    writer = _load(kind)
    if precision not in writer.PRECISIONS:
        raise ValueError(
            f"format {kind} has precision {', '.join(writer.PRECISIONS)}, got {precision!r}"
        )
    directory = disk.local_path(directory)
    if os.path.lexists(directory) and (not os.path.isdir(directory) or os.listdir(directory)):
        raise FileExistsError(f"{directory} exists and is not empty; give a new directory")
    weights = load(checkpoint) if checkpoint else load_embedded()
    config = tracker_config(preset or weights.card.get("preset", "reference"))
    with Staging() as staging:
        writer.save(staging.add(directory), weights, config, precision)


def _load(kind: str) -> Any:
    try:
        return importlib.import_module(f"gradnet_tf.export.{_WRITERS[kind]}")
    except ImportError as error:
        raise ImportError(
            f"format {kind} needs a library that is not here: pip install 'gradnet_tf[{kind}]' "
            f"({error})"
        ) from error
