"""What is tracked: sequences of frames with their ground truth, and data sets of sequences.

Boxes are (x, y, width, height) in 0-based px of the original frame, whatever the files count from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence as Items
from typing import NamedTuple, Optional

import numpy as np
from PIL import Image

from gradnet_tf.boxes import checks

_EXIF_ORIENTATION = 0x0112


class Problem(NamedTuple):
    """A sequence that is left out of a data set, and what is wrong with it, with the file."""

    sequence: str
    detail: str


# Arrays cannot be compared by ==, hence eq=False.
@dataclasses.dataclass(frozen=True, eq=False)
class Sequence:
    """One target in one video, as a benchmark wants it to be tracked.

    Raises:
        ValueError: If it cannot be called so, or there is nothing to begin with.
    """

    name: str  # What files of results are called, such as "Jogging-1"; unique in the data set.
    frames: tuple[str, ...]  # n absolute names of image files, in the order of tracking.
    # float64 [n, 4]. NaN where the file has none, or the truth is withheld; boxes without an area
    # are as they are in the files, since the conventions treat them differently. The first can be
    # tracked.
    boxes: np.ndarray
    # float64 [n, 8], corners x1, y1, ..., x4, y4 in 0-based px, or None where the data set has
    # none.
    regions: Optional[np.ndarray] = None
    # bool [n], the target cannot be seen (LaSOT: wholly occluded or out of view; GOT-10k: absence),
    # or None.
    absent: Optional[np.ndarray] = None
    # int64 [n], how many eighths of the target can be seen (GOT-10k), or None.
    cover: Optional[np.ndarray] = None
    attributes: tuple[str, ...] = ()  # Codes of what makes the sequence hard, such as "OCC".
    # bool [n] for each per-frame attribute (VOT).
    tags: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    first_number: int = 1  # What number the data set gives to the first frame.
    # (width, height) if the data set says so; else `frame_size` opens an image.
    resolution: Optional[tuple[int, int]] = None
    # Whether the files of `frames` are there; else there is an annotation alone, which is enough to
    # score results.
    has_images: bool = True

    def __post_init__(self):
        if not self.name or self.name.startswith(".") or set(self.name) & {"/", "\\"}:
            raise ValueError(f"a sequence cannot be called {self.name!r}: files are named after it")
        if not self.frames:
            raise ValueError(f"sequence {self.name} has no frames")
        if not checks.is_known(self.boxes[:1])[0]:
            raise ValueError(
                f"sequence {self.name}: the first box {self.boxes[0].tolist()} (0-based) has no "
                "area, so there is nothing to track"
            )

    @property
    def withheld(self) -> bool:
        """Whether the truth is known in the first frame only."""
        return len(self.frames) > 1 and bool(np.isnan(self.boxes[1:]).all())


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Sequences of one benchmark, with the rules for running and measuring them."""

    name: str  # Its name here, such as "otb100".
    title: str  # Its folder in trees of results, as the got10k toolkit calls it, such as "OTB2015".
    root: str  # The folder that was read.
    convention: str = "otb"  # How it is measured: "otb", "lasot", "got10k" or "vot".
    layout: str = "otb"  # How its results are stored: "otb", "got10k" or "vot".
    # How it is run unless something else is asked for: "ope" or "supervised".
    protocol: str = "ope"
    sequences: tuple[Sequence, ...] = ()  # All that can be used, in a fixed order.
    problems: tuple[Problem, ...] = ()  # The sequences that were found but are left out.
    size: int = 0  # How many sequences the benchmark has, or were found in a folder; 0 if unknown.
    # Which part of the benchmark and of its frames is taken, in words; may be empty.
    rule: str = ""
    # The number, 0 or 1, that the benchmark's files and results give to the first px.
    origin: int = 1
    # The names, where known, of the benchmark's sequences of which there is nothing.
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()  # Folders that were passed over, in words.
    unit: str = "sequence"  # What `sequences` are called: "sequence", or "segment" of one.

    @property
    def has_images(self) -> bool:
        """Whether the frames are there, see `Sequence.has_images`."""
        return all(sequence.has_images for sequence in self.sequences)

    @property
    def coverage(self) -> str:
        """How much of the benchmark there is, in words: "98 of 100 sequences"."""
        count = len(self.sequences)
        if not self.size:
            return f"{count} {self.unit}{'' if count == 1 else 's'}"
        if count > self.size:
            return f"{count} {self.unit}s instead of {self.size}"
        return f"{count} of {self.size} {self.unit}{'' if self.size == 1 else 's'}"


