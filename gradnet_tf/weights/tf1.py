"""Names and shapes of the reference's TF1 variables, and which names are needed.

The layout follows the variable scopes of the reference's siamese.py (`response_map_cal`,
`extract_gra_fea_template`, `template_update_based_grad`, `batchNorm`). Kernels are HWIO, and
grouped convolutions have a kernel of `[size, size, channels / groups, filters]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Optional

from gradnet_tf.network.architecture import VARIANTS

Shape = tuple[int, ...]

_ROOT = "siamese"
_MOVING = ("moving_mean", "moving_variance")
_BOOKKEEPING = ("/biased", "/local_step")


# Rule -> (pattern, why) of the names that a checkpoint may hold and that the network does not need.
IGNORE_RULES = {
    "optimizer_slots": (
        r".+/Momentum",
        "momentum of the optimizer, needed only to resume the reference's training",
    ),
    "training_summaries": (
        r"(logistic_loss/)?Variable(_\d+)?",
        "running error sums that the reference's training shows in TensorBoard",
    ),
    "response_scale": (
        r"adjust/(weights|biases)",
        "scale and offset of the SiamFC base's score map, which GradNet does not use",
    ),
}


class CheckpointError(ValueError):
    """A checkpoint, npz file or set of weights that cannot be used; the message says why."""


def moving_average(name: str) -> str:
    """Gives the name of the moving average to which TF1's zero-debias bookkeeping belongs.

    TF1 nests the whole name of the averaged variable, scope included, in the scope:
    `siamese/scala1/siamese/scala1/bn/moving_mean/biased` belongs to
    `siamese/scala1/bn/moving_mean`.
    """
    return name.rpartition("/")[0].split("/", 2)[2]


def expected_shapes(variant: str) -> dict[str, Shape]:
    """Lists every variable of a variant, a key of `architecture.VARIANTS`.

    With `biased` and `local_step` of the moving averages, as the reference's tracking graph has.

    Returns:
        TF1 name -> shape, all float32. 94 names for "full", 42 for "baseline".

    Raises:
        CheckpointError: If there is no such variant.
    """
    if variant not in VARIANTS:
        raise CheckpointError(f"no variant {variant!r}; expected one of {', '.join(VARIANTS)}")
    shapes: dict[str, Shape] = {}
    for layer in VARIANTS[variant]:
        filters = (layer.filters,)
        scope = f"{_ROOT}/{layer.scope}"
        shapes[f"{scope}/conv/weights"] = layer.kernel_shape
        shapes[f"{scope}/conv/biases"] = filters
        if layer.batch_norm:
            for name in ("beta", "gamma", *_MOVING):
                shapes[f"{scope}/bn/{name}"] = filters
            for moving in _MOVING:
                shapes[f"{scope}/{scope}/bn/{moving}/biased"] = filters
                shapes[f"{scope}/{scope}/bn/{moving}/local_step"] = ()
    return shapes


def recognise_variant(names: Iterable[str]) -> Optional[str]:
    """Finds the smallest variant that has all of the network's scopes in a set of names.

    A variant is recognised even where some of its variables are missing, so that they can be
    named. Returns None if no scope of the network occurs.
    """
    scopes = {name: {layer.scope for layer in table} for name, table in VARIANTS.items()}
    found = {name.split("/")[1] for name in names if name.startswith(f"{_ROOT}/")}
    found &= set().union(*scopes.values())
    fitting = [variant for variant in VARIANTS if found <= scopes[variant]]
    return min(fitting, key=lambda variant: len(scopes[variant])) if found else None


class Selection(NamedTuple):
    """Tells what `select` decided about the tensors of a source."""

    variant: str  # The recognised variant.
    names: list[str]  # The variables to take, in the order of `expected_shapes`.
    # Each of `IGNORE_RULES` that applied -> the names it removed, sorted.
    ignored: dict[str, list[str]]
    unfilled: list[str]  # Bookkeeping that the source lacks (all of it or none).


def select(tensors: Mapping[str, Any], source: str, allow_unfilled: bool = False) -> Selection:
    """Accounts for every tensor of a source: taken, ignored by a rule, or an error.

    Tensors are, by name, something with `shape` and `dtype`. Errors call their source `source`;
    one without any bookkeeping is accepted with `allow_unfilled`.

    Raises:
        CheckpointError: If the variables belong to no variant, or one is missing, extra,
            misshapen or not float32. All of them are named, up to ten of each kind.
    """
    variant = recognise_variant(tensors)
    if variant is None:
        raise CheckpointError(
            f"{source}: holds none of the network's variables (such as "
            f"{_ROOT}/scala1/conv/weights) but {_listed(sorted(tensors)) or 'nothing'}"
        )
    wanted = expected_shapes(variant)
    ignored: dict[str, list[str]] = {}
    extra = []
    for name in sorted(set(tensors) - set(wanted)):
        for rule, (pattern, _) in IGNORE_RULES.items():
            if re.fullmatch(pattern, name):
                ignored.setdefault(rule, []).append(name)
                break
        else:
            extra.append(name)

    missing = [name for name in wanted if name not in tensors]
    unfilled = [name for name in missing if name.endswith(_BOOKKEEPING)]
    # All of the bookkeeping may be missing, not a part of it.
    if allow_unfilled and not any(name.endswith(_BOOKKEEPING) for name in tensors):
        missing = [name for name in missing if name not in unfilled]
    taken = [name for name in wanted if name in tensors]
    misshapen, mistyped = [], []
    for name in taken:
        shape, dtype = tuple(tensors[name].shape), tensors[name].dtype
        if shape != wanted[name]:
            misshapen.append(f"{name} has {list(shape)} instead of {list(wanted[name])}")
        if dtype.name != "float32":
            mistyped.append(f"{name} is {dtype.name}")
    problems = [
        f"{title}: {_listed(names)}"
        for title, names in (
            ("missing", missing),
            ("unknown", extra),
            ("wrong shape", misshapen),
            ("not float32", mistyped),
        )
        if names
    ]
    if problems:
        raise CheckpointError(
            f'{source}: not the variables of variant "{variant}"; ' + "; ".join(problems)
        )
    return Selection(variant, taken, ignored, unfilled)


def _listed(names: list[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
