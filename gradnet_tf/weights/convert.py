"""Converts between TF1 checkpoints, this project's checkpoints and npz files."""

from __future__ import annotations

import glob
import os
from typing import Optional

from gradnet_tf.weights import card, store, tf1_files
from gradnet_tf.weights.card import Weights
from gradnet_tf.weights.staging import Staging
from gradnet_tf.weights.tf1 import CheckpointError


def read(
    *, tf1: Optional[str] = None, checkpoint: Optional[str] = None, npz: Optional[str] = None
) -> Weights:
    """Reads weights of a TF1 prefix, a checkpoint directory or an npz file, and checks them all.

    Raises:
        CheckpointError: If the weights cannot be used.
    """
    if tf1:
        return card.make_weights(tf1_files.read(tf1), os.path.basename(tf1), "tf1")
    return store.import_npz(npz) if npz else store.load(checkpoint or "")


def convert(
    *,
    output: Optional[str] = None,
    to_tf1: Optional[str] = None,
    to_npz: Optional[str] = None,
    overwrite: bool = False,
    float16: bool = False,
    **source: str,
) -> Weights:
    """Reads weights and writes them to every output, or, if anything fails, to none.

    Args:
        output: Checkpoint directory of this project to write.
        to_tf1: Prefix of a TF1 checkpoint that the reference's `tf.train.Saver` restores.
        to_npz: An npz file to write.
        overwrite: Whether outputs that exist are replaced.
        float16: Whether kernels are rounded to float16, which halves the checkpoint directory.
        **source: One of `tf1`, `checkpoint` and `npz`, as `read` takes them.

    Raises:
        CheckpointError: If the source cannot be used.
        ValueError: If outputs overlap.
        OSError: If an output exists or cannot be written.
    """
    if output:
        is_there = os.path.isdir(output) and os.path.isdir(store.EMBEDDED)
        if is_there and not overwrite and os.path.samefile(output, store.EMBEDDED):
            raise FileExistsError(
                f"{output} holds weights that come with gradnet_tf, which --overwrite would "
                "replace; give another directory"
            )
        store.check_target(output, overwrite)
    if to_tf1:
        _check_prefix(to_tf1, overwrite)
    if to_npz:
        _check_npz(to_npz)
    with Staging(overwrite) as staging:
        directory = output and staging.add(output)
        prefix = to_tf1 and staging.add(to_tf1, tf1_files.SUFFIXES)
        file = to_npz and staging.add(to_npz)
        weights = read(**source)
        if float16:
            weights = card.round_kernels(weights)
        if directory:
            store.write_directory(directory, weights)
        if prefix:
            tf1_files.write(prefix, weights.arrays)
        if file:
            store.write_npz(file, weights)
    return weights


def report(weights: Weights) -> str:
    """Says in a few lines what weights are: variant, digest, origin, ignored and filled names."""
    facts = weights.card
    parameters = sum(array.size for array in weights.arrays.values())
    known = facts["recognised"]["checkpoint"]
    lines = [
        f"source: {facts['source']['name']} ({facts['source']['kind']})",
        f"variant: {weights.variant}, {len(weights.arrays)} tensors, {parameters} values",
        f"digest: {weights.digest}",
        f"recognised: the authors' {known}"
        if known
        else "recognised: no (not one of the authors' two checkpoints)",
    ]
    for rule, entry in facts["ignored"].items():
        lines.append(f"ignored by rule {rule}: {', '.join(entry['names'])} ({entry['why']})")
    if facts["filled"]:
        lines.append(
            f"filled: {len(facts['filled']['names'])} tensors of batch-norm bookkeeping, "
            f"local_step {facts['filled']['local_step']:.0f}"
        )
    return "\n".join(lines)


def _check_prefix(prefix: str, overwrite: bool) -> None:
    if os.path.isdir(prefix) or not os.path.basename(prefix):
        raise FileExistsError(
            f"{prefix} is a directory; give the prefix of the files to write, "
            f"such as {os.path.join(prefix, 'model.ckpt')}"
        )
    # Files of an older checkpoint that the new one would not replace.
    for pattern in (".data-*-of-*", ".meta"):
        found = glob.glob(glob.escape(prefix) + pattern)
        if found and not overwrite:
            raise FileExistsError(
                f"{found[0]} exists already (overwrite is not set); --overwrite would replace it"
            )


def _check_npz(path: str) -> None:
    if os.path.isdir(path):
        raise FileExistsError(f"{path} is a directory; give the npz file to write")
    if not path.endswith(".npz"):
        raise CheckpointError(f"{path}: the name of an npz file must end in .npz")
