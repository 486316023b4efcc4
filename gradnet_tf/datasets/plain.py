"""Reads any folder of sequences: the data set "folder".

    ROOT/bird/groundtruth_rect.txt     one line 'x,y,width,height' a frame (or 8 numbers, corners)
              img/0001.jpg ...         or color/, or the frames beside the file
    ROOT/cars/groundtruth_rect.1.txt   several targets: cars-1 and cars-2
              groundtruth_rect.2.txt
    ROOT/cat/groundtruth.txt           the other name of the file

ROOT may be one sequence. Frames are taken in the natural order of their names, whatever numbers
they have. Boxes are 1-based unless something else is said.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Collection
from typing import Optional

from gradnet_tf.data_prep.readers import folders
from gradnet_tf.datasets import common, vot
from gradnet_tf.datasets.sequences import Dataset, Sequence
from gradnet_tf.files import folder

_TRUTH = re.compile(r"groundtruth(?:_rect)?(?:\.([0-9]+))?\.txt")


def read(root: str, names: Optional[Collection[str]] = None, *, origin: int = 1) -> Dataset:
    """Reads all sequences directly in a folder, or the named ones.

    Args:
        root: The folder, see above.
        names: Which sequences; all by default.
        origin: The coordinate of the first px in the files of boxes, 0 or 1.

    Raises:
        OSError: `root` is no folder, or a folder in it cannot be listed.
        ValueError: If nothing is usable, or one of `names` is not there.
    """
    if origin not in (0, 1):
        raise ValueError(f"boxes are counted from 0 or 1, got origin {origin!r}")
    base = folders.check_root(root)
    readers = {}
    paths, remarks = common.find_places(base, _is_sequence, _has_truth, 1)
    for path in paths:
        targets = _targets(path)
        if not targets:
            remarks.append(f"{path}: no groundtruth_rect.txt or groundtruth.txt")
        for name, truth in targets:
            if name in readers:
                raise ValueError(f"two targets in {base} would be called {name}; rename one folder")
            readers[name] = {path: functools.partial(_read_sequence, name, path, truth, origin)}
    looked_for = "NAME/groundtruth_rect.txt or NAME/groundtruth.txt, and frames in NAME/img"
    found = common.collect(base, readers, names, looked_for, remarks)
    return Dataset(
        name="folder",
        title=os.path.basename(base).lstrip(".") or "folder",  # Results aren't hidden.
        root=base,
        convention="otb",
        layout="otb",
        protocol="ope",
        sequences=found.sequences,
        problems=found.problems,
        remarks=found.remarks,
        size=len(readers),
        rule=f"boxes counted from {origin}",
        origin=origin,
    )


def _is_sequence(names):
    return _has_truth(names) or "img" in names or "color" in names


def _has_truth(names):
    return any(map(_TRUTH.fullmatch, names))


def _targets(path):
    """Names of the targets of a folder, and their files."""
    name = os.path.basename(path)
    found = {}
    # groundtruth_rect.txt goes before groundtruth.txt.
    for file in sorted(os.listdir(path), reverse=True):
        match = _TRUTH.fullmatch(file)
        if match:
            found.setdefault(f"{name}-{match[1]}" if match[1] else name, file)
    return sorted(found.items())


def _read_sequence(name, path, truth, origin):
    file = os.path.join(path, truth)
    boxes, regions = vot.load_regions(file, origin)
    frames, missing = folder.list_frames(path)
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise ValueError(f"image missing: {missing[0]}{others}")
    if len(frames) != len(boxes):
        raise ValueError(
            f"{frames[0].parent} has {len(frames)} images, but {file} has {len(boxes)} boxes"
        )
    first = folders.frame_number(frames[0].name)
    return Sequence(
        name,
        tuple(str(frame) for frame in frames),
        boxes,
        regions=regions,
        first_number=1 if first is None else first,
    )
