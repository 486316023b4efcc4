"""Reads still images with annotations in the format of COCO (Lin et al., ECCV 2014).

    ROOT/instances.json                           ROOT/images/000001.jpg
    ROOT/annotations/instances_train2017.json     ROOT/train2017/000000000009.jpg

Every file ``instances*.json`` in ROOT or its ``annotations`` is read, but for those of a validation
or test set, such as ``instances_val2017.json``. The images of ``instances_SPLIT.json`` are looked
for in ``SPLIT``, ``images/SPLIT``, ``images`` and ROOT. Each annotation of a single object is a
track of one frame. Boxes are x, y, width, height, 0-based.
"""

from __future__ import annotations

import json
import os
import re

import numpy as np
from tqdm.auto import tqdm

from gradnet_tf.boxes import checks
from gradnet_tf.datasets import tracks
from gradnet_tf.files import folder

# Targets with a shorter side than this, in px, are passed over: COCO has many specks.
MIN_SIDE = 4
_NAME = re.compile(r"instances(?:_(.*))?\.json")


def read_tracks(root: str, progress: bool = False, split: str = tracks.TRAIN) -> tracks.Reading:
    """Reads the annotations and looks for the images.

    An annotation is one track of frame 0, called by its id. Its video is the image's name without
    suffix, after "SPLIT/" where several files are read.
    """
    base = folder.check_root(root)
    flaws: list[tracks.Flaw] = []
    files = {
        os.path.join(place, name): match[1] or ""
        for place in (base, os.path.join(base, "annotations"))
        if os.path.isdir(place)
        for name in sorted(os.listdir(place))
        for match in [_NAME.fullmatch(name)]
        if match
    }
    paths = tracks.leave_out(files, lambda path: tracks.part_by_file(files[path]), split, flaws)

    def read_file(path, flaws):
        name = files[path]
        places = [os.path.join(base, name), os.path.join(base, "images", name)] if name else []
        places += [os.path.join(base, "images"), base]
        return _read_file(path, places, f"{name}/" if len(paths) > 1 else "", flaws, progress)

    looked_for = "instances*.json in it or in annotations/, and images in images/, SPLIT/ or it"
    return tracks.collect(root, looked_for, paths, read_file, flaws, progress=False)


def _read_file(path, places, prefix, flaws, progress):
    try:
        with open(path, encoding="utf-8-sig") as file:
            content = json.load(file, object_hook=_without_outline)
        names = {image["id"]: image["file_name"] for image in content["images"]}
        categories = {item["id"]: str(item["name"]) for item in content.get("categories", ())}
        annotations = list(content["annotations"])
    except KeyError as error:
        flaws.append(tracks.Flaw(tracks.UNREADABLE, path, f"there is no {error}"))
        return
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        flaws.append(tracks.Flaw(tracks.UNREADABLE, path, f"not a file of instances: {error}"))
        return
    images = {
        key: _find(name, places)
        for key, name in tqdm(names.items(), unit="image", disable=not progress)
    }
    boxed = set()
    for annotation in annotations:
        try:
            key, track = annotation["image_id"], annotation["id"]
            boxed.add(key)
            where = f"{path}: annotation {track}"
            is_crowd = bool(annotation.get("iscrowd", 0))
            box = np.array(annotation["bbox"], np.float64).reshape(1, 4)
            category = categories.get(annotation.get("category_id"), "")
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            detail = f"{type(error).__name__}: {error}"
            flaws.append(tracks.Flaw(tracks.UNREADABLE, f"{path}: {str(annotation)[:80]}", detail))
            continue
        if is_crowd:
            flaws.append(tracks.Flaw(tracks.CROWD, where))
        elif not checks.is_known(box)[0]:
            flaws.append(tracks.Flaw(tracks.EMPTY_BOX, where, f"bbox is {box[0].tolist()}"))
        elif box[0, 2:].min() < MIN_SIDE:
            flaws.append(tracks.Flaw(tracks.TINY_BOX, where, f"bbox is {box[0].tolist()}"))
        elif images.get(key) is None:
            detail = f"image {key}, {names[key]!r}" if key in names else f"no image has id {key}"
            flaws.append(tracks.Flaw(tracks.NO_IMAGE, where, detail))
        else:
            video = prefix + os.path.splitext(names[key])[0].replace(os.sep, "/")
            yield tracks.Track(video, str(track), category, (0,), (images[key],), box)
    for key in names:
        if key not in boxed:
            flaws.append(tracks.Flaw(tracks.NO_ANNOTATION, f"{path}: image {key}", str(names[key])))


def _without_outline(item):
    """Drops the outlines while the file is read: they are most of it."""
    item.pop("segmentation", None)
    return item


def _find(name, places):
    """Returns the absolute name of an image, or None."""
    if not isinstance(name, str) or os.path.isabs(name) or ".." in name.split("/"):
        return None
    paths = (os.path.join(place, name) for place in places)
    return next(filter(os.path.isfile, paths), None)
