"""Random weights of the right shapes, and TF1 checkpoints as the authors' training leaves them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from gradnet_tf.weights import expected_shapes


@functools.cache
def random_arrays(variant: str = "baseline") -> dict[str, np.ndarray]:
    """Every variable of a variant, bookkeeping included. Shared: copy before changing it."""
    rng = np.random.default_rng(7)
    arrays = {
        name: rng.standard_normal(shape, dtype=np.float32)
        if shape
        else np.float32(rng.integers(1, 1000)) * np.ones((), np.float32)
        for name, shape in expected_shapes(variant).items()
    }
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def without_bookkeeping(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The network's own variables only."""
    return {
        name: array
        for name, array in arrays.items()
        if not name.endswith(("/biased", "/local_step"))
    }


def with_training_leftovers(variant: str) -> dict[str, np.ndarray]:
    """All names of the authors' checkpoint: 118 of the tracker ("full"), 66 of "baseline"."""
    arrays = dict(random_arrays(variant))
    trained = [name for name in without_bookkeeping(arrays) if "moving_" not in name]
    if variant == "full":
        trained = [name for name in trained if "_z" in name]
        summaries = ("Variable", "Variable_1")
    else:
        for name, shape in (("adjust/weights", (1, 1, 1, 1)), ("adjust/biases", (1,))):
            arrays[name] = np.full(shape, 0.5, np.float32)
            trained.append(name)
        summaries = ("logistic_loss/Variable", "logistic_loss/Variable_1")
    arrays.update({name + "/Momentum": np.zeros_like(arrays[name]) for name in trained})
    arrays.update({name: np.zeros((), np.float32) for name in summaries})
    return arrays


def write_tf1(prefix: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """Writes arrays of any kind under any names as TF1's Saver lays them out."""
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(arrays),
        shape_and_slices=[""] * len(arrays),
        tensors=[tf.constant(array) for array in arrays.values()],
    )
    return prefix


def assert_same(actual: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    """Same names, shapes, types and bits."""
    assert set(actual) == set(expected)
    for name, array in expected.items():
        assert actual[name].shape == array.shape, name
        assert actual[name].dtype == np.float32, name
        assert actual[name].tobytes() == array.tobytes(), name


def tree(directory: Path) -> set[str]:
    """Every path below a directory, to see that nothing was written or left behind."""
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}
