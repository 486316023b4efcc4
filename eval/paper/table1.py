"""Table 1: iterations of plain gradient descent that SiamFC's template needs, by learning rate.

For each pair the template f_x(Z) goes down the gradient of the loss of equation 5 on the pair's own
search region; nothing else moves. docs/experiments.md says what counts as converged and what the
basic rate is. The loss has no minimum to compare with: a template that tells the 13 cells of the
target from the 276 others gets ever better by growing.

The score map is linear in the template, S = A beta, with one row of A for each window of the search
region's features. The gradient A^T dL/dS moves the template by combinations of these windows only,
so beta - beta_0 = A^T c and S = S_0 + A A^T c. Descending in c with the Gram matrix A A^T (17 * 17
cells) gives the same scores as descending in the template, and many rates go at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm.auto import tqdm

from gradnet_tf.eval.paper import inputs, output, published
from gradnet_tf.eval.paper.settings import Settings
from gradnet_tf.eval.report.tables import Table, plain_table
from gradnet_tf.network import losses
from gradnet_tf.network.gradnet import GradNet

FACTORS = tuple(published.TABLE_1)
HOLD = 10  # Iterations in a row for which the loss has to stay low.


class Problem(NamedTuple):
    """The descent on one pair, whose score map has size * size cells."""

    size: int
    initial: np.ndarray  # S_0, float64 [cells].
    gram: np.ndarray  # A A^T, float64 [cells, cells].


class Descent(NamedTuple):
    """What came of some rates, float64 [rates] each."""

    iterations: np.ndarray  # To converge; infinite where the limit came first.
    first_step: np.ndarray  # The loss after one iteration, as a share of the loss before it.


def run(settings: Settings) -> output.Document:
    """Measures and makes the table."""
    network, loaded = inputs.load_network(settings.checkpoint[0])
    problems = _problems(network, settings)
    target, limit = settings.target, settings.iterations
    base_rate = settings.base_rate or find_base_rate(problems, published.TABLE_1[1], target)
    rates = base_rate * np.array(FACTORS)
    found = [descend(problem, rates, limit, target) for problem in _bar(problems, "descents")]
    least = _text(min(one.iterations.min() for one in found))
    best = min(median(column) for column in np.transpose([one.first_step for one in found]))
    chosen = "as given" if settings.base_rate else "chosen so that 1× takes as long as in the paper"
    return output.Document(
        tables=(make_table(found),),
        notes=(
            f"Converged: the loss is at most {target:g} times that of SiamFC's template, and stays "
            f"so for {HOLD} iterations. ∞: not within {limit} iterations. Numbers are medians over "
            "pairs.",
            f"The basic learning rate is {base_rate:.4g} (on the loss of `losses.logistic_loss`), "
            f"{chosen}.",
            f"The fewest iterations of any pair by any rate: {least}. After one iteration, the "
            f"median pair keeps at least {best:.0%} of its loss, whatever the rate.",
        ),
        weights={"checkpoint": loaded.digest},
        parameters={"base_rate": base_rate},
    )


def make_table(found: Sequence[Descent]) -> Table:
    """Makes the table of some pairs' descents by `FACTORS`."""
    rows = []
    for place, factor in enumerate(FACTORS):
        iterations = np.array([one.iterations[place] for one in found])
        row = (
            f"{factor}×",
            _text(published.TABLE_1[factor]),
            _text(median(iterations)),
            "–".join(_text(median(iterations, share)) for share in (0.25, 0.75)),
            f"{np.isfinite(iterations).sum()} of {len(iterations)}",
            median([one.first_step[place] for one in found]),
        )
        rows.append(row)
    texts = ("Learning rate", "Iterations, paper", "Iterations, here", "Quartiles")
    heads = {
        **dict.fromkeys((*texts, "Pairs that converge")),
        "Loss after one iteration (share)": 3,
    }
    title = "Iterations to update SiamFC's template by gradient descent"
    return plain_table("table1", title, heads, rows)


def make_problem(template: np.ndarray, features: np.ndarray) -> Problem:
    """Makes the descent of a template beta_0, [rows, columns, channels], on one search region.

    The features f_x(X) of the region are [height, width, channels]; they have to be square.
    """
    rows, columns, _ = template.shape
    windows = np.lib.stride_tricks.sliding_window_view(
        features, (rows, columns, features.shape[2])
    )[:, :, 0]
    height, width = windows.shape[:2]
    if height != width:
        raise ValueError(f"the score map must be square, got {height} x {width}")
    matrix = windows.reshape(height * width, -1).astype(np.float64)
    return Problem(height, matrix @ template.reshape(-1).astype(np.float64), matrix @ matrix.T)


