"""The command `paper`: does an experiment and writes what came of it."""

from __future__ import annotations

import importlib
from pathlib import Path

from gradnet_tf.eval.paper import output
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import tables


def write(settings: Settings) -> list[Path]:
    """Does an experiment, writes its files and prints its main table.

    Returns:
        The files.

    Raises:
        commands.StoppedError: It was stopped.
        OSError, ValueError: Something cannot be used or written.
    """
    # TensorFlow is loaded with it, where it is needed.
    module = importlib.import_module(f"{__package__}.{settings.experiment.module}")
    document = module.run(settings)
    written = output.write(document, settings.output)
    if document.tables:
        print(tables.to_markdown(document.tables[0]))
    for note in document.notes:
        print(f"note: {note}")
    for path in written:
        print(f"wrote: {path}")
    return written
