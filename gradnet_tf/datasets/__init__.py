"""Readers of data sets as they are downloaded: one module for each layout.

A reader lists files and reads annotations; it opens no image. Its module begins with a drawing of
the folder that it takes as `root`.

`DATASETS` are for evaluation: ``read(root, names=None, **options)`` returns the named sequences,
all by default. A sequence that is not whole is left out and named.

`SOURCES` are for training: ``read_tracks(root, progress=False, split="train")`` returns tracks, and
shows a progress bar if asked to. Single frames are passed over and named; so is what a benchmark
keeps for validation or tests, unless the split is "all".

Both raise an OSError if `root` is no folder, or a folder in it cannot be listed, and a ValueError
if nothing is usable, or there is no such name; the message says what was looked for.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from typing import Any, Callable, Optional

from gradnet_tf.datasets import (
    coco,
    got10k,
    ilsvrc_vid,
    lasot,
    otb,
    otb_like,
    plain,
    siamfc_crops,
    trackingnet,
    uav123,
    vot,
)
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.datasets.tracks import Reading

DATASETS: dict[str, Callable[..., Dataset]] = {
    **{name: functools.partial(otb.read, version=name) for name in ("otb50", "otb100", "otb2013")},
    "tc128": otb_like.read_tc128,
    **{f"vot{year}": functools.partial(vot.read, year=year) for year in vot.SIZES},
    "lasot": functools.partial(lasot.read, extension=False),
    "lasot_ext": functools.partial(lasot.read, extension=True),
    "got10k_val": functools.partial(got10k.read, split="val"),
    "got10k_test": functools.partial(got10k.read, split="test"),
    "trackingnet": trackingnet.read,
    **{name.lower(): functools.partial(uav123.read, version=name) for name in uav123.SEQUENCES},
    **{f"nfs{fps}": functools.partial(otb_like.read_nfs, fps=fps) for fps in (30, 240)},
    "dtb70": otb_like.read_dtb70,
    "folder": plain.read,
}

SOURCES: dict[str, Callable[..., Reading]] = {
    "ilsvrc_vid": ilsvrc_vid.read_tracks,
    "got10k": got10k.read_tracks,
    "lasot": lasot.read_tracks,
    "trackingnet": trackingnet.read_tracks,
    "otb": plain.read_tracks,
    "coco": coco.read_tracks,
    "siamfc_crops": siamfc_crops.read_tracks,
}


def open_dataset(
    name: str,
    root: str,
    sequences: Optional[Iterable[str]] = None,
    *,
    needs_images: bool = True,
    **options: Any,
) -> Dataset:
    """Reads the sequences of a benchmark, or of a folder, with their ground truth; opens no image.

    Args:
        name: One of `DATASETS`, such as "otb100" or "folder".
        root: The folder that the data set was unpacked into.
        sequences: The names of those to read; all by default. They come in the data set's order.
        needs_images: Whether a root that has annotations alone is refused.
        **options: Of OTB, `skip_tiger1` (True): whether Tiger1 begins at frame 6, as the authors'
            toolkit has it. Of "folder", `origin` (1): the coordinate of the first pixel, 0 or 1.

    Returns:
        A `Dataset`.

    Raises:
        OSError: If the folder or an annotation cannot be read.
        ValueError: If there is no such data set, sequence or option, an annotation is not sound,
            or there are no images.
    """
    if name not in DATASETS:
        raise ValueError(f"there is no data set {name!r}; known are {', '.join(DATASETS)}")
    read = DATASETS[name]
    fixed = read.keywords if isinstance(read, functools.partial) else {}
    known = set(inspect.signature(read).parameters) - {"root", "names", *fixed}
    for option in options:
        if option not in known:
            raise ValueError(
                f"{name} has no option {option!r}; it has {', '.join(sorted(known)) or 'none'}"
            )
    if sequences is not None and not isinstance(sequences, str):
        sequences = list(sequences)
    dataset = read(root, sequences, **options)
    if needs_images and not dataset.has_images:
        raise ValueError(
            f"{dataset.root} has annotations alone: there is no image such as "
            f"{dataset.sequences[0].frames[0]}. They will do to score results (report), not to "
            "track"
        )
    return dataset
