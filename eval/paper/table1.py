"""Table 1: iterations of plain gradient descent that SiamFC's template needs, by learning rate.

For each pair the template f_x(Z) goes down the gradient of the loss of equation 5 on the pair's own
search region, all weights alike and nothing else moving. The paper does not say when a template has
converged, nor what the basic learning rate is, nor on which pairs it counted. Here:

*   Converged: the loss is at most `target` times the loss of f_x(Z), and stays so for 10
    iterations. (The loss has no minimum to compare with: a template that tells the 13 cells of the
    target from the 276 others gets ever better by growing.)
*   The basic rate is the one at which the median pair takes as many iterations as the paper's first
    column, unless it is given. So the first column agrees by construction; the others are measured.
*   The number is the median over pairs; infinite if half of the pairs do not get there in time.
"""

from __future__ import annotations

import math

import numpy as np
from tqdm import tqdm

from gradnet_tf.eval.paper import descent, networks, output, published
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report.tables import Column, Number, Table
from gradnet_tf.network.gradnet import GradNet

FACTORS = tuple(published.TABLE_1)


def run(settings: Settings) -> output.Document:
    """Measures and makes the table.

    Raises:
        OSError, ValueError: Checkpoint or pairs cannot be used.
    """
    network, loaded = networks.load(settings.checkpoints[0])
    problems = _problems(network, settings)
    base_rate, target = settings.base_rate, settings.target
    has_base = base_rate > 0
    with tqdm(total=len(problems) * (1 if has_base else 3), unit="descent", desc="table1") as bar:
        if not has_base:
            iterations = int(published.TABLE_1[1])
            base_rate = descent.find_base_rate(problems, iterations, target, bar.update)
        rates = base_rate * np.array(FACTORS)
        found = []
        for problem in problems:
            found.append(descent.descend(problem, rates, settings.counts["iterations"], target))
            bar.update()
    table = make_table(found)
    least = _text(min(one.iterations.min() for one in found))
    best = min(descent.median(column) for column in np.transpose([o.first_step for o in found]))
    return output.Document(
        name=settings.name,
        title=settings.experiment.title,
        tables=(table,),
        notes=(
            f"Converged: the loss is at most {target:g} times that of SiamFC's template, and stays "
            f"so for {descent.HOLD} iterations. ∞: not within {settings.counts['iterations']} "
            "iterations. Numbers are medians over pairs.",
            f"The basic learning rate is {base_rate:.4g} (on the loss of `losses.logistic_loss`), "
            + ("as given." if has_base else "chosen so that 1× takes as long as in the paper."),
            f"The fewest iterations of any pair by any rate: {least}. After one iteration, the "
            f"median pair keeps at least {best:.0%} of its loss, whatever the rate.",
        ),
        parameters={**settings.parameters(), "base_rate": base_rate},
        weights={"checkpoint": loaded.digest},
    )


def make_table(found: list[descent.Descent]) -> Table:
    """The table of some pairs' descents by `FACTORS`."""
    iterations = np.stack([one.iterations for one in found])
    first_step = np.stack([one.first_step for one in found])
    rows = []
    for place, factor in enumerate(FACTORS):
        column = iterations[:, place]
        spread = [_text(descent.median(column, share)) for share in (0.25, 0.75)]
        rows.append(
            (
                f"{factor}×",
                _text(published.TABLE_1[factor]),
                _text(descent.median(column)),
                "–".join(spread),
                f"{np.isfinite(column).sum()} of {len(column)}",
                Number(descent.median(first_step[:, place])),
            )
        )
    columns = (
        Column("Learning rate"),
        Column("Iterations, paper"),
        Column("Iterations, here"),
        Column("Quartiles"),
        Column("Pairs that converge"),
        Column("Loss after one iteration (share)", 3),
    )
    title = "Iterations to update SiamFC's template by gradient descent"
    return Table("table1", title, columns, tuple(rows))


def _problems(network: GradNet, settings: Settings) -> list[descent.Problem]:
    problems = []
    for sample in networks.draw(settings):
        template = network.siamese_template(sample.exemplar)[0].numpy()
        features = network.search_features(sample.instance)[0].numpy()
        problems.append(descent.make_problem(template, features))
    return problems


def _text(iterations: float) -> str:
    return "∞" if math.isinf(iterations) else f"{iterations:.0f}"
