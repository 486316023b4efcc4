"""The zip file that GOT-10k's server takes for the test split, and a check of it.

The server wants NAME/NAME_001.txt (up to three repetitions) and NAME/NAME_time.txt for each of the
180 sequences, boxes as x,y,width,height with commas, as many lines as frames. Frames whose time was
not taken (late ones of real-time runs) have the time 0 there, which GOT-10k's toolkit passes over.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

import numpy as np

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.results import tracker_results
from gradnet_tf.files import disk

DATASET = "got10k_test"
REPETITIONS = 3  # At most.
NAMES = tuple(f"GOT-10k_Test_{number:06d}" for number in range(1, 181))
_TIME = (1980, 1, 1, 0, 0, 0)  # The least that zip knows: equal results give equal files.


def write_if_complete(root: disk.PathLike, dataset: Dataset) -> str:
    """Writes ROOT.zip, if all 180 sequences are finished.

    Args:
        root: Folder of a tracker.
        dataset: The test split.

    Returns:
        A line that says what was done.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the results are not as the server wants them.
    """
    root = Path(root)
    frames = {sequence.name: len(sequence.frames) for sequence in dataset.sequences}
    found, is_mixed = set(), False
    for tracker in tracker_results.find_results([root]) if root.is_dir() else []:
        found |= set(tracker.names)
        is_mixed |= tracker.is_mixed(tracker.names)
    missing = [name for name in NAMES if name not in found or name not in frames]
    if missing:
        return (
            f"no submission file of {root.name} yet: {len(missing)} of {len(NAMES)} sequences are "
            f"missing, {missing[0]} for one"
        )
    path = root.with_name(root.name + ".zip")
    write(path, root, frames)
    return f"submission file: {path}" + " (results of different code)" * is_mixed


def write(path: disk.PathLike, root: disk.PathLike, frames: Mapping[str, int]) -> None:
    """Writes a submission file and checks it before it gets its name.

    Args:
        path: The zip file.
        root: Folder of a tracker, in the got10k layout.
        frames: Number of frames of each sequence.

    Raises:
        OSError: If something cannot be read or written.
        ValueError: As `check`.
    """
    with disk.replacing(path) as temporary, disk.naming(path):
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in NAMES:
                for file in sorted(Path(root, name).glob("[!.]*.txt")):
                    entry = zipfile.ZipInfo(f"{name}/{file.name}", _TIME)
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    content = file.read_bytes()
                    if file.name == f"{name}_time.txt":
                        content = re.sub(rb"\bnan\b", b"0", content)
                    archive.writestr(entry, content)
        check(temporary, frames)


def check(path: disk.PathLike, frames: Mapping[str, int]) -> None:
    """Checks a submission file.

    Args:
        path: The zip file.
        frames: Number of frames of each sequence.

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
    seen: dict[str, set[str]] = {name: set() for name in NAMES}
    for file, text in contents.items():
        match = pattern.fullmatch(file)
        if not match or match["name"] not in seen:
            raise ValueError(f"{file} does not belong into a submission file")
        seen[match["name"]].add(match["what"])
        columns = None if match["what"] == "time" else 4
        _check_lines(file, text, frames[match["name"]], columns)
    for name, whats in seen.items():
        for what in ("001", "time"):
            if what not in whats:
                raise ValueError(f"{name}/{name}_{what}.txt is missing")


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
