"""What the readers of data sets share. No image is opened."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Sequence as Items
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np

from gradnet_tf.datasets.sequences import Dataset, Problem, Sequence, shorten
from gradnet_tf.files import folder, textfiles

# For each sequence's name its folders, and what reads it from there.
Readers = Mapping[str, Mapping[str, Callable[[], Sequence]]]


class NoImages(ValueError):
    """A sequence has an annotation, which `sequence` tells, but no image."""

    def __init__(self, message: str, sequence: Sequence):
        super().__init__(message)
        self.sequence = sequence


def collect(
    root: str,
    remarks: Items[str],
    readers: Readers,
    names: Optional[Collection[str]],
    looked_for: str,
    wanted: Optional[Items[str]] = None,
    **fields: Any,
) -> Dataset:
    """Reads the sequences that are asked for; a broken one does not stop the others.

    Of several folders of one sequence the one with most frames is taken, the first of equal ones:
    stubs without images, and copies that were cut off, do not displace the whole one. Where no
    sequence has an image, the annotations alone are taken.

    Args:
        root: The folder of the data set.
        remarks: What was passed over.
        readers: What reads each sequence that is there; `ValueError` and `OSError` are problems.
        names: Which of them to read; all if None.
        looked_for: What the data set should hold, for messages.
        wanted: The sequences of the benchmark in their order, if their names are known.
        **fields: Of `Dataset`.

    Raises:
        ValueError: If none is there, one of `names` is not, or none can be used.
    """
    remarks = list(remarks)
    if wanted is not None:
        fields["size"] = len(wanted)
        fields["missing"] = tuple(name for name in wanted if name not in readers)
        readers = {name: readers[name] for name in wanted if name in readers}
    if not readers:
        met = f"; {len(remarks)} passed over, first {remarks[0]}" if remarks else ""
        raise ValueError(f"no sequence in {root}: looked for {looked_for}{met}")
    if names is not None:
        _check_names(names, readers, root)
    found: list[Sequence] = []
    problems: list[Problem] = []
    bare: dict[str, Sequence] = {}
    for name, places in readers.items():
        if names is None or name in names:
            sequence, flaws = _read_best(name, places, bare)
            if sequence is None:
                problems.append(Problem(name, "; ".join(flaws.values())))
                continue
            found.append(sequence)
            remarks += [f"{place}: {flaw}" for place, flaw in flaws.items()]
    if not found and bare:
        found = list(bare.values())
        problems = [problem for problem in problems if problem.sequence not in bare]
    if not found:
        raise ValueError(
            f"no usable sequence in {root}: {len(problems)} left out, first {problems[0].sequence}:"
            f" {problems[0].detail}"
        )
    return Dataset(
        root=root,
        sequences=tuple(found),
        problems=tuple(problems),
        remarks=tuple(remarks),
        **fields,
    )


def _check_names(names, known, where):
    if isinstance(names, str):
        raise ValueError(f"names of sequences are a list, got the text {names!r}")
    if not names:
        raise ValueError("an empty list of sequences; leave it out for all of them")
    for name in names:
        if name not in known:
            similar = difflib.get_close_matches(name, known, 3, 0.5)
            hint = f"; did you mean {', '.join(similar)}?" if similar else ""
            raise ValueError(f"{where} has no sequence {name!r}{hint}")


def _read_best(name, places, bare):
    """Returns the sequence with most frames, or None; and what is wrong with the other places.

    `bare` gets what annotations without images tell.
    """
    read, flaws = {}, {}
    for place, reader in places.items():
        try:
            read[place] = reader()
        except (OSError, ValueError) as error:
            flaws[place] = str(error)
            if isinstance(error, NoImages):
                copies = (error.sequence, bare.get(name, error.sequence))
                bare[name] = max(copies, key=lambda sequence: len(sequence.frames))
    if not read:
        return None, flaws
    best = max(read, key=lambda place: len(read[place].frames))
    most = len(read[best].frames)
    for place, sequence in read.items():
        if place != best:
            count = len(sequence.frames)
            flaws[place] = "another copy" if count == most else f"{count} frames of {most}"
    return read[best], {
        place: f"{flaw}; {name} is read from {best}" for place, flaw in flaws.items()
    }


def read_folders(
    root: str,
    names: Optional[Collection[str]],
    truth: str,
    read: Callable[[str], Sequence],
    looked_for: str,
    **fields: Any,
) -> Dataset:
    """Reads sequences that are called as their folders, which lie in `root`, are it, or lie deeper.

    See `collect`; `truth` is a pattern for the name of a file that a sequence has.
    """
    base = folder.check_root(root)
    paths, remarks = folder.find_folders(base, truth, 2, ("img",))
    readers = make_readers(by_name(paths), read)
    return collect(base, remarks, readers, names, f"{looked_for}, and so on", **fields)


def by_name(paths: Iterable[str], name_of: Callable = os.path.basename) -> dict[str, list[str]]:
    """Puts paths of the same name together, in their order."""
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(name_of(path), []).append(path)
    return found


def make_readers(places: Mapping[str, Items[str]], read: Callable[..., Sequence]) -> Readers:
    """Makes readers of sequences from their names and folders."""
    return {
        name: {path: functools.partial(read, path) for path in paths}
        for name, paths in places.items()
    }


def make_sequence(
    name: str,
    images: Mapping[int, str],
    boxes: np.ndarray,
    place: str,
    first: Optional[int] = None,
    **fields: Any,
) -> Sequence:
    """Makes a sequence whose frames are numbered, with further fields of `Sequence`.

    Boxes are float64 [n, 4], 0-based; `first` is the number of the image of the first one, see
    `match_frames`. Without any image in their folder, `place`, `NoImages` is raised.
    """
    if images:
        frames = match_frames(images, len(boxes), first)
        first = min(images) if first is None else first
        return Sequence(name, frames, boxes, first_number=first, **fields)
    first = 1 if first is None else first
    frames = tuple(os.path.join(place, f"{first + i:08d}.jpg") for i in range(len(boxes)))
    bare = Sequence(name, frames, boxes, first_number=first, has_images=False, **fields)
    raise NoImages(f"no numbered images in {place}", bare)


def match_frames(
    images: Mapping[int, str], boxes: int, first: Optional[int] = None
) -> tuple[str, ...]:
    """Lists the images of that many boxes, one at least.

    The first box belongs to the image of the number `first`, by default the smallest. A ValueError
    says which image is missing, or has no box.
    """
    start = min(images) if first is None else first
    numbers = range(start, start + boxes)
    missing = [number for number in numbers if number not in images]
    surplus = sorted(set(images) - set(numbers))
    if not missing and not surplus:
        return tuple(images[number] for number in numbers)
    place = os.path.dirname(next(iter(images.values())))
    count = f"{len(images)} images ({min(images)} to {max(images)}) for {boxes} boxes"
    parts = [
        f"{what} {values[0]}" + (f" and {len(values) - 1} others" if len(values) > 1 else "")
        for what, values in (("missing: image", missing), ("without a box: image", surplus))
        if values
    ]
    raise ValueError(f"{place}: {count}; {'; '.join(parts)}")


def cut_images(images: Mapping[int, str], first: int, last: int) -> dict[int, str]:
    """Takes the images `first` to `last`; a ValueError if there are images, but none of these."""
    kept = {number: file for number, file in images.items() if first <= number <= last}
    if images and not kept:
        place = os.path.dirname(next(iter(images.values())))
        raise ValueError(f"{place} has none of the images {first} to {last}")
    return kept


def add_withheld(boxes: np.ndarray, images: Mapping[int, str], place: str, first: int):
    """Adds NaN for the frames whose truth the benchmark's server keeps: float64 [n, 4]."""
    if not images:
        raise ValueError(f"no numbered images in {place}")
    return np.concatenate([boxes, np.full((max(images) - first, 4), np.nan)])


