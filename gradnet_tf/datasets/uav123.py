"""Reads UAV123 and UAV20L, videos of drones (Mueller et al., ECCV 2016).

    ROOT/anno/UAV123/bird1_1.txt         one line 'x,y,width,height' a frame, 1-based; 'NaN' four
                                         times where the target is out of view
    ROOT/anno/UAV123/att/bird1_1.txt     optional: attributes, 0 or 1 each
    ROOT/anno/UAV20L/bird1.txt           the same of long sequences
    ROOT/data_seq/UAV123/bird1/000001.jpg ...

Several sequences of UAV123 are parts of one video; each of UAV20L is a whole one. ROOT may be a
folder that has ``anno`` and ``data_seq`` one level deeper, as the archive does. Measures are those
of OTB, on which the authors' toolkit builds; frames without a box fail there in success.
"""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Collection
from typing import Optional

from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Dataset, shorten
from gradnet_tf.files import folder, textfiles

# In the order of the authors' files of flags.
ATTRIBUTES = "SV ARC LR FM FOC POC OV BC IV VC CM SOB".split()
_PARTS = {
    video: [tuple(map(int, word.split("-"))) for word in words if word != "long"]
    for video, *words in common.load_table("uav123")
}
_LONG = [words[0] for words in common.load_table("uav123") if words[-1] == "long"]
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
    paths, remarks = folder.find_folders(base, "anno", 1)
    base = paths[0] if paths else base
    annotations = os.path.join(base, "anno", version)
    files = glob.glob(os.path.join(glob.escape(annotations), "*.txt"))
    there = {os.path.basename(file) for file in files}
    wanted = SEQUENCES[version]
    readers = {
        name: {annotations: functools.partial(_read_sequence, base, version, name, *wanted[name])}
        for name in wanted
        if f"{name}.txt" in there
    }
    others = sorted(there - {f"{name}.txt" for name in wanted})
    if others:
        remarks.append(f"{shorten(others)}: not of {version}")
    looked_for = f"anno/{version}/bike1.txt, data_seq/UAV123/bike1/000001.jpg, and so on"
    fields = {"name": version.lower(), "title": version, "rule": "the frames of configSeqs.m"}
    return common.collect(base, remarks, readers, names, looked_for, list(wanted), **fields)


def _read_sequence(base, version, name, video, first, last):
    boxes = textfiles.read_boxes(os.path.join(base, "anno", version, f"{name}.txt"), 1)
    place = os.path.join(base, "data_seq", "UAV123", video)
    images = common.cut_images(folder.list_numbered(place), first, last)
    flags = os.path.join(base, "anno", version, "att", f"{name}.txt")
    codes = common.load_attributes([flags], ATTRIBUTES) or ()
    return common.make_sequence(name, images, boxes, place, first, attributes=codes)
