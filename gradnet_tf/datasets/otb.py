"""Reads OTB-50, OTB-2013 and OTB-100 (Wu et al., CVPR 2013 and TPAMI 2015).

    ROOT/Basketball/img/0001.jpg ...
                    groundtruth_rect.txt     one line 'x,y,width,height' a frame, 1-based
    ROOT/Jogging/groundtruth_rect.1.txt      two targets: Jogging-1 and Jogging-2
                 groundtruth_rect.2.txt
    ROOT/Jogging-1/groundtruth_rect.1.txt    or a folder for each, as pysot wants them
    ROOT/anno/att/basketball.txt             optional: attributes, 0 or 1 each; or attrs.txt beside
                                             the boxes: 'IV, OCC'

Folders may lie a level deeper; others are passed over. Of Human4's two files the first is empty.
Where a folder holds more images than there are boxes, those of `RANGES` are taken. Tiger1 is
tracked from frame 6 on, since the authors' toolkit leaves out its first five; the got10k toolkit
does not, and `skip_tiger1=False` follows it. `plain` reads this layout for training.
"""

from __future__ import annotations

import functools
import glob
import os
import re
from collections.abc import Collection
from typing import NamedTuple, Optional

from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.files import folder, textfiles

# In the order of the benchmark's own files of flags (anno/att/NAME.txt).
ATTRIBUTES = ("IV", "OPR", "SV", "OCC", "DEF", "MB", "FM", "IPR", "OV", "BC", "LR")
# Title as the got10k toolkit's, and the letter in the table; all have no letter.
_VERSIONS = {"otb50": ("OTBtb50", "a"), "otb2013": ("OTB2013", "b"), "otb100": ("OTB2015", "")}
# First and last image of the annotation, by their numbers.
RANGES = {
    "David": (300, 770),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
    "Diving": (1, 215),
    "BlurCar1": (247, 988),
    "BlurCar3": (3, 359),
    "BlurCar4": (18, 397),
}
TIGER1, TIGER1_SKIPPED = "Tiger1", 5
_TRUTH = r"groundtruth_rect(\.[0-9]+)?\.txt"
_NUMBERED = re.compile("(.+)-([0-9])")


class Target(NamedTuple):
    """Versions, "a" for OTB-50 and "b" for OTB-2013, and attributes as published."""

    versions: str
    attributes: tuple[str, ...]


TARGETS: dict[str, Target] = {
    name: Target(versions.strip("-"), tuple(attributes))
    for name, versions, *attributes in common.load_table("otb")
}
_BY_LOWER = {
    **{name.lower(): name for name in TARGETS},
    # "Jogging1"; but "Skating2" is a video, of the targets "Skating2-1" and "Skating2-2".
    **{name.lower().replace("-", ""): name for name in filter(_NUMBERED.fullmatch, TARGETS)},
    **dict.fromkeys(("human4-2", "human42"), "Human4"),
}


def read(
    root: str,
    names: Optional[Collection[str]] = None,
    *,
    version: str = "otb100",
    skip_tiger1: bool = True,
) -> Dataset:
    """Reads what there is of a version: "otb50", "otb2013" or "otb100".

    `names` may be in any spelling that `canonical` knows, and `root` may be one sequence.
    """
    title, letter = _VERSIONS[version]
    targets = [name for name, target in TARGETS.items() if letter in target.versions]
    base = folder.check_root(root)
    paths, remarks = folder.find_folders(base, _TRUTH, 2, ("img",))
    flags = _find_flags(base)
    places: dict[str, dict] = {}
    for path in paths:
        found_targets = _targets(os.path.basename(path))
        if not found_targets:
            remarks.append(f"{path}: no target of OTB is called so")
        for name, truths in found_targets.items():
            places.setdefault(name, {})[path] = functools.partial(
                _read_sequence, name, path, truths, flags.get(name), skip_tiger1
            )
    if names is not None and not isinstance(names, str):
        names = [canonical(name) or name for name in names]
    ranges = ", ".join(f"{name} {first}-{last}" for name, (first, last) in RANGES.items())
    rule = f"{describe_tiger1(skip_tiger1)}; where there are more images than boxes: {ranges}"
    looked_for = "Basketball/img/0001.jpg and Basketball/groundtruth_rect.txt, and so on"
    fields = {"name": version, "title": title, "rule": rule}
    return common.collect(base, remarks, places, names, looked_for, targets, **fields)


def describe_tiger1(skip: bool) -> str:
    """Tells where Tiger1 begins, as the data set's rule has it."""
    return f"{TIGER1} from frame {TIGER1_SKIPPED + 1 if skip else 1}"


def canonical(name: str) -> Optional[str]:
    """Finds the name of a target here from another spelling; None if there is no such target.

    Case does not matter, and targets of one video may be numbered as in "Jogging-1", "Jogging.1",
    "Jogging_1" or "Jogging1"; "Human4-2" is Human4.
    """
    return _BY_LOWER.get(re.sub(r"[._ ]", "-", name).lower())


def _targets(name):
    """Finds the targets of a folder by its name, and the files that may hold the boxes of each."""
    plain = "groundtruth_rect.txt"
    found = {}
    own = canonical(name)
    for match in filter(None, map(_NUMBERED.fullmatch, TARGETS)):
        numbered = f"groundtruth_rect.{match[2]}.txt"
        if match[1].lower() == name.lower():
            found[match[0]] = [numbered]
        elif own == match[0]:
            found[own] = [numbered, plain]
    if not found and own:
        found[own] = ["groundtruth_rect.2.txt", plain] if own == "Human4" else [plain]
    return found


def _find_flags(base):
    """Finds the files of attributes below `base`, by targets."""
    found: dict[str, str] = {}
    for place in ("anno/att", "att"):
        for file in sorted(glob.glob(os.path.join(glob.escape(base), place, "*.txt"))):
            name = canonical(os.path.splitext(os.path.basename(file))[0])
            if name:
                found.setdefault(name, file)
    return found


def _read_sequence(name, path, truths, flags, skip_tiger1):
    there = [truth for truth in truths if os.path.isfile(os.path.join(path, truth))]
    if not there:
        raise ValueError(f"{path} has no {' or '.join(truths)}")
    boxes = textfiles.read_boxes(os.path.join(path, there[0]), 1)
    place = os.path.join(path, "img")
    images = folder.list_numbered(place) or folder.list_numbered(path)
    first = min(images, default=None)
    if name in RANGES and (len(images) > len(boxes) or not images):
        first, last = RANGES[name]
        images = common.cut_images(images, first, last)
    elif name == TIGER1 and skip_tiger1:
        first = TIGER1_SKIPPED + (first or 1)
        boxes = boxes[TIGER1_SKIPPED:]
        images = {number: file for number, file in images.items() if number >= first}
    files = [os.path.join(path, file) for file in ("attrs.txt", "attributes.txt")]
    attributes = common.load_attributes([*files, *filter(None, [flags])], ATTRIBUTES)
    if attributes is None:
        attributes = TARGETS[name].attributes
    return common.make_sequence(name, images, boxes, place, first, attributes=attributes)
