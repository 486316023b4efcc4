"""Runs the benchmark with exported graphs as its first rows: the example's tracker around them.

    pip install ".[onnx,tflite]"
    python tools/bench_export.py

The flags are those of `python -m gradnet_tf.bench`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Optional

import numpy as np
from absl import flags

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

import onnx_tracker  # noqa: E402

from gradnet_tf import command_line  # noqa: E402
from gradnet_tf.bench import __main__ as bench  # noqa: E402
from gradnet_tf.media import images  # noqa: E402


@contextlib.contextmanager
def program(
    kind: str, precision: str, checkpoint: Optional[str], paths: Sequence[str], box: np.ndarray
) -> Iterator[Callable[[], float]]:
    """Exports and starts the example, as `gradnet_tf.bench.command.Program` says.

    Args:
        kind: "onnx" or "tflite".
        precision: Of the export.
        checkpoint: As `Tracker` takes it.
        paths: Of the frames.
        box: (x, y, width, height) of the target in the first one.
    """
    from gradnet_tf.export import write

    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model")
        # The constants by which the benchmark tracks.
        write.write(checkpoint, kind, model, preset="reference", precision=precision)
        tracker = onnx_tracker.Tracker(model)
        frames = map(images.as_rgb, paths)
        tracker.init(next(frames), box)

        def next_frame() -> float:
            frame = next(frames)
            start = time.perf_counter()
            tracker.update(frame)
            return time.perf_counter() - start

        yield next_frame


def measure(values: flags.FlagValues) -> None:
    """Measures what the flags say."""
    programs = {
        f"{kind} {precision}": functools.partial(program, kind, precision, values.checkpoint)
        for kind in ("onnx", "tflite")
        for precision in ("float32", "int8")
    }
    bench.measure(values, programs)


run = command_line.flags_alone(measure)

if __name__ == "__main__":
    command_line.main(bench.define_flags, run)
