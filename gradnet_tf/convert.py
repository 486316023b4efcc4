"""Converts checkpoints.

From the authors' TF1 checkpoint to a checkpoint of this project:

    python -m gradnet_tf.convert --tf1=ckpt/base_l5_1t_49/model_epoch49.ckpt --output=DIR

and back, so that the reference's code runs on new weights:

    python -m gradnet_tf.convert --checkpoint=DIR --to_tf1=ckpt/new/model.ckpt

An npz file of the same variables is the source where no other source is given, otherwise an
output:

    python -m gradnet_tf.convert --npz=weights.npz --output=DIR
    python -m gradnet_tf.convert --checkpoint=DIR --npz=weights.npz
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import app, flags

from gradnet_tf.files import disk

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when TensorFlow is loaded, just below.

from gradnet_tf.weights import convert as conversion  # noqa: E402


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    flags.DEFINE_string(
        "tf1", None, "Source: prefix of a TF1 checkpoint of the reference.", flag_values=values
    )
    flags.DEFINE_string(
        "checkpoint", None, "Source: checkpoint directory of gradnet_tf.", flag_values=values
    )
    flags.DEFINE_string(
        "npz",
        None,
        "npz file of the variables by TF1 name: the source, or, "
        "beside --tf1 or --checkpoint, an output.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "output", None, "Output: checkpoint directory of gradnet_tf.", flag_values=values
    )
    flags.DEFINE_string(
        "to_tf1", None, "Output: prefix of a TF1 checkpoint for the reference.", flag_values=values
    )
    flags.DEFINE_boolean("overwrite", False, "Replace outputs that exist.", flag_values=values)


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Converts as the flags say.

    Args:
        values: Parsed flags of `define_flags`.
        arguments: What stood on the command line besides flags; anything is an error.

    Returns:
        The exit status: 0, or 1 after one line "error: ..." on stderr.
    """
    try:
        source, targets = _parse(values, arguments)
        weights = conversion.convert(source, targets)
    except (ValueError, OSError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return 1
    print(conversion.report(weights))
    for path in (targets.output, targets.tf1, targets.npz):
        if path:
            print(f"wrote: {path}")
    return 0


def _parse(
    values: flags.FlagValues, arguments: Sequence[str]
) -> tuple[conversion.Source, conversion.Targets]:
    if arguments:
        raise ValueError(f"unexpected argument {arguments[0]!r}; every path is given by a flag")
    for name in ("tf1", "checkpoint", "npz", "output", "to_tf1"):
        if values[name].value == "":
            raise ValueError(f"--{name} is empty; expected a path")
    if values.tf1 and values.checkpoint:
        raise ValueError("--tf1 and --checkpoint are both sources; give one of them")
    if not (values.tf1 or values.checkpoint or values.npz):
        raise ValueError("no source; give --tf1=PREFIX, --checkpoint=DIR or --npz=FILE")
    npz_is_source = not (values.tf1 or values.checkpoint)
    if not (values.output or values.to_tf1 or (values.npz and not npz_is_source)):
        raise ValueError(
            "no output; give --output=DIR, --to_tf1=PREFIX or, beside --tf1 or "
            "--checkpoint, --npz=FILE"
        )
    tf1, checkpoint, npz, output, to_tf1 = (
        disk.local_path(values[name].value) if values[name].value else None
        for name in ("tf1", "checkpoint", "npz", "output", "to_tf1")
    )
    source = conversion.Source(tf1=tf1, checkpoint=checkpoint, npz=npz if npz_is_source else None)
    return source, conversion.Targets(
        output=output,
        tf1=to_tf1,
        npz=None if npz_is_source else npz,
        overwrite=values.overwrite,
    )


def main() -> None:
    """Runs the command on `sys.argv`."""
    define_flags()
    app.run(lambda argv: run(flags.FLAGS, argv[1:]))


if __name__ == "__main__":
    main()
