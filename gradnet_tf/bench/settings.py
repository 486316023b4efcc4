"""What the benchmark measures, and on which device."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from gradnet_tf.tracking import precision as precisions


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes:
        checkpoint: Of the tracker; the embedded one if empty.
        device: "cpu" or "gpu".
        precisions: Of the search features, the first one that of the other tables.
        width: Of the frames, pixels.
        height: Of the frames, pixels.
        frames: To measure, rounded up to whole periods of the update.
        targets: Numbers of targets of the scaling table; none for no table.
        authors: Checkout of the authors' code; empty for none.
        xla: Whether to measure XLA on a CPU as well.
        startup: Whether to measure the latency of the first result.
        json: File for the numbers; empty for none.
        chart: File for the picture; empty for none.
        trace: Folder for a TensorBoard profile; empty for none.

    Raises:
        ValueError: If a value cannot be used.
    """

    checkpoint: str = ""
    device: str = "cpu"
    precisions: tuple[str, ...] = ("float32",)
    width: int = 640
    height: int = 480
    frames: int = 50
    targets: tuple[int, ...] = ()
    authors: str = ""
    xla: bool = False
    startup: bool = True
    json: str = ""
    chart: str = ""
    trace: str = ""

    def __post_init__(self):
        for name in self.precisions:
            if name not in precisions.PRECISIONS:
                choices = ", ".join(precisions.PRECISIONS)
                raise ValueError(f"precisions must be of {choices}, got {name!r}")
        if not self.precisions:
            raise ValueError("precisions must name at least one")
        if self.device == "gpu" and "int8" in self.precisions:
            raise ValueError("precisions: int8 runs on the processor only, got device gpu")


def read_targets(values: Sequence[str]) -> tuple[int, ...]:
    """Numbers of targets of a flag.

    Raises:
        ValueError: If one is no positive whole number.
    """
    try:
        counts = tuple(int(value) for value in values)
    except ValueError:
        raise ValueError(f"targets must be whole numbers, got {values}") from None
    if any(count < 1 for count in counts):
        raise ValueError(f"targets must be positive, got {list(counts)}")
    return counts


def default_precisions(device: str) -> tuple[str, ...]:
    """The precisions that a device has instructions for."""
    if device == "gpu":
        return ("float32", "float16", "bfloat16")
    return tuple(name for name in precisions.PRECISIONS if precisions.processor_has(name))


def choose_device(name: str) -> str:
    """Device "cpu" or "gpu" of a flag; "auto" is the GPU where there is one.

    What is not chosen is hidden from TensorFlow.

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
