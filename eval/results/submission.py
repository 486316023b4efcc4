"""The zip file that a benchmark's server takes for a test set whose ground truth is withheld.

GOT-10k's server wants NAME/NAME_001.txt (up to three repetitions) and NAME/NAME_time.txt for each
of the 180 sequences, boxes as x,y,width,height with commas, as many lines as frames. Frames whose
time was not taken (late ones of real-time runs) have the time 0 there, which GOT-10k's toolkit
passes over. TrackingNet's server wants NAME.txt for each of the 511 sequences, with such lines.
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
    """Writes ROOT.zip, if all sequences of the benchmark are finished.

    Args:
        root: Folder of a tracker.
        dataset: The test set, one of `DATASETS`.

    Returns:
        A line that says what was done.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the results are not as the server wants them.
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
    """Writes a submission file and checks it before it gets its name.

    Args:
        path: The zip file.
        root: Folder of a tracker, in the got10k layout; in that of OTB if `is_flat`.
        frames: Number of frames of each sequence.
        is_flat: Whether it is TrackingNet's.

    Raises:
        OSError: If something cannot be read or written.
        ValueError: As `check`.
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
    """Checks a submission file.

    Args:
        path: The zip file.
        frames: Number of frames of each sequence.
        is_flat: Whether it is TrackingNet's.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no zip file, or something is missing, too much or not as it should be;
            the message names it.
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
