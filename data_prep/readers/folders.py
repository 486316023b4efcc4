"""Finds the sequences of a data set and lists their files. No file is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Callable, Optional

from gradnet_tf.data_prep.readers import tracks
from gradnet_tf.files import folder

# Of macOS's archiver, Synology, Windows and Linux: what lies there only looks like data.
_SYSTEM_FOLDERS = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"}
)


def check_root(root: str) -> str:
    """Returns the absolute name of a data set's folder.

    Raises:
        FileNotFoundError: If there is no such folder.
        NotADirectoryError: If it is a file.
    """
    path = os.path.abspath(os.path.expanduser(root))
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no folder {root}")
    if not os.path.isdir(path):
        raise NotADirectoryError(f"{root} is a file; the folder of a data set is needed")
    return path


def find_folders(
    root: str,
    is_sequence: Callable[[Sequence[str]], bool],
    depth: int,
    *,
    is_whole: Optional[Callable[[Sequence[str]], bool]] = None,
    passed_over: Optional[list[str]] = None,
) -> list[str]:
    """Finds folders by what lies in them; those of file managers and archivers are passed over.

    Args:
        root: Where to begin; it may be a sequence itself.
        is_sequence: Says so of the names in a folder. There is no search below a sequence.
        depth: How many levels below `root` to search. Links are followed.
        is_whole: Whether there is no search below it; a stub may have the sequence beside it.
        passed_over: Gets the folders that are passed over.

    Returns:
        The folders, sorted.

    Raises:
        OSError: If a folder cannot be listed.
    """
    with os.scandir(root) as entries:
        listed = [entry for entry in entries if not entry.name.startswith(".")]
    names = [entry.name for entry in listed]
    found = []
    if is_sequence(names):
        found.append(root)
        if is_whole is None or is_whole(names):
            return found
    if depth:
        for entry in sorted(listed, key=lambda entry: entry.name):
            if not entry.is_dir() or (found and entry.name in ("img", "color")):
                continue
            if entry.name.lower() in _SYSTEM_FOLDERS:
                if passed_over is not None:
                    passed_over.append(entry.path)
                continue
            found.extend(
                find_folders(
                    *(entry.path, is_sequence, depth - 1),
                    is_whole=is_whole,
                    passed_over=passed_over,
                )
            )
    return found


def drop_copies(
    paths: Iterable[str], count_images: Callable[[str], int], problems: list[tracks.Problem]
) -> list[str]:
    """Of folders of the same name keeps the one with most images, the first of equal ones.

    Args:
        paths: The folders.
        count_images: How many images one has; asked only where a name is there twice.
        problems: Gets an entry for each folder that is dropped.

    Returns:
        The folders that are kept, in their order.
    """
    copies: dict[str, list[str]] = {}
    for path in paths:
        copies.setdefault(os.path.basename(path), []).append(path)
    kept = []
    for group in copies.values():
        best = max(group, key=count_images) if len(group) > 1 else group[0]
        kept.append(best)
        for path in group:
            if path != best:
                problems.append(tracks.Problem(tracks.COPY, path, f"{best} is taken"))
    return kept


def list_files(path: str, suffixes: Optional[Collection[str]] = None) -> dict[int, str]:
    """Lists the files of a folder by their numbers, as `frame_number` reads them.

    Args:
        path: The folder.
        suffixes: Of the files wanted, in small letters; by default images are, of one series.

    Returns:
        Number: absolute name of the file, ascending; empty if there is no folder. Files without a
        number are no frames, and of two with the same number the first by name is taken.
    """
    if suffixes is None:
        names = folder.list_series(path)
    else:
        try:
            names = os.listdir(path)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        names = [
            name
            for name in names
            if os.path.splitext(name)[1].lower() in suffixes and not name.startswith(".")
        ]
    found: dict[int, str] = {}
    for name in sorted(names):
        number = frame_number(name)
        if number is not None:
            found.setdefault(number, os.path.join(path, name))
    return dict(sorted(found.items()))


def frame_number(path: str) -> Optional[int]:
    """The number at the end of a file's name before its suffix: 12 of "img/0012.jpg"; or None."""
    digits = re.search(r"[0-9]{1,18}$", os.path.splitext(os.path.basename(path))[0])
    return int(digits[0]) if digits else None


def finish(
    root: str,
    looked_for: str,
    found: Iterable,
    problems: list[tracks.Problem],
) -> tracks.Reading:
    """Puts a reading together.

    Args:
        root: The data set's folder.
        looked_for: What the reader looked for, for the message.
        found: The tracks; None among them is left out.
        problems: What was passed over.

    Raises:
        ValueError: If there is no track; the message says what was looked for and what was met.
    """
    usable = [track for track in found if track is not None]
    if not usable:
        met = "and nothing of the kind is there"
        if problems:
            kind, where, detail = problems[0]
            met = f"and {len(problems)} problems were met, first: {kind}: {where}"
            met += f" ({detail})" if detail else ""
        raise ValueError(f"nothing usable in {root}: looked for {looked_for}, {met}")
    return tracks.Reading(usable, problems)
