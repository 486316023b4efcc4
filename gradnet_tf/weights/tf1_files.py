"""Reading and writing TF1 checkpoints of the reference."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from gradnet_tf.files import storage
from gradnet_tf.weights.tf1 import CheckpointError, select

DATA_SUFFIX = ".data-00000-of-00001"
INDEX_SUFFIX = ".index"
SUFFIXES = (DATA_SUFFIX, INDEX_SUFFIX)  # in the order of moving: the index makes it exist
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# What TensorFlow 2.15 to 2.21 raise for truncated and altered files.
_READ_ERRORS = (tf.errors.OpError, ValueError, IndexError, RuntimeError, OSError, MemoryError)


def read(prefix: str) -> dict[str, np.ndarray]:
    """Reads all tensors of one of the reference's TF1 checkpoints by name.

    Those that `select` ignores are read too: a file that is damaged anywhere is not trusted.

    Args:
        prefix: Path without the `.index` ending, such as "base_l5_1t_49/model_epoch49.ckpt".

    Raises:
        CheckpointError: If there is no TF1 checkpoint of this network, or it is damaged.
    """
    _check_prefix(prefix)
    tensors, get = open_tensors(prefix)
    if OBJECT_GRAPH in tensors:
        raise CheckpointError(
            f"{prefix}: is a TF2 checkpoint, not a TF1 one; a checkpoint "
            "directory of gradnet_tf is read with --checkpoint=DIR"
        )
    select(tensors, prefix)  # before megabytes of some other model are read
    return {name: get(name, name) for name in sorted(tensors)}


def write(prefix: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a TF1 checkpoint that `tf.compat.v1.train.Saver.restore` reads.

    Args:
        prefix: Path without ending; its directory must exist, older files are written over.
        arrays: Variables by TF1 name, all of one variant, bookkeeping included.

    Raises:
        CheckpointError: If they are not the variables of a variant.
        OSError: If the files cannot be written.
    """
    select(arrays, prefix)
    names = sorted(arrays)
    with storage.naming("write", prefix), tf.device("CPU:0"):
        tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(arrays[name]) for name in names],
        )


def _check_prefix(prefix: str) -> None:
    """Raises CheckpointError unless an index and all of its data files stand at `prefix`."""
    if os.path.isfile(os.path.join(prefix, "card.json")):
        raise CheckpointError(
            f"{prefix}: is a checkpoint directory of gradnet_tf, not a TF1 "
            "checkpoint; it is read with --checkpoint=DIR"
        )
    if os.path.isdir(prefix):
        prefixes = sorted(
            path[: -len(INDEX_SUFFIX)]
            for path in glob.glob(os.path.join(glob.escape(prefix), "*" + INDEX_SUFFIX))
        )
        hint = f", such as {prefixes[0]}" if prefixes else "; there is none in it"
        raise CheckpointError(
            f"{prefix}: is a directory; give the prefix of a TF1 checkpoint{hint}"
        )
    ending = re.search(r"\.(index|meta|data-\d+-of-\d+)$", prefix)
    if ending:
        raise CheckpointError(
            f"{prefix}: is one file of a checkpoint; give the prefix {prefix[: ending.start()]}"
        )
    if not os.path.isfile(prefix + INDEX_SUFFIX):
        raise CheckpointError(
            f"{prefix}: no such checkpoint; expected the files "
            f"{prefix}{INDEX_SUFFIX} and {prefix}{DATA_SUFFIX}"
        )
    shards = glob.glob(glob.escape(prefix) + ".data-?????-of-?????")
    counts = {int(shard[-5:]) for shard in shards if shard[-5:].isdigit()} - {0}
    if not any(
        all(os.path.isfile(f"{prefix}.data-{i:05d}-of-{n:05d}") for i in range(n)) for n in counts
    ):
        raise CheckpointError(
            f"{prefix}: the data file is missing beside {prefix}{INDEX_SUFFIX}; "
            f"expected {prefix}{DATA_SUFFIX}"
        )


def open_tensors(
    prefix: str,
) -> tuple[dict[str, tf.TensorSpec], Callable[[str, str], np.ndarray]]:
    """Opens a TF1 or TF2 checkpoint.

    Returns:
        What there is, and a function of (name, what a message calls it) that reads a tensor.

    Raises:
        CheckpointError: If it is damaged; the function raises it, too.
    """
    try:
        reader = tf.train.load_checkpoint(prefix)
        types = reader.get_variable_to_dtype_map()
        shapes = reader.get_variable_to_shape_map().items()
        tensors = {name: tf.TensorSpec(shape, types[name]) for name, shape in shapes}
    except _READ_ERRORS as error:
        raise _damaged(f"{prefix}{INDEX_SUFFIX}", error) from error

    def get(name: str, label: str) -> np.ndarray:
        try:
            return np.asarray(reader.get_tensor(name))
        except _READ_ERRORS as error:
            raise _damaged(f"{prefix}: {label}", error) from error

    return tensors, get


def _damaged(what: str, error: Exception) -> CheckpointError:
    reason = " ".join((getattr(error, "message", None) or str(error)).split())
    return CheckpointError(f"{what}: damaged or truncated ({reason})")
