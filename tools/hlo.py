"""Writes the compiled steps as HLO, for a machine that has JAX and a GPU but no TensorFlow.

    python tools/hlo.py --output=DIR                 # where TensorFlow is
    python tools/run_hlo.py DIR --check              # where JAX is

The HLO is the one before optimization, the same for every device: XLA of the other machine compiles
it for its own. For each precision and number of targets there are two files: NAME.hlo, and NAME.npz
with the arguments of the tracking step after the first frame, what it gave here, and the boxes
after the first update. For each precision of the training there are two of the first training step.
"""

from __future__ import annotations

import functools
import itertools
import re
import tempfile
from collections.abc import Callable, Sequence
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
    flags.DEFINE_list(
        "training", ["float32", "mixed_bfloat16"], "Precisions of the training step.", values
    )
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
    import tensorflow as tf

    from gradnet_tf.bench import roofline, video
    from gradnet_tf.bench.timing import PERIOD
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

    arrays = {
        "state_size": len(tf.nest.flatten(state)),
        "box": len(tf.nest.flatten(outputs[0])),
        "updated_box": later[1].box.numpy(),
        "targets": targets,
        "precision": precision,
        "frame_multiply_adds": targets * roofline.features_work(3).multiply_adds,
        "update_multiply_adds": targets * roofline.features_work(1).multiply_adds,
    }
    path = folder / f"{precision}_{targets:03d}.hlo"
    _write(path, hlo, _arguments(concrete, (state, second)), outputs, arrays)
    return path


def export_training(folder: Path, precision: str, **changes) -> Path:
    """Writes the training step of the preset "reference", and returns the path of the HLO.

    What it gave is TensorFlow's without XLA, and the batch is noise.

    Args:
        folder: Where to.
        precision: Of the training, as `TrainConfig.precision`.
        **changes: Constants of the preset to change.

    Raises:
        ValueError: If a constant is out of its range.
    """
    import numpy as np
    import tensorflow as tf

    from gradnet_tf.network import architecture
    from gradnet_tf.network.gradnet import GradNet
    from gradnet_tf.training import presets
    from gradnet_tf.training.step import TrainStep

    config = presets.preset("reference", precision=precision, **changes)
    step = TrainStep(GradNet(seed=1), config)
    random = np.random.default_rng(0)
    sizes = architecture.EXEMPLAR_SIZE, architecture.TRAINING_INSTANCE_SIZE
    batch = tuple(
        tf.constant(random.uniform(0, 255, (config.batch, size, size, 3)), tf.float32)
        for size in sizes
    )
    compiled = tf.function(lambda *images: step(*images, 0), autograph=False, jit_compile=True)
    concrete = compiled.get_concrete_function(*batch)
    intermediate = compiled.experimental_get_compiler_ir(*batch)
    hlo = intermediate(stage="hlo_serialized")
    # In the text's head: input_output_alias={ {OUTPUT}: (ARGUMENT, {}, may-alias), ... }
    replaced = re.findall(r"\{(\d+)\}: \((\d+), \{\}, m\w+-alias\)", intermediate(stage="hlo"))
    arguments = _arguments(concrete, batch)  # Before the step changes the variables among them.
    outputs = step(*batch, 0)
    arrays = {
        "loss": sorted(outputs).index("loss"),
        "replaced": np.array(replaced, int),  # Outputs, and the arguments that they take over.
        "updated_loss": step(*batch, 0)["loss"].numpy(),
        "precision": precision,
    }
    path = folder / f"training_{precision}.hlo"
    _write(path, hlo, arguments, outputs, arrays)
    return path


def _arguments(concrete, inputs) -> list:
    """Lists the values that the HLO takes: the inputs, then what the function captured."""
    import tensorflow as tf

    # Of a variable it is the handle that is captured.
    values = {id(variable.handle): variable for variable in concrete.variables}
    captured = [values.get(id(tensor), tensor).numpy() for tensor in concrete.captured_inputs]
    return [tensor.numpy() for tensor in tf.nest.flatten(inputs)] + captured


def _write(path: Path, hlo: bytes, arguments: list, outputs, arrays: dict) -> None:
    """Writes the HLO, and beside it its arguments, its outputs and the other arrays."""
    import numpy as np
    import tensorflow as tf

    from gradnet_tf.files import disk

    arrays = arrays | {"bfloat16": [value.dtype.name == "bfloat16" for value in arguments]}
    arrays |= {f"arg_{i:03d}": _storable(value) for i, value in enumerate(arguments)}
    arrays |= {f"out_{i:03d}": v.numpy() for i, v in enumerate(tf.nest.flatten(outputs))}
    disk.write_bytes(path, hlo)
    with disk.replacing(path.with_suffix(".npz")) as temporary:
        np.savez(temporary, **arrays)


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
    made: list[Callable[[], Path]] = [
        functools.partial(export_step, output, precision, count, frames, values.checkpoint or None)
        for precision, count in itertools.product(values.precisions, counts)
    ]
    made += [functools.partial(export_training, output, name) for name in values.training]
    written = []
    for make in made:
        written.append(make())
        print(written[-1], flush=True)
    return written


run = command_line.flags_alone(export)

if __name__ == "__main__":
    command_line.main(define_flags, run)
