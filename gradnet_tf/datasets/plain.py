"""Reads any folder of sequences, in the layout of OTB: the data set "folder".

    ROOT/bird/groundtruth_rect.txt     one line 'x,y,width,height' a frame (or 8 numbers, corners)
              img/0001.jpg ...         or color/, or the frames beside the file
    ROOT/cars/groundtruth_rect.1.txt   several targets: cars-1 and cars-2
              groundtruth_rect.2.txt
    ROOT/cat/groundtruth.txt           the other name of the file
    ROOT/MANIFEST.tsv                  optional, for training

ROOT may be one sequence. Frames are taken in the natural order of their names, whatever numbers
they have. Boxes are 1-based unless something else is said.

For training, where the source is called "otb", only files ``groundtruth_rect*.txt`` of boxes that
are 1-based count, folders may lie a level deeper, and OTB's own sequences, a test set, are left
out. Where frames and lines differ in number, image n belongs to line n if images are missing (the
last one has the number of the last line), and else the first image to the first line, as in
Football1; David is annotated from image 300 on. MANIFEST.tsv has a line of titles and columns
``name`` (the folder) and ``video``, set apart by tabs: folders with the same video are tracks of
one video, so nobody pairs them as two. A folder that is not in it is a video of its own.
"""

from __future__ import annotations

import csv
import functools
import os
import re
from collections.abc import Collection
from typing import Optional

from gradnet_tf.datasets import common, otb, tracks, vot
from gradnet_tf.datasets.sequences import Dataset, Sequence
from gradnet_tf.files import folder, textfiles

MANIFEST_NAME = "MANIFEST.tsv"
_RECT = re.compile(r"groundtruth_rect(?:\.([0-9]+))?\.txt")
_TRUTH = re.compile(r"groundtruth(?:_rect)?(?:\.([0-9]+))?\.txt")
_FIRST_IMAGES = {"David": otb.RANGES["David"][0]}
_DEPTH = 2  # For training.


def read(root: str, names: Optional[Collection[str]] = None, *, origin: int = 1) -> Dataset:
    """Reads all sequences directly in a folder, or the named ones.

    The first px has the coordinate `origin`, 0 or 1, in the files of boxes.
    """
    if origin not in (0, 1):
        raise ValueError(f"boxes are counted from 0 or 1, got origin {origin!r}")
    base = folder.check_root(root)
    readers = {}
    paths, remarks = folder.find_folders(base, _TRUTH, 1, ("img", "color"))
    for path in paths:
        targets = _targets(path)
        if not targets:
            remarks.append(f"{path}: no groundtruth_rect.txt or groundtruth.txt")
        for name, truth in targets:
            if name in readers:
                raise ValueError(f"two targets in {base} would be called {name}; rename one folder")
            readers[name] = {path: functools.partial(_read_sequence, name, path, truth, origin)}
    return common.collect(
        base,
        remarks,
        readers,
        names,
        "NAME/groundtruth_rect.txt or NAME/groundtruth.txt, and frames in NAME/img",
        name="folder",
        title=os.path.basename(base).lstrip(".") or "folder",  # Results aren't hidden.
        size=len(readers),
        rule=f"boxes counted from {origin}",
        origin=origin,
    )


def read_tracks(root: str, progress: bool = False, split: str = tracks.TRAIN) -> tracks.Reading:
    """Reads what training takes.

    A file of boxes is one track, called "0" or by the number in the file's name, of a video called
    by the folder's path below `root`. Of a folder in the manifest, the video is the manifest's, the
    track is the folder's name with that number. The category is not known.
    """
    base = folder.check_root(root)
    flaws: list[tracks.Flaw] = []
    videos = _read_manifest(os.path.join(base, MANIFEST_NAME), flaws)
    paths, _ = folder.find_folders(base, _RECT, _DEPTH)
    kept = tracks.leave_out(paths, _part_of, split, flaws)
    for name in sorted(set(videos) - {os.path.basename(path) for path in paths}):
        detail = f"{MANIFEST_NAME} names it, but there is no such sequence"
        flaws.append(tracks.Flaw(tracks.NO_ANNOTATION, os.path.join(base, name), detail))
    looked_for = "sequences with groundtruth_rect.txt (or .1.txt, .2.txt) and img/0001.jpg in */"
    read_folder = functools.partial(_read_tracks, base, videos)
    return tracks.collect(root, looked_for, kept, read_folder, flaws, progress)


