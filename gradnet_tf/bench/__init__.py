"""Measures the tracker's speed: `python -m gradnet_tf.bench`, or `make bench`."""

from __future__ import annotations

import os

from gradnet_tf import hardware


def processor() -> str:
    """Name of the processor and number of its threads."""
    return f"{hardware.processor_name()} x {os.cpu_count()}"
