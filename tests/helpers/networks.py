"""Networks that several tests share, and one function run in every way TensorFlow can run it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from gradnet_tf.gradnet import GradNet
from tests.helpers import recipe

MODES = ("eager", "graph", "xla")


def compiled(function: Callable, mode: str) -> Callable:
    """The function as it is, as a `tf.function`, or compiled whole by XLA."""
    if mode == "eager":
        return function
    return tf.function(function, jit_compile=mode == "xla")


@functools.cache
def hand_made_weights() -> dict[str, np.ndarray]:
    """Weights of the golden network of seed 0, bookkeeping included. Shared: do not change them."""
    return recipe.with_bookkeeping(recipe.weights(0))


def hand_made(variant: str = "full") -> GradNet:
    """A new network with the golden weights of seed 0; a second U1 is a copy of the first."""
    net = GradNet(variant)
    golden = hand_made_weights()
    net.assign_weights({name: golden[name.replace("_zu", "_z")] for name in net.named_weights()})
    return net


def snapshot(net: GradNet) -> dict[str, np.ndarray]:
    """Copies of all variables by TF1 name."""
    return {name: variable.numpy().copy() for name, variable in net.named_weights().items()}


def relative_error(actual, expected) -> float:
    """Largest difference relative to the largest magnitude of the expected array."""
    expected = np.asarray(expected)
    actual = np.asarray(actual)
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max()