def load_table(name: str) -> list[list[str]]:
    """Reads a table of this package: the words of each line; a line of "#" is a comment."""
    text = Path(__file__).with_name("tables").joinpath(f"{name}.txt").read_text("utf-8")
    return [line.split() for line in text.splitlines() if not line.startswith("#")]


def load_flags(path: str, count: int) -> np.ndarray:
    """Reads one whole number a frame: int64 [count].

    An OSError if the file cannot be read, a ValueError if it is something else, or of another size.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: there is no such file")
    numbers = np.array(textfiles.read_integers(path), np.int64)
    if len(numbers) != count:
        raise ValueError(f"{path}: {len(numbers)} numbers for {count} boxes")
    return numbers


def load_attributes(paths: Items[str], codes: Items[str]) -> Optional[tuple[str, ...]]:
    """Reads the attributes of a sequence: their codes, or 0 or 1 for each of `codes`.

    The first of the files that is there is read, None without any. An OSError if it cannot be, a
    ValueError if it holds other numbers.
    """
    path = next(filter(os.path.isfile, paths), None)
    if path is None:
        return None
    text = " ".join(textfiles.read_lines(path))
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    if not any(word[0].isdigit() for word in words):
        return tuple(words)
    if len(words) != len(codes) or not set(words) <= {"0", "1"}:
        raise ValueError(f"{path}: expected {len(codes)} of 0 and 1 ({', '.join(codes)}) or codes")
    return tuple(code for code, word in zip(codes, words) if word == "1")


def listed_folders(
    base: str, truth_name: str, depth: int
) -> tuple[dict[str, list[str]], list[str]]:
    """Finds the sequences in `base` that its ``list.txt`` names, or all if there is none.

    Those are folders with the file `truth_name`, at most `depth` levels below.

    Returns:
        The folders of each name, in the order of the list; none for one that is not there. And
        remarks on folders that are passed over.

    Raises:
        OSError: If a folder or the list cannot be read.
        ValueError: If a name in the list cannot be that of a folder.
    """
    found, remarks = folder.find_folders(base, re.escape(truth_name), depth)
    places = by_name(found)
    listing = os.path.join(base, "list.txt")
    if not os.path.isfile(listing):
        return places, remarks
    names = [line.strip() for line in textfiles.read_lines(listing) if line.strip()]
    for name in names:
        if name.startswith(".") or set(name) & {"/", "\\"}:
            raise ValueError(f"{listing}: {name!r} is not the name of a folder beside it")
    others = [name for name in places if name not in names]
    if others:
        remarks.append(f"{shorten(others)}: not in {listing}")
    return {name: places.get(name, []) for name in dict.fromkeys(names)}, remarks


def listed_readers(
    base: str, truth_name: str, depth: int, read: Callable[..., Sequence]
) -> tuple[Readers, list[str]]:
    """Makes readers of `listed_folders`, and remarks; that of one which is not there tells so."""
    listed, remarks = listed_folders(base, truth_name, depth)

    def read_listed(path):
        truth = os.path.join(path, truth_name)
        if not os.path.exists(truth):
            raise ValueError(f"list.txt names it, but there is no {truth}")
        return read(path)

    places = {name: paths or [os.path.join(base, name)] for name, paths in listed.items()}
    return make_readers(places, read_listed), remarks
