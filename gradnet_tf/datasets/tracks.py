"""What training data is made of: tracks, and what of a data set cannot be used.

Where an evaluation leaves a whole sequence out, training takes the frames that are good. What is
passed over is told by `Flaw`s. By default the sets that a benchmark keeps for validation or tests
are passed over, too: who trains on a test set measures nothing with it any more.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Callable, NamedTuple, Optional, Union

import numpy as np
from tqdm import tqdm

from gradnet_tf.boxes import checks

# Kinds of flaws.
EMPTY_BOX = "empty box"  # not finite, or no positive width and height
TINY_BOX = "tiny box"  # too small to show anything
NO_IMAGE = "no image"  # an annotation without its frame (or without its crop)
NO_ANNOTATION = "no annotation"  # a frame, a folder of frames or a list of flags without one
UNREADABLE = "unreadable annotation"
ABSENT = "absent"  # the annotation itself says that the target cannot be seen
COPY = "copy"  # a folder of the same name has as many images or more
CROWD = "crowd"  # one box for many objects
NOT_FOR_TRAINING = "not for training"  # of the benchmark's validation or test set

SPLITS = TRAIN, ALL = "train", "all"
_SETS = {"train": None, "val": "the validation set", "test": "the test set"}
# A folder of the split, or a name such as GOT-10k_Val_000001 and ILSVRC2015_val_00000000.
_WORD = r"(train|val|test)(?:id|idation|ing)?"
_IN_PATH = re.compile(rf"(?:^|/){_WORD}(?=/|$)|_{_WORD}_[0-9]", re.IGNORECASE)
# Such as val2017, minival2014, valminusminival2014 and test-dev2017.
_IN_FILE = re.compile(rf"(?:mini|valminus)*{_WORD}(?![a-z])", re.IGNORECASE)


class Flaw(NamedTuple):
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
    """A `Track` whose crops are cut already: files of 127 x 127 px and of 255 x 255 px.

    Its boxes are those of the frame, not of the crops.
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
    """All that a reader found: tracks in a fixed order, and flaws in the order they were met."""

    tracks: list[Union[Track, CropTrack]]
    flaws: list[Flaw]


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


def attempt(flaws: list[Flaw], read: Callable[..., Any], path: str, *arguments: Any) -> Any:
    """Returns ``read(path, *arguments)``, or None and tells a flaw if the file cannot be read."""
    try:
        return read(path, *arguments)
    except FileNotFoundError:
        flaws.append(Flaw(NO_ANNOTATION, path, "there is no such file"))
    except (OSError, ValueError, OverflowError) as error:
        flaws.append(Flaw(UNREADABLE, path, " ".join(str(error).split())))
    return None


def number_frames(images: Mapping[int, str], boxes: int, first: int = 1) -> list[Frame]:
    """Puts images and boxes together where the first box is of the image with the number `first`.

    Returns:
        Every number that has a box, an image or both; ascending.
    """
    return [
        Frame(n, n - first if 0 <= n - first < boxes else None, images.get(n))
        for n in sorted({*range(first, first + boxes), *images})
    ]


