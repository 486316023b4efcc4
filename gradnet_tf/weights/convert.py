"""Conversion between TF1 checkpoints, this project's checkpoints and npz files."""

from __future__ import annotations

import dataclasses
import glob
import os
from typing import Optional

from gradnet_tf.weights import card, pretrained, store, tf1_files
from gradnet_tf.weights.card import Weights
from gradnet_tf.weights.errors import CheckpointError
from gradnet_tf.weights.staging import Staging


@dataclasses.dataclass(frozen=True)
class Source:
    """Where weights come from: exactly one of the three.

    Attributes:
        tf1: Prefix of one of the reference's TF1 checkpoints.
        checkpoint: Checkpoint directory of this project.
        npz: An npz file of variables by TF1 name.
    """

    tf1: Optional[str] = None
    checkpoint: Optional[str] = None
    npz: Optional[str] = None

    def __post_init__(self):
        if sum(bool(path) for path in (self.tf1, self.checkpoint, self.npz)) != 1:
            raise ValueError(
                "give exactly one source: a TF1 prefix, a checkpoint directory or an npz file"
            )


@dataclasses.dataclass(frozen=True)
class Targets:
    """What to write: at least one of the three.

    Attributes:
        output: Checkpoint directory of this project.
        tf1: Prefix of a TF1 checkpoint that the reference's `tf.train.Saver` restores.
        npz: An npz file of variables by TF1 name.
        overwrite: Replace what is there.
    """

    output: Optional[str] = None
    tf1: Optional[str] = None
    npz: Optional[str] = None
    overwrite: bool = False

    def __post_init__(self):
        if not (self.output or self.tf1 or self.npz):
            raise ValueError(
                "give at least one output: a checkpoint directory, a TF1 prefix or an npz file"
            )


def read(source: Source) -> Weights:
    """Reads weights from any of the formats and checks them completely.

    Raises:
        CheckpointError: If they cannot be used.
    """
    if source.tf1:
        return card.make_weights(tf1_files.read(source.tf1), os.path.basename(source.tf1), "tf1")
    if source.npz:
        return store.import_npz(source.npz)
    if not os.path.isdir(source.checkpoint):
        raise CheckpointError(
            f"{source.checkpoint}: no such directory; expected a checkpoint "
            f"directory with {', '.join(store.FILES)}"
        )
    return store.load(source.checkpoint)


def convert(source: Source, targets: Targets) -> Weights:
    """Reads weights and writes them to every target, or, if anything fails, to none.

    Returns:
        What was written.

    Raises:
        CheckpointError: If the source cannot be used.
        ValueError: If targets overlap.
        OSError: If a target exists or cannot be written.
    """
    if targets.output:
        if not targets.overwrite and pretrained.is_embedded(targets.output):
            raise FileExistsError(
                f"{targets.output} holds weights that come with gradnet_tf, which --overwrite "
                "would replace; give another directory"
            )
        store.check_target(targets.output, targets.overwrite)
    if targets.tf1:
        _check_tf1_target(targets.tf1, targets.overwrite)
    if targets.npz:
        _check_npz_target(targets.npz, targets.overwrite)
    weights = read(source)
    # The directory was checked above: an empty one may be replaced without `overwrite`.
    with Staging(overwrite=True) as staging:
        if targets.output:
            store.write_directory(staging.add(targets.output), weights)
        if targets.tf1:
            tf1_files.write(staging.add(targets.tf1, tf1_files.SUFFIXES), weights.arrays)
        if targets.npz:
            store.write_npz(staging.add(targets.npz), weights)
    return weights


def report(weights: Weights) -> str:
    """Says in a few lines what weights are: variant, digest, origin, ignored and filled names."""
    facts = weights.card
    parameters = sum(array.size for array in weights.arrays.values())
    lines = [
        f"source: {facts['source']['name']} ({facts['source']['kind']})",
        f"variant: {weights.variant}, {len(weights.arrays)} tensors, {parameters} values",
        f"digest: {weights.digest}",
    ]
    known = facts["recognised"]["checkpoint"]
    lines.append(
        f"recognised: the authors' {known}"
        if known
        else "recognised: no (not one of the authors' two checkpoints)"
    )
    for rule, entry in facts["ignored"].items():
        lines.append(f"ignored by rule {rule}: {', '.join(entry['names'])} ({entry['why']})")
    if facts["filled"]:
        lines.append(
            f"filled: {len(facts['filled']['names'])} tensors of batch-norm bookkeeping, "
            f"local_step {facts['filled']['local_step']:.0f}"
        )
    return "\n".join(lines)


def _check_tf1_target(prefix: str, overwrite: bool) -> None:
    if os.path.isdir(prefix) or not os.path.basename(prefix):
        raise FileExistsError(
            f"{prefix} is a directory; give the prefix of the files to write, "
            f"such as {os.path.join(prefix, 'model.ckpt')}"
        )
    found = sorted(
        path
        for pattern in (".index", ".data-*-of-*", ".meta")
        for path in glob.glob(glob.escape(prefix) + pattern)
    )
    if found and not overwrite:
        raise FileExistsError(
            f"{found[0]} exists already (overwrite is not set); --overwrite would replace it"
        )


def _check_npz_target(path: str, overwrite: bool) -> None:
    if os.path.isdir(path):
        raise FileExistsError(f"{path} is a directory; give the npz file to write")
    if not path.endswith(".npz"):
        raise CheckpointError(f"{path}: the name of an npz file must end in .npz")
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(
            f"{path} exists already (overwrite is not set); --overwrite would replace it"
        )
