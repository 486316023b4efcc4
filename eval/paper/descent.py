"""Plain gradient descent on SiamFC's template, and how long it takes.

The score map is linear in the template, S = A beta, with one row of A for each window of the search
region's features. The gradient A^T dL/dS moves the template by combinations of these windows only,
so beta - beta_0 = A^T c and S = S_0 + A A^T c. Descending in c with the Gram matrix A A^T (17 * 17
cells) gives the same scores as descending in the template (6 * 6 * 256 weights), and many rates go
at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gradnet_tf.network import losses

HOLD = 10  # Iterations in a row for which the loss has to stay low.


class Problem(NamedTuple):
    """One pair.

    Attributes:
        size: Side of the score map.
        initial: S_0, float64 [size * size].
        gram: A A^T, float64 [size * size, size * size].
    """

    size: int
    initial: np.ndarray
    gram: np.ndarray


class Descent(NamedTuple):
    """What came of some rates, float64 [rates] each.

    Attributes:
        iterations: To converge; infinite where the limit came first.
        first_step: The loss after one iteration, as a share of the loss before it.
    """

    iterations: np.ndarray
    first_step: np.ndarray


def make_problem(template: np.ndarray, features: np.ndarray) -> Problem:
    """The descent of a template on one search region.

    Args:
        template: beta_0, [rows, columns, channels].
        features: f_x(X), [height, width, channels].

    Raises:
        ValueError: If the score map would not be square.
    """
    windows = np.lib.stride_tricks.sliding_window_view(features, template.shape[:2], axis=(0, 1))
    height, width = windows.shape[:2]
    if height != width:
        raise ValueError(f"the score map must be square, got {height} x {width}")
    rows = windows.transpose(0, 1, 3, 4, 2).reshape(height * width, -1).astype(np.float64)
    initial = rows @ template.reshape(-1).astype(np.float64)
    return Problem(height, initial, rows @ rows.T)


def smoothness(problem: Problem) -> float:
    """A bound on the curvature of the loss: descent goes down steadily at rates below 2 / it."""
    weights = losses.balanced_weights(losses.logistic_labels(problem.size))
    largest = float(np.linalg.eigvalsh(problem.gram)[-1])
    return largest * float(weights.max()) / (4 * len(problem.initial))


def descend(
    problem: Problem, rates: Sequence[float], limit: int, target: float, hold: int = HOLD
) -> Descent:
    """Goes down the gradient by each rate until the loss is and stays low.

    Args:
        problem: The pair.
        rates: Learning rates.
        limit: Most iterations.
        target: A rate has converged when the loss is at most this share of the loss of the first
            template, in that iteration and all of the `hold - 1` after it.
        hold: See above.
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


def median(values: Sequence[float], share: float = 0.5) -> float:
    """The lower median, or another quantile; infinite values count as the largest."""
    ordered = np.sort(np.asarray(values, np.float64))
    return float(ordered[max(0, math.ceil(share * len(ordered)) - 1)])


def find_base_rate(
    problems: Sequence[Problem], iterations: int, target: float, tell: Callable[[], object]
) -> float:
    """The rate at which the median pair takes a given number of iterations.

    Args:
        problems: The pairs.
        iterations: The number, see `descend`.
        target: Likewise.
        tell: Called whenever a pair is done; twice for each pair.

    Raises:
        ValueError: If no rate takes so many.
    """
    unit = 1 / np.median([smoothness(problem) for problem in problems])
    grid = unit * np.logspace(-5, 1, 25)
    for is_last in (False, True):
        needed = []
        for problem in problems:
            needed.append(descend(problem, grid, iterations + 1, target).iterations)
            tell()
        medians = [median(column) for column in np.transpose(needed)]
        fast = np.flatnonzero(np.array(medians) <= iterations)
        if not len(fast) or (fast[0] == 0 and not is_last):
            raise ValueError(
                f"no learning rate takes {iterations} iterations to a loss of {target:g} times the "
                "first one: give --base_rate"
            )
        base_rate = float(grid[fast[0]])
        grid = np.geomspace(grid[fast[0] - 1], base_rate, 13)
    return base_rate


def _compiled(problem: Problem) -> Callable:
    """One iteration as a graph: (coefficients, rates) -> (losses before it, coefficients)."""
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
