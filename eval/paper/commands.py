"""Other commands of this package, called as from the command line.

So trainings and runs are the very ones that a user gets, they go on where they were stopped, and
the lines can be written down.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Optional

from absl import flags

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.results import tracker_results as results_files
from gradnet_tf.eval.scoring import evaluate, loading
from gradnet_tf.eval.scoring.summary import Evaluation

RESULTS = "results"  # Folder in the output; in it one for the constants and the limit.
SIGNAL = 128  # An exit status from here on: stopped.
_SAMPLES = 2000


class StoppedError(Exception):
    """A command was stopped by a signal.

    Attributes:
        status: Its exit status.
    """

    def __init__(self, status: int):
        super().__init__(f"stopped with status {status}")
        self.status = status


def parse(module: ModuleType, arguments: Sequence[str]) -> tuple[flags.FlagValues, list[str]]:
    """Reads the flags of a command.

    Args:
        module: With `define_flags(values)`.
        arguments: Flags as on the command line.

    Returns:
        The flags, and what stood there besides.

    Raises:
        ValueError: If a flag is unknown or wrong.
    """
    values = flags.FlagValues()
    module.define_flags(values)
    try:
        rest = values([module.__name__, *arguments])
    except flags.Error as error:
        raise ValueError(f"{module.__name__.rpartition('.')[2]}: {error}") from None
    return values, rest[1:]


def call(module: ModuleType, arguments: Sequence[str]) -> int:
    """Runs a command.

    Args:
        module: With `define_flags(values)` and `run(values, arguments)`.
        arguments: Flags as on the command line.

    Returns:
        The exit status.

    Raises:
        StoppedError: If it was stopped.
        ValueError: As `parse`.
    """
    status = module.run(*parse(module, arguments))
    # What it printed comes before what others write to stderr.
    sys.stdout.flush()
    if status >= SIGNAL:
        raise StoppedError(status)
    return status


def line(program: str, arguments: Sequence[str]) -> str:
    """The line that does the same in a shell."""
    return " ".join(["python -m", program, *map(shlex.quote, arguments)])


def track(
    settings: Settings, trackers: Sequence[tuple[str, str]]
) -> tuple[Evaluation, tuple[str, ...], str]:
    """Runs trackers on the data set, or finds that they have run, and measures them.

    Args:
        settings: Data set, limit, jobs, and the output, in which the results have a folder.
        trackers: (name, what it is), see `gradnet_tf.eval.trackers.registry`.

    Returns:
        The numbers, notes on what was left out, and the command.

    Raises:
        StoppedError: If it was stopped.
        ValueError: If nothing could be tracked, or there are results of other trackers.
    """
    from gradnet_tf.eval.commands import run

    how = f"{settings.tracker_preset}_{settings.limit or 'all'}"
    results = settings.output / RESULTS / how
    arguments = [f"--tracker={name}={text}" for name, text in trackers]
    arguments = [*settings.dataset_flags, *arguments, f"--output={results}"]
    arguments += [f"--jobs={settings.jobs}"]
    arguments += [f"--limit={settings.limit}"] if settings.limit else []
    # Failed sequences do not hide the others: they are among the notes.
    if call(run, arguments) == run.BAD_ARGUMENTS:
        raise ValueError(f"cannot run the trackers: {line('gradnet_tf.eval run', arguments)}")
    names = [name for name, _ in trackers]
    found = str(results / settings.dataset.title)
    evaluation, notes = measure(settings.dataset, [found], names)
    return evaluation, notes, line("gradnet_tf.eval run", arguments)


def measure(
    dataset: Dataset, results: Sequence[str], names: Optional[Sequence[str]] = None
) -> tuple[Evaluation, tuple[str, ...]]:
    """Measures results by the rules of their data set.

    Args:
        dataset: The sequences.
        results: Folders.
        names: Of trackers; None for all.

    Returns:
        The numbers, and notes on what was left out.

    Raises:
        OSError, ValueError: There are none that can be used.
    """
    found = results_files.find_results(results)
    loaded = loading.load(dataset, loading.choose(dataset, found, names))
    evaluation = evaluate.evaluate(
        loaded.dataset, loaded.trackers, dataset.convention, samples=_SAMPLES
    )
    return evaluation, loaded.notes