def make_track(
    names: tuple[str, str, str],
    frames: Iterable[Frame],
    boxes: np.ndarray,
    flaws: list[Flaw],
    absent: Optional[Mapping[str, Optional[np.ndarray]]] = None,
) -> Optional[Track]:
    """Makes a track of the frames that can be used.

    Args:
        names: Video, track and category.
        frames: The frames, ascending.
        boxes: float64 [n, 4], 0-based.
        flaws: Gets an entry for each frame that is passed over.
        absent: For each reason why the target cannot be seen, in which frames: bool [n], or None
            if that is not known. Of several reasons the last one is told.

    Returns:
        The track, or None if no frame is left.
    """
    usable = checks.is_known(boxes)
    reasons = {
        int(line): reason
        for reason, hidden in (absent or {}).items()
        if hidden is not None
        for line in hidden.nonzero()[0]
    }
    kept = []
    for frame in frames:
        if frame.line is None:
            kind, detail = NO_ANNOTATION, "frame without annotation"
        elif frame.line in reasons:
            kind, detail = ABSENT, reasons[frame.line]
        elif not usable[frame.line]:
            kind = EMPTY_BOX
            detail = f"x, y, width, height are {boxes[frame.line].tolist()} (0-based)"
        elif frame.image is None:
            kind, detail = NO_IMAGE, "annotation without its image"
        else:
            kept.append((frame.number, frame.line, frame.image))
            continue
        flaws.append(Flaw(kind, f"{names[0]}, track {names[1]}: frame {frame.number}", detail))
    if not kept:
        return None
    numbers, lines, images = zip(*kept)
    return Track(*names, frames=numbers, paths=images, boxes=boxes[list(lines)])


def collect(
    root: str,
    looked_for: str,
    items: Iterable[str],
    read: Callable[[str, list[Flaw]], Iterable[Optional[Union[Track, CropTrack]]]],
    flaws: list[Flaw],
    progress: bool,
) -> Reading:
    """Reads videos one by one.

    Args:
        root: The data set's folder, for messages.
        looked_for: What the data set should hold, for messages.
        items: The videos.
        read: Gives the tracks of a video, None for one without a usable frame; it tells the flaws.
        flaws: What was passed over before; gets what is passed over here.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If there is no track; the message says what was looked for and what was met.
    """
    bar = tqdm(items, unit="video", disable=not progress)
    found = [track for item in bar for track in read(item, flaws) if track is not None]
    if not found:
        met = "and nothing of the kind is there"
        if flaws:
            kind, where, detail = flaws[0]
            met = f"and {len(flaws)} problems were met, first: {kind}: {where}"
            met += f" ({detail})" if detail else ""
        raise ValueError(f"nothing usable in {root}: looked for {looked_for}, {met}")
    return Reading(found, flaws)


def drop_copies(
    paths: Iterable[str], count_images: Callable[[str], int], flaws: list[Flaw]
) -> list[str]:
    """Of folders of the same name keeps the one with most images, the first of equal ones."""
    copies: dict[str, list[str]] = {}
    for path in paths:
        copies.setdefault(os.path.basename(path), []).append(path)
    kept = []
    for group in copies.values():
        best = max(group, key=count_images) if len(group) > 1 else group[0]
        kept.append(best)
        flaws += [Flaw(COPY, path, f"{best} is taken") for path in group if path != best]
    return kept


def leave_out(
    items: Iterable[str],
    part_of: Callable[[str], Optional[str]],
    split: str,
    flaws: list[Flaw],
) -> list[str]:
    """Leaves out what is not for training, unless all is asked for.

    Args:
        items: Folders, files or names of videos.
        part_of: Tells which set one of them belongs to, such as "the test set of LaSOT"; None if it
            is for training.
        split: One of `SPLITS`.
        flaws: Gets an entry for each item that is left out.

    Returns:
        The others, in their order.

    Raises:
        ValueError: If there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be {' or '.join(SPLITS)}, got {split!r}")
    kept = []
    for item in items:
        part = part_of(item) if split == TRAIN else None
        if part is None:
            kept.append(item)
        else:
            detail = f"it belongs to {part}; --split={ALL} takes it"
            flaws.append(Flaw(NOT_FOR_TRAINING, item, detail))
    return kept


def part_by_name(name: str) -> Optional[str]:
    """The set that the last folder or name of a path with "/" belongs to; None if for training."""
    found = [match[1] or match[2] for match in _IN_PATH.finditer(name)]
    return _SETS[found[-1].lower()] if found else None


def part_by_file(name: str) -> Optional[str]:
    """The same of the name that COCO gives to a split, such as val2017."""
    match = _IN_FILE.match(name)
    return _SETS[match[1].lower()] if match else None
