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
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from absl import logging as absl_logging

from gradnet_tf.data_prep import shards

# The class of an error at the end of a traceback, and the step of the pipeline behind it.
_DECORATION = re.compile(r"^[\w.]*Error: | \[while running [^\]]*\]$")
_PROCESSES = "multi_processing"


class PipelineError(RuntimeError):
    """The pipeline failed; shards that were finished before are kept."""


def make_pipeline(beam_options: str = "", jobs: Optional[int] = None) -> Any:
    """Makes an `apache_beam.Pipeline` without any step.

    Args:
        beam_options: Options of Apache Beam as on a command line. With --runner among them that
            runner is used, otherwise the local one.
        jobs: Processes of the local runner; None takes as many as there are cores.

    Raises:
        ImportError: If Apache Beam is not installed.
        ValueError: If the options cannot be read or contradict each other.
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
    given = _split(beam_options)
    _check_words(beam_options, given, PipelineOptions([]).get_all_options())
    local = is_local(beam_options)
    if local:
        jobs = jobs or os.cpu_count() or 1
        given = [
            "--runner=DirectRunner",
            f"--direct_running_mode={_PROCESSES if jobs > 1 else 'in_memory'}",
            f"--direct_num_workers={jobs}",
            # Its workers tell every step otherwise.
            "--default_sdk_harness_log_level=CRITICAL",
            # There is no trigger here. With this option DirectRunner works in Python at once, and
            # does not try first to download another runner, which is a binary.
            "--allow_unsafe_triggers",
            *given,
        ]
    elif jobs is not None:
        raise ValueError(
            "jobs is for the local runner; give the options of another runner in beam_options"
        )
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options = PipelineOptions(given)
            known = options.get_all_options()  # Parses them.
            if local:  # Another runner may know more options than Beam does.
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


def is_local(beam_options: str) -> bool:
    """Whether the options name no runner, so that the work is done on this machine."""
    return not any(_name(word) == "--runner" for word in _split(beam_options))


def _split(beam_options: str) -> list[str]:
    try:
        return shlex.split(beam_options)
    except ValueError as error:
        raise ValueError(f"cannot read beam_options {beam_options!r}: {error}") from error


def _name(word: str) -> str:
    return word.partition("=")[0]


def _check_words(beam_options: str, words: Sequence[str], known: Mapping[str, Any]) -> None:
    """Raises ValueError for what Beam would pass over in silence, and then work elsewhere."""

    def refuse(reason: str) -> None:
        raise ValueError(f"beam_options {beam_options!r}: {reason}")

    takes_value = False  # Whether a word may be the value of the one before it.
    for word in words:
        name = _name(word).lstrip("-")
        is_option = bool(name) and word.startswith(f"--{name}")
        # Of "--streaming runner=NAME" the second is no value either.
        is_stray = not takes_value or "=" in word and name in known
        if not is_option and (is_stray or not name):
            refuse(f"{word!r} is no option; options begin with two dashes, such as --runner=NAME")
        if is_option and name not in known:
            meant = name.lower().replace("-", "_")
            if meant in known:
                refuse(f"there is no --{name}; it is --{meant}")
        if word == "--runner=":
            refuse("--runner is empty; it needs the name of a runner")
        takes_value = is_option and "=" not in word and not isinstance(known.get(name), bool)
    if [_name(word) for word in words].count("--runner") > 1:
        refuse("--runner is given more than once")


def run(pipeline: Any, output: str, todo: Sequence[int]) -> None:
    """Makes the shards `todo` of an output with plans; a PipelineError if Apache Beam fails."""
    import apache_beam as beam

    mode = pipeline.options.get_all_options().get("direct_running_mode")
    make_shard = _make_shard_quietly if mode == _PROCESSES else shards.make_shard
    make_shard = functools.partial(make_shard, output=output)
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
        raise PipelineError(
            f"the pipeline failed: {_reason(error)}; finished shards are kept, the same command "
            "continues"
        ) from error
    if state != "DONE":
        raise PipelineError(f"the pipeline ended in state {state}; the same command continues")


def _make_shard_quietly(number: int, output: str) -> dict[str, Any]:
    """Makes a shard; if that fails, its process prints no traceback, for `run` tells the error."""
    try:
        return shards.make_shard(number, output)
    except Exception:
        sys.stderr = open(os.devnull, "w")  # The process ends soon.
        raise


def _reason(error: Exception) -> str:
    """Finds the reason in the message of Beam, which holds a worker's traceback and the step."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = _DECORATION.sub("", lines[-1]) if lines else ""
    return reason or type(error).__name__
