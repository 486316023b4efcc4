r"""Repeats the experiments of the paper, one by one.

    python -m gradnet_tf.eval paper --experiment=table1 --root=SEQUENCES --output=DIR
    python -m gradnet_tf.eval paper --experiment=figure4 --data=RECORDS --output=DIR \
        --checkpoint=WITH_GENERALIZATION --checkpoint=WITHOUT
    python -m gradnet_tf.eval paper --experiment=table3 --data=RECORDS --root=SEQUENCES --output=DIR

    table1    iterations of plain gradient descent by learning rate   pairs
    figure1   absolute gradient over the exemplar                     pairs
    figure4   weight ratio of gradient and feature                    pairs, two checkpoints
    figure10  S and S* on several search regions                      pairs, one or two checkpoints
    figure2   error while training, accuracy while testing            two trainings, sequences
    table3    six variations of the network                           records, sequences
    table2    VOT2017            figure6  OTB-2015
    figure7   TC-128             figure8  LaSOT                       results of `run`, sequences

Pairs come from records (--data, as for training) or from the frames of sequences (--root). figure2
takes working directories of gradnet_tf.train; those that table3 leaves in OUTPUT/trainings will do.
The figures and tables, with what made them, go to --output. --scale=small takes minutes on two
cores. table3 and figure2 keep what they have done: the same command goes on after a stop.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

from gradnet_tf import command_line
from gradnet_tf.eval.commands import listing
from gradnet_tf.eval.paper.settings import EMBEDDED, EXPERIMENTS, SCALES, Experiment, Settings
from gradnet_tf.files import disk
from gradnet_tf.tracking import config

BAD_ARGUMENTS = 2  # Exit status.
# Flags of a number; 0 is "all" where there is such a thing.
_NUMBERS = {
    "pairs": "Pairs of an exemplar and a search region.",
    "iterations": "Most iterations of gradient descent.",
    "steps": "Steps of each training.",
    "points": "Most checkpoints of a training that are tracked with; 0: all.",
    "limit": "Most frames of a sequence that are tracked; 0: all.",
}
_TEXT, _LIST, _SEVERAL = flags.DEFINE_string, flags.DEFINE_list, flags.DEFINE_multi_string
_TEXTS: tuple[tuple[Callable, str, Any, str], ...] = (
    (_SEVERAL, "checkpoint", [], f"Folder, .npz file, or {EMBEDDED} (the default); repeatable."),
    (_LIST, "data", None, "Folders or globs of records, one a data set."),
    (_LIST, "workdirs", None, "Working directories of trainings (figure2)."),
    (_TEXT, "init", EMBEDDED, "Checkpoint that table3 starts from."),
    (_TEXT, "preset", "short", "Preset of the trainings (table3)."),
    (_SEVERAL, "train_flag", [], "name=value of gradnet_tf.train for every training; repeatable."),
    (_SEVERAL, "baseline_flag", [], "The same for the training of the baseline alone."),
    (_TEXT, "tracker_preset", "reference", "Preset of the trackers (figure2, table3)."),
    (_SEVERAL, "results", None, "Folder of results; repeatable."),
    (_LIST, "trackers", None, "Trackers among the results, instead of all."),
)


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    listing.define_flags(values)
    flags.DEFINE_enum("experiment", None, tuple(EXPERIMENTS), "What to repeat.", **here)
    flags.DEFINE_string("output", None, "Folder for tables and figures.", **here)
    flags.DEFINE_enum("scale", SCALES[0], SCALES, "Size of the numbers that are not given.", **here)
    flags.DEFINE_integer("seed", 1, "Of the pairs, and of trainings.", 0, **here)
    for name in _NUMBERS:
        least = 0 if name in ("limit", "points") else 1
        flags.DEFINE_integer(name, None, describe_number(name), least, **here)
    text = "Learning rate of table1's first column; 0: as slow as the paper's."
    flags.DEFINE_float("base_rate", 0.0, text, 0, **here)
    flags.DEFINE_float("target", 0.05, "Share of the loss that table1 calls converged.", 0, **here)
    flags.DEFINE_integer("jobs", 1, "Processes that track.", 1, **here)
    for define, name, default, text in _TEXTS:
        define(name, default, text, **here)


def describe_number(name: str) -> str:
    """Returns the help of a number's flag, with its values by scale."""
    values = [
        f"{title} {', '.join(str(number or 'all') for number in experiment.numbers[name])}"
        for title, experiment in EXPERIMENTS.items()
        if name in experiment.numbers
    ]
    return f"{_NUMBERS[name]} By --scale (small, full): {'; '.join(values)}."