def part(sequence: Sequence, first: int = 0, end: Optional[int] = None) -> Sequence:
    """Returns the frames from `first` to before `end` (or to the last), with all that they have.

    `first_number` moves on with the first frame; the name stays.
    """
    kept = slice(first, end)
    arrays = {name: getattr(sequence, name) for name in ("boxes", "regions", "absent", "cover")}
    return dataclasses.replace(
        sequence,
        frames=sequence.frames[kept],
        tags={tag: values[kept] for tag, values in sequence.tags.items()},
        first_number=sequence.first_number + first,
        **{name: array[kept] for name, array in arrays.items() if array is not None},
    )


def frame_size(sequence: Sequence) -> tuple[int, int]:
    """Returns width and height of the frames in px, from the first image where nothing says so.

    An OSError if the image cannot be read, a ValueError if there is only an annotation.
    """
    if sequence.resolution is not None:
        return sequence.resolution
    if not sequence.has_images:
        raise ValueError(
            f"{sequence.name} is measured within its frames, but nothing tells their size: there "
            f"is no image such as {sequence.frames[0]}"
        )
    with Image.open(sequence.frames[0]) as image:
        width, height = image.size
        # Frames are turned as their EXIF says when they are read (`gradnet_tf.media.images`).
        is_turned = image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8)
    return (height, width) if is_turned else (width, height)


def describe(dataset: Dataset) -> str:
    """Tells what was found: a line for each sequence, and what is left out and why."""
    frames = sum(len(sequence.frames) for sequence in dataset.sequences)
    lines = [
        f"{dataset.name} in {dataset.root}: {dataset.coverage}, {frames} frames",
        f"convention {dataset.convention}, protocol {dataset.protocol}",
    ]
    lines += [f"rule: {dataset.rule}"] if dataset.rule else []
    lines += [] if dataset.has_images else ["annotations alone: there are no images"]
    heading = ("sequence", "frames", "numbers", "first box (0-based)", "attributes")
    rows = [heading, *map(_row, dataset.sequences)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, "<>><<", widths)]
        lines.append("  ".join(cells).rstrip())
    if dataset.problems:
        lines.append(f"left out: {len(dataset.problems)}")
        lines += [f"  {name}: {detail}" for name, detail in dataset.problems]
    if dataset.missing:
        lines.append(f"missing: {shorten(dataset.missing)}")
    lines += [f"passed over: {remark}" for remark in dataset.remarks]
    return "\n".join(lines)


def shorten(names: Items[str], most: int = 10) -> str:
    """Puts commas between names, and takes the first ones of many."""
    others = f" and {len(names) - most} others" if len(names) > most + 1 else ""
    return ", ".join(names[:most] if others else names) + others


def _row(sequence):
    last = sequence.first_number + len(sequence.frames) - 1
    remarks = [*sequence.attributes, *sequence.tags]
    if sequence.absent is not None:
        remarks.append(f"({np.count_nonzero(sequence.absent)} frames absent)")
    if sequence.withheld:
        remarks.append("(truth withheld)")
    return (
        sequence.name,
        str(len(sequence.frames)),
        f"{sequence.first_number}-{last}",
        ",".join(f"{number:g}" for number in np.round(sequence.boxes[0], 2)),
        " ".join(remarks),
    )
