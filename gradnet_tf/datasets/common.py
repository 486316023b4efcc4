"""What the readers of data sets share. No image is opened."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Sequence as Items
from typing import Callable, NamedTuple, Optional

import numpy as np

from gradnet_tf.data_prep.readers import folders, sequences
from gradnet_tf.datasets.sequences import Problem, Sequence, shorten
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.files import textfiles

# For each sequence's name its folders, and what reads it from there.
Readers = Mapping[str, Mapping[str, Callable[[], Sequence]]]


class Found(NamedTuple):
    """What `collect` reads.

    Attributes:
        sequences: In the order of the readers.
        problems: Those that cannot be read from any folder.
        remarks: On folders that are passed over.
    """

    sequences: tuple[Sequence, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[str, ...]


def collect(
    root: str,
    readers: Readers,
    names: Optional[Collection[str]],
    looked_for: str,
    remarks: Iterable[str] = (),
) -> Found:
    """Reads the sequences that are asked for; a broken one does not stop the others.

    Of several folders of one sequence the one with most frames is taken, the first of equal ones:
    stubs without images, and copies that were cut off, do not displace the whole one.

    Args:
        root: The data set's folder, for messages.
        readers: What reads each sequence that is there.
        names: Which of them to read; all if None.
        looked_for: What the data set should hold, for messages.
        remarks: On what was passed over before.

    Returns:
        The sequences, and what is left out. `ValueError` and `OSError` of a reader are problems.

    Raises:
        ValueError: none is there, one of `names` is not, or none can be used.
    """
    remarks = list(remarks)
    if not readers:
        met = f"; {len(remarks)} passed over, first {remarks[0]}" if remarks else ""
        raise ValueError(f"no sequence in {root}: looked for {looked_for}{met}")
    if names is not None:
        check_names(names, readers, root)
    found, problems = [], []
    for name, places in readers.items():
        if names is None or name in names:
            sequence, flaws = _read_best(name, places)
            if sequence is None:
                problems.append(Problem(name, "; ".join(flaws.values())))
                continue
            found.append(sequence)
            remarks += [f"{place}: {flaw}" for place, flaw in flaws.items()]
    if not found:
        raise ValueError(
            f"no usable sequence in {root}: {len(problems)} left out, first {problems[0].sequence}:"
            f" {problems[0].detail}"
        )
    return Found(tuple(found), tuple(problems), tuple(remarks))


def _read_best(name, places):
    """The sequence with most frames, or None; and what is wrong with the other places."""
    read, flaws = {}, {}
    for place, reader in places.items():
        try:
            read[place] = reader()
        except (OSError, ValueError) as error:
            flaws[place] = str(error)
    if not read:
        return None, flaws
    best = max(read, key=lambda place: len(read[place].frames))
    for place, sequence in read.items():
        if place != best:
            count = len(sequence.frames)
            most = len(read[best].frames)
            is_whole = count == most
            flaws[place] = "another copy" if is_whole else f"{count} frames of {most}"
    return read[best], {
        place: f"{flaw}; {name} is read from {best}" for place, flaw in flaws.items()
    }


def find_places(
    base: str,
    is_sequence: Callable[[Items[str]], bool],
    is_whole: Callable[[Items[str]], bool],
    depth: int,
) -> tuple[list[str], list[str]]:
    """Finds folders of sequences, see `folders.find_folders`; and remarks on those passed over."""
    passed: list[str] = []
    found = folders.find_folders(base, is_sequence, depth, is_whole=is_whole, passed_over=passed)
    return found, [f"{path}: nothing in it is data" for path in passed]


def check_names(names: Collection[str], known: Collection[str], where: str) -> None:
    """Raises ValueError, with similar names, if one of `names` is not `known`."""
    if isinstance(names, str):
        raise ValueError(f"names of sequences are a list, got the text {names!r}")
    if not names:
        raise ValueError("an empty list of sequences; leave it out for all of them")
    for name in names:
        if name not in known:
            similar = difflib.get_close_matches(name, known, 3, 0.5)
            hint = f"; did you mean {', '.join(similar)}?" if similar else ""
            raise ValueError(f"{where} has no sequence {name!r}{hint}")


def load_boxes(path: str, origin: int = 1) -> np.ndarray:
    """Reads one box a line and counts it from 0: float64 [n, 4].

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a line does not hold four numbers, or there is none.
    """
    boxes = ope_metrics.load_boxes(path)
    boxes[:, :2] -= origin
    return boxes


def load_flags(path: str, count: int) -> np.ndarray:
    """Reads one whole number a frame: int64 [count].

    Raises:
        ValueError: If the file is missing, cannot be read or has another number of numbers.
    """
    problems: list = []
    flags = sequences.load_flags(path, count, problems)
    if flags is None:
        raise ValueError(f"{path}: {problems[0].detail}")
    return flags


def load_attributes(path: str, codes: Items[str]) -> tuple[str, ...]:
    """Reads the attributes of a sequence: their codes, or 0 or 1 for each of `codes`.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it holds other numbers.
    """
    text = " ".join(textfiles.read_lines(path))
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    if not any(word[0].isdigit() for word in words):
        return tuple(words)
    if len(words) != len(codes) or not set(words) <= {"0", "1"}:
        raise ValueError(f"{path}: expected {len(codes)} of 0 and 1 ({', '.join(codes)}) or codes")
    return tuple(code for code, word in zip(codes, words) if word == "1")


def list_images(path: str, instead: Optional[str] = None) -> dict[int, str]:
    """Lists images by their numbers: of `path`, or of `instead` if there are none.

    Raises:
        ValueError: If there is no numbered image.
    """
    for place in (path, instead):
        images = folders.list_files(place) if place else {}
        if images:
            return images
    places = path if instead is None else f"{path} or {instead}"
    raise ValueError(f"no numbered images in {places}")


def match_frames(
    images: Mapping[int, str], boxes: int, first: Optional[int] = None
) -> tuple[str, ...]:
    """The image of each box.

    Args:
        images: Files by their numbers; there is one at least.
        boxes: How many boxes there are.
        first: Number of the image of the first box; the smallest by default.

    Returns:
        The files of as many numbers in a row.

    Raises:
        ValueError: If an image is missing, or one has no box.
    """
    start = min(images) if first is None else first
    numbers = range(start, start + boxes)
    missing = [number for number in numbers if number not in images]
    surplus = sorted(set(images) - set(numbers))
    if not missing and not surplus:
        return tuple(images[number] for number in numbers)
    folder = os.path.dirname(next(iter(images.values())))
    count = f"{len(images)} images ({min(images)} to {max(images)}) for {boxes} boxes"
    parts = [
        f"{what} {values[0]}" + (f" and {len(values) - 1} others" if len(values) > 1 else "")
        for what, values in (("missing: image", missing), ("without a box: image", surplus))
        if values
    ]
    raise ValueError(f"{folder}: {count}; {'; '.join(parts)}")


def listed_folders(
    base: str, truth_name: str, depth: int
) -> tuple[dict[str, list[str]], list[str]]:
    """Finds the sequences that ``list.txt`` names, or all if there is none.

    Args:
        base: The folder with ``list.txt`` and the sequences.
        truth_name: The file by which a sequence's folder is known.
        depth: How many levels below `base` to search.

    Returns:
        The folders of each name, in the order of the list; none for one that is not there. And
        remarks on folders that are passed over.

    Raises:
        OSError: If a folder or the list cannot be read.
        ValueError: If a name in the list cannot be that of a folder.
    """

    def is_sequence(names):
        return truth_name in names

    found, remarks = find_places(base, is_sequence, is_sequence, depth)
    by_name: dict[str, list[str]] = {}
    for path in found:
        by_name.setdefault(os.path.basename(path), []).append(path)
    listing = os.path.join(base, "list.txt")
    if not os.path.isfile(listing):
        return by_name, remarks
    names = [line.strip() for line in textfiles.read_lines(listing) if line.strip()]
    for name in names:
        if name.startswith(".") or set(name) & {"/", "\\"}:
            raise ValueError(f"{listing}: {name!r} is not the name of a folder beside it")
    others = [name for name in by_name if name not in names]
    if others:
        remarks.append(f"{shorten(others)}: not in {listing}")
    return {name: by_name.get(name, []) for name in dict.fromkeys(names)}, remarks


def list_readers(
    listed: Mapping[str, Items[str]],
    base: str,
    truth_name: str,
    read: Callable[[str, str], Sequence],
) -> Readers:
    """Readers of listed sequences; that of one which is not there tells so.

    Args:
        listed: Of `listed_folders`.
        base: The folder of the list.
        truth_name: The file that is missing then.
        read: Reads a sequence by its name and folder.
    """

    def fail(name):
        wanted = os.path.join(base, name, truth_name)
        raise ValueError(f"list.txt names it, but there is no {wanted}")

    return {
        name: {path: functools.partial(read, name, path) for path in paths}
        or {os.path.join(base, name): functools.partial(fail, name)}
        for name, paths in listed.items()
    }
