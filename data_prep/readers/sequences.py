"""Puts frames and boxes together, and reads text files of one line a frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Optional

import numpy as np

from gradnet_tf.data_prep.readers import tracks
from gradnet_tf.data_prep.readers.tracks import Problem
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.files import textfiles


class Frame(NamedTuple):
    """What belongs to one frame.

    Attributes:
        number: Of the frame, as the source counts.
        line: The place of its box in the annotation, counted from 0; None if there is none.
        image: Its file; None if it is missing.
    """

    number: int
    line: Optional[int]
    image: Optional[str]


def load_boxes(path: str, problems: list[Problem]) -> Optional[np.ndarray]:
    """Reads 1-based boxes, one a line.

    Args:
        path: The file; numbers are set apart as `textfiles` says.
        problems: Gets an entry if the file cannot be read.

    Returns:
        float64 [n, 4], (x, y, width, height), 0-based, or None.
    """
    try:
        boxes = ope_metrics.load_boxes(path)
    except (OSError, ValueError) as error:
        problems.append(Problem(tracks.UNREADABLE, path, str(error)))
        return None
    boxes[:, :2] -= 1
    return boxes


def load_flags(path: str, count: int, problems: list[Problem]) -> Optional[np.ndarray]:
    """Reads one whole number a frame, set apart by commas or white space.

    Args:
        path: The file.
        count: How many numbers are needed.
        problems: Gets an entry if there is no such file, or it cannot be used.

    Returns:
        int64 [count], or None.
    """
    try:
        numbers = np.array(textfiles.read_integers(path), np.int64)
    except FileNotFoundError:
        problems.append(Problem(tracks.NO_ANNOTATION, path, "there is no such file"))
        return None
    except (OSError, ValueError, OverflowError) as error:
        problems.append(Problem(tracks.UNREADABLE, path, str(error)))
        return None
    if len(numbers) != count:
        detail = f"{len(numbers)} numbers for {count} boxes, so the file is passed over"
        problems.append(Problem(tracks.UNREADABLE, path, detail))
        return None
    return numbers


def from_one(images: Mapping[int, str], boxes: int) -> list[Frame]:
    """Puts images and boxes together where line 1 of the annotation is of image 1.

    Args:
        images: The files by their numbers.
        boxes: Number of lines.

    Returns:
        Every number that has a line, an image or both; ascending.
    """
    return [
        Frame(number, number - 1 if 1 <= number <= boxes else None, images.get(number))
        for number in sorted({*range(1, boxes + 1), *images})
    ]


def make_track(
    names: tuple[str, str, str],
    frames: Iterable[Frame],
    boxes: np.ndarray,
    problems: list[Problem],
    absent: Optional[Mapping[int, str]] = None,
) -> Optional[tracks.Track]:
    """Makes a track of what can be used.

    Args:
        names: Video, track and category.
        frames: The frames, ascending.
        boxes: float64 [n, 4], 0-based.
        problems: Gets an entry for each frame that is passed over.
        absent: Why the target cannot be seen, by places in `boxes`.

    Returns:
        The track, or None if no frame is left.
    """
    usable = tracks.is_usable(boxes)
    kept = []
    for frame in frames:
        if frame.line is None:
            kind, detail = tracks.NO_ANNOTATION, "frame without annotation"
        elif absent and frame.line in absent:
            kind, detail = tracks.ABSENT, absent[frame.line]
        elif not usable[frame.line]:
            kind = tracks.EMPTY_BOX
            detail = f"x, y, width, height are {boxes[frame.line].tolist()} (0-based)"
        elif frame.image is None:
            kind, detail = tracks.NO_IMAGE, "annotation without its image"
        else:
            kept.append(frame)
            continue
        where = f"{names[0]}, track {names[1]}: frame {frame.number}"
        problems.append(Problem(kind, where, detail))
    if not kept:
        return None
    return tracks.Track(
        *names,
        frames=tuple(frame.number for frame in kept),
        paths=tuple(frame.image for frame in kept),
        boxes=boxes[[frame.line for frame in kept]],
    )
