"""Tells what a data set on disk holds: sequences, frames, attributes, and what is wrong with it.

    python -m gradnet_tf.eval list --dataset=otb100 --root=OTB

Without --dataset, the names of the data sets that can be read. With --starts=5 every sequence
becomes five, each from another frame to the end.
"""

from __future__ import annotations

import json
from typing import Any

from absl import flags

from gradnet_tf import command_line, datasets
from gradnet_tf.datasets.sequences import Dataset, describe
from gradnet_tf.eval.metrics import conventions
from gradnet_tf.eval.running import protocols, start_frames


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    flags.DEFINE_string("dataset", None, f"One of {', '.join(datasets.DATASETS)}.", **here)
    flags.DEFINE_string("root", None, "Folder of the data set, as downloaded.", **here)
    flags.DEFINE_list("sequences", None, "Names of sequences, instead of all.", **here)
    text = "name=value of the data set's reader: skip_tiger1=false of OTB, origin=0 of folder."
    flags.DEFINE_multi_string("dataset_option", [], text, **here)
    text = (
        "First frames of each sequence, evenly spread; from each of them it is run to its end "
        "(temporal robustness evaluation). Results go to a folder DATASET-TRESTARTS."
    )
    flags.DEFINE_integer("starts", 1, text, 1, **here)


def define_results_flags(values: flags.FlagValues) -> None:
    """Defines the flags that choose results on disk."""
    here = dict(flag_values=values)
    flags.DEFINE_multi_string("results", None, "Folder of results; repeatable.", **here)
    flags.DEFINE_list("trackers", None, "Trackers to take, instead of all.", **here)
    text = "Which runs, where there are several; by default those that the benchmark asks for."
    flags.DEFINE_enum("protocol", None, protocols.PROTOCOLS, text, **here)
    text = "Rules of counting of runs without resets; by default those of the data set."
    flags.DEFINE_enum("convention", None, conventions.CONVENTIONS, text, **here)


def open_flagged(values: flags.FlagValues, *, needs_images: bool = True) -> Dataset:
    """Reads the data set that the flags name; annotations alone will do where images need not be.

    Raises an OSError if a file cannot be read, a ValueError if a flag is missing or bad.
    """
    if not values.dataset:
        raise ValueError(f"--dataset is missing: one of {', '.join(datasets.DATASETS)}")
    if not values.root:
        raise ValueError(f"--root is missing: the folder of {values.dataset}")
    options = dict(_parse_option(text) for text in values.dataset_option)
    dataset = datasets.open_dataset(
        values.dataset, values.root, values.sequences, needs_images=needs_images, **options
    )
    return start_frames.segments(dataset, values.starts)


def _run(values: flags.FlagValues) -> int:
    if not values.dataset and not values.root:
        print("\n".join(datasets.DATASETS))
        return 0
    dataset = open_flagged(values, needs_images=False)
    print(describe(dataset))
    return 1 if dataset.problems else 0


run = command_line.flags_alone(_run, status=2)


def _parse_option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if equals and name.isidentifier():
            return name, json.loads(value)
    except ValueError:
        pass
    raise ValueError(f"--dataset_option must be name=value, a number, true or false, got {text!r}")
