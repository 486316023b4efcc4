"""Folders of frames: which files, in which order, and which of them are missing."""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Optional, Union

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
)
# Where OTB and VOT keep the frames of a sequence.
_SUBFOLDERS = ("img", "color")


def list_frames(path: Union[str, Path]) -> tuple[list[Path], list[Path]]:
    """Lists the frames of a sequence's folder.

    Args:
        path: A folder of images, or one with such a folder ``img`` or ``color`` inside.

    Returns:
        The files in natural order, with those that are missing in their numbering at their places,
        and a list of the missing ones alone.

    Raises:
        ValueError: If there is no image.
    """
    folder = Path(path)
    for candidate in [folder / name for name in _SUBFOLDERS] + [folder]:
        files = _images(candidate)
        if files:
            return _with_missing(files)
    raise ValueError(
        f"no frames in {folder}: expected images ({', '.join(sorted(IMAGE_SUFFIXES))}) "
        f"in it or in its folder {' or '.join(_SUBFOLDERS)}"
    )


def natural_key(path: Path) -> tuple:
    """Sort key by the numbers in a file's name: 2.jpg comes before 10.jpg."""
    # A split by a group of digits puts them at the odd places; the name itself settles 1 and 01.
    parts = _split(path.name.lower())
    return tuple(int(p) if i % 2 else p for i, p in enumerate(parts)), path.name


def _split(name: str) -> list[str]:
    return re.split(r"([0-9]+)", name)


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [
        file
        for file in folder.iterdir()
        # A leading dot marks hidden files, such as macOS's "._0001.jpg", which is no image.
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")
    ]
    return sorted(found, key=natural_key)


def _with_missing(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Inserts the files that a regular numbering lacks.

    Regular means: the names differ in one number only, at least half of its steps are the same, and
    all are multiples of that. If more would be missing than are there, the numbers mean
    something else and nothing is inserted.
    """
    place = _counting_place([_split(file.name) for file in files])
    if place is None:
        return files, []
    numbers = [int(_split(file.name)[place]) for file in files]
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    counts = collections.Counter(steps)
    step = min(counts, key=lambda s: (-counts[s], s))
    regular = step > 0 and 2 * counts[step] >= len(steps) and all(s % step == 0 for s in steps)
    if not regular or sum(s // step - 1 for s in steps) > len(files):
        return files, []

    complete, missing = [files[0]], []
    for before, file, number, gap in zip(files, files[1:], numbers, steps):
        parts = _split(before.name)
        for lost in range(number + step, number + gap, step):
            name = [*parts[:place], str(lost).zfill(len(parts[place])), *parts[place + 1 :]]
            missing.append(before.with_name("".join(name)))
            complete.append(missing[-1])
        complete.append(file)
    return complete, missing


def _counting_place(names: Sequence[list[str]]) -> Optional[int]:
    """The only place at which the split names differ, if it is a number."""
    if len(names) < 3 or len({len(parts) for parts in names}) > 1:
        return None
    places = [i for i, column in enumerate(zip(*names)) if len(set(column)) > 1]
    return places[0] if len(places) == 1 and places[0] % 2 else None
