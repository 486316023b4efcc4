"""Reads folders in the layout of OTB (Wu et al., 2015).

    ROOT/Basketball/img/0001.jpg ...
                    groundtruth_rect.txt     one line 'x,y,width,height' a frame
    ROOT/Jogging/groundtruth_rect.1.txt      several targets: two tracks of one video
                 groundtruth_rect.2.txt
    ROOT/MANIFEST.tsv                        optional

Numbers are set apart by commas, tabs or spaces. ROOT may be one sequence. Boxes are 1-based, so 1
is taken from x and y.

MANIFEST.tsv has a line of titles and columns ``name`` (the folder) and ``video``, set apart by
tabs: folders with the same video are tracks of one video, so nobody pairs them as two. Other
columns do not matter; a folder that is not in it is a video of its own.

Where there are more frames than lines or the other way round, image n belongs to line n if the last
image has the number of the last line (then images are missing), and else the first image to the
first line (then the annotation ends earlier, as in Football1, Freeman3, Freeman4 and Diving). David
is annotated from image 300 on.

OTB itself is a test set: folders with the names of its sequences are left out.
"""

from __future__ import annotations

import csv
import os
import re

from tqdm import tqdm

from gradnet_tf.data_prep.readers import folders, sequences, splits, tracks
from gradnet_tf.data_prep.readers.sequences import Frame
from gradnet_tf.data_prep.readers.tracks import Problem
from gradnet_tf.files import folder

MANIFEST_NAME = "MANIFEST.tsv"
_TRUTH = re.compile(r"groundtruth_rect(?:\.([0-9]+))?\.txt")
_FIRST_IMAGES = {"David": 300}
_DEPTH = 2


def read(root: str, progress: bool = False, split: str = splits.TRAIN) -> tracks.Reading:
    """Reads the annotations of the sequences and lists their frames.

    Args:
        root: The folder, see above.
        progress: Show a progress bar.
        split: "train", or "all" for the benchmark's other sets, too.

    Returns:
        One track a file of boxes. Its video is the folder's path below `root`, its track "0" or the
        number in the file's name. Of a folder in the manifest, the video is the manifest's, the
        track is the folder's name with that number. The category is not known.

    Raises:
        OSError: `root` is no folder, or a folder in it cannot be listed.
        ValueError: If nothing is usable, or there is no such split.
    """
    base = folders.check_root(root)
    problems: list[Problem] = []
    videos = _read_manifest(os.path.join(base, MANIFEST_NAME), problems)
    found = []
    paths = folders.find_folders(base, lambda names: any(map(_TRUTH.fullmatch, names)), _DEPTH)
    kept = splits.leave_out(paths, splits.of_otb, split, problems)
    for path in tqdm(kept, unit="video", disable=not progress):
        name = os.path.basename(path) if path == base else os.path.relpath(path, base)
        found.extend(_read_sequence(path, name.replace(os.sep, "/"), videos, problems))
    known = {os.path.basename(path) for path in paths}
    for name in sorted(set(videos) - known):
        detail = f"{MANIFEST_NAME} names it, but there is no such sequence"
        problems.append(Problem(tracks.NO_ANNOTATION, os.path.join(base, name), detail))
    looked_for = "sequences with groundtruth_rect.txt (or .1.txt, .2.txt) and img/0001.jpg in */"
    return folders.finish(root, looked_for, found, problems)


def _read_manifest(path, problems):
    """Returns the video of each folder."""
    if not os.path.isfile(path):
        return {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, ValueError, csv.Error) as error:
        problems.append(Problem(tracks.UNREADABLE, path, str(error)))
        return {}
    if not rows or not {"name", "video"} <= set(rows[0]):
        detail = "no columns 'name' and 'video' set apart by tabs; each folder counts as a video"
        problems.append(Problem(tracks.UNREADABLE, path, detail))
        return {}
    return {row["name"]: row["video"] for row in rows if row["name"] and row["video"]}


def _read_sequence(path, video, videos, problems):
    name = os.path.basename(path)
    try:
        images, missing = ([str(image) for image in part] for part in folder.list_frames(path))
    except ValueError as error:
        problems.append(Problem(tracks.NO_IMAGE, path, str(error)))
        return
    targets = sorted(
        (int(match[1] or 0), match[0]) for match in map(_TRUTH.fullmatch, os.listdir(path)) if match
    )
    for target, truth in targets:
        boxes = sequences.load_boxes(os.path.join(path, truth), problems)
        if boxes is None:
            continue
        names = (video, str(target), "")
        if name in videos:
            names = (videos[name], f"{name}.{target}" if target else name, "")
        frames = _lay_beside(images, len(boxes), _FIRST_IMAGES.get(name))
        frames = [f._replace(image=None) if f.image in missing else f for f in frames]
        yield sequences.make_track(names, frames, boxes, problems)


def _lay_beside(images, boxes, first):
    """Puts the images, in order, and the lines of a file together."""
    numbers = [folders.frame_number(image) for image in images]
    if None in numbers or any(a >= b for a, b in zip(numbers, numbers[1:])):
        numbers = list(range(1, len(images) + 1))
    if len(images) > boxes and first in numbers:
        start = numbers.index(first)
    elif len(images) < boxes == numbers[-1]:
        return sequences.from_one(dict(zip(numbers, images)), boxes)
    else:
        start = 0
    frames = [
        Frame(number, line if 0 <= line < boxes else None, image)
        for line, (number, image) in enumerate(zip(numbers, images), -start)
    ]
    # Lines after the last image are counted on from its number.
    over = range(len(images) - start, boxes)
    return frames + [Frame(numbers[-1] + 1 + i, line, None) for i, line in enumerate(over)]
