"""What training data is made of: tracks, and what of a data set cannot be used.

Where an evaluation leaves a whole sequence out, training takes the frames that are good; `Flaw`s
tell what is passed over. By default that includes the sets that a benchmark keeps for validation or
tests: who trains on a test set measures nothing with it any more.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Callable, NamedTuple, Optional

import numpy as np
from tqdm.auto import tqdm

from gradnet_tf.boxes import checks
from gradnet_tf.datasets import common

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
    """One thing that was passed over: its kind, a constant of this module; where; what is wrong."""

    kind: str
    where: str
    detail: str = ""


# Arrays cannot be compared by ==, hence eq=False.
@dataclasses.dataclass(frozen=True, eq=False)
class Track:
    """One target in one video. A still image is a video of one frame."""

    video: str  # Name of the video, unique in the source; tracks of the same video share it.
    track: str  # The target's name in the video.
    category: str  # Class of the target as the source writes it, "" if it is not known.
    frames: tuple[int, ...]  # n numbers of frames as the source counts them, ascending.
    # n absolute names of image files; those of exemplars, 127 x 127 px, if the source has crops
    # that are cut already.
    paths: tuple[str, ...]
    # float64 [n, 4], (x, y, width, height) in 0-based px, width and height positive; those of the
    # frame, not of the crops.
    boxes: np.ndarray
    # n names of the instances that go with exemplars, 255 x 255 px; else none.
    instance_paths: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Reading:
    """All that a reader found: tracks in a fixed order, and flaws in the order they were met."""

    tracks: list[Track]
    flaws: list[Flaw]


class Frame(NamedTuple):
    """One frame: its number in the source, the line of its box from 0, its image; or None."""

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

    Returns every number that has a box, an image or both; ascending.
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
    """Makes a track of the frames that can be used; None if no frame is left.

    Args:
        names: Video, track and category.
        frames: The frames, ascending.
        boxes: float64 [n, 4], 0-based.
        flaws: Gets an entry for each frame that is passed over.
        absent: For each reason why the target cannot be seen, in which frames: bool [n], or None
            if that is not known. Of several reasons the last one is told.
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
    read: Callable[[str, list[Flaw]], Iterable[Optional[Track]]],
    flaws: list[Flaw],
    progress: bool,
) -> Reading:
    """Reads videos one by one; `root` and what was `looked_for` in it are for messages.

    `read` gives the tracks of a video, None for one without a usable frame; it adds its flaws to
    those that were met before.

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
    """Keeps of folders of the same name the one with most images, the first of equal ones."""
    kept = []
    for group in common.by_name(paths).values():
        best = max(group, key=count_images) if len(group) > 1 else group[0]
        kept.append(best)
        flaws += [Flaw(COPY, path, f"{best} is taken") for path in group if path != best]
    return kept


def leave_out(
    items: Iterable[str], part_of: Callable[[str], Optional[str]], split: str, flaws: list[Flaw]
) -> list[str]:
    """Leaves out what is not for training, unless the split is "all"; the others keep their order.

    Args:
        items: Folders, files or names of videos.
        part_of: Tells which set one of them belongs to, such as "the test set of LaSOT"; None if it
            is for training.
        split: One of `SPLITS`.
        flaws: Gets an entry for each item that is left out.
    """
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
    """Tells which set the last folder or name of a path with "/" is of; None if for training."""
    found = [match[1] or match[2] for match in _IN_PATH.finditer(name)]
    return _SETS[found[-1].lower()] if found else None


def part_by_file(name: str) -> Optional[str]:
    """Tells the same from the name that COCO gives to a split, such as val2017."""
    match = _IN_FILE.match(name)
    return _SETS[match[1].lower()] if match else None
