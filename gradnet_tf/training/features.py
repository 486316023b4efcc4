"""Keeps the features of search regions on the disk, while the search branch stays as it is.

In stage "gradnet" f_x of a search region never changes. With `PairConfig.crops`, f_x of each
augmented crop is computed once, kept in a directory, and read by every step that draws the crop, of
this training and of others with the same search branch, data and augmentation.

*   `features.json`: what the features are of, and how many frames are done.
*   `features.float16`: [frames, crops, height, width, channels], frame by frame.

The mark of what is done moves at least every half minute, behind what is on the disk: a kill loses
no more than that, and the same command goes on from there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf.data import pairs
from gradnet_tf.files import disk, locks
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training.config import TrainConfig
from gradnet_tf.weights import digest

DESCRIPTION = "features.json"
ARRAY = "features.float16"
FORMAT = "gradnet_tf features"
FORMAT_VERSION = 1
MARK_SECONDS = 30.0

_TIMED_FRAMES = 16  # After which the time is estimated.
# What the features depend on, by the word for it in the message of another one.
_KINDS = {"search_branch": "weights", "data": "data", "augmentation": "augmentation"}


class FeatureCacheError(ValueError):
    """A directory whose features do not fit; the message says why."""


def check(config: TrainConfig) -> None:
    """Raises ValueError if the features of a training cannot be kept."""
    if config.stage != "gradnet":
        raise ValueError(
            f"feature_cache is for stage=gradnet, which leaves the search branch as it is, not for "
            f"stage={config.stage}"
        )
    if not config.crops:
        raise ValueError(
            "feature_cache needs crops of at least 1: features of search regions that every step "
            "augments anew cannot be kept"
        )
    if config.precision == "float64":
        raise ValueError("feature_cache keeps float16; precision=float64 contradicts it")


def ensure(
    directory: disk.PathLike, source: pairs.PairSource, network: GradNet, precision: str
) -> None:
    """Computes what is missing of a cache; the directory is made if it does not exist.

    Args:
        directory: Where the features are, or shall be.
        source: The data, with `crops` of at least 1, see `check`.
        network: Has the search branch.
        precision: Type of the arithmetic. A cache that was begun in another one is finished in it.

    Raises:
        FeatureCacheError: If the directory holds features of another search branch, other data or
            another augmentation, or what stands in it is damaged.
        OSError: If it cannot be written, the disk is too small, or another process fills it.
    """
    directory = Path(directory)
    wanted = identity(source, network)
    with disk.naming(directory):
        directory.mkdir(parents=True, exist_ok=True)
    with locks.locked(directory):
        known = _read(directory, wanted)
        if known is None and (directory / ARRAY).exists():
            raise FeatureCacheError(
                f"{directory} holds {ARRAY} without {DESCRIPTION}: of what these features are is "
                "not known; remove it, or give another directory"
            )
        known = known or {**wanted, "precision": precision, "done": 0}
        if known["precision"] != precision:
            logging.info("%s: the features are of precision %s", directory, known["precision"])
        if known["done"] < known["shape"][0]:
            _fill(directory, known, source, network)


def read(directory: disk.PathLike, source: pairs.PairSource, network: GradNet) -> np.ndarray:
    """The features of a finished cache, mapped from the disk; see `ensure` for the arguments.

    Returns:
        float16 [frames, crops, height, width, channels].

    Raises:
        FeatureCacheError: If they do not fit, or are not all there.
        OSError: If they cannot be read.
    """
    directory = Path(directory)
    known = _read(directory, identity(source, network))
    if known is None or known["done"] < known["shape"][0]:
        raise FeatureCacheError(f"{directory} does not hold all features")
    return np.memmap(directory / ARRAY, np.float16, "r", shape=tuple(known["shape"]))


def identity(source: pairs.PairSource, network: GradNet) -> dict[str, Any]:
    """What features depend on, and their shape, as JSON values."""
    config = source.config
    arrays = {n: v.numpy() for n, v in network.named_weights().items() if "_z" not in n}
    augmentation = {"crops": config.crops, "size": config.whole_size, "augment": config.augment}
    if config.augment != "none":
        instances = source.instances
        augmentation.update(seed=config.seed, **vars(instances.augmentation))
        if instances.color:
            content = np.asarray(instances.variation).tobytes()
            augmentation["colours"] = hashlib.sha256(content).hexdigest()
    if config.augment == "strong":
        augmentation["strong"] = vars(config.strong)
    if config.scenes.active:
        videos = np.concatenate(source.training.pools)
        augmentation["scenes"] = {
            **vars(config.scenes),
            "frame_range": config.frame_range,
            "videos": hashlib.sha256(videos.tobytes()).hexdigest(),
        }
    side = (config.whole_size - 87) // 8 + 1  # 87 px make one cell, 8 px the next one.
    values = {
        "search_branch": digest(arrays),
        "data": source.catalog.digest,
        "augmentation": augmentation,
        "shape": [len(source.catalog.columns["frames"]), config.crops, side, side, 256],
    }
    return json.loads(json.dumps(values))  # As they will be read.


def _read(directory: Path, wanted: dict[str, Any]):
    """The description of a cache, checked; None if there is none."""
    path = directory / DESCRIPTION
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_bytes())
        kind = (content["format"], content["version"])
        known = {name: content[name] for name in (*wanted, "precision", "done")}
        size = known["done"] * _frame_bytes(known["shape"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FeatureCacheError(
            f"{path}: is not the description of a feature cache, or damaged ({error!r})"
        ) from error
    if kind != (FORMAT, FORMAT_VERSION):
        raise FeatureCacheError(f"{path}: is {kind}, expected {(FORMAT, FORMAT_VERSION)}")
    for name, word in _KINDS.items():
        if known[name] != wanted[name]:
            detail = ""
            if name == "augmentation":
                there, here = known[name], wanted[name]
                keys = sorted(k for k in {*there, *here} if there.get(k) != here.get(k))
                detail = f" ({', '.join(f'{k}: {there.get(k)}/{here.get(k)}' for k in keys)})"
            raise FeatureCacheError(
                f"{directory} holds features of other {word} than this training's{detail}; give "
                "another directory, or remove it"
            )
    array = directory / ARRAY
    found = array.stat().st_size if array.exists() else 0
    if found < size:
        raise FeatureCacheError(
            f"{array} has {found} bytes, but {DESCRIPTION} beside it says at least {size}: it is "
            "damaged; remove the directory"
        )
    return known


def _fill(directory: Path, known: dict[str, Any], source: pairs.PairSource, network: GradNet):
    frames, crops = known["shape"][:2]
    frame_bytes, first = _frame_bytes(known["shape"]), known["done"]
    path = directory / ARRAY
    there = path.stat().st_size if path.exists() else 0
    missing = frames * frame_bytes - there
    free = shutil.disk_usage(directory).free
    logging.info(
        "%s: features of %d crops of %d frames, %s on the disk, of which %s are missing and %s are "
        "free",
        *(directory, frames * crops, frames),
        *(_text(size) for size in (frames * frame_bytes, missing, free)),
    )
    if missing > free:
        raise OSError(
            errno.ENOSPC,
            f"{directory}: the features need {_text(missing)} and {_text(free)} are free; give a "
            "directory on another disk, or fewer crops",
        )
    _mark(directory, known)
    with disk.naming(path), open(path, "ab"):
        pass
    folded = network.folded(dtype=known["precision"])

    @tf.function(autograph=False)
    def compute(images):
        features = folded.search_features(tf.cast(images, known["precision"]))
        return tf.cast(features, tf.float16)

    marked = started = time.monotonic()
    with disk.naming(path), open(path, "r+b") as file:
        file.truncate(first * frame_bytes)
        file.seek(first * frame_bytes)
        images = source.iterate(source.augmented(first), first, training=None)
        for done, crops_of_frame in enumerate(images, start=first + 1):
            features = compute(crops_of_frame).numpy()
            if not np.isfinite(features).all():
                raise FeatureCacheError(
                    f"the features of {source.catalog.describe(done - 1)} have values beyond those "
                    "of float16: they cannot be kept"
                )
            file.write(features.tobytes())
            now = time.monotonic()
            if done == first + 1:
                timed = now  # Without tracing, and without what TensorFlow does at its first step.
            elif done == min(first + _TIMED_FRAMES, frames):
                seconds = (now - timed) / (done - first - 1) * (frames - done)
                logging.info("%s: about %.0f minutes to go", directory, seconds / 60)
            if now - marked >= MARK_SECONDS or done == frames:
                disk.sync(file)
                known["done"], marked = done, now
                _mark(directory, known)
                logging.info("%s: %d of %d frames, %.0f s", directory, done, frames, now - started)


def _mark(directory: Path, known: dict[str, Any]) -> None:
    content = {"format": FORMAT, "version": FORMAT_VERSION, **known}
    disk.write_bytes(directory / DESCRIPTION, (json.dumps(content, indent=1) + "\n").encode())


def _frame_bytes(shape) -> int:
    return int(np.prod(shape[1:])) * np.dtype(np.float16).itemsize


def _text(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
