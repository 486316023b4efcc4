"""Writes the zip file that a benchmark's server takes for a test set with withheld ground truth.

GOT-10k's server wants NAME/NAME_001.txt (up to three repetitions) and NAME/NAME_time.txt for each
of the 180 sequences, boxes as x,y,width,height, as many lines as frames. A time that was not taken
(late frames of real-time runs) is 0 there, which GOT-10k's toolkit passes over. TrackingNet's
server wants NAME.txt for each of the 511 sequences, with such lines.
"""

from __future__ import annotations

import math
import re
import zipfile
from pathlib import Path

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
    if a file cannot be read or written, a ValueError if one is not as the server wants it.
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
    contents = {
        file.relative_to(root).as_posix(): _read(file, frames[name])
        for name in (sorted(frames) if is_flat else NAMES)
        for file in ([root / f"{name}.txt"] if is_flat else _list_files(root / name))
    }
    path = root.with_name(root.name + ".zip")
    with disk.replacing(path) as temporary, disk.naming(path):
        with zipfile.ZipFile(temporary, "w") as archive:
            for file, text in contents.items():
                archive.writestr(zipfile.ZipInfo(file, _TIME), text, zipfile.ZIP_DEFLATED)
    return f"submission file: {path}" + " (results of different code)" * is_mixed


def _list_files(folder: Path) -> list[Path]:
    runs = [folder / f"{folder.name}_{number:03d}.txt" for number in range(1, REPETITIONS + 1)]
    others = [run for run in runs[1:] if run.exists()]
    return [runs[0], *others, folder / f"{folder.name}_time.txt"]


def _read(file: Path, count: int) -> str:
    """Reads a file of so many lines, and makes sure that the server can read it, too."""
    is_times = file.name.endswith("_time.txt")
    text = file.read_text()
    text = re.sub(r"\bnan\b", "0", text) if is_times else text
    lines = text.splitlines()
    if len(lines) != count:
        raise ValueError(f"{file} has {len(lines)} lines for {count} frames")
    for number, line in enumerate(lines, 1):
        try:
            values = [float(word) for word in line.split(",")]
        except ValueError:
            values = [math.nan]
        if not all(map(math.isfinite, values)) or not (is_times or len(values) == 4):
            raise ValueError(f"{file}, line {number}: {line!r} is not x,y,width,height or seconds")
    return text
