"""Folders of frames: where they lie, which files, in which order, and which are missing."""

from __future__ import annotations

import collections
import glob
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Optional, Union

from absl import logging
from PIL import Image

from gradnet_tf.files import series
from gradnet_tf.files.series import natural_key, split_numbers

# Where OTB and VOT keep the frames of a sequence.
_SUBFOLDERS = ("img", "color")
# Of macOS's archiver, Synology, Windows and Linux: what lies there only looks like data.
_SYSTEM_FOLDERS = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"}
)
# Known as images even if this Pillow has no decoder for them: they must not count as missing.
_COMMON = frozenset(
    ".jpg .jpeg .jpe .jfif .jp2 .png .bmp .gif .webp .tif .tiff .ppm .pgm .avif .heic .heif "
    ".jxl".split()
)
# Pillow has a word for these, too, but they are documents, data or videos.
_NO_IMAGES = frozenset(".bufr .emf .eps .grib .h5 .hdf .iim .mpeg .mpg .palm .pdf .ps .wmf".split())
_NAMED = 5  # How many files a message names.


def image_suffixes() -> frozenset[str]:
    """Lists the suffixes of image files, in small letters: all that Pillow and its plugins know."""
    return (_COMMON | Image.registered_extensions().keys()) - _NO_IMAGES


def list_frames(path: Union[str, Path]) -> tuple[list[Path], list[Path]]:
    """Lists the frames of a sequence's folder; what is left out is logged.

    The images may lie in it, or in its folder ``img`` or ``color``.

    Returns:
        The files in natural order, with those that are missing in their numbering at their places,
        and a list of the missing ones alone.

    Raises:
        ValueError: If there is no image.
    """
    folder = Path(path)
    for candidate in [folder / name for name in _SUBFOLDERS] + [folder]:
        found = list_series(candidate)
        if found:
            names, missing = _with_missing(found)
            return [candidate / name for name in names], [candidate / name for name in missing]
    raise ValueError(
        f"no frames in {folder}: expected images ({', '.join(sorted(_COMMON))} or another format "
        f"of Pillow) in it or in its folder {' or '.join(_SUBFOLDERS)}"
    )


def list_series(path: Union[str, Path]) -> list[str]:
    """Lists the images of a folder that are one series (`series.choose`), in natural order.

    The list is empty if there is no image or no folder. What is left out is logged.
    """
    images, others = _images(path)
    if not images:
        return []
    chosen = series.choose(os.fspath(path), images)
    others = sorted(set(others + images) - set(chosen), key=natural_key)
    if others:
        logging.warning(
            "%s: the frames are %s to %s (%d); left out: %s%s",
            *(path, chosen[0], chosen[-1], len(chosen), ", ".join(others[:_NAMED])),
            f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "",
        )
    return chosen


def match(pattern: str) -> list[Path]:
    """Lists the files that match a pattern of `glob.glob`, in natural order.

    Folders whose names hold brackets, such as ``[raw] clip/*.png``, are meant as they are called.
    """
    known, escaped = "", ""
    for part in Path(pattern).parts:
        known = os.path.join(known, part)
        escaped = os.path.join(escaped, glob.escape(part) if os.path.lexists(known) else part)
    found = _files(escaped) or _files(pattern.replace("[", "[[]"))
    return sorted(found, key=lambda file: natural_key(file.name))


def _files(pattern: str) -> list[Path]:
    return [Path(name) for name in glob.glob(pattern) if not os.path.isdir(name)]


def check_root(root: str) -> str:
    """Returns the absolute name of a data set's folder.

    A FileNotFoundError if there is no such folder, a NotADirectoryError if it is a file.
    """
    path = os.path.abspath(os.path.expanduser(root))
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no folder {root}")
    if not os.path.isdir(path):
        raise NotADirectoryError(f"{root} is a file; the folder of a data set is needed")
    return path


