"""Finds the one series of frames among the images of a folder.

Beside the frames there may be masks, thumbnails, covers and other series.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

# Words in the names of series that go with a video's frames.
_COMPANIONS = frozenset(
    "alpha ann anno annotation annotations conf depth disp disparity flow ground groundtruth gt "
    "heatmap instance instances label labels mask masks matte overlay pred prediction preview "
    "result seg segmentation small thumb thumbnail thumbnails thumbs trimap truth vis".split()
)
_PHOTOS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})  # Masks do not outlive such compression.
_GREY = frozenset({"1", "L", "LA", "P", "PA", "I", "I;16", "I;16B", "F"})


def split_numbers(name: str) -> list[str]:
    """Splits a name by its groups of digits, which come to lie at the odd places."""
    return re.split(r"([0-9]+)", name)


def natural_key(path: Path) -> tuple:
    """Sort key by the numbers in a file's name: 2.jpg comes before 10.jpg."""
    # The name itself settles 1 and 01.
    parts = split_numbers(path.name.lower())
    return tuple(int(p) if i % 2 else p for i, p in enumerate(parts)), path.name


def choose(files: Sequence[Path]) -> list[Path]:
    """Chooses the frames among the images of a folder.

    Names that are alike but for their numbers are a series, whatever suffixes they have; of two
    files that differ in their suffix alone, such as ``1.jpg`` and ``1.png``, one belongs to another
    series. Where there are several of comparable length, the frames are those whose name does not
    say that it holds masks or the like, then those in colour, then the largest, then JPEG. Where
    most names follow no pattern, all are frames.

    Args:
        files: The images. Some are opened if it is not clear from the names.

    Returns:
        The frames, in natural order.
    """
    shapes = collections.defaultdict(list)
    for file in files:
        shapes[_shape(file)].append(file)
    numbered = {shape: group for shape, group in shapes.items() if "#" in shape}
    largest = max(map(len, numbered.values()), default=0)
    alone = sum(len(g) for s, g in shapes.items() if len(g) == 1 or s not in numbered)
    if alone > 2 * largest:
        numbered = collections.defaultdict(list)
        for file in files:
            numbered["mask" if _names_companion(_shape(file)) else "frame"].append(file)
    groups = [
        _Group(shape, part) for shape, group in numbered.items() for part in _by_suffix(group)
    ]
    chosen = _best(groups)
    frames = list(chosen.files)
    for group in sorted(groups, key=lambda group: -len(group.files)):
        if group.shape == chosen.shape and not _stems(group.files) & _stems(frames):
            frames += group.files
    return sorted(frames, key=natural_key)


class _Group:
    """Files of one shape of name, and of one suffix if there are several of the same stem."""

    def __init__(self, shape: str, files: Sequence[Path]):
        self.shape = shape
        self.files = files
        self.companion = _names_companion(shape)

    def rank(self) -> tuple:
        """What comes first is rather made of frames."""
        first = min(self.files, key=natural_key)
        try:
            with Image.open(first) as image:
                grey, pixels = image.mode in _GREY, image.width * image.height
        except Exception:  # Pillow raises many types on damaged files.
            grey, pixels = True, 0
        suffix = first.suffix.lower()
        photo = suffix in _PHOTOS
        return grey, -pixels, not photo, -len(self.files), len(self.shape), self.shape, suffix


def _best(groups: Sequence[_Group]) -> _Group:
    groups = [group for group in groups if not group.companion] or groups
    longest = max(len(group.files) for group in groups)
    rivals = [group for group in groups if 2 * len(group.files) >= longest]
    return min(rivals, key=_Group.rank) if len(rivals) > 1 else rivals[0]


def _shape(file: Path) -> str:
    return "#".join(split_numbers(file.stem.lower())[::2])


def _names_companion(shape: str) -> bool:
    return not _COMPANIONS.isdisjoint(re.findall(r"[a-z]+", shape))


def _stems(files: Sequence[Path]) -> set[str]:
    return {file.stem.lower() for file in files}


def _by_suffix(files: Sequence[Path]) -> list[list[Path]]:
    """Parts files of the same stem, if there are any."""
    if _are_distinct(files):
        return [list(files)]
    groups = collections.defaultdict(list)
    for file in files:
        groups[file.suffix.lower()].append(file)
    photos = [group for suffix, group in groups.items() if suffix in _PHOTOS]
    together = [file for group in photos for file in group]
    if _are_distinct(together):
        photos = [together] if together else []
    return photos + [group for suffix, group in groups.items() if suffix not in _PHOTOS]


def _are_distinct(files: Sequence[Path]) -> bool:
    return len(_stems(files)) == len(files)
