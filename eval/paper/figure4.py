"""Figure 4: the distribution of the weight ratio between gradient and feature.

The paper's ratio "is calculated by the absolute value of alpha_2, which reflects the proportion of
the gradient during the template update"; how, it does not say, and the size of U2's weights alone
says nothing, since batch norm follows. Counted here is that proportion itself, for each exemplar:
sum |U2(g)| over the sum of |f_2(Z)| and |U2(g)|, as `history.csv` has it while training (see
`training.metrics.gradient_share`). A bar is the number of exemplars.

Both networks are taken as they track: each exemplar is updated by the search region of its own
pair. The first checkpoint is the one trained with template generalization ("Ours"), the second the
one without ("Ours-T").
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from gradnet_tf.eval.paper import inputs, output
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import plots
from gradnet_tf.eval.report.tables import Column, Number, Table
from gradnet_tf.training import metrics

NAMES = ("Ours", "Ours-T")
_BINS = 40


def run(settings: Settings) -> output.Document:
    """Counts the shares.

    Raises:
        OSError, ValueError: If a checkpoint or pairs cannot be used, or there is no U2.
    """
    loaded = [inputs.load_network(path, needs_update=True) for path in settings.checkpoint]
    shares: list[list[float]] = [[] for _ in loaded]
    for sample in inputs.draw_pairs(settings):
        for (network, _), own in zip(loaded, shares):
            f2 = network.template_features(sample.exemplar)
            update = network.update(f2, network.search_features(sample.instance))
            own.append(float(metrics.gradient_share(f2, update.h2)[0]))
    found = [np.array(own) for own in shares]
    return output.Document(
        tables=(make_table(found),),
        figures={"": functools.partial(draw, found)},
        notes=(
            "The ratio is sum |U2(g)| / (sum |f_2| + sum |U2(g)|) of an exemplar's feature. 0: "
            "the template ignores the gradient; 0.5: as much gradient as appearance.",
        ),
        weights={name: one.digest for name, (_, one) in zip(NAMES, loaded)},
    )


def make_table(found: Sequence[np.ndarray]) -> Table:
    """Makes the table of means and quartiles of the shares [pairs] of each network."""
    rows = []
    for name, shares in zip(NAMES, found):
        numbers = [shares.mean(), *np.quantile(shares, (0.25, 0.5, 0.75))]
        rows.append((name, *(Number(float(number)) for number in numbers)))
    heads = ("Mean", "Lower quartile", "Median", "Upper quartile")
    columns = (Column("Training"), *(Column(head, 3) for head in heads))
    return Table("figure4", "Weight ratio of the gradient", columns, tuple(rows))


def draw(found: Sequence[np.ndarray]):
    """Draws histograms, one over the other."""
    figure, axes = plots.new_figure(6.4, 4.0)
    highest = min(1.0, 1.2 * max(values.max() for values in found))
    bins = np.linspace(0, highest or 1.0, _BINS + 1)
    for name, colour, values in zip(NAMES, plots.COLOURS, found):
        label = f"{name} (mean {values.mean():.3f})"
        axes.hist(values, bins, label=label, color=colour, alpha=0.6)
    axes.set_xlim(bins[0], bins[-1])
    axes.set_xlabel("Weight ratio of the gradient")
    axes.set_ylabel("Exemplars")
    axes.set_title("Gradient and feature in the updated template")
    axes.legend()
    return figure