def _targets(path):
    """Finds the names of the targets of a folder, and their files."""
    name = os.path.basename(path)
    found: dict[str, str] = {}
    # groundtruth_rect.txt goes before groundtruth.txt.
    for file in sorted(os.listdir(path), reverse=True):
        match = _TRUTH.fullmatch(file)
        if match:
            found.setdefault(f"{name}-{match[1]}" if match[1] else name, file)
    return sorted(found.items())


def _part_of(path):
    name = os.path.basename(path)
    is_target = otb.canonical(name) or otb.canonical(f"{name}-1")
    return "OTB-100, a test set" if is_target else None


def _read_sequence(name, path, truth, origin):
    file = os.path.join(path, truth)
    boxes, regions = vot.load_regions(file, origin)
    try:
        frames, missing = folder.list_frames(path)
    except ValueError as error:
        names = tuple(os.path.join(path, "img", f"{i + 1:08d}.jpg") for i in range(len(boxes)))
        bare = Sequence(name, names, boxes, regions=regions, has_images=False)
        raise common.NoImages(str(error), bare) from None
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise ValueError(f"image missing: {missing[0]}{others}")
    if len(frames) != len(boxes):
        raise ValueError(
            f"{frames[0].parent} has {len(frames)} images, but {file} has {len(boxes)} boxes"
        )
    first = folder.frame_number(frames[0].name)
    return Sequence(
        name,
        tuple(str(frame) for frame in frames),
        boxes,
        regions=regions,
        first_number=1 if first is None else first,
    )


def _read_manifest(path, flaws):
    """Reads the video of each folder."""
    if not os.path.isfile(path):
        return {}
    lines = tracks.attempt(flaws, textfiles.read_lines, path)
    if lines is None:
        return {}
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or not {"name", "video"} <= set(rows[0]):
        detail = "no columns 'name' and 'video' set apart by tabs; each folder counts as a video"
        flaws.append(tracks.Flaw(tracks.UNREADABLE, path, detail))
        return {}
    return {row["name"]: row["video"] for row in rows if row["name"] and row["video"]}


def _read_tracks(base, videos, path, flaws):
    name = os.path.basename(path)
    video = name if path == base else os.path.relpath(path, base).replace(os.sep, "/")
    try:
        images, missing = ([str(image) for image in part] for part in folder.list_frames(path))
    except ValueError as error:
        flaws.append(tracks.Flaw(tracks.NO_IMAGE, path, str(error)))
        return
    targets = sorted(
        (int(match[1] or 0), match[0]) for match in map(_RECT.fullmatch, os.listdir(path)) if match
    )
    for target, truth in targets:
        boxes = tracks.attempt(flaws, textfiles.read_boxes, os.path.join(path, truth), 1)
        if boxes is None:
            continue
        names = (video, str(target), "")
        if name in videos:
            names = (videos[name], f"{name}.{target}" if target else name, "")
        frames = _lay_beside(images, len(boxes), _FIRST_IMAGES.get(name))
        frames = [f._replace(image=None) if f.image in missing else f for f in frames]
        yield tracks.make_track(names, frames, boxes, flaws)


def _lay_beside(images, boxes, first):
    """Puts the images, in order, and the lines of a file together."""
    numbers = [number for number in map(folder.frame_number, images) if number is not None]
    if len(numbers) < len(images) or any(a >= b for a, b in zip(numbers, numbers[1:])):
        numbers = list(range(1, len(images) + 1))
    if len(images) < boxes == numbers[-1]:
        return tracks.number_frames(dict(zip(numbers, images)), boxes)
    start = numbers.index(first) if len(images) > boxes and first in numbers else 0
    frames = [
        tracks.Frame(number, line if 0 <= line < boxes else None, image)
        for line, (number, image) in enumerate(zip(numbers, images), -start)
    ]
    # Lines after the last image are counted on from its number.
    over = range(len(images) - start, boxes)
    return frames + [tracks.Frame(numbers[-1] + 1 + i, line, None) for i, line in enumerate(over)]
