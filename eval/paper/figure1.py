"""Figure 1: the absolute gradient over the exemplar.

Of plain SiamFC, as in the paper: the search branch of the checkpoint, its first two layers being
f_2. Shown is |dL / df_2(Z)|, summed over the 256 channels, where its cells lie on the exemplar; L
is the loss of equation 5 on the pair's search region. The paper does not say of which layer its
gradients are; this is the one that equation 6 uses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gradnet_tf.eval.paper import inputs, output
from gradnet_tf.eval.paper.inputs import Sample
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import plots
from gradnet_tf.eval.report.tables import Column, Number, Table

_IN_A_ROW = 2  # Exemplars; each has its gradient beside it.
_INNER = slice(3, 9)  # Of the 12 cells along a side: the target, without its context.


class Gradient(NamedTuple):
    """One pair.

    Attributes:
        sample: The pair.
        loss: L.
        size: Sum of absolute values over channels, [12, 12].
    """

    sample: Sample
    loss: float
    size: np.ndarray


def run(settings: Settings) -> output.Document:
    """Computes the gradients.

    Raises:
        OSError, ValueError: If checkpoint or pairs cannot be used.
    """
    network, loaded = inputs.load_siamfc(settings.checkpoint[0])
    found = []
    for sample in inputs.draw_pairs(settings):
        f2 = network.template_features(sample.exemplar)
        update = network.update(f2, network.search_features(sample.instance))
        size = np.abs(update.gradient[0].numpy()).sum(axis=-1)
        found.append(Gradient(sample, float(update.loss), size))
    return output.Document(
        tables=(make_table(found),),
        figures={"": lambda: draw(found)},
        notes=(
            "Absolute gradient of the loss with regard to SiamFC's shallow feature f_2(Z), summed "
            "over channels; each map from its least (blue) to its largest value (red).",
            "Cells in the middle take part in more of the template, which raises them whatever the "
            "image is.",
        ),
        weights={"checkpoint": loaded.digest},
    )


def make_table(found: list[Gradient]) -> Table:
    """Makes the table of the numbers beside the pictures."""
    rows = [
        (
            one.sample.name,
            Number(one.loss),
            Number(float(one.size.max() / one.size.mean())),
            Number(float(one.size[_INNER, _INNER].sum() / one.size.sum())),
        )
        for one in found
    ]
    columns = (
        Column("Pair"),
        Column("Loss", 6),
        Column("Largest by mean", 2),
        Column("Share in the inner half", 3),
    )
    return Table("figure1", "Gradient over the exemplar", columns, tuple(rows))


def draw(found: list[Gradient]):
    """Draws exemplars, and their gradients to the right of them."""
    rows = -(-len(found) // _IN_A_ROW)
    figure, grid = plots.new_figure(6.4, 1.75 * rows, rows, 2 * _IN_A_ROW)
    cells = np.atleast_2d(grid)
    for place, one in enumerate(found):
        row, column = divmod(place, _IN_A_ROW)
        image, gradient = cells[row, 2 * column : 2 * column + 2]
        output.show_image(image, one.sample.exemplar, one.sample.title)
        output.show_over_exemplar(gradient, one.size, one.sample.exemplar, "absolute gradient")
    for axes in cells.ravel()[2 * len(found) :]:
        axes.set_visible(False)
    return figure
