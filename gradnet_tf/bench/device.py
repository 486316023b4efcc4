"""Chooses by flags what is measured, and on which device."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from gradnet_tf.tracking import precision


def choose(name: str) -> str:
    """Chooses "cpu", which hides the GPU from TensorFlow, or "gpu"; "auto": a GPU that is there.

    Raises:
        ValueError: If there is no GPU where one is asked for.
    """
    found = tf.config.list_physical_devices("GPU")
    if name == "gpu" and not found:
        raise ValueError("device must be cpu or auto: TensorFlow sees no GPU on this machine")
    if name == "cpu" or not found:
        tf.config.set_visible_devices([], "GPU")
        return "cpu"
    return "gpu"


def choose_precisions(names: Sequence[str], device: str) -> tuple[str, ...]:
    """Checks the precisions of a flag; empty: all that the device has instructions for.

    Raises:
        ValueError: If one does not exist, or the device does not have it.
    """
    for name in names:
        if name not in precision.PRECISIONS:
            choices = ", ".join(precision.PRECISIONS)
            raise ValueError(f"precisions must be of {choices}, got {name!r}")
    if device == "gpu":
        if "int8" in names:
            raise ValueError("precisions: int8 runs on the processor only, got device gpu")
        return tuple(names) or ("float32", "float16", "bfloat16")
    return tuple(names) or tuple(filter(precision.processor_has, precision.PRECISIONS))


def read_targets(values: Sequence[str]) -> tuple[int, ...]:
    """Reads the numbers of targets of a flag; ValueError if one is no positive whole number."""
    try:
        counts = tuple(int(value) for value in values)
    except ValueError:
        raise ValueError(f"targets must be whole numbers, got {values}") from None
    if any(count < 1 for count in counts):
        raise ValueError(f"targets must be positive, got {list(counts)}")
    return counts