def read_settings(values: flags.FlagValues) -> Settings:
    """Checks the flags before any work; raises an error of `command_line.EXPECTED`."""
    if not values.experiment:
        raise ValueError(f"--experiment is missing: one of {', '.join(EXPERIMENTS)}")
    experiment = EXPERIMENTS[values.experiment]
    for name, by_scale in experiment.numbers.items():
        values.set_default(name, by_scale[SCALES.index(values.scale)])
    _check(values, experiment)
    dataset, dataset_flags = None, ()
    if values.root:
        values.set_default("dataset", experiment.dataset)
        dataset = listing.open_flagged(values)
        names = ("dataset", "root", "sequences", "dataset_option", "starts")
        named = [values[name] for name in names if name == "dataset" or values[name].present]
        dataset_flags = tuple(text for flag in named for text in flag.serialize().split("\n"))
    output = Path(disk.local_path(values.output))
    if output.exists() and not output.is_dir():
        raise NotADirectoryError(f"--output {output} is a file; a folder is needed")
    disk.check_target(output / ".paper" if output.is_dir() else output)

    meant = (*experiment.numbers, *experiment.takes)
    given = {name: values[name].value for name in meant if values[name].value not in (None, [], "")}
    parameters = {"experiment": values.experiment, "scale": values.scale, **given}
    parameters.update({name: given[name] or "all" for name in experiment.numbers})
    if dataset is not None:
        parameters["sequences"] = [sequence.name for sequence in dataset.sequences]
    known = {field.name for field in dataclasses.fields(Settings)} - {"dataset"}
    changes = {name: given[name] for name in known & given.keys()}
    for name, value in changes.items():
        changes[name] = tuple(value) if isinstance(value, list) else value
    name = values.experiment
    return Settings(name, output, parameters, dataset, dataset_flags, **changes)


def _check(values: flags.FlagValues, experiment: Experiment) -> None:
    name = values.experiment
    for flag in ("output", *experiment.needs):
        if not values[flag].value:
            raise ValueError(f"--{flag} is missing; --experiment={name} needs it")
    every = {flag for one in EXPERIMENTS.values() for flag in (*one.takes, *one.numbers)}
    for flag in sorted(every - {*experiment.takes, *experiment.numbers}):
        if values[flag].present:
            raise ValueError(f"--{flag} means nothing for --experiment={name}")
    most = experiment.checkpoints
    if len(values.checkpoint) > most:
        raise ValueError(
            f"--experiment={name} takes {most} --checkpoint, got {len(values.checkpoint)}"
        )
    if "pairs" in experiment.numbers and bool(values.data) == bool(values.root):
        raise ValueError(
            f"--experiment={name} needs pairs: give --data (records) or --root (sequences), and "
            "not both"
        )
    if not values.target < 1:
        raise ValueError(f"--target must be below 1, got {values.target}")
    if experiment.plots:
        from gradnet_tf.eval.report import plots

        plots.check_available()
    if "tracker_preset" in experiment.takes:
        try:
            config.preset(values.tracker_preset)
        except ValueError as error:
            raise ValueError(f"--tracker_preset: {error}") from None


def _run(values: flags.FlagValues) -> None:
    settings = read_settings(values)
    from gradnet_tf.eval.paper import output
    from gradnet_tf.eval.report import tables

    # TensorFlow is loaded with it, where it is needed.
    module = EXPERIMENTS[settings.experiment].module
    document = importlib.import_module(f"gradnet_tf.eval.paper.{module}").run(settings)
    written = output.write(settings, document)
    print(tables.to_markdown(document.tables[0]))
    for note in document.notes:
        print(f"note: {note}")
    for path in written:
        print(f"wrote: {path}")


run = command_line.flags_alone(
    _run,
    status=BAD_ARGUMENTS,
    errors=(ArithmeticError, *command_line.EXPECTED),
    stopped="stopped; the same command goes on",
)
