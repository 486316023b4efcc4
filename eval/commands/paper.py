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

import sys
from collections.abc import Sequence

from absl import flags

from gradnet_tf.eval.commands import listing

OK, BAD_ARGUMENTS, INTERRUPTED = 0, 2, 130  # Exit statuses.


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    from gradnet_tf.eval.paper import settings

    here = dict(flag_values=values)
    listing.define_flags(values)
    flags.DEFINE_enum("experiment", None, tuple(settings.EXPERIMENTS), "What to repeat.", **here)
    flags.DEFINE_string("output", None, "Folder for tables and figures.", **here)
    flags.DEFINE_enum(
        "scale", "small", settings.SCALES, "Size of the numbers that are not given.", **here
    )
    flags.DEFINE_integer("seed", 1, "Of the pairs, and of trainings.", 0, **here)
    flags.DEFINE_multi_string(
        "checkpoint",
        [],
        "Checkpoint: a folder, an .npz file, or embedded (the default); repeatable.",
        **here,
    )
    flags.DEFINE_list("data", None, "Folders or globs of records, one a data set.", **here)
    for name in settings.COUNTS:
        least = 0 if name in ("limit", "points") else 1
        flags.DEFINE_integer(name, None, settings.describe_count(name), least, **here)
    flags.DEFINE_float(
        "base_rate",
        0.0,
        "Learning rate of table1's first column; 0: as slow as the paper's.",
        0,
        **here,
    )
    flags.DEFINE_float("target", 0.05, "Share of the loss that table1 calls converged.", 0, **here)
    flags.DEFINE_list("workdirs", None, "Working directories of trainings (figure2).", **here)
    flags.DEFINE_string("init", settings.EMBEDDED, "Checkpoint that table3 starts from.", **here)
    flags.DEFINE_string("preset", "short", "Preset of the trainings (table3).", **here)
    flags.DEFINE_multi_string(
        "train_flag",
        [],
        "name=value of gradnet_tf.train for every training, such as batch=4; repeatable (table3).",
        **here,
    )
    flags.DEFINE_multi_string(
        "baseline_flag",
        [],
        "The same for the training of the baseline alone, such as learning_rate=5e-6 (table3).",
        **here,
    )
    flags.DEFINE_string(
        "tracker_preset", "reference", "Preset of the trackers (figure2, table3).", **here
    )
    flags.DEFINE_integer("jobs", 1, "Processes that track.", 1, **here)
    flags.DEFINE_multi_string("results", None, "Folder of results; repeatable.", **here)
    flags.DEFINE_list("trackers", None, "Trackers among the results, instead of all.", **here)


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Does the experiment that the flags name.

    Args:
        values: Parsed flags of `define_flags`.
        arguments: What stood on the command line besides flags; anything is an error.

    Returns:
        The exit status: 0; 2 after one line "error: ..." on stderr; 128 and the signal's number if
        it was stopped.
    """
    from gradnet_tf.eval.paper import command, commands, settings

    try:
        command.write(settings.parse(values, arguments))
    except (ArithmeticError, ImportError, OSError, ValueError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return BAD_ARGUMENTS
    except commands.StoppedError as stopped:
        print("stopped; the same command goes on", file=sys.stderr)
        return stopped.status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return OK
