r"""Writes tables, plots and a page that tell how well trackers did on a data set.

    python -m gradnet_tf.eval report --dataset=otb100 --root=OTB --results=OUTPUT --output=report

OUTPUT is what the command `run` wrote; --results may be repeated, for shards of one run or for
other people's results. `report/index.html` is one file that needs no network.
"""

from __future__ import annotations

import dataclasses

from absl import flags

from gradnet_tf import command_line
from gradnet_tf.eval.commands import listing


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    listing.define_flags(values)
    listing.define_results_flags(values)
    text = "Folder for the report: a new one, or an older report."
    flags.DEFINE_string("output", None, text, **here)
    text = "Two trackers to compare in a table, a plot and a sheet; by default the best two."
    flags.DEFINE_list("compare", None, text, **here)
    text = "Formats of the plots: png, svg, pdf. Empty: no plots."
    flags.DEFINE_list("formats", ["png", "svg"], text, **here)
    flags.DEFINE_integer("tiles", 12, "Moments on a contact sheet; 0: no sheets.", 0, **here)
    flags.DEFINE_float("page_mb", 12.0, "Size of all images in the page at most, in MB.", 0, **here)
    text = "Frames of a sequence in the page's player at most."
    flags.DEFINE_integer("page_frames", 150, text, 1, **here)
    flags.DEFINE_integer("samples", 2000, "Samples of the bootstrap.", 100, **here)


def _run(values: flags.FlagValues) -> None:
    from gradnet_tf.eval.report import tables, writing

    dataset = listing.open_flagged(values, needs_images=False)
    names = [field.name for field in dataclasses.fields(writing.Options)]
    options = writing.Options(**{name: values[name].value for name in names})
    evaluation, notes, page = writing.write(options, dataset)
    print(tables.to_markdown(tables.overview(evaluation)))
    for note in notes:
        print(f"note: {note}")
    print(f"report: {page}")


run = command_line.flags_alone(_run, status=2)
