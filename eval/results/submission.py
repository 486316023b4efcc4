"""Writes the zip file that a benchmark's server takes for a test set with withheld ground truth.

GOT-10k's server wants NAME/NAME_001.txt (up to three repetitions) and NAME/NAME_time.txt for each
of the 180 sequences, boxes as x,y,width,height, as many lines as frames. A time that was not taken
(late frames of real-time runs) is 0 there, which GOT-10k's toolkit passes over. TrackingNet's
server wants NAME.txt for each of the 511 sequences, with such lines.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

import numpy as np

from gradnet_tf.datasets import trackingnet
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.results import discovery
from gradnet_tf.files import disk

DATASET, FLAT_DATASET = DATASETS = "got10k_test", "trackingnet"
REPETITIONS = 3  # At most.
NAMES = tuple(f"GOT-10k_Test_{number:06d}" for number in range(1, 181))
_TIME = (1980, 1, 1, 0, 0, 0)  # The least that zip knows: equal results give equal files.


def write_if_complete(root: disk.PathLike, dataset: Dataset) -> str:
    """Writes ROOT.zip, if all sequences of the benchmark are finished, and says what was done.

    `root` is the folder of a tracker, `dataset` the test set, one of `DATASETS`. Raises an OSError
    if the file cannot be written, a ValueError if the results are not as the server wants them.
    """
    root = Path(root)
    frames = {sequence.name: len(sequence.frames) for sequence in dataset.sequences}
    found, is_mixed = set(), False
    for tracker in discovery.find_results([root]) if root.is_dir() else []:
        found |= set(tracker.names)
        is_mixed |= tracker.is_mixed(tracker.names)
    is_flat = dataset.name == FLAT_DATASET
    size = trackingnet.SIZE if is_flat else len(NAMES)
    missing = [name for name in (frames if is_flat else NAMES) if name not in found & set(frames)]
    if missing or is_flat and len(frames) < size:
        count = len(missing) + (size - len(frames) if is_flat else 0)
        example = f", {missing[0]} for one" if missing else ""
        return (
            f"no submission file of {root.name} yet: {count} of {size} sequences are missing"
            + example
        )
    path = root.with_name(root.name + ".zip")
    write(path, root, frames, is_flat)
    return f"submission file: {path}" + " (results of different code)" * is_mixed


def write(
    path: disk.PathLike, root: disk.PathLike, frames: Mapping[str, int], is_flat: bool = False
) -> None:
    """Writes a submission file, and checks it before it gets its name.

    `root` is the folder of a tracker in the got10k layout, or in that of OTB if `is_flat`, for
    TrackingNet. `frames` are the numbers of frames of each sequence. Raises an OSError if something
    cannot be read or written, a ValueError as `check`.
    """
    names = sorted(frames) if is_flat else NAMES
    with disk.replacing(path) as temporary, disk.naming(path):
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for pattern in (f"{name}.txt" if is_flat else f"{name}/[!.]*.txt" for name in names):
                for file in sorted(Path(root).glob(pattern)):
                    entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), _TIME)
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    content = file.read_bytes()
                    if file.name.endswith("_time.txt"):
                        content = re.sub(rb"\bnan\b", b"0", content)
                    archive.writestr(entry, content)
        check(temporary, frames, is_flat)


def check(path: disk.PathLike, frames: Mapping[str, int], is_flat: bool = False) -> None:
    """Checks a submission file of which `write` tells the arguments.

    Raises an OSError if it cannot be read, a ValueError if it is no zip file, or if something in it
    is missing, unknown or wrong.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(name).decode() for name in archive.namelist()}
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no zip file of text files: {error}") from error
    pattern = re.compile(r"(?P<name>[^/]+)/(?P=name)_(?P<what>00[1-3]|time)\.txt")
    wanted = [f"{name}/{name}_{what}.txt" for name in NAMES for what in ("001", "time")]
    if is_flat:
        pattern = re.compile(r"(?P<name>[^/]+)(?P<what>)\.txt")
        wanted = [f"{name}.txt" for name in frames]
    names = frames if is_flat else NAMES
    for file, text in contents.items():
        match = pattern.fullmatch(file)
        if not match or match["name"] not in names:
            raise ValueError(f"{file} does not belong into a submission file")
        columns = None if match["what"] == "time" else 4
        _check_lines(file, text, frames[match["name"]], columns)
    for file in wanted:
        if file not in contents:
            raise ValueError(f"{file} is missing")


def _check_lines(file: str, text: str, count: int, columns: Optional[int]) -> None:
    lines = text.splitlines()
    if len(lines) != count:
        raise ValueError(f"{file} has {len(lines)} lines for {count} frames")
    for number, line in enumerate(lines, 1):
        try:
            values = np.array([float(word) for word in line.split(",")])
        except ValueError:
            values = np.array([np.nan])
        if not np.isfinite(values).all() or (columns and len(values) != columns):
            raise ValueError(f"{file}, line {number}: {line!r} is not x,y,width,height or seconds")
