"""Converts checkpoints.

From the authors' TF1 checkpoint to a checkpoint of this project:

    python -m gradnet_tf.convert --tf1=ckpt/base_l5_1t_49/model_epoch49.ckpt --output=DIR

and back, so that the reference's code runs on new weights:

    python -m gradnet_tf.convert --checkpoint=DIR --to_tf1=ckpt/new/model.ckpt

An npz file of the same variables is the source where no other source is given, otherwise an
output:

    python -m gradnet_tf.convert --npz=weights.npz --output=DIR
    python -m gradnet_tf.convert --checkpoint=DIR --npz=weights.npz

`--float16` rounds the convolutions' kernels, which halves a checkpoint of this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from absl import flags

from gradnet_tf import command_line
from gradnet_tf.files import disk

_PATHS = {
    "tf1": "Source: prefix of a TF1 checkpoint of the reference.",
    "checkpoint": "Source: checkpoint directory of gradnet_tf.",
    "npz": "npz file of the variables by TF1 name: the source, or, beside --tf1 or --checkpoint, "
    "an output.",
    "output": "Output: checkpoint directory of gradnet_tf.",
    "to_tf1": "Output: prefix of a TF1 checkpoint for the reference.",
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    for name, text in _PATHS.items():
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_boolean("overwrite", False, "Replace outputs that exist.", flag_values=values)
    flags.DEFINE_boolean(
        "float16",
        False,
        "Round the convolutions' kernels to float16: half the size of --output.",
        flag_values=values,
    )


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Converts as the flags say; returns the exit status."""

    def body():
        paths = _read_paths(values, arguments)

        from gradnet_tf.weights import convert  # Loads TensorFlow.

        print(
            convert.report(
                convert.convert(**paths, overwrite=values.overwrite, float16=values.float16)
            )
        )
        for name in ("output", "to_tf1", "to_npz"):
            if paths.get(name):
                print(f"wrote: {paths[name]}")

    return command_line.finish(body)


def _read_paths(values: flags.FlagValues, arguments: Sequence[str]) -> dict[str, Any]:
    """Reads the arguments of `weights.convert.convert` from the flags."""
    command_line.refuse(arguments)
    paths = {name: values[name].value for name in _PATHS if values[name].value is not None}
    for name, path in paths.items():
        if not path:
            raise ValueError(f"--{name} is empty; expected a path")
        paths[name] = disk.local_path(path)
    if {"tf1", "checkpoint"} <= paths.keys():
        raise ValueError("--tf1 and --checkpoint are both sources; give one of them")
    if not {"tf1", "checkpoint", "npz"} & paths.keys():
        raise ValueError("no source; give --tf1=PREFIX, --checkpoint=DIR or --npz=FILE")
    if {"tf1", "checkpoint"} & paths.keys() and "npz" in paths:
        paths["to_npz"] = paths.pop("npz")
    if not {"output", "to_tf1", "to_npz"} & paths.keys():
        raise ValueError(
            "no output; give --output=DIR, --to_tf1=PREFIX or, beside --tf1 or --checkpoint, "
            "--npz=FILE"
        )
    return paths


if __name__ == "__main__":
    command_line.main(define_flags, run)
