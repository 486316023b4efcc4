"""Folders of sequences in the layouts of the benchmarks, with empty files for images."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def boxes(count, origin=1):
    """Box i as the files have it: x = 10 + i, y = 20, 30 x 40 px, counted from `origin`."""
    return np.array([(10 + i + origin, 20 + origin, 30, 40) for i in range(count)], float)


def lines(rows, delimiter=","):
    """One line a row."""
    return "".join(delimiter.join(f"{number:g}" for number in row) + "\n" for row in rows)


def images(folder, numbers, digits=4, suffix="jpg"):
    """Empty files with these numbers for names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number:0{digits}d}.{suffix}").touch()


def sequence(folder, numbers, count=None, truth="groundtruth_rect.txt", place="img", **kwargs):
    """A folder of images with these numbers and as many boxes; returns the folder."""
    folder = Path(folder)
    delimiter = kwargs.pop("delimiter", ",")
    images(folder / place, numbers, **kwargs)
    count = len(numbers) if count is None else count
    (folder / truth).write_text(lines(boxes(count), delimiter))
    return folder


def numbers_of(sequence):
    """The numbers in the names of a sequence's frames."""
    return [int(Path(frame).stem) for frame in sequence.frames]


def only(dataset):
    """The single sequence of a data set that has no problem."""
    assert dataset.problems == ()
    (found,) = dataset.sequences
    return found
