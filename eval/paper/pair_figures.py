"""Figures 1, 4 and 10: what gradient and update do on single pairs.

Figure 1 is of plain SiamFC, as in the paper: the search branch of the checkpoint, its first two
layers being f_2. It shows |dL / df_2(Z)|, summed over channels, where its cells lie on the
exemplar; L is the loss of equation 5 on the pair's search region. The paper does not say of which
layer its gradients are; this is the one that equation 6 uses.

Figure 4 counts the share of the gradient in the updated feature; the size of U2's weights alone
says nothing, since batch norm follows. In Figure 10 the initial template beta (equation 4) gives S,
the loss on the pair's search region updates it, and beta* (equation 7) gives S* on the same region.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradnet_tf.eval.paper import inputs, output
from gradnet_tf.eval.paper.inputs import Sample
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import plots
from gradnet_tf.eval.report.tables import Table, plain_table
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training import metrics

_IN_A_ROW = 2  # Exemplars of Figure 1; each has its gradient beside it.
_INNER = slice(3, 9)  # Of the 12 cells along a side: the target, without its context.
_TRAININGS = ("Ours", "Ours-T")
_BINS = 40
_MAPS = ("(a) S", "(b) S*", "(c) S", "(d) S*")
_SIZE = 1.35  # Inches of a map.


class Maps(NamedTuple):
    """S and S* of one pair and one network, [17, 17] each, and their losses."""

    initial: np.ndarray
    final: np.ndarray
    initial_loss: float
    final_loss: float


def run(settings: Settings) -> output.Document:
    """Makes the figure that the settings name."""
    makers = {"figure1": _figure1, "figure4": _figure4, "figure10": _figure10}
    return makers[settings.experiment](settings)


def _figure1(settings: Settings) -> output.Document:
    network, loaded = inputs.load_siamfc(settings.checkpoint[0])
    samples = list(inputs.draw_pairs(settings))
    losses, gradients = zip(*(exemplar_gradient(network, sample) for sample in samples))
    return output.Document(
        tables=(gradient_table(samples, losses, gradients),),
        figures={"": lambda: draw_gradients(samples, gradients)},
        notes=(
            "Absolute gradient of the loss with regard to SiamFC's shallow feature f_2(Z), summed "
            "over channels; each map from its least (blue) to its largest value (red).",
            "Cells in the middle take part in more of the template, which raises them whatever the "
            "image is.",
        ),
        weights={"checkpoint": loaded.digest},
    )


def exemplar_gradient(network: GradNet, sample: Sample) -> tuple[float, np.ndarray]:
    """Computes Figure 1's numbers of a pair.

    Args:
        network: Of `inputs.load_siamfc`; with another one, the gradient is that of its own f_2.
        sample: The pair.

    Returns:
        L of equation 5, and |dL / df_2(Z)| summed over channels, [12, 12].
    """
    f2 = network.template_features(sample.exemplar)
    update = network.update(f2, network.search_features(sample.instance))
    return float(update.loss), np.abs(update.gradient[0].numpy()).sum(axis=-1)


def gradient_table(
    samples: Sequence[Sample], losses: Sequence[float], gradients: Sequence[np.ndarray]
) -> Table:
    """Makes Figure 1's numbers of absolute gradients [12, 12]."""
    rows = [
        (one.name, loss, own.max() / own.mean(), own[_INNER, _INNER].sum() / own.sum())
        for one, loss, own in zip(samples, losses, gradients)
    ]
    heads = {"Pair": None, "Loss": 6, "Largest by mean": 2, "Share in the inner half": 3}
    return plain_table("figure1", "Gradient over the exemplar", heads, rows)


def draw_gradients(samples: Sequence[Sample], gradients: Sequence[np.ndarray]):
    """Draws exemplars, and their absolute gradients [12, 12] to the right of them."""
    rows = math.ceil(len(samples) / _IN_A_ROW)
    figure, grid = plots.new_figure(6.4, 1.75 * rows, rows, 2 * _IN_A_ROW)
    cells = iter(np.ravel(grid))
    for sample, gradient in zip(samples, gradients):
        output.show_image(next(cells), sample.exemplar, sample.title)
        output.show_over_exemplar(next(cells), gradient, sample.exemplar, "absolute gradient")
    for axes in cells:
        axes.set_visible(False)
    return figure


def _figure4(settings: Settings) -> output.Document:
    loaded = [inputs.load_network(path, needs_update=True) for path in settings.checkpoint]
    shares: list[list[float]] = [[] for _ in loaded]
    for sample in inputs.draw_pairs(settings):
        for (network, _), own in zip(loaded, shares):
            f2 = network.template_features(sample.exemplar)
            update = network.update(f2, network.search_features(sample.instance))
            own.append(float(metrics.gradient_share(f2, update.h2)[0]))
    return output.Document(
        tables=(share_table(shares),),
        figures={"": lambda: draw_shares(shares)},
        notes=(
            "The ratio is sum |U2(g)| / (sum |f_2| + sum |U2(g)|) of an exemplar's feature. 0: "
            "the template ignores the gradient; 0.5: as much gradient as appearance.",
        ),
        weights={name: one.digest for name, (_, one) in zip(_TRAININGS, loaded)},
    )


