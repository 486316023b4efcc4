"""Networks that several tests share, and one function run in every way TensorFlow can run it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from gradnet_tf.network import architecture, backbone, layers
from gradnet_tf.network.gradnet import GradNet
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


def small(seed: int = 0) -> GradNet:
    """A full network of few channels, with random weights: a tenth of the arithmetic."""
    random = np.random.default_rng(seed)
    channels = {"scala1": (3, 8), "scala2": (8, 256), "scala3": (256, 8), "scala4": (8, 8)}
    sizes = {"scala1": 11, "scala2": 5}
    blocks = {}
    for suffix in ("", "_z"):
        for stage in (*channels, "scala5"):
            inputs, outputs = channels.get(stage, (8, 256))
            layer = architecture.Layer(
                stage + suffix,
                in_channels=inputs,
                filters=outputs,
                kernel_size=sizes.get(stage, 3),
                strides=2 if stage == "scala1" else 1,
                batch_norm=stage != "scala5",
                activation=None if stage == "scala5" else "relu",
            )
            blocks[stage + suffix] = layers.ConvBlock(layer)
    blocks.update(backbone.make_blocks([architecture.U2]))
    for scope, block in blocks.items():
        weights = block.named_weights()
        kernel = weights[f"siamese/{scope}/conv/weights"]
        values = random.standard_normal(kernel.shape)
        if scope.startswith("scala1"):
            values -= values.mean(axis=(0, 1))  # What is bright is not what is alike.
            values /= 60
        elif scope.startswith("scala5"):
            values /= 25  # Scores of some units.
        weights[f"siamese/{scope}/conv/biases"].assign(np.zeros(block.layer.filters))
        kernel.assign(np.sqrt(2 / np.prod(kernel.shape[:3])) * values)
    return GradNet(blocks=blocks)


def snapshot(net: GradNet) -> dict[str, np.ndarray]:
    """Copies of all variables by TF1 name."""
    return {name: variable.numpy().copy() for name, variable in net.named_weights().items()}


def relative_error(actual, expected) -> float:
    """Largest difference relative to the largest magnitude of the expected array."""
    expected = np.asarray(expected)
    actual = np.asarray(actual)
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max()


def normal(shape, seed=0) -> np.ndarray:
    """Normal float32 values."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def block_with_random_weights(*, seed=0, **arguments):
    """A small block in which every variable, moving averages included, is random."""
    settings = dict(in_channels=6, filters=8, kernel_size=3, groups=2)
    settings.update(arguments)
    block = layers.ConvBlock(architecture.Layer("scala9", **settings))
    rng = np.random.default_rng(seed)
    for name, variable in block.named_weights().items():
        value = rng.normal(size=variable.shape)
        variable.assign(np.exp(value) if "variance" in name else value)
    return block
