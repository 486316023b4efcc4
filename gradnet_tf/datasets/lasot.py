"""Reads the test set of LaSOT (Fan et al., CVPR 2019), the 280 sequences of protocol II.

    ROOT/airplane/airplane-1/img/00000001.jpg ...
                             groundtruth.txt      one line 'x,y,width,height' a frame, 1-based
                             full_occlusion.txt   0,0,1,...: 1 = wholly occluded
                             out_of_view.txt      the same: 1 = out of view
    ROOT/annos/att/airplane-1.txt                 optional, from the authors' toolkit: attributes,
                                                  0 or 1 each

The folders of the classes may be missing (``ROOT/airplane-1``). Other sequences are passed over.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Collection
from typing import Optional

from gradnet_tf.data_prep.readers import folders
from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset, Sequence, shorten

TRUTH_NAME = "groundtruth.txt"
# In the order of the authors' files of flags.
ATTRIBUTES = "IV POC DEF MB CM ROT BC VC SV FOC FM OV LR ARC".split()
# The annotation ends before the images; results are cut to it.
_LONGER = frozenset({"monkey-17"})
_DEPTH = 3
# Class and numbers of the sequences.
_TEST_SET = """
airplane:1,9,13,15 basketball:1,6,7,11 bear:2,4,6,17 bicycle:2,7,9,18 bird:2,3,15,17
boat:3,4,12,17 book:3,10,11,19 bottle:1,12,14,18 bus:2,5,17,19 car:2,6,9,17 cat:1,3,18,20
cattle:2,7,12,13 chameleon:3,6,11,20 coin:3,6,7,18 crab:3,6,12,18 crocodile:3,4,10,14
cup:1,4,7,17 deer:4,8,10,14 dog:1,7,15,19 drone:2,7,13,15 electricfan:1,10,18,20
elephant:1,12,16,18 flag:2,3,5,9 fox:2,3,5,20 frog:3,4,9,20 gametarget:1,2,7,13
gecko:1,5,16,19 giraffe:2,10,13,15 goldfish:3,7,8,10 gorilla:4,6,9,13 guitar:3,8,10,16
hand:2,3,9,16 hat:1,2,5,18 helmet:5,11,13,19 hippo:1,7,9,20 horse:1,4,12,15
kangaroo:2,5,11,14 kite:4,6,10,15 leopard:1,7,16,20 licenseplate:6,12,13,15 lion:1,5,12,20
lizard:1,3,6,13 microphone:2,6,14,16 monkey:3,4,9,17 motorcycle:1,3,9,18 mouse:1,8,9,17
person:1,5,10,12 pig:2,10,13,18 pool:3,7,12,15 rabbit:10,13,17,19 racing:10,15,16,20
robot:1,5,8,19 rubicCube:1,6,14,19 sepia:6,8,13,16 shark:2,3,5,6 sheep:3,5,7,9
skateboard:3,8,16,19 spider:14,16,18,20 squirrel:8,11,13,19 surfboard:4,5,8,12
swing:10,14,17,20 tank:6,9,14,16 tiger:4,6,12,18 train:1,7,11,20 truck:3,6,7,16
turtle:5,8,9,16 umbrella:2,9,17,19 volleyball:1,13,18,19 yoyo:7,15,17,19 zebra:10,14,16,17
"""
TEST_SET = tuple(
    f"{category}-{number}"
    for category, _, numbers in (entry.partition(":") for entry in _TEST_SET.split())
    for number in numbers.split(",")
)

_BY_LOWER = {name.lower(): name for name in TEST_SET}


def read(root: str, names: Optional[Collection[str]] = None) -> Dataset:
    """Reads what there is of the test set.

    Args:
        root: The folder, see above; it may be one of a class or of a sequence.
        names: Which sequences; all of the test set by default.

    Raises:
        OSError: `root` is no folder, or a folder in it cannot be listed.
        ValueError: If nothing is usable, or one of `names` is not there.
    """
    base = folders.check_root(root)
    paths, remarks = common.find_places(base, _is_sequence, _has_truth, _DEPTH)
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(canonical(os.path.basename(path)), []).append(path)
    readers = {
        name: {path: functools.partial(_read_sequence, name, path, base) for path in by_name[name]}
        for name in TEST_SET
        if name in by_name
    }
    others = [
        os.path.basename(path) for n, own in by_name.items() if n not in readers for path in own
    ]
    if others:
        remarks.append(f"{shorten(others)}: not of the test set")
    looked_for = f"the test set: airplane/airplane-1/{TRUTH_NAME} and img/00000001.jpg, and so on"
    if names is not None and not isinstance(names, str):
        names = [canonical(name) for name in names]
    found = common.collect(base, readers, names, looked_for, remarks)
    return Dataset(
        name="lasot",
        title="LaSOT",
        root=base,
        convention="lasot",
        layout="otb",
        protocol="ope",
        sequences=found.sequences,
        problems=found.problems,
        remarks=found.remarks,
        missing=tuple(name for name in TEST_SET if name not in readers),
        size=len(TEST_SET),
        rule="protocol II: sequences of the test set",
    )


def canonical(name: str) -> str:
    """The name of a sequence of the test set as it is written here; others stay as they are."""
    return _BY_LOWER.get(re.sub("[._ ]", "-", name).lower(), name)


def _is_sequence(names):
    return _has_truth(names) or "img" in names


def _has_truth(names):
    return TRUTH_NAME in names


def _read_sequence(name, path, base):
    boxes = common.load_boxes(os.path.join(path, TRUTH_NAME))
    images = common.list_images(os.path.join(path, "img"))
    if name in _LONGER:
        images = {number: file for number, file in images.items() if number <= len(boxes)}
    frames = common.match_frames(images, len(boxes), 1)
    occluded, outside = (
        common.load_flags(os.path.join(path, file), len(boxes)) != 0
        for file in ("full_occlusion.txt", "out_of_view.txt")
    )
    attributes: tuple[str, ...] = ()
    for place in ("annos/att", "anno/att", "att"):
        file = os.path.join(base, place, f"{name}.txt")
        if os.path.isfile(file):
            attributes = common.load_attributes(file, ATTRIBUTES)
            break
    return Sequence(name, frames, boxes, absent=occluded | outside, attributes=attributes)
