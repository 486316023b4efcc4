r"""Writes tables, plots and a page that tell how well trackers did on a data set.

    python -m gradnet_tf.eval report --dataset=otb100 --root=OTB --results=OUTPUT --output=report

OUTPUT is what the command `run` wrote; --results may be repeated, for shards of one run or for
other people's results. `report/index.html` is one file that needs no network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from absl import flags

from gradnet_tf import command_line
from gradnet_tf.eval.commands import listing
from gradnet_tf.eval.metrics import conventions
from gradnet_tf.eval.running import protocols

BAD_ARGUMENTS = 2  # Exit status.


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    listing.define_flags(values)
    flags.DEFINE_multi_string("results", None, "Folder of results; repeatable.", **here)
    flags.DEFINE_string(
        "output", None, "Folder for the report: a new one, or an older report.", **here
    )
    flags.DEFINE_list("trackers", None, "Trackers to report on, instead of all.", **here)
    flags.DEFINE_enum(
        "protocol",
        None,
        protocols.PROTOCOLS,
        "Which runs, where there are several; by default those that the benchmark asks for.",
        **here,
    )
    flags.DEFINE_enum(
        "convention",
        None,
        conventions.CONVENTIONS,
        "Rules of counting of runs without resets; by default those of the data set.",
        **here,
    )
    flags.DEFINE_list(
        "compare",
        None,
        "The two trackers that are compared in a table, a plot and a sheet; default: the best two.",
        **here,
    )
    flags.DEFINE_list(
        "formats", ["png", "svg"], "Formats of the plots: png, svg, pdf. Empty: no plots.", **here
    )
    flags.DEFINE_integer("tiles", 12, "Moments on a contact sheet; 0: no sheets.", 0, **here)
    flags.DEFINE_float("page_mb", 12.0, "Size of all images in the page at most, in MB.", 0, **here)
    flags.DEFINE_integer(
        "page_frames", 150, "Frames of a sequence in the page's player at most.", 1, **here
    )
    flags.DEFINE_integer("samples", 2000, "Samples of the bootstrap.", 100, **here)


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Writes the report that the flags ask for, and prints its main table.

    Args:
        values: Parsed flags of `define_flags`.
        arguments: What stood on the command line besides flags; anything is an error.

    Returns:
        The exit status: 0, 2 after an error, 130 if interrupted.
    """
    return command_line.finish(lambda: _write(values, arguments), status=BAD_ARGUMENTS)


def _write(values: flags.FlagValues, arguments: Sequence[str]) -> None:
    from gradnet_tf.eval.report import tables, writing

    dataset = listing.open_flagged(values, arguments, needs_images=False)
    names = [field.name for field in dataclasses.fields(writing.Options)]
    options = writing.Options(**{name: values[name].value for name in names})
    evaluation, notes, page = writing.write(options, dataset)
    print(tables.to_markdown(tables.overview(evaluation)))
    for note in notes:
        print(f"note: {note}")
    print(f"report: {page}")
