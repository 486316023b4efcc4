"""Reads the crops that users of SiamFC's or GradNet's TF1 code have, cut by SiamFC's curation.

    vid_id_frames.txt                      lines 'a/VIDEO 1 300': path, number, frames
    Data/VID/train/a/VIDEO.txt             lines 'track,class,frame width,frame height,
                                           x,y,width,height,.../train/a/VIDEO/000000.JPEG'
    Data/VID/train/a/VIDEO/000000.00.crop.z.jpg    127 px, 00 is the track
    Data/VID/train/a/VIDEO/000000.00.crop.x.jpg    255 px

The curation leaves these in three places. Each is looked for in ROOT and in the folders directly in
it (such as ``ILSVRC2015_C`` with the crops), below ``Data/VID/train`` or without. Links will do.

The pickles that the TF1 code makes hold the same again, and are never opened. Boxes are 0-based, in
px of the original frame. Categories are WordNet ids, found from the class by the list of the
curation. The videos of VID's validation set (``e/ILSVRC2015_val_00000000``) are left out.
"""

from __future__ import annotations

import dataclasses
import os
import re
from typing import Optional

import numpy as np

from gradnet_tf.datasets import common, tracks
from gradnet_tf.files import folder

INDEX_NAME = "vid_id_frames.txt"
EXEMPLAR_SUFFIX = ".crop.z.jpg"
INSTANCE_SUFFIX = ".crop.x.jpg"
CLASSES = [name for (name,) in common.load_table("siamfc_classes")]


def read_tracks(root: str, progress: bool = False, split: str = tracks.TRAIN) -> tracks.Reading:
    """Reads the text files and lists the crops.

    Each track of a video is called by its number; the video is called by its path,
    such as ``a/ILSVRC2015_train_00000000``.
    """
    base = folder.check_root(root)
    with os.scandir(base) as entries:
        below = sorted(e.path for e in entries if not e.name.startswith(".") and e.is_dir())
    homes = [base, *below]
    places = [os.path.join(home, part) for home in homes for part in ("Data/VID/train", "")]
    flaws: list[tracks.Flaw] = []

    def read_video(video, flaws):
        files = [os.path.join(place, video) for place in places]
        text = next((f"{file}.txt" for file in files if os.path.isfile(f"{file}.txt")), None)
        if text is None:
            flaws.append(tracks.Flaw(tracks.NO_ANNOTATION, video, f"there is no {video}.txt"))
            return []
        crops: dict[str, str] = next(filter(None, map(_list_crops, files)), {})
        return _read_video(video, text, crops, flaws)

    videos = tracks.leave_out(_videos(homes, flaws), tracks.part_by_name, split, flaws)
    looked_for = (
        f"{INDEX_NAME}, VIDEO.txt of each video named there, and VIDEO/000000.00{EXEMPLAR_SUFFIX} "
        f"and {INSTANCE_SUFFIX}, in it and in the folders in it, below Data/VID/train or without"
    )
    return tracks.collect(root, looked_for, videos, read_video, flaws, progress)


def _videos(homes, flaws):
    """Returns the paths of the videos."""
    for home in homes:
        index = os.path.join(home, INDEX_NAME)
        if os.path.isfile(index):
            break
    else:
        return []
    videos: dict[str, None] = {}
    with open(index, encoding="utf-8-sig", errors="replace") as file:
        for count, line in enumerate(file, 1):
            words = line.split()
            if len(words) == 3 and words[1].isdigit() and words[2].isdigit():
                videos[words[0]] = None
            elif words:
                detail = f"{line.strip()!r} is not 'path id frames'"
                flaws.append(tracks.Flaw(tracks.UNREADABLE, f"{index}: line {count}", detail))
    return list(videos)


def _list_crops(path):
    """Returns the absolute names of the exemplars that have an instance, by their stems."""
    try:
        names = set(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    stems = (n[: -len(EXEMPLAR_SUFFIX)] for n in names if n.endswith(EXEMPLAR_SUFFIX))
    return {
        stem: os.path.join(path, stem + EXEMPLAR_SUFFIX)
        for stem in stems
        if stem + INSTANCE_SUFFIX in names
    }


def _read_video(video, path, crops, flaws):
    rows: dict[int, dict[int, tuple]] = {}  # of each track: frame number, then box, class and crop
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError as error:
        flaws.append(tracks.Flaw(tracks.UNREADABLE, path, str(error)))
        return
    for count, line in enumerate(lines, 1):
        row = _parse_line(line)
        if row is not None:
            track, kind, box, frame, stem = row
            crop = crops.get(f"{stem}.{track:02d}")
            rows.setdefault(track, {}).setdefault(frame, (box, kind, crop))
        elif line.strip():
            detail = f"{line!r} is not 'track,class,frame width,height,x,y,width,height,path'"
            flaws.append(tracks.Flaw(tracks.UNREADABLE, f"{path}: line {count}", detail))
    for track, found in sorted(rows.items()):
        numbers = sorted(found)
        boxes, kinds, images = zip(*(found[number] for number in numbers))
        frames = list(map(tracks.Frame, numbers, range(len(numbers)), images))
        category = CLASSES[kinds[0] - 1] if 1 <= kinds[0] <= len(CLASSES) else ""
        names = (video, str(track), category)
        made = tracks.make_track(names, frames, np.array(boxes, np.float64), flaws)
        if made is not None:
            instances = tuple(p[: -len(EXEMPLAR_SUFFIX)] + INSTANCE_SUFFIX for p in made.paths)
            yield dataclasses.replace(made, instance_paths=instances)


def _parse_line(line: str) -> Optional[tuple]:
    """Returns track, class, box, frame number and the frame's stem, or None."""
    words = line.split(",", 8)
    # A number before the path is one too many: commas were decimal points.
    if len(words) != 9 or re.match(r"\s*[0-9.]+\s*,", words[8]):
        return None
    stem = os.path.splitext(words[8].strip().replace("\\", "/").rsplit("/", 1)[-1])[0]
    frame = folder.frame_number(stem)
    try:
        track, kind = int(words[0]), int(words[1])
        box = tuple(float(word) for word in words[4:8])
    except ValueError:
        return None
    return None if frame is None or track < 0 else (track, kind, box, frame, stem)
