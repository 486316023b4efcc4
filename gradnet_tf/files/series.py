"""Finds the one series of frames among the images of a folder.

Beside the frames there may be masks, thumbnails, covers and other series.
"""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

# Words in the names of series that go with a video's frames.
_COMPANIONS = frozenset(
    "alpha ann anno annotation annotations conf depth disp disparity flow ground groundtruth gt "
    "heatmap instance instances label labels mask masks matte overlay pred prediction preview "
    "result seg segmentation small thumb thumbnail thumbnails thumbs trimap truth vis".split()
)
_PHOTOS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})  # Masks do not outlive such compression.
_GREY = frozenset({"1", "L", "LA", "P", "PA", "I", "I;16", "I;16B", "F"})
_NUMBER = re.compile("([0-9]+)")


def split_numbers(name: str) -> list[str]:
    """Splits a name by its groups of digits, which come to lie at the odd places."""
    return _NUMBER.split(name)


def natural_key(name: str) -> tuple:
    """Makes a sort key of the numbers in a file's name: 2.jpg comes before 10.jpg."""
    # The name itself settles 1 and 01.
    parts = split_numbers(name.lower())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def choose(folder: str, names: Sequence[str]) -> list[str]:
    """Chooses the frames among the images `names` of a folder, in natural order.

    Names that are alike but for their numbers are a series, whatever suffixes they have; of two
    files that differ in their suffix alone, such as ``1.jpg`` and ``1.png``, one belongs to another
    series. Where there are several of comparable length, the frames are those whose name does not
    say that it holds masks or the like, then those in colour (some images are opened), then the
    largest, then JPEG. Where most names follow no pattern, all are frames.
    """
    shapes = collections.defaultdict(list)
    for name in names:
        stem, suffix = os.path.splitext(name.lower())
        shapes["#".join(_NUMBER.split(stem)[::2])].append(_File(name, stem, suffix))
    numbered = {shape: files for shape, files in shapes.items() if "#" in shape}
    largest = max(map(len, numbered.values()), default=0)
    others = sum(
        len(files)
        for shape, files in shapes.items()
        if shape not in numbered or len(files) == 1 or 2 * len(files) <= largest
    )
    if others > 2 * largest:
        numbered = collections.defaultdict(list)
        for shape, files in shapes.items():
            numbered["mask" if _names_companion(shape) else "frame"] += files
    groups = [
        _Group(folder, shape, part)
        for shape, files in numbered.items()
        for part in _by_suffix(files)
    ]
    likely = [group for group in groups if not _names_companion(group.shape)] or groups
    longest = max(len(group.files) for group in likely)
    rivals = [group for group in likely if 2 * len(group.files) > longest]
    chosen = min(rivals, key=_Group.rank) if len(rivals) > 1 else rivals[0]
    frames = list(chosen.files)
    for group in sorted(groups, key=lambda group: -len(group.files)):
        if group.shape == chosen.shape and not _stems(group.files) & _stems(frames):
            frames += group.files
    return sorted((file.name for file in frames), key=natural_key)


class _File(NamedTuple):
    name: str
    stem: str  # In small letters, as the suffix is.
    suffix: str


class _Group(NamedTuple):
    """Files of one shape of name, and of one suffix if there are several of the same stem."""

    folder: str
    shape: str
    files: Sequence[_File]

    def rank(self) -> tuple:
        """Ranks groups; the first is most likely made of frames."""
        first = min(self.files)
        try:
            with Image.open(os.path.join(self.folder, first.name)) as image:
                grey, pixels = image.mode in _GREY, image.width * image.height
        except Exception:  # Pillow raises many types on damaged files.
            grey, pixels = True, 0
        photo = first.suffix in _PHOTOS
        return grey, -pixels, not photo, -len(self.files), len(self.shape), self.shape, first


def _names_companion(shape: str) -> bool:
    return not _COMPANIONS.isdisjoint(re.findall("[a-z]+", shape))


def _by_suffix(files: list[_File]) -> list[list[_File]]:
    """Parts files of the same stem, if there are any."""
    if _are_distinct(files):
        return [files]
    groups = collections.defaultdict(list)
    for file in files:
        groups[file.suffix].append(file)
    photos = [group for suffix, group in groups.items() if suffix in _PHOTOS]
    together = [file for group in photos for file in group]
    if _are_distinct(together):
        photos = [together] if together else []
    return photos + [group for suffix, group in groups.items() if suffix not in _PHOTOS]


def _stems(files: Sequence[_File]) -> set[str]:
    return {file.stem for file in files}


def _are_distinct(files: Sequence[_File]) -> bool:
    return len(_stems(files)) == len(files)
