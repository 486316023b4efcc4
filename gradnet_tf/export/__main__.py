"""Exports the tracker for processes without gradnet_tf.

    python -m gradnet_tf.export --format=saved_model --output=DIR
    python -m gradnet_tf.export --checkpoint=DIR --format=onnx --precision=int8 --output=DIR

`saved_model` is the whole tracker; `tflite` and `onnx` are graphs, around which
`examples/onnx_tracker.py` is the whole tracker. docs/export.md describes inputs and outputs.
"""

from __future__ import annotations

from absl import flags

from gradnet_tf import command_line
from gradnet_tf.tracking.config import PRECISIONS, PRESETS

FORMATS = ("saved_model", "tflite", "onnx")


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the command."""
    text = flags.DEFINE_string
    text("checkpoint", "", "Converted or trained checkpoint; the embedded one by default.", values)
    flags.DEFINE_enum("format", None, FORMATS, "What to write.", flag_values=values)
    text("output", "", "New directory for it.", values)
    flags.DEFINE_enum(
        "preset",
        None,
        list(PRESETS),
        "Constants of the tracker; by default what the checkpoint's card asks for.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "precision",
        "float32",
        PRECISIONS,
        "Of the features of the search regions.",
        flag_values=values,
    )


def export(values: flags.FlagValues) -> None:
    """Exports as the flags say."""
    for name in ("format", "output"):
        if not values[name].value:
            raise ValueError(f"--{name} is missing; for example --format=onnx --output=DIR")

    from gradnet_tf.export import write  # Loads TensorFlow.

    write.write(
        values.checkpoint or None,
        values.format,
        values.output,
        preset=values.preset,
        precision=values.precision,
    )
    print(f"wrote: {values.output}")


run = command_line.flags_alone(export)

if __name__ == "__main__":
    command_line.main(define_flags, run)