def smoothness(problem: Problem) -> float:
    """Bounds the curvature of the loss: descent goes down steadily at rates below 2 / it."""
    weights = losses.balanced_weights(losses.logistic_labels(problem.size))
    largest = float(np.linalg.eigvalsh(problem.gram)[-1])
    return largest * float(weights.max()) / (4 * len(problem.initial))


def descend(
    problem: Problem, rates: npt.ArrayLike, limit: int, target: float, hold: int = HOLD
) -> Descent:
    """Goes down the gradient by each rate until the loss is and stays low.

    A rate has converged after the first iteration, of at most `limit`, from which on the loss is
    for `hold` iterations at most `target` times the loss of the first template.
    """
    rates = np.asarray(rates, np.float64)
    step = _compiled(problem)
    coefficients = tf.zeros([len(rates), len(problem.initial)], tf.float64)
    found, since = np.full(len(rates), math.inf), np.full(len(rates), -1)
    first_loss, first_step = math.nan, np.full(len(rates), math.nan)
    for iteration in range(limit + hold):
        loss, coefficients = step(coefficients, rates)
        loss = loss.numpy()
        if iteration == 0:
            first_loss = loss[0]
        if iteration == 1:
            first_step = loss / first_loss
        is_low = loss <= target * first_loss  # False for NaN.
        since = np.where(is_low, np.where(since < 0, iteration, since), -1)
        held = (since >= 0) & (iteration - since >= hold - 1) & (since <= limit)
        found = np.where(np.isinf(found) & held, since, found)
        if iteration and np.isfinite(found).all():
            break
    return Descent(found, first_step)


def median(values: npt.ArrayLike, share: float = 0.5) -> float:
    """Returns the lower median, or another quantile; infinite values count as the largest."""
    ordered = np.sort(np.asarray(values, np.float64))
    return float(ordered[max(0, math.ceil(share * len(ordered)) - 1)])


def find_base_rate(problems: Sequence[Problem], iterations: float, target: float) -> float:
    """Finds the rate at which the median pair takes so many iterations, or raises a ValueError."""
    limit = int(iterations)
    unit = 1 / np.median([smoothness(problem) for problem in problems])
    grid = unit * np.logspace(-5, 1, 25)
    for is_last in (False, True):
        needed = [
            descend(problem, grid, limit + 1, target).iterations
            for problem in _bar(problems, "basic rate")
        ]
        fast = np.flatnonzero(np.array([median(column) for column in zip(*needed)]) <= limit)
        if not len(fast) or (fast[0] == 0 and not is_last):
            raise ValueError(
                f"no learning rate takes {limit} iterations to a loss of {target:g} times the "
                "first one: give --base_rate"
            )
        base_rate = float(grid[fast[0]])
        grid = np.geomspace(grid[fast[0] - 1], base_rate, 13)
    return base_rate


def _compiled(problem: Problem) -> Callable:
    """Compiles one iteration: (coefficients, rates) -> (losses before it, coefficients)."""
    labels = losses.logistic_labels(problem.size)
    weights = tf.constant(losses.balanced_weights(labels), tf.float64)
    labels = tf.constant(labels, tf.float64)
    initial, gram = tf.constant(problem.initial), tf.constant(problem.gram)

    @tf.function(autograph=False)
    def step(coefficients, rates):
        score = initial + tf.matmul(coefficients, gram)
        score = tf.reshape(score, [-1, problem.size, problem.size, 1])
        with tf.GradientTape() as tape:
            tape.watch(score)
            loss = losses.logistic_loss(score, labels, weights)
        gradient = tf.reshape(tape.gradient(loss, score), tf.shape(coefficients))
        return loss, coefficients - rates[:, tf.newaxis] * gradient

    return step


def _problems(network: GradNet, settings: Settings) -> list[Problem]:
    problems = []
    for sample in inputs.draw_pairs(settings):
        template = network.siamese_template(sample.exemplar)[0].numpy()
        features = network.search_features(sample.instance)[0].numpy()
        problems.append(make_problem(template, features))
    return problems


def _bar(problems: Sequence[Problem], what: str) -> tqdm:
    return tqdm(problems, unit="pair", desc=f"table1, {what}")


def _text(iterations: float) -> str:
    return "∞" if math.isinf(iterations) else f"{iterations:.0f}"
