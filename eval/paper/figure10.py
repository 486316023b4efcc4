"""Figure 10: S and S* on several search regions.

Of each pair the initial template beta (equation 4) gives S, the loss on the pair's search region
updates it, and beta* (equation 7) gives S* on the same region. With two checkpoints, rows (a) and
(b) are of the first, (c) and (d) of the second, which the paper trained without template
generalization.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradnet_tf.eval.paper import inputs, output
from gradnet_tf.eval.paper.inputs import Sample
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import plots
from gradnet_tf.eval.report.tables import Column, Number, Table
from gradnet_tf.network.gradnet import GradNet

_NAMES = ("(a) S", "(b) S*", "(c) S", "(d) S*")
_SIZE = 1.35  # Inches of a map.


class Maps(NamedTuple):
    """One pair and one network: S and S*, [17, 17] each, and their losses."""

    initial: np.ndarray
    final: np.ndarray
    initial_loss: float
    final_loss: float


def run(settings: Settings) -> output.Document:
    """Computes the score maps.

    Raises:
        OSError, ValueError: If a checkpoint or pairs cannot be used, or there is no U2.
    """
    loaded = [inputs.load_network(path, needs_update=True) for path in settings.checkpoint]
    samples, found = [], []
    for sample in inputs.draw_pairs(settings):
        samples.append(sample)
        found.append([_maps(network, sample) for network, _ in loaded])
    return output.Document(
        tables=(make_table(samples, found),),
        figures={"": lambda: draw(samples, found)},
        notes=(
            "(a) S and (b) S* of the first checkpoint"
            + (", (c) S and (d) S* of the second" if len(loaded) > 1 else "")
            + ". Each map from its least (blue) to its largest value (red); the target is in the "
            "middle of every region. Peaked: how far the peak is above the mean, in standard "
            "deviations of the map.",
        ),
        weights={f"checkpoint {i + 1}": one.digest for i, (_, one) in enumerate(loaded)},
    )


def peakedness(score: np.ndarray) -> float:
    """Tells how far the peak is above the mean, in standard deviations; 0 of a constant map."""
    spread = float(score.std())
    return float(score.max() - score.mean()) / spread if spread else 0.0


def make_table(samples: Sequence[Sample], found: Sequence[Sequence[Maps]]) -> Table:
    """Makes the table of losses and peaks, for each pair and checkpoint."""
    rows = []
    for sample, own in zip(samples, found):
        for place, maps in enumerate(own):
            peaks = (peakedness(maps.initial), peakedness(maps.final))
            numbers = (maps.initial_loss, maps.final_loss, *peaks)
            rows.append((sample.name, str(place + 1), *map(Number, numbers)))
    columns = (
        *(Column("Pair"), Column("Checkpoint")),
        *(Column("Loss of S", 6), Column("Loss of S*", 6)),
        *(Column("S peaked", 2), Column("S* peaked", 2)),
    )
    return Table("figure10", "Score maps before and after the update", columns, tuple(rows))


def draw(samples: Sequence[Sample], found: Sequence[Sequence[Maps]]):
    """Draws search regions in the first row, and heat maps of the scores below them."""
    columns, rows = len(samples), 1 + 2 * len(found[0])
    figure, grid = plots.new_figure(_SIZE * columns + 0.6, _SIZE * rows, rows, columns)
    cells = np.asarray(grid).reshape(rows, columns)
    for column, (sample, own) in enumerate(zip(samples, found)):
        output.show_image(cells[0, column], sample.instance, sample.title)
        scores = [score for maps in own for score in (maps.initial, maps.final)]
        for axes, score in zip(cells[1:, column], scores):
            output.show_map(axes, score)
    for axes, name in zip(cells[1:, 0], _NAMES):
        axes.set_ylabel(name)
    return figure


def _maps(network: GradNet, sample: Sample) -> Maps:
    features = network.search_features(sample.instance)
    update = network.update(network.template_features(sample.exemplar), features)
    final = network.score_map(update.template, features)
    return Maps(
        update.score[0, ..., 0].numpy(),
        final[0, ..., 0].numpy(),
        float(update.loss),
        float(network.score_loss(final)),
    )
