"""The trained weights that come with gradnet_tf.

They lie in `checkpoints/` of the repository, which setup.py installs as `gradnet_tf/checkpoints`.
"""

from __future__ import annotations

from pathlib import Path

from gradnet_tf.weights.card import Weights
from gradnet_tf.weights.errors import CheckpointError
from gradnet_tf.weights.store import CARD, PathLike, load

DEFAULT = "gradnet"

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "checkpoints", _PACKAGE.parent / "checkpoints")


def path(name: str = DEFAULT) -> Path:
    """Directory of an embedded checkpoint.

    Args:
        name: Its name.

    Raises:
        CheckpointError: If there is none of this name.
    """
    for folder in _FOLDERS:
        if (folder / name / CARD).is_file():
            return folder / name
    raise CheckpointError(
        f"no checkpoint {name!r} came with gradnet_tf; there are: {', '.join(names()) or 'none'}"
    )


def is_embedded(directory: PathLike) -> bool:
    """Whether a directory is that of an embedded checkpoint."""
    place = Path(directory).resolve()
    return place in [path(name).resolve() for name in names()]


def names() -> list[str]:
    """Names of the embedded checkpoints."""
    found = {card.parent.name for folder in _FOLDERS for card in folder.glob(f"*/{CARD}")}
    return sorted(found)


def load_embedded(name: str = DEFAULT) -> Weights:
    """Loads an embedded checkpoint. Raises as `path` and `store.load` do."""
    return load(path(name))
