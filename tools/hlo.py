"""Writes the compiled tracking step as HLO, for a machine that has JAX and a GPU but no TensorFlow.

    python tools/hlo.py --output=DIR                 # where TensorFlow is
    python tools/run_hlo.py DIR --check              # where JAX is

The HLO is the one before optimization, the same for every device: XLA of the other machine compiles
it for its own. For each precision and number of targets there are two files: NAME.hlo, and NAME.npz
with the arguments of the step after the first frame, what it gave here, and the boxes after the
first update.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from absl import flags

from gradnet_tf import command_line


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_string("output", None, "Folder for the files.", values, required=True)
    flags.DEFINE_string(
        "checkpoint", "", "Converted or trained checkpoint; the embedded one by default.", values
    )
    flags.DEFINE_list(
        "precisions", ["float32", "float16", "bfloat16"], "Of the search features.", values
    )
    flags.DEFINE_list("targets", ["1", "16", "64"], "Numbers of targets.", values)
    flags.DEFINE_integer("width", 640, "Width of the frames, pixels.", 32, flag_values=values)
    flags.DEFINE_integer("height", 480, "Height of the frames, pixels.", 32, flag_values=values)


def export_step(
    folder: Path, precision: str, targets: int, images: Sequence, checkpoint: Optional[str] = None
) -> Path:
    """Writes the step for so many targets, and returns the path of the HLO.

    Args:
        folder: Where to.
        precision: Of the search features; all but int8.
        targets: How many.
        images: The first two frames, uint8 RGB [height, width, 3].
        checkpoint: Of the tracker; None for the embedded one.

    Raises:
        ValueError: If the precision is none that XLA compiles, or the checkpoint cannot be used.
    """
    import numpy as np
    import tensorflow as tf

    from gradnet_tf.bench import roofline, video
    from gradnet_tf.bench.timing import PERIOD
    from gradnet_tf.files import disk
    from gradnet_tf.network.frame_batch import make_frame_batch
    from gradnet_tf.network.gradnet import GradNet
    from gradnet_tf.tracking import config
    from gradnet_tf.tracking import precision as precisions
    from gradnet_tf.tracking.batched_step import BatchedStep
    from gradnet_tf.weights import load, load_embedded

    precisions.check_precision(precision, jit_compile=True)
    weights = load(checkpoint) if checkpoint else load_embedded()
    network = GradNet(weights.variant)
    network.assign_weights(weights.arrays)
    search_features = precisions.search_features(network, precision, jit_compile=True)
    step = BatchedStep(network, config.preset("reference"), search_features=search_features)
    height, width = images[0].shape[:2]
    boxes = video.first_boxes(targets, width, height)
    first, second = (make_frame_batch([image], [0] * targets, padded=True) for image in images[:2])
    init = tf.function(step.init, autograph=False, jit_compile=True)
    compiled = tf.function(step.step, autograph=False, jit_compile=True)
    state, _ = init(first, tf.constant(boxes))
    concrete = compiled.get_concrete_function(state, second)
    hlo = compiled.experimental_get_compiler_ir(state, second)(stage="hlo_serialized")
    outputs = later = compiled(state, second)
    for _ in range(PERIOD - 1):
        later = compiled(later[0], second)

    # Of a variable it is the handle that is captured.
    values = {id(variable.handle): variable for variable in concrete.variables}
    captured = [values.get(id(tensor), tensor).numpy() for tensor in concrete.captured_inputs]
    arguments = [tensor.numpy() for tensor in tf.nest.flatten((state, second))] + captured
    arrays = {f"arg_{i:03d}": _storable(value) for i, value in enumerate(arguments)}
    arrays |= {f"out_{i:03d}": v.numpy() for i, v in enumerate(tf.nest.flatten(outputs))}
    arrays |= {
        "bfloat16": [value.dtype.name == "bfloat16" for value in arguments],
        "state_size": len(tf.nest.flatten(state)),
        "box": len(tf.nest.flatten(outputs[0])),
        "updated_box": later[1].box.numpy(),
        "targets": targets,
        "precision": precision,
        "frame_multiply_adds": targets * roofline.features_work(3).multiply_adds,
        "update_multiply_adds": targets * roofline.features_work(1).multiply_adds,
    }
    path = folder / f"{precision}_{targets:03d}.hlo"
    disk.write_bytes(path, hlo)
    with disk.replacing(path.with_suffix(".npz")) as temporary:
        np.savez(temporary, **arrays)
    return path


def _storable(value):
    """Makes an array that NumPy itself can store: bfloat16 as the bits of uint16."""
    return value.view("uint16") if value.dtype.name == "bfloat16" else value


def export(values: flags.FlagValues) -> list[Path]:
    """Writes all that the flags ask for; raises as `export_step`."""
    from gradnet_tf.bench import device, video
    from gradnet_tf.files import disk
    from gradnet_tf.media import images

    counts = device.read_targets(values.targets)
    output = Path(disk.local_path(values.output))
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        paths = video.make_video(folder, 2, values.width, values.height, max(counts))
        frames = [images.as_rgb(path) for path in paths]
    written = []
    for precision, count in itertools.product(values.precisions, counts):
        path = export_step(output, precision, count, frames, values.checkpoint or None)
        print(path, flush=True)
        written.append(path)
    return written


run = command_line.flags_alone(export)

if __name__ == "__main__":
    command_line.main(define_flags, run)
