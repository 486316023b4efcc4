"""Reads ILSVRC2015 VID (Russakovsky et al., 2015).

    ROOT/Annotations/VID/train/ILSVRC2015_VID_train_0000/VIDEO/000000.xml ...
    ROOT/Data/VID/train/ILSVRC2015_VID_train_0000/VIDEO/000000.JPEG ...

ROOT may also be a part of either tree, such as ``ILSVRC2015/Data/VID/val``; its counterpart is
found from its name. Folders that were renamed, as SiamFC's curation asks (``train/a``), do as well.
Videos of the validation set are left out, also those that the curation calls ``train/e``.

An annotation has the corner pixels of each object, 0-based and both inside, so the width is
xmax - xmin + 1, as in SiamFC's curation (``per_frame_annotation.m``) and the toolkit of GOT-10k. As
there, objects that are marked as occluded, which means partly, stay in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Optional
from xml.etree import ElementTree

import numpy as np

from gradnet_tf.datasets import tracks
from gradnet_tf.files import folder

_SUFFIX = ".xml"
_DEPTH = 3  # VID/train/ILSVRC2015_VID_train_0000/VIDEO
_TREES = ("Annotations", "Data")


def read_tracks(root: str, progress: bool = False, split: str = tracks.TRAIN) -> tracks.Reading:
    """Reads the annotations and lists the frames.

    A track id of a video is one track. The name of a video is its path below VID, such as
    ``train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000``. Frames without objects are no
    flaw: the set has many.
    """
    base = folder.check_root(root)
    looked_for = "Annotations/VID/*/*/VIDEO/000000.xml and Data/VID/*/*/VIDEO/000000.JPEG"
    annotations, data, part = _locate(base) or ("", "", "")
    start = os.path.normpath(os.path.join(annotations, part))

    def name_of(path):
        return os.path.relpath(path, annotations).replace(os.sep, "/")

    def part_of(path):
        return tracks.part_by_name(name_of(path))

    flaws: list[tracks.Flaw] = []
    paths: list[str] = []
    if annotations and os.path.isdir(start):
        paths, _ = folder.find_folders(start, r".*\.xml", _DEPTH)
        paths = tracks.leave_out(paths, part_of, split, flaws)
        flaws.extend(_without_annotation(paths, start, annotations, data))

    def read_video(path, flaws):
        images = folder.list_numbered(os.path.join(data, os.path.relpath(path, annotations)))
        return _read_video(name_of(path), path, images, flaws)

    return tracks.collect(root, looked_for, paths, read_video, flaws, progress)


def _locate(base: str) -> Optional[tuple[str, str, str]]:
    """Finds both folders VID, and the part of them that is asked for."""
    homes = [base, os.path.join(base, "ILSVRC2015")]
    if os.path.basename(base) in _TREES:
        homes.append(os.path.dirname(base))
    part = ""
    for home in homes:
        if os.path.isdir(os.path.join(home, _TREES[0], "VID")):
            break
    else:
        names = base.split(os.sep)
        ends = [i for i in range(1, len(names)) if names[i] == "VID" and names[i - 1] in _TREES]
        if not ends:
            return None
        home = os.sep.join(names[: ends[-1] - 1]) or os.sep
        part = os.path.join("", *names[ends[-1] + 1 :])
    annotations, data = (os.path.join(home, tree, "VID") for tree in _TREES)
    return annotations, data, part


def _without_annotation(paths, start, annotations, data):
    """Finds folders of frames that have no counterpart, beside and above those that have one."""
    parents = set()
    for path in paths:
        # VID itself has folders without annotation, such as test.
        while path != start and os.path.dirname(path) != annotations:
            path = os.path.dirname(path)
            parents.add(path)
    for parent in sorted(parents):
        counterpart = os.path.join(data, os.path.relpath(parent, annotations))
        if not os.path.isdir(counterpart):
            continue
        annotated = set(os.listdir(parent))
        with os.scandir(counterpart) as entries:
            names = sorted(e.name for e in entries if e.name not in annotated and e.is_dir())
        for name in names:
            where = os.path.join(counterpart, name)
            yield tracks.Flaw(tracks.NO_ANNOTATION, where, "there is no such folder of annotations")


def _read_video(video, path, images, flaws):
    """The tracks of a video, None for those without a usable frame."""
    rows: dict[str, dict[int, tuple]] = {}  # of each track: frame number, then box and category
    annotations = folder.list_numbered(path, (_SUFFIX,))
    for number, file in annotations.items():
        try:
            for track, category, box in parse(file):
                row = rows.setdefault(track, {})
                if number not in row:
                    row[number] = (box, category)
                    continue
                detail = f"track {track} is there twice; the first is taken"
                flaws.append(tracks.Flaw(tracks.UNREADABLE, file, detail))
        except (OSError, ValueError) as error:
            flaws.append(tracks.Flaw(tracks.UNREADABLE, file, str(error)))
    for number in sorted(images.keys() - annotations.keys()):
        detail = "frame without annotation"
        flaws.append(tracks.Flaw(tracks.NO_ANNOTATION, f"{video}: frame {number}", detail))
    found = []
    for track in sorted(rows, key=lambda name: (len(name), name)):
        boxes, categories = zip(*rows[track].values())
        frames = [tracks.Frame(n, line, images.get(n)) for line, n in enumerate(rows[track])]
        names = (video, track, categories[0])
        found.append(tracks.make_track(names, frames, np.array(boxes, np.float64), flaws))
    return found


def parse(path: str) -> Iterator[tuple[str, str, tuple[float, float, float, float]]]:
    """Reads track id, WordNet id and box (x, y, width, height), 0-based, of each object.

    An XML file that declares a document type is refused, so no entity is expanded. An OSError if it
    cannot be read, a ValueError if it is not an annotation of ILSVRC VID.
    """
    with open(path, "rb") as file:
        content = file.read()
    if b"<!DOCTYPE" in content:
        raise ValueError("it declares a document type, which no annotation of ILSVRC does")
    try:
        # The encoding is fixed, so that no other one can hide a declaration from the line above.
        tree = ElementTree.fromstring(content, ElementTree.XMLParser(encoding="utf-8"))
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"not XML: {error}") from error
    for item in tree.iterfind("object"):
        track, category = item.findtext("trackid", "").strip(), item.findtext("name", "").strip()
        texts = [item.findtext(f"bndbox/{name}", "") for name in ("xmin", "ymin", "xmax", "ymax")]
        try:
            left, top, right, bottom = (float(text) for text in texts)
        except ValueError as error:
            raise ValueError(f"an object's xmin, ymin, xmax, ymax are {texts}") from error
        if not track:
            raise ValueError("an object has no trackid")
        yield track, category, (left, top, right - left + 1, bottom - top + 1)
