"""The trained weights that come with gradnet_tf, in `gradnet_tf/checkpoints`."""

from __future__ import annotations

from pathlib import Path

from gradnet_tf.weights.card import Weights
from gradnet_tf.weights.store import CARD, PathLike, load
from gradnet_tf.weights.tf1 import CheckpointError

DEFAULT = "gradnet"

_FOLDER = Path(__file__).resolve().parents[1] / "checkpoints"


def path(name: str = DEFAULT) -> Path:
    """Finds the directory of an embedded checkpoint; CheckpointError if there is none."""
    if name in names():
        return _FOLDER / name
    raise CheckpointError(
        f"no checkpoint {name!r} came with gradnet_tf; there are: {', '.join(names()) or 'none'}"
    )


def is_embedded(directory: PathLike) -> bool:
    """Tells whether a directory is that of an embedded checkpoint."""
    return Path(directory).resolve() in [path(name).resolve() for name in names()]


def names() -> list[str]:
    """Lists the names of the embedded checkpoints."""
    return sorted(card.parent.name for card in _FOLDER.glob(f"*/{CARD}"))


def load_embedded(name: str = DEFAULT) -> Weights:
    """Loads weights that come with gradnet_tf.

    Args:
        name: One of `names`.

    Raises:
        CheckpointError: If there is no such checkpoint, or it is damaged or altered.
    """
    return load(path(name))
