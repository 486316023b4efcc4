"""Figure 10: S and S* on several search regions.

Of each pair the initial template beta (equation 4) gives S, the loss on the pair's search region
updates it, and beta* (equation 7) gives S* on the same region. With two checkpoints, rows (a) and
(b) are of the first, (c) and (d) of the second, which the paper trained without template
generalization.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gradnet_tf.eval.paper import heat_maps, networks, output
from gradnet_tf.eval.paper.samples import Sample
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report import plots
from gradnet_tf.eval.report.tables import Column, Number, Table

_NAMES = (("(a) S", "(b) S*"), ("(c) S", "(d) S*"))


class Maps(NamedTuple):
    """One pair and one network.

    Attributes:
        initial: S, [17, 17].
        final: S*, [17, 17].
        initial_loss: Of S.
        final_loss: Of S*.
    """

    initial: np.ndarray
    final: np.ndarray
    initial_loss: float
    final_loss: float


def run(settings: Settings) -> output.Document:
    """Computes the score maps.

    Raises:
        OSError, ValueError: A checkpoint or pairs cannot be used, or one has no update.
    """
    loaded = [networks.load(path, needs_update=True) for path in settings.checkpoints]
    samples, found = [], []
    for sample in networks.draw(settings):
        samples.append(sample)
        found.append([_maps(network, sample) for network, _ in loaded])
    return output.Document(
        name=settings.name,
        title=settings.experiment.title,
        tables=(make_table(samples, found),),
        figures={"": lambda: draw(samples, found)},
        notes=(
            "(a) S and (b) S* of the first checkpoint"
            + (", (c) S and (d) S* of the second" if len(loaded) > 1 else "")
            + ". Each map from its least (blue) to its largest value (red); the target is in the "
            "middle of every region. Peaked: how far the peak is above the mean, in standard "
            "deviations of the map.",
        ),
        parameters=settings.parameters(),
        weights={f"checkpoint {i + 1}": one.digest for i, (_, one) in enumerate(loaded)},
    )


def peakedness(score: np.ndarray) -> float:
    """How far the peak is above the mean, in standard deviations; 0 of a constant map."""
    spread = float(score.std())
    return float(score.max() - score.mean()) / spread if spread else 0.0


def make_table(samples: list[Sample], found: list[list[Maps]]) -> Table:
    """Losses and shapes of the maps, for each pair and checkpoint."""
    rows = []
    for sample, networks_maps in zip(samples, found):
        for place, maps in enumerate(networks_maps):
            rows.append(
                (
                    sample.name,
                    str(place + 1),
                    Number(maps.initial_loss),
                    Number(maps.final_loss),
                    Number(peakedness(maps.initial)),
                    Number(peakedness(maps.final)),
                )
            )
    columns = [Column("Pair"), Column("Checkpoint")]
    columns += [Column(f"Loss of {name}", 6) for name in ("S", "S*")]
    columns += [Column(f"{name} peaked", 2) for name in ("S", "S*")]
    return Table("figure10", "Score maps before and after the update", tuple(columns), tuple(rows))


def draw(samples: list[Sample], found: list[list[Maps]]):
    """Search regions in the first row, maps below them."""
    count = len(found[0])
    rows = 1 + 2 * count
    size = 1.35
    figure, grid = plots.new_figure(size * len(samples) + 0.6, size * rows, rows, len(samples))
    cells = np.asarray(grid).reshape(rows, len(samples))
    for column, (sample, maps) in enumerate(zip(samples, found)):
        heat_maps.show_image(cells[0, column], sample.instance, sample.title)
        for place, one in enumerate(maps):
            heat_maps.show_map(cells[1 + 2 * place, column], one.initial)
            heat_maps.show_map(cells[2 + 2 * place, column], one.final)
    for place in range(count):
        for offset, name in enumerate(_NAMES[place]):
            cells[1 + 2 * place + offset, 0].set_ylabel(name)
    return figure


def _maps(network, sample: Sample) -> Maps:
    features = network.search_features(sample.instance)
    update = network.update(network.template_features(sample.exemplar), features)
    final = network.score_map(update.template, features)
    return Maps(
        update.score[0, ..., 0].numpy(),
        final[0, ..., 0].numpy(),
        float(update.loss),
        float(network.score_loss(final)),
    )
