"""Readers of the benchmarks' folders as they are downloaded.

A reader lists files and reads annotations; it opens no image. Sequences that cannot be used are
left out and named, with what is wrong.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from typing import Any, Callable, Optional

from gradnet_tf.datasets import got10k, lasot, otb, plain, tc128, vot
from gradnet_tf.datasets.sequences import Dataset

# Reader of each data set: read(root, names=None), and options by their names.
DATASETS: dict[str, Callable[..., Dataset]] = {
    **{name: functools.partial(otb.read, version=name) for name in ("otb50", "otb100", "otb2013")},
    "tc128": tc128.read,
    **{f"vot{year}": functools.partial(vot.read, year=year) for year in vot.SIZES},
    "lasot": lasot.read,
    "got10k_val": functools.partial(got10k.read, split="val"),
    "got10k_test": functools.partial(got10k.read, split="test"),
    "folder": plain.read,
}


def open_dataset(
    name: str, root: str, sequences: Optional[Iterable[str]] = None, **options: Any
) -> Dataset:
    """Reads a data set.

    Args:
        name: One of `DATASETS`.
        root: Its folder.
        sequences: Which of its sequences, in the data set's order; all by default.
        **options: `skip_tiger1` of OTB and `origin` of "folder", see there.

    Raises:
        OSError: `root` is no folder, or a folder in it cannot be listed.
        ValueError: If there is no such data set, sequence or option, or nothing is usable; the
            message says what was looked for.
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
    return read(root, sequences, **options)