def share_table(shares: Sequence[Sequence[float]]) -> Table:
    """Makes Figure 4's means and quartiles of the shares of each network."""
    rows = [
        (name, np.mean(own), *np.quantile(own, (0.25, 0.5, 0.75)))
        for name, own in zip(_TRAININGS, shares)
    ]
    numbers = ("Mean", "Lower quartile", "Median", "Upper quartile")
    heads = {"Training": None, **dict.fromkeys(numbers, 3)}
    return plain_table("figure4", "Weight ratio of the gradient", heads, rows)


def draw_shares(shares: Sequence[Sequence[float]]):
    """Draws histograms, one over the other."""
    figure, axes = plots.new_figure(6.4, 4.0)
    highest = min(1.0, 1.2 * max(map(max, shares))) or 1.0
    bins = np.linspace(0, highest, _BINS + 1)
    for name, colour, own in zip(_TRAININGS, plots.COLOURS, shares):
        axes.hist(own, bins, label=f"{name} (mean {np.mean(own):.3f})", color=colour, alpha=0.6)
    axes.set(xlim=(0, highest), xlabel="Weight ratio of the gradient", ylabel="Exemplars")
    axes.set_title("Gradient and feature in the updated template")
    axes.legend(fontsize=10)
    return figure


def _figure10(settings: Settings) -> output.Document:
    loaded = [inputs.load_network(path, needs_update=True) for path in settings.checkpoint]
    samples = list(inputs.draw_pairs(settings))
    found = [[score_maps(network, sample) for network, _ in loaded] for sample in samples]
    second = ", (c) S and (d) S* of the second" if len(loaded) > 1 else ""
    return output.Document(
        tables=(map_table(samples, found),),
        figures={"": lambda: draw_maps(samples, found)},
        notes=(
            f"(a) S and (b) S* of the first checkpoint{second}. Each map from its least (blue) to "
            "its largest value (red); the target is in the middle of every region. Peaked: how far "
            "the peak is above the mean, in standard deviations of the map.",
        ),
        weights={f"checkpoint {i + 1}": one.digest for i, (_, one) in enumerate(loaded)},
    )


def score_maps(network: GradNet, sample: Sample) -> Maps:
    """Computes S and S* of a pair, Figure 10's numbers, by a network that has an update."""
    features = network.search_features(sample.instance)
    update = network.update(network.template_features(sample.exemplar), features)
    final = network.score_map(update.template, features)
    maps = (update.score[0, ..., 0].numpy(), final[0, ..., 0].numpy())
    return Maps(*maps, float(update.loss), float(network.score_loss(final)))


def peakedness(score: np.ndarray) -> float:
    """Tells how far the peak is above the mean, in standard deviations; 0 of a constant map."""
    spread = float(score.std())
    return float(score.max() - score.mean()) / spread if spread else 0.0


def map_table(samples: Sequence[Sample], found: Sequence[Sequence[Maps]]) -> Table:
    """Makes Figure 10's losses and peaks, for each pair and checkpoint."""
    rows = []
    for sample, own in zip(samples, found):
        for place, maps in enumerate(own, 1):
            peaks = (peakedness(maps.initial), peakedness(maps.final))
            rows.append((sample.name, str(place), maps.initial_loss, maps.final_loss, *peaks))
    heads = {"Pair": None, "Checkpoint": None, "Loss of S": 6, "Loss of S*": 6}
    heads.update({"S peaked": 2, "S* peaked": 2})
    return plain_table("figure10", "Score maps before and after the update", heads, rows)


def draw_maps(samples: Sequence[Sample], found: Sequence[Sequence[Maps]]):
    """Draws search regions in the first row, and heat maps of the scores below them."""
    columns, rows = len(samples), 1 + 2 * len(found[0])
    figure, grid = plots.new_figure(_SIZE * columns + 0.6, _SIZE * rows, rows, columns)
    cells = np.reshape(grid, (rows, columns))
    for column, (sample, own) in enumerate(zip(samples, found)):
        output.show_image(cells[0, column], sample.instance, sample.title)
        scores = [score for maps in own for score in (maps.initial, maps.final)]
        for axes, score in zip(cells[1:, column], scores):
            output.show_map(axes, score)
    for axes, name in zip(cells[1:, 0], _MAPS):
        axes.set_ylabel(name)
    return figure
