"""Runs the benchmark with the authors' own code, from a checkout that you have, as its first row.

    git clone https://github.com/LPXTT/GradNet-Tensorflow
    python tools/bench_authors.py --authors=GradNet-Tensorflow

The other flags are those of `python -m gradnet_tf.bench`. The authors' code runs in a process of
its own, since it needs TensorFlow 1's behaviour, which a process has or has not. There, the main
block of their `track.py` runs as it stands, on a sequence whose frames it gets one at a time. Four
repairs change no value: the division in a kernel's shape is an integer one, `tf` is
`tensorflow.compat.v1`, and `control_flow_ops.cond`, `tf.contrib.layers.l2_regularizer` and
`np.float` are where they were. Their code imports OpenCV, SciPy and matplotlib.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from absl import flags

from gradnet_tf import command_line
from gradnet_tf.bench import __main__ as bench
from gradnet_tf.media import images

_NEEDED = ("track.py", "siamese.py", "parameters.py", "region_to_bbox.py")
_PACKAGES = "opencv-contrib-python-headless scipy matplotlib"
_VIDEO = "video"
_CHILD = "run-their-code"


@contextlib.contextmanager
def their_tracker(
    folder: str, tf1_checkpoint: str, paths: Sequence[str], box: Sequence[float]
) -> Iterator[Callable[[], float]]:
    """Starts their program, in a checkout of it, on frames and the box in the first one.

    It restores the TF1 checkpoint of a prefix.

    Yields:
        A function that tracks into the next frame, at the first call into the first one, and
        returns the seconds that this took. It can be called for each frame but the last.

    Raises:
        ValueError: If the folder is no such checkout.
        ChildProcessError: If their code fails; the message ends with what it printed.
    """
    missing = [name for name in _NEEDED if not (Path(folder) / name).is_file()]
    if missing:
        raise ValueError(
            f"{folder}: {', '.join(missing)} missing; expected a checkout of "
            "https://github.com/LPXTT/GradNet-Tensorflow"
        )
    values = ",".join(str(float(value)) for value in box)
    command = [sys.executable, __file__, _CHILD, os.path.abspath(folder), values, tf1_checkpoint]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command + [os.path.abspath(path) for path in paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

        def answer() -> float:
            line = process.stdout.readline()
            if line:
                return float(line)
            errors.seek(0)
            raise ChildProcessError(
                f"the authors' code has failed (it needs pip install {_PACKAGES}):\n"
                f"{errors.read().strip()[-2000:]}"
            )

        def next_frame() -> float:
            process.stdin.write("\n")
            process.stdin.flush()
            return answer()

        try:
            answer()
            yield next_frame
        finally:
            process.kill()
            process.communicate()


class _FramesOnDemand:
    """Their list of images: each is handed out when it is asked for on standard input."""

    def __init__(self, paths: Sequence[str], answers: IO[str]):
        self._paths, self._answers = paths, answers
        self._start = time.perf_counter()

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int):
        print(time.perf_counter() - self._start, file=self._answers, flush=True)
        if not sys.stdin.readline():
            os._exit(0)
        image = np.ascontiguousarray(images.as_rgb(self._paths[index])[..., ::-1])
        self._start = time.perf_counter()
        return image


def _tensorflow_1() -> types.ModuleType:
    """Makes TensorFlow look as their code knows it."""
    import tensorflow.compat.v1 as tf
    from tensorflow.python.ops import control_flow_ops

    tf.disable_v2_behavior()
    control_flow_ops.cond = tf.cond
    setattr(np, "float", float)  # noqa: B010, gone from NumPy

    layers = types.SimpleNamespace(l2_regularizer=lambda s: lambda x: s * tf.nn.l2_loss(x))
    tf.contrib = types.SimpleNamespace(layers=layers)
    return tf


def _run(folder: str, box: Sequence[float], tf1_checkpoint: str, paths: Sequence[str]) -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # Theirs prints, too.
    sys.modules["tensorflow"] = _tensorflow_1()
    sys.path.insert(0, folder)
    source = (Path(folder) / "siamese.py").read_text(encoding="utf-8")
    siamese = types.ModuleType("siamese")
    exec(source.replace("channels / groups", "channels // groups"), siamese.__dict__)
    sys.modules["siamese"] = siamese

    tree = ast.parse((Path(folder) / "track.py").read_text(encoding="utf-8"))
    track = {"__name__": "__main__"}
    exec(compile(ast.Module(tree.body[:-1], []), "track.py", "exec"), track)
    settings = track["configParams"]()
    with tempfile.TemporaryDirectory() as sequences:
        (Path(sequences) / _VIDEO).mkdir()
        settings |= {"seq_base_path": sequences, "model_path": tf1_checkpoint}
        track["configParams"] = lambda: settings
        # It gives frames, centre and size as (y, x), and true boxes.
        x, y, width, height = box
        size = np.array([height, width])
        info = (
            _FramesOnDemand(paths, answers),
            size / 2 + (y, x),
            size,
            np.array([box] * len(paths)),
        )
        track["loadVideoInfo"] = lambda *_: info
        exec(compile(ast.Module(tree.body[-1:], []), "track.py", "exec"), track)


@contextlib.contextmanager
def program(
    folder: str, checkpoint: str, paths: Sequence[str], box: np.ndarray
) -> Iterator[Callable[[], float]]:
    """Starts their code, see `their_tracker`, with a checkpoint of ours."""
    from gradnet_tf.weights import convert

    with tempfile.TemporaryDirectory() as temporary:
        prefix = os.path.join(temporary, "model.ckpt")
        convert.convert(checkpoint=checkpoint, to_tf1=prefix)
        with their_tracker(folder, prefix, paths, box) as next_frame:
            next_frame()
            yield next_frame


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the command."""
    bench.define_flags(values)
    flags.DEFINE_string(
        "authors", None, "Checkout of LPXTT/GradNet-Tensorflow.", flag_values=values, required=True
    )


def measure(values: flags.FlagValues) -> dict:
    """Measures and prints as `gradnet_tf.bench`; raises as `their_tracker`."""
    from gradnet_tf.weights import store

    checkpoint = values.checkpoint or str(store.EMBEDDED)
    theirs = functools.partial(program, values.authors, checkpoint)
    return bench.measure(values, {"authors' code": theirs})


run = command_line.flags_alone(measure)

if __name__ == "__main__":
    if sys.argv[1:2] == [_CHILD]:
        _run(sys.argv[2], [float(v) for v in sys.argv[3].split(",")], sys.argv[4], sys.argv[5:])
    else:
        command_line.main(define_flags, run)
