"""Reads UAV123 and UAV20L, videos of drones (Mueller et al., ECCV 2016).

    ROOT/anno/UAV123/bird1_1.txt         one line 'x,y,width,height' a frame, 1-based; 'NaN' four
                                         times where the target is out of view
    ROOT/anno/UAV123/att/bird1_1.txt     optional: attributes, 0 or 1 each
    ROOT/anno/UAV20L/bird1.txt           the same of long sequences
    ROOT/data_seq/UAV123/bird1/000001.jpg ...

Several sequences of UAV123 are parts of one video: bird1_1 is its frames 1 to 253, bird1_2 those
from 775 to 1477. Each of UAV20L is a whole video. The numbers are those of the authors' toolkit
(``configSeqs.m``). ROOT may be a folder that has ``anno`` and ``data_seq`` one level deeper, as the
archive does. Measures are those of OTB, on which the authors' toolkit builds; frames without a box
fail there in success.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Collection
from typing import Optional

from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset, shorten
from gradnet_tf.files import folder, textfiles

# In the order of the authors' files of flags.
ATTRIBUTES = "SV ARC LR FM FOC POC OV BC IV VC CM SOB".split()
# Video and, for each sequence in it, the first and the last frame.
_VIDEOS = """
bike1:1-3085 bike2:1-553 bike3:1-433 bird1:1-253,775-1477,1573-2437 boat1:1-901 boat2:1-799
boat3:1-901 boat4:1-553 boat5:1-505 boat6:1-805 boat7:1-535 boat8:1-685 boat9:1-1399
building1:1-469 building2:1-577 building3:1-829 building4:1-787 building5:1-481
car1:1-751,751-1627,1627-2629 car2:1-1321 car3:1-1717 car4:1-1345 car5:1-745
car6:1-487,487-1807,1807-2953,2953-3925,3925-4861 car7:1-1033 car8:1-1357,1357-2575 car9:1-1879
car10:1-1405 car11:1-337 car12:1-499 car13:1-415 car14:1-1327 car15:1-469 car16:1-415,415-1993
car17:1-1057 car18:1-1207 group1:1-1333,1333-2515,2515-3925,3925-4873
group2:1-907,907-1771,1771-2683 group3:1-1567,1567-2827,2827-4369,4369-5527 person1:1-799
person2:1-1189,1189-2623 person3:1-643 person4:1-1501,1501-2743 person5:1-877,877-2101
person6:1-901 person7:1-1249,1249-2065 person8:1-1075,1075-1525 person9:1-661 person10:1-1021
person11:1-721 person12:1-601,601-1621 person13:1-883 person14:1-847,847-1813,1813-2923
person15:1-1339 person16:1-1147 person17:1-1501,1501-2347 person18:1-1393
person19:1-1243,1243-2791,2791-4357 person20:1-1783 person21:1-487 person22:1-199 person23:1-397
truck1:1-463 truck2:1-385 truck3:1-535 truck4:1-577,577-1261 uav1:1-1555,1555-2377,2473-3469
uav2:1-133 uav3:1-265 uav4:1-157 uav5:1-139 uav6:1-109 uav7:1-373 uav8:1-301 wakeboard1:1-421
wakeboard2:1-733 wakeboard3:1-823 wakeboard4:1-697 wakeboard5:1-1675 wakeboard6:1-1165
wakeboard7:1-199 wakeboard8:1-1543 wakeboard9:1-355 wakeboard10:1-469 car1_s:1-1475 car2_s:1-320
car3_s:1-1300 car4_s:1-830 person1_s:1-1600 person2_s:1-250 person3_s:1-505
"""
_LONG = (
    "bike1 bird1 car1 car3 car6 car8 car9 car16 group1 group2 group3 person2 person4 person5 "
    "person7 person14 person17 person19 person20 uav1"
).split()
_PARTS = {
    video: [tuple(map(int, part.split("-"))) for part in parts.split(",")]
    for video, parts in (entry.split(":") for entry in _VIDEOS.split())
}
# Of each version the sequences: video, first and last frame.
SEQUENCES: dict[str, dict[str, tuple[str, int, int]]] = {
    "UAV123": {
        f"{video}_{number}" if len(parts) > 1 else video: (video, first, last)
        for video, parts in _PARTS.items()
        for number, (first, last) in enumerate(parts, 1)
    },
    "UAV20L": {video: (video, 1, _PARTS[video][-1][1]) for video in _LONG},
}


def read(root: str, names: Optional[Collection[str]] = None, *, version: str = "UAV123") -> Dataset:
    """Reads what there is of a version, "UAV123" or "UAV20L"."""
    base = folder.check_root(root)
    paths, remarks = common.find_places(base, lambda names: "anno" in names, 1)
    base = paths[0] if paths else base
    annotations = os.path.join(base, "anno", version)
    there = set(os.listdir(annotations)) if os.path.isdir(annotations) else set()
    wanted = SEQUENCES[version]
    readers = {
        name: {annotations: functools.partial(_read_sequence, base, version, name, *wanted[name])}
        for name in wanted
        if f"{name}.txt" in there
    }
    others = sorted(there - {f"{name}.txt" for name in wanted} - {"att"})
    others = [name for name in others if name.endswith(".txt") and not name.startswith(".")]
    if others:
        remarks.append(f"{shorten(others)}: not of {version}")
    dataset = Dataset(
        name=version.lower(),
        title=version,
        root=base,
        remarks=tuple(remarks),
        missing=tuple(name for name in wanted if name not in readers),
        size=len(wanted),
        rule="the frames of configSeqs.m",
    )
    looked_for = f"anno/{version}/bike1.txt, data_seq/UAV123/bike1/000001.jpg, and so on"
    return common.collect(dataset, readers, names, looked_for)


def _read_sequence(base, version, name, video, first, last):
    boxes = textfiles.read_boxes(os.path.join(base, "anno", version, f"{name}.txt"), 1)
    place = os.path.join(base, "data_seq", "UAV123", video)
    images = common.cut_images(folder.list_numbered(place), first, last)
    flags = os.path.join(base, "anno", version, "att", f"{name}.txt")
    codes = common.load_first_attributes([flags], ATTRIBUTES) or ()
    return common.make_sequence(name, images, boxes, place, first, attributes=codes)
