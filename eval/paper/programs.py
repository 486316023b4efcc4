"""Runs other programs of this package as a user would, each in a process of its own.

So trainings and runs are the very ones that a user gets, and go on where they were stopped; their
memory, that of a GPU above all, is free afterwards; and their lines can be written down.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence

from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import writing
from gradnet_tf.eval.scoring.summary import Evaluation

# A program is a module, and what stands before its flags.
TRAIN = ("gradnet_tf.train",)
TRACK = ("gradnet_tf.eval", "run")
RESULTS = "results"  # Folder in the output; in it one for the constants and the limit.
_FAILED, _SIGNAL = 1, 128  # Exit statuses: of failed sequences; of a signal, from here on.


def line(program: Sequence[str], arguments: Sequence[str]) -> str:
    """Returns the line that runs a program in a shell."""
    return shlex.join(["python", "-m", *program, *arguments])


def run(program: Sequence[str], arguments: Sequence[str]) -> int:
    """Runs a program to its end and returns its exit status.

    Raises a KeyboardInterrupt if it, or this process, was stopped by a signal.
    """
    sys.stdout.flush()
    # In a session of its own it gets a signal once, from here, and not from the terminal as well.
    process = subprocess.Popen([sys.executable, "-m", *program, *arguments], start_new_session=True)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.terminate()  # It finishes what it must to go on later.
        process.wait()
        raise
    if status < 0 or status >= _SIGNAL:
        raise KeyboardInterrupt
    return status


def track(
    settings: Settings, trackers: Sequence[tuple[str, str]]
) -> tuple[Evaluation, tuple[str, ...], str]:
    """Runs trackers on the settings' data set, or finds that they have run, and measures them.

    Args:
        settings: What the experiment is asked for.
        trackers: Pairs of a name and a tracker, see `gradnet_tf.eval.trackers.registry`.

    Returns:
        The numbers, notes on what was left out, and the command.

    Raises:
        KeyboardInterrupt: If it was stopped.
        ValueError: If nothing could be tracked, or there are results of other trackers.
    """
    results = settings.output / RESULTS / f"{settings.tracker_preset}_{settings.limit or 'all'}"
    arguments = [*settings.dataset_flags, *(f"--tracker={name}={text}" for name, text in trackers)]
    arguments += [f"--output={results}", f"--jobs={settings.jobs}"]
    arguments += [f"--limit={settings.limit}"] if settings.limit else []
    # Failed sequences do not hide the others: they are among the notes.
    if run(TRACK, arguments) > _FAILED:
        raise ValueError(f"cannot run the trackers: {line(TRACK, arguments)}")
    found = str(results / settings.sequences.title)
    names = [name for name, _ in trackers]
    loaded, evaluation = writing.compute(settings.sequences, [found], names)
    return evaluation, loaded.notes, line(TRACK, arguments)
