"""What a reader finds in a data set: tracks, and what of it cannot be used."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Union

import numpy as np

# Kinds of problems.
EMPTY_BOX = "empty box"  # not finite, or no positive width and height
TINY_BOX = "tiny box"  # too small to show anything
NO_IMAGE = "no image"  # an annotation without its frame (or without its crop)
NO_ANNOTATION = "no annotation"  # a frame, a folder of frames or a list of flags without one
UNREADABLE = "unreadable annotation"
ABSENT = "absent"  # the annotation itself says that the target cannot be seen
COPY = "copy"  # a folder of the same name has as many images or more
CROWD = "crowd"  # one box for many objects
NOT_FOR_TRAINING = "not for training"  # of the benchmark's validation or test set


class Problem(NamedTuple):
    """One thing that was passed over.

    Attributes:
        kind: One of the constants of this module.
        where: The file, or the video and what in it.
        detail: What is wrong, in words; may be empty.
    """

    kind: str
    where: str
    detail: str = ""


# Arrays cannot be compared by ==, hence eq=False.
@dataclasses.dataclass(frozen=True, eq=False)
class Track:
    """One target in one video. A still image is a video of one frame.

    Attributes:
        video: Name of the video, unique in the source; tracks of the same video share it.
        track: The target's name in the video.
        category: Class of the target as the source writes it, "" if it is not known.
        frames: n numbers of frames as the source counts them, ascending.
        paths: n absolute names of image files.
        boxes: float64 [n, 4], (x, y, width, height) in 0-based px, width and height positive.
    """

    video: str
    track: str
    category: str
    frames: tuple[int, ...]
    paths: tuple[str, ...]
    boxes: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class CropTrack:
    """A `Track` of which the crops are cut already.

    Attributes:
        video: As in `Track`.
        track: As in `Track`.
        category: As in `Track`.
        frames: As in `Track`.
        exemplar_paths: n absolute names of files of 127 x 127 px.
        instance_paths: n absolute names of files of 255 x 255 px.
        boxes: float64 [n, 4], (x, y, width, height) in 0-based px of the frame, not of the crops.
    """

    video: str
    track: str
    category: str
    frames: tuple[int, ...]
    exemplar_paths: tuple[str, ...]
    instance_paths: tuple[str, ...]
    boxes: np.ndarray


@dataclasses.dataclass(frozen=True)
class Reading:
    """All that a reader found.

    Attributes:
        tracks: The tracks, in a fixed order; `CropTrack` where the source has crops only.
        problems: What was passed over, in the order in which it was met.
    """

    tracks: list[Union[Track, CropTrack]]
    problems: list[Problem]


def is_usable(boxes: np.ndarray) -> np.ndarray:
    """Which of the boxes [n, 4], (x, y, width, height), are finite and have an area: bool [n]."""
    # NaN > 0 is false without a warning.
    return np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
