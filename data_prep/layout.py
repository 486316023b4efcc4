"""What a data set under construction keeps where.

Beside the shards, the folder ``prep`` holds:

- ``options.json``: what the data set is made from, so that another run continues only the same;
- ``NNNNN.plan.json``: the tracks of a shard that is still to be made;
- ``NNNNN.summary.json``: what a shard holds, written when it is finished.

All paths go through TensorFlow's file systems, so that an output such as gs:// works.
"""

from __future__ import annotations

import json
import os
from typing import Any, Optional

import tensorflow as tf

from gradnet_tf.data import description
from gradnet_tf.files import storage

FOLDER = "prep"


def shard_name(number: int, count: int) -> str:
    """File name of a shard."""
    return f"tracks-{number:05d}-of-{count:05d}.tfrecord"


def options_path(output: str) -> str:
    """Path of the options."""
    return os.path.join(output, FOLDER, "options.json")


def plan_path(output: str, number: int) -> str:
    """Path of a shard's plan."""
    return os.path.join(output, FOLDER, f"{number:05d}.plan.json")


def summary_path(output: str, number: int) -> str:
    """Path of a shard's summary."""
    return os.path.join(output, FOLDER, f"{number:05d}.summary.json")


def write_json(path: str, content: Any) -> None:
    """Writes a JSON file, whole or not at all; an OSError if it cannot be written."""
    storage.write_bytes(path, storage.encode(json.dumps(content, ensure_ascii=False)))


def read_json(path: str) -> dict[str, Any]:
    """Reads a JSON object; a ValueError if it is something else, an OSError if nothing is read."""
    try:
        return dict(json.loads(storage.read_bytes(path)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a JSON object: {error}") from error


def finished_summary(output: str, number: int, count: int) -> Optional[dict[str, Any]]:
    """Reads the summary of a finished shard, one of `count`.

    None if the shard is missing, has another size than when it was finished, or was never finished.
    An OSError if something is there but cannot be read.
    """
    path = os.path.join(output, shard_name(number, count))
    try:
        summary = read_json(summary_path(output, number))
        with storage.naming("read", path):
            size = tf.io.gfile.stat(path).length
        return summary if summary["bytes"] == size else None
    except (FileNotFoundError, ValueError, KeyError):
        return None


def clean(output: str) -> None:
    """Removes files under temporary names that a killed run left; no other run may be going on."""
    folder = os.path.join(output, FOLDER)
    for place, beginnings in ((output, ("tracks-", description.FILE_NAME)), (folder, ("",))):
        with storage.naming("clean", place):
            for name in tf.io.gfile.listdir(place):
                if name.endswith(".tmp") and name.startswith(beginnings):
                    tf.io.gfile.remove(os.path.join(place, name))
