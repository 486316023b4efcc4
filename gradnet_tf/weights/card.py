"""The weights as a value, and the JSON card that describes and verifies them."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections.abc import Mapping
from typing import Any, Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.weights import authors, tf1
from gradnet_tf.weights.tf1 import CheckpointError

FORMAT = "gradnet_tf weights"
FORMAT_VERSION = 1
COLOUR_ORDER = "BGR"
# local_step of the reference's tracker after its 49 epochs. The zero-debias factor
# 1 - 0.9997^299250 is 1 in float32, so moving averages continue instead of restarting.
FILLED_LOCAL_STEP = 299250.0


@dataclasses.dataclass(frozen=True)
class Weights:
    """Holds all variables of one network."""

    # TF1 name -> float32 array, with the names of `tf1.expected_shapes(variant)`.
    arrays: dict[str, np.ndarray]
    card: dict[str, Any]  # The JSON card: where the weights come from and what they are.
    variant: str  # A key of `architecture.VARIANTS`.

    @property
    def digest(self) -> str:
        """One sha256 that identifies these weights, see `digest`."""
        return self.card["digest"]


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Hashes names, shapes and bytes (sha256 in hex), whatever the order of the mapping."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"{name}{list(array.shape)}{array.dtype.str}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def make_weights(arrays: Mapping[str, np.ndarray], source: str, kind: str) -> Weights:
    """Checks named arrays and writes their card.

    Args:
        arrays: TF1 name -> float32 array. May hold what `tf1.IGNORE_RULES` names. An npz may
            lack all of the batch norms' bookkeeping, which is then filled: `biased` is the moving
            value and `local_step` is 299250.
        source: Base name of the file, or name of the training run, that they come from.
        kind: "tf1", "npz" or "training".

    Raises:
        CheckpointError: If a variable is missing, unknown, misshapen, not float32 or not finite.
    """
    selection = tf1.select(arrays, source, allow_unfilled=kind == "npz")
    taken = {name: np.array(arrays[name], dtype="<f4", order="C") for name in selection.names}
    for name, array in taken.items():
        count = array.size - np.count_nonzero(np.isfinite(array))
        if count:
            raise CheckpointError(f"{source}: {name} has {count} values that are not finite")
    for name in selection.unfilled:
        is_step = name.endswith("/local_step")
        value = FILLED_LOCAL_STEP if is_step else taken[tf1.moving_average(name)]
        taken[name] = np.array(value, np.float32)
    filled = {"local_step": FILLED_LOCAL_STEP, "names": selection.unfilled}
    card = {
        "source": {"name": source, "kind": kind},
        "colour_order": COLOUR_ORDER,
        "ignored": {
            rule: {"why": tf1.IGNORE_RULES[rule][1], "names": names}
            for rule, names in selection.ignored.items()
        },
        "filled": filled if selection.unfilled else None,
        "recognised": authors.recognise(taken, selection.variant, selection.unfilled),
    }
    return describe(taken, selection.variant, card)


def describe(arrays: Mapping[str, np.ndarray], variant: str, card: Mapping[str, Any]) -> Weights:
    """Completes a card with everything that follows from the arrays."""
    ordered = {name: arrays[name] for name in tf1.expected_shapes(variant)}
    return Weights(
        ordered,
        {
            **card,
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "variant": variant,
            "digest": digest(ordered),
            "tensors": {
                name: {"shape": list(array.shape), "sha256": _sha256(array)}
                for name, array in ordered.items()
            },
            "versions": {
                "python": platform.python_version(),
                "numpy": np.__version__,
                "tensorflow": tf.__version__,
            },
        },
        variant,
    )


def round_kernels(weights: Weights) -> Weights:
    """Rounds the kernels of the convolutions to float16, in which a checkpoint then keeps them.

    Raises:
        CheckpointError: If a kernel has values beyond those of float16.
    """
    arrays = dict(weights.arrays)
    for name in filter(is_kernel, arrays):
        with np.errstate(over="ignore"):
            arrays[name] = arrays[name].astype(np.float16).astype(np.float32)
        if not np.isfinite(arrays[name]).all():
            raise CheckpointError(f"{name} has values beyond those of float16")
    card = {
        **weights.card,
        "recognised": authors.recognise(arrays, weights.variant, ()),
        "rounded": "kernels, to float16",
    }
    return describe(arrays, weights.variant, card)


def is_kernel(name: str) -> bool:
    """Tells whether a variable's TF1 name is that of a convolution's kernel."""
    return name.endswith("conv/weights")


def check_card(card: Any, source: str) -> str:
    """Checks the frame of a card that was read from a file, and returns its variant.

    Raises:
        CheckpointError: If it is not the card of a checkpoint that this version reads.
    """
    problem = _problem_of(card)
    if problem:
        raise CheckpointError(f"{source}: {problem}")
    return card["variant"]


def _problem_of(card: Any) -> Optional[str]:
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        return f'is not a card of {FORMAT} ("format" is missing or other)'
    version, order, variant = map(card.get, ("format_version", "colour_order", "variant"))
    if version != FORMAT_VERSION:
        return f"has format version {version!r}; this version of gradnet_tf reads {FORMAT_VERSION}"
    if order != COLOUR_ORDER:
        return f"has colour order {order!r}; expected {COLOUR_ORDER!r}"
    if not isinstance(variant, str) or variant not in tf1.VARIANTS:
        return f"names variant {variant!r}; expected one of {', '.join(tf1.VARIANTS)}"
    tensors = card.get("tensors")
    if not isinstance(tensors, dict) or set(tensors) != set(tf1.expected_shapes(variant)):
        return f'does not list the tensors of variant "{variant}"'
    entries = {"source": ("name", "kind"), "recognised": ("checkpoint",), "ignored": ()}
    if card.get("filled") is not None:
        entries["filled"] = ("names", "local_step")
    for key, parts in entries.items():
        value = card.get(key)
        if not isinstance(value, dict) or any(part not in value for part in parts):
            return f'has a bad entry "{key}": {value!r}'
    return None


def verify(arrays: Mapping[str, np.ndarray], card: Mapping[str, Any], source: str) -> None:
    """Compares every tensor with the sha256 and shape in a card that `check_card` accepted.

    Raises:
        CheckpointError: Naming the tensors that differ.
    """
    altered = [
        name
        for name, array in arrays.items()
        if card["tensors"][name] != {"shape": list(array.shape), "sha256": _sha256(array)}
    ]
    if altered:
        raise CheckpointError(
            f"{source}: does not match its card: {', '.join(altered[:10])} "
            f"({len(altered)} of {len(arrays)} tensors differ)"
        )
    if card.get("digest") != digest(arrays):
        raise CheckpointError(f"{source}: does not match the digest in its card")


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()
