"""This project's checkpoint directory, and the npz exchange file.

A checkpoint directory holds three files:

*   `weights.index`, `weights.data-00000-of-00001`: a TF2 checkpoint of plain variables, written
    with `tf.train.Checkpoint(weights={name: variable})`. It holds no Keras objects, so that both
    generations of Keras read it. A kernel that loses nothing by it is stored as float16, see
    `card.round_kernels`.
*   `card.json`: see `card`.

An npz file holds one float32 array for each variable, by TF1 name.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
import tensorflow as tf

from gradnet_tf.files import disk, storage
from gradnet_tf.weights import card as cards
from gradnet_tf.weights import tf1, tf1_files
from gradnet_tf.weights.card import Weights
from gradnet_tf.weights.staging import Staging
from gradnet_tf.weights.tf1 import CheckpointError

PREFIX = "weights"  # of the files
ROOT = "weights"  # of the variables inside them
CARD = "card.json"
EMBEDDED = Path(__file__).resolve().parents[1] / "checkpoints/gradnet"  # Comes with gradnet_tf.
FILES = (PREFIX + tf1_files.INDEX_SUFFIX, PREFIX + tf1_files.DATA_SUFFIX, CARD)

PathLike = Union[str, "os.PathLike[str]"]


def load(path: PathLike) -> Weights:
    """Loads a checkpoint directory or an npz file.

    Args:
        path: Directory written by `save`, or file whose name ends in `.npz`.

    Raises:
        CheckpointError: If there is no such checkpoint, or it is damaged or altered.
    """
    path = disk.local_path(path)
    if path.endswith(".npz"):
        return import_npz(path)
    expected = f"expected a directory with {', '.join(FILES)}, or a .npz file"
    if not os.path.lexists(path):
        raise CheckpointError(f"{path}: no such checkpoint; {expected}")
    if not os.path.isdir(path):
        raise CheckpointError(f"{path}: is no checkpoint directory; {expected}")
    absent = [name for name in FILES if not os.path.isfile(os.path.join(path, name))]
    if absent:
        raise CheckpointError(f"{path}: is no checkpoint: {', '.join(absent)} missing; {expected}")
    card_path = os.path.join(path, CARD)
    card = _read_card(card_path)
    variant = cards.check_card(card, card_path)
    arrays = _read_tensors(os.path.join(path, PREFIX), variant)
    cards.verify(arrays, card, path)
    return Weights(arrays, card, variant)


def load_embedded() -> Weights:
    """Loads the weights that come with gradnet_tf; a CheckpointError if they are damaged."""
    return load(EMBEDDED)


def save(
    directory: PathLike,
    weights: Union[Weights, Mapping[str, np.ndarray]],
    card: Optional[Mapping[str, Any]] = None,
    *,
    overwrite: bool = False,
) -> Weights:
    """Writes a checkpoint directory, completely or not at all, and returns what it wrote.

    Args:
        directory: Where to; missing parent directories are made.
        weights: What to write. Arrays by TF1 name (of one variant, bookkeeping included) are
            taken as the outcome of training.
        card: JSON values to add to the card, such as the training's configuration, or "source".
            What follows from the arrays (variant, hashes, ...) cannot be set.
        overwrite: Whether a checkpoint that is there is replaced.

    Raises:
        CheckpointError: If the arrays are not the finite float32 variables of a variant, or the
            card is no JSON.
        OSError: If it cannot be written: the directory is a file, holds something other than a
            checkpoint, or holds one and `overwrite` is not set.
    """
    directory = os.fspath(directory)
    check_target(directory, overwrite)
    if not isinstance(weights, Weights):
        name = os.path.basename(os.path.abspath(directory))
        weights = cards.make_weights(weights, name, "training")
    weights = cards.describe(weights.arrays, weights.variant, {**weights.card, **(card or {})})
    cards.check_card(weights.card, "the card to write")
    with Staging(overwrite=True) as staging:
        write_directory(staging.add(directory), weights)
    return weights


def check_target(directory: str, overwrite: bool) -> None:
    """Raises FileExistsError unless `save` may write to `directory`."""
    if not os.path.lexists(directory):
        return
    if not os.path.isdir(directory):
        raise FileExistsError(f"{directory} exists and is no directory")
    entries = sorted(os.listdir(directory))
    foreign = [name for name in entries if name not in FILES]
    if not entries:
        return
    if foreign or CARD not in entries:
        raise FileExistsError(
            f"{directory} exists and holds something other than a checkpoint "
            f"({', '.join((foreign or entries)[:5])}); give a new or empty directory"
        )
    try:
        cards.check_card(_read_card(os.path.join(directory, CARD)), directory)
    except CheckpointError as error:
        text = f"{directory} exists and is not known to be a checkpoint: {error}"
        raise FileExistsError(text) from error
    if not overwrite:
        raise FileExistsError(
            f"{directory} holds a checkpoint already (overwrite is not set); --overwrite of "
            "gradnet_tf.convert would replace it"
        )


def write_directory(directory: str, weights: Weights) -> None:
    """Writes the three files into a new directory, in place. Raises as `save` does."""
    try:
        text = json.dumps(weights.card, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the card of these weights is no JSON: {error}") from error
    os.mkdir(directory)
    with storage.naming("write", directory), tf.device("CPU:0"):
        variables = {
            name: tf.Variable(_as_stored(name, array)) for name, array in weights.arrays.items()
        }
        tf.train.Checkpoint(**{ROOT: variables}).write(os.path.join(directory, PREFIX))
    with open(os.path.join(directory, CARD), "w", encoding="utf-8") as file:
        file.write(text)


def _as_stored(name: str, array: np.ndarray) -> np.ndarray:
    """Gives a kernel that float16 holds exactly as such; all else as it is."""
    if not cards.is_kernel(name):
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else array


def import_npz(path: PathLike) -> Weights:
    """Reads an npz file of variables by TF1 name; nothing in it is ever unpickled.

    Args:
        path: The file. It may lack the batch norms' bookkeeping, see `card.make_weights`.

    Raises:
        CheckpointError: If it is no npz file, is damaged, or does not hold exactly the finite
            float32 variables of one variant.
    """
    path = disk.local_path(path)
    if not os.path.isfile(path):
        what = "is a directory" if os.path.isdir(path) else "no such file"
        raise CheckpointError(f"{path}: {what}; expected an npz file")
    if not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path}: is no npz file, or a truncated one")
    arrays: dict[str, np.ndarray] = {}
    name = ""
    try:
        with np.load(path, allow_pickle=False) as file:
            if len(set(file.files)) != len(file.files):
                raise CheckpointError(f"{path}: holds two arrays of the same name")
            for name in file.files:
                arrays[name] = file[name]
    except CheckpointError:
        raise
    except Exception as error:  # NumPy, zipfile and zlib raise a dozen kinds for a damaged file
        if "allow_pickle" in str(error):
            raise CheckpointError(
                f"{path}: {name} holds Python objects, which are never loaded; "
                "expected float32 arrays"
            ) from error
        raise CheckpointError(f"{path}: {name or 'its directory'} is damaged ({error})") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise CheckpointError(f"{path}: {name} is no array")
    return cards.make_weights(arrays, os.path.basename(path), "npz")


def write_npz(path: str, weights: Weights) -> None:
    """Writes an npz file in place."""
    arrays: dict[str, Any] = dict(weights.arrays)
    with open(path, "wb") as file:  # np.savez appends ".npz" to a path, but not to a file
        np.savez(file, **arrays)


def _read_card(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is no JSON ({error})") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error


def _read_tensors(prefix: str, variant: str) -> dict[str, np.ndarray]:
    """Reads the variables of a variant from a TF2 checkpoint written by `write_directory`."""
    wanted = tf1.expected_shapes(variant)
    found, get = tf1_files.open_tensors(prefix)
    # TensorFlow's key of a variable: "/" in the name of a dict's item is escaped as ".S".
    names = {
        f"{ROOT}/{name.replace('/', '.S')}/.ATTRIBUTES/VARIABLE_VALUE": name for name in wanted
    }
    for key, name in names.items():
        if key not in found:
            raise CheckpointError(f"{prefix}: {name} is missing")
        shape = tuple(found[key].shape)
        if shape != wanted[name]:
            raise CheckpointError(
                f"{prefix}: {name} has shape {list(shape)} instead of {list(wanted[name])}"
            )
    foreign = sorted(set(found) - set(names) - {tf1_files.OBJECT_GRAPH})
    if foreign:
        raise CheckpointError(
            f"{prefix}: holds {len(foreign)} tensors that its card does not "
            f"list: {foreign[0].replace('.S', '/')}"
        )
    tensors = {key: get(key, names.get(key, key)) for key in found}
    arrays = {name: tensors[key] for key, name in names.items()}
    for name, array in arrays.items():
        if array.dtype == np.float16 and cards.is_kernel(name):
            arrays[name] = array.astype(np.float32)
    return arrays