def find_folders(
    root: str, truth: Union[str, re.Pattern], depth: int, stubs: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Finds folders of sequences by what lies in them.

    Args:
        root: Where to begin; it may be a sequence itself.
        truth: Tells it by the name of something in it. There is no search below a sequence.
        depth: How many levels below `root` to search. Links are followed.
        stubs: Folders that hold one of these are sequences of which something is missing; a
            sequence may lie below them.

    Returns:
        The folders, sorted; and remarks on those of file managers and archivers, which are passed
        over.

    Raises:
        OSError: If a folder cannot be listed.
    """
    with os.scandir(root) as entries:
        listed = [entry for entry in entries if not entry.name.startswith(".")]
    names = [entry.name for entry in listed]
    if any(re.fullmatch(truth, name) for name in names):
        return [root], []
    found = [root] if any(stub in names for stub in stubs) else []
    remarks: list[str] = []
    for entry in sorted(listed, key=lambda entry: entry.name) if depth else ():
        if not entry.is_dir() or (found and entry.name in _SUBFOLDERS):
            continue
        if entry.name.lower() in _SYSTEM_FOLDERS:
            remarks.append(f"{entry.path}: nothing in it is data")
            continue
        below = find_folders(entry.path, truth, depth - 1, stubs)
        found += below[0]
        remarks += below[1]
    return found, remarks


def list_numbered(path: str, suffixes: Optional[Collection[str]] = None) -> dict[int, str]:
    """Lists the files of a folder by the numbers that `frame_number` reads, ascending.

    Those are the images of one series, or files of the `suffixes`, in small letters. Files without
    a number are no frames, and of two with the same number the first by name is taken. There is
    none if there is no folder.
    """
    if suffixes is None:
        names = list_series(path)
    else:
        try:
            names = [name for name in os.listdir(path) if not name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return {}
        names = [name for name in names if os.path.splitext(name)[1].lower() in suffixes]
    found: dict[int, str] = {}
    for name in sorted(names):
        number = frame_number(name)
        if number is not None:
            found.setdefault(number, os.path.join(path, name))
    return dict(sorted(found.items()))


def frame_number(path: str) -> Optional[int]:
    """Reads the number at the end of a file's name: 12 of "img/0012.jpg"; or None."""
    digits = re.search(r"[0-9]{1,18}$", os.path.splitext(os.path.basename(path))[0])
    return int(digits[0]) if digits else None


def _images(folder: Union[str, Path]) -> tuple[list[str], list[str]]:
    """Lists the image files of a folder, and what else is called like one."""
    suffixes = image_suffixes()
    images: list[str] = []
    others: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                # A leading dot marks hidden files, such as macOS's "._0001.jpg", which is no image.
                suffix = os.path.splitext(entry.name)[1].lower()
                if suffix in suffixes and not entry.name.startswith("."):
                    # A link to nowhere is a frame that is missing, not one that never was.
                    is_file = entry.is_file() or not os.path.exists(entry.path)
                    (images if is_file else others).append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        pass
    return images, others


def _with_missing(names: list[str]) -> tuple[list[str], list[str]]:
    """Inserts the files that a regular numbering lacks, and lists them.

    Regular means: the names differ in one number only, at least half of its steps are the same, and
    all are multiples of that. More missing files than there are would mean something else.
    """
    stems = [os.path.splitext(name)[0] for name in names]
    split = [split_numbers(stem) for stem in stems]
    place = _counting_place(split)
    if place is None:
        return names, []
    numbers = [int(parts[place]) for parts in split]
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    counts = collections.Counter(steps)
    step = min(counts, key=lambda s: (-counts[s], s))
    regular = step > 0 and 2 * counts[step] >= len(steps) and all(s % step == 0 for s in steps)
    if not regular or sum(s // step - 1 for s in steps) > len(names):
        return names, []

    complete, missing = [names[0]], []
    for i, gap in enumerate(steps):
        suffix = names[i][len(stems[i]) :]
        for lost in range(numbers[i] + step, numbers[i] + gap, step):
            number = str(lost).zfill(len(split[i][place]))
            missing.append("".join([*split[i][:place], number, *split[i][place + 1 :]]) + suffix)
            complete.append(missing[-1])
        complete.append(names[i + 1])
    return complete, missing


def _counting_place(names: Sequence[list[str]]) -> Optional[int]:
    """Finds the only place at which the split names differ, if it is a number."""
    if len(names) < 3 or len({len(parts) for parts in names}) > 1:
        return None
    places = [i for i, column in enumerate(zip(*names)) if len(set(column)) > 1]
    return places[0] if len(places) == 1 and places[0] % 2 else None
