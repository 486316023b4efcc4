"""`tracker.json`: what a tracker around exported graphs needs to know beside them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from gradnet_tf.files import disk
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.weights import Weights

FILE_NAME = "tracker.json"


def write(folder: Path, weights: Weights, config: TrackerConfig, precision: str) -> None:
    """Writes the variant and digest of the weights, the precision and the tracker's constants."""
    content = {
        "variant": weights.variant,
        "digest": weights.digest,
        "precision": precision,
        "config": dataclasses.asdict(config),
    }
    disk.write_bytes(folder / FILE_NAME, json.dumps(content, indent=1).encode())
