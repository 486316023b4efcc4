"""Apache Beam: options, the local runner of several processes, and the pipeline itself.

One element of the pipeline is one shard, and the shard's files are its result: whatever runs the
pipeline, finished shards stay when it is stopped. Apache Beam is imported when it is needed, for
only the extra "prep" brings it.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import os
import shlex
from collections.abc import Sequence
from typing import Any, Optional

from absl import logging as absl_logging

from gradnet_tf.data_prep import shards


class PipelineError(RuntimeError):
    """The pipeline failed; shards that were finished before are kept."""


def make_pipeline(beam_options: str = "", jobs: Optional[int] = None) -> Any:
    """Makes a pipeline without any step.

    Args:
      beam_options: options of Apache Beam as on a command line. With --runner among them that
        runner is used, otherwise the local one.
      jobs: processes of the local runner; None takes as many as there are cores.

    Returns:
      The `apache_beam.Pipeline`.

    Raises:
      ImportError: Apache Beam is not installed.
      ValueError: the options cannot be read or contradict each other.
    """
    logging.disable(logging.WARNING)  # Beam warns of extras that are not installed.
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ImportError(
            f"data preparation needs Apache Beam: pip install 'gradnet_tf[prep]' ({error})"
        ) from error
    finally:
        logging.disable(logging.NOTSET)
    try:
        given = shlex.split(beam_options)
    except ValueError as error:
        raise ValueError(f"cannot read beam_options {beam_options!r}: {error}") from error
    is_local = not any(word.split("=")[0] == "--runner" for word in given)
    if is_local:
        given = _local_options(jobs or os.cpu_count() or 1) + given
    elif jobs is not None:
        raise ValueError(
            "jobs is for the local runner; give the options of another runner in beam_options"
        )
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options = PipelineOptions(given)
            known = options.get_all_options()  # Parses them.
            if is_local:  # Another runner may know more options than Beam does.
                unknown = options.get_all_options(retain_unknown_options=True).keys() - known
                if unknown:
                    raise ValueError(
                        f"beam_options {beam_options!r}: there is no --{min(unknown)}, and no "
                        "--runner that may know it"
                    )
            return beam.Pipeline(options=options)
    except SystemExit as error:  # argparse writes its usage of a hundred lines, and ends.
        reason = complaint.getvalue().strip().rpartition("error: ")[2]
        raise ValueError(f"cannot read beam_options {beam_options!r}: {reason}") from error


def _local_options(jobs: int) -> list[str]:
    mode = "multi_processing" if jobs > 1 else "in_memory"
    return [
        "--runner=DirectRunner",
        f"--direct_running_mode={mode}",
        f"--direct_num_workers={jobs}",
        # Its workers tell every step otherwise.
        "--default_sdk_harness_log_level=ERROR",
        # There is no trigger here. With this option DirectRunner works in Python at once, and does
        # not try first to download another runner, which is a binary.
        "--allow_unsafe_triggers",
    ]


def run(pipeline: Any, output: str, todo: Sequence[int]) -> None:
    """Makes shards, each one as one element of the pipeline.

    Args:
      pipeline: of `make_pipeline`.
      output: folder of the data set.
      todo: numbers of the shards; their plans lie in `output`.

    Raises:
      PipelineError: Apache Beam reports a failure.
    """
    import apache_beam as beam

    make_shard = functools.partial(shards.make_shard, output=output)
    _ = (
        pipeline
        | "shard numbers" >> beam.Create(list(todo), reshuffle=False)
        | "spread" >> beam.Reshuffle()
        | "make shards" >> beam.Map(make_shard)
    )
    try:
        state = pipeline.run().wait_until_finish()
    except Exception as error:  # Each runner has its own kinds.
        absl_logging.debug("the pipeline failed", exc_info=True)
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # Beam puts the traceback of a worker into the message; what happened is at its end.
        raise PipelineError(
            f"the pipeline failed: {lines[-1] if lines else type(error).__name__}; "
            "finished shards are kept, the same command continues"
        ) from error
    if state != "DONE":
        raise PipelineError(f"the pipeline ended in state {state}; the same command continues")
