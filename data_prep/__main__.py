"""Prepares training data: raw videos become shards of track records.

    python -m gradnet_tf.data_prep --source=got10k --root=GOT-10k/train --output=DIR

--source says what the folder --root holds. For each frame with a target, an exemplar crop of
127 px and an instance crop of 255 px is cut; --output gets TFRecord shards, one record a track,
and dataset.json, which says what they hold and what could not be used.

The run can be stopped at any time: the same command goes on where it was, also if the raw data have
moved to another --root. It uses all cores; --beam_options takes it to a cluster:

    --beam_options="--runner=FlinkRunner --flink_master=HOST:8081"
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence

from absl import flags

# Read when TensorFlow and NumPy are loaded, just below, here and in the processes of the runner:
# each of these has one core.
for _name, _value in (
    ("TF_CPP_MIN_LOG_LEVEL", "3"),
    ("OMP_NUM_THREADS", "1"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("TF_NUM_INTRAOP_THREADS", "1"),
):
    os.environ.setdefault(_name, _value)

from gradnet_tf import command_line  # noqa: E402
from gradnet_tf.data.description import FILE_NAME, Description  # noqa: E402
from gradnet_tf.data_prep import pipeline, preview, runner  # noqa: E402
from gradnet_tf.datasets import tracks  # noqa: E402
from gradnet_tf.files import storage  # noqa: E402

_LISTED = 5  # problems in the report


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    for field in dataclasses.fields(pipeline.PrepConfig):
        command_line.define_field(field, field.default, values)
    flags.DEFINE_boolean(
        "preview",
        False,
        f"Also write {preview.FILE_NAME}: random crops with their boxes.",
        flag_values=values,
    )


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Prepares what the flags of `define_flags` say; returns the exit status."""
    return command_line.finish(
        lambda: _prepare(values, arguments),
        errors=(*command_line.EXPECTED, runner.PipelineError),
        stopped="stopped; the same command goes on from the finished shards",
    )


def _prepare(values: flags.FlagValues, arguments: Sequence[str]) -> None:
    if runner.is_local(values.beam_options):
        # On this machine its many messages say nothing of use, and what fails is told below.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    command_line.refuse(arguments)
    for name in ("root", "output"):
        if not values[name].value:
            raise ValueError(f"--{name} is empty; expected a folder")
    if values.preview and "://" in values.output:
        raise ValueError("--preview needs a local --output")
    output = os.path.expanduser(values.output)  # A shell leaves --output=~/DIR as it is.
    names = [field.name for field in dataclasses.fields(pipeline.PrepConfig)]
    options = {**{name: values[name].value for name in names}, "output": output}
    made = pipeline.prepare(pipeline.PrepConfig(**options), progress=True)
    written = [os.path.join(output, FILE_NAME)]
    if values.preview:
        written.append(preview.write(output))
    print(_report(made))
    for path in written:
        print(f"wrote: {path}")


def _report(made: Description) -> str:
    counts = made.counts
    lines = [
        f"{counts['frames']} frames of {counts['tracks']} tracks of {counts['videos']} videos "
        f"in {len(made.shards)} shards"
    ]
    if tracks.NOT_FOR_TRAINING in made.problems:
        count = made.problems[tracks.NOT_FOR_TRAINING]
        lines.append(
            f"{count} left out, {tracks.NOT_FOR_TRAINING}: --split={tracks.ALL} takes them"
        )
    if made.problems:
        kinds = ", ".join(f"{kind}: {count}" for kind, count in made.problems.items())
        lines.append(f"problems, passed over: {kinds}")
        for problem in made.problem_list[:_LISTED]:
            lines.append(f"  {problem['kind']}: {problem['where']} ({problem['detail']})")
        if sum(made.problems.values()) > _LISTED:
            lines.append(f"  ... more of them in {FILE_NAME}")
    return storage.encode("\n".join(lines)).decode()


if __name__ == "__main__":
    command_line.main(define_flags, run)
