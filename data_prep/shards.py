"""Makes one shard: reads the frames of its tracks, cuts their crops, writes them as records."""

from __future__ import annotations

import collections
import dataclasses
import functools
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from gradnet_tf.boxes import checks
from gradnet_tf.data import records
from gradnet_tf.data.description import MAX_LISTED_PROBLEMS
from gradnet_tf.data_prep import curate, layout, planning, statistics
from gradnet_tf.datasets import tracks as reading
from gradnet_tf.files import storage
from gradnet_tf.media import image_files, images

# Kinds of problems besides those of the readers.
UNREADABLE_IMAGE = "unreadable image"
OUTSIDE = "box outside the frame"
HUGE_BOX = "huge box"  # many times the size of the frame
CHANGED_CROP = "changed crop"  # a ready crop of another size or format, converted
DROPPED = "dropped track"  # no frame of it is left

_HUGE = 4  # times the width or height of the frame
_CHUNK = 1 << 24  # bytes


class _Unusable(Exception):
    """A frame cannot be used; the arguments are kind and detail of the problem."""


@dataclasses.dataclass
class _Tally:
    """What is counted while a shard is made."""

    tracks: int = 0
    frames: int = 0
    videos: dict[str, None] = dataclasses.field(default_factory=dict)  # in their order
    problems: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    problem_list: list[dict[str, str]] = dataclasses.field(default_factory=list)
    pixels: list[np.ndarray] = dataclasses.field(  # Sums of exemplars and of instances.
        default_factory=lambda: [statistics.total([]), statistics.total([])]
    )

    def report(self, kind: str, where: str, detail: str) -> None:
        self.problems[kind] += 1
        if len(self.problem_list) < MAX_LISTED_PROBLEMS:
            self.problem_list.append({"kind": kind, "where": where, "detail": detail})


def make_shard(number: int, output: str) -> dict[str, Any]:
    """Makes the shard that the plan in `output` describes; a finished one is left as it is.

    Frames that cannot be used are counted and listed, and a track without any other frame is
    dropped. The shard appears when it is whole, its summary, which is returned, after that. An
    OSError if the plan cannot be read or the shard not written.
    """
    plan = layout.read_json(layout.plan_path(output, number))
    finished = layout.finished_summary(output, number, plan["shards"])
    if finished is not None:
        return finished
    tally = _Tally()
    name = layout.shard_name(number, plan["shards"])
    path = os.path.join(output, name)
    tracks = map(planning.from_json, plan["tracks"])
    records.write_shard(path, _make_records(tracks, plan["quality"], tally))
    size, sha256 = _hash(path)
    summary = {
        "name": name,
        "tracks": tally.tracks,
        "frames": tally.frames,
        "bytes": size,
        "sha256": sha256,
        "videos": list(tally.videos),
        "problems": dict(tally.problems),
        "problem_list": tally.problem_list,
        "exemplar": statistics.to_json(tally.pixels[0]),
        "instance": statistics.to_json(tally.pixels[1]),
    }
    layout.write_json(layout.summary_path(output, number), summary)
    return summary


def _make_records(
    tracks: Iterable[reading.Track], quality: int, tally: _Tally
) -> Iterator[records.TrackRecord]:
    for track in tracks:
        kept, exemplars, instances = [], [], []
        for place, frame in enumerate(track.frames):
            try:
                exemplar, instance = _crops(track, place, quality, tally)
            except _Unusable as problem:
                where = f"{track.video}: frame {frame}, track {track.track}"
                kind, detail = problem.args
                tally.report(kind, where, detail)
                continue
            kept.append(place)
            exemplars.append(exemplar)
            instances.append(instance)
        if not kept:
            where = f"{track.video}: track {track.track}"
            tally.report(DROPPED, where, f"none of its {len(track.frames)} frames can be used")
            continue
        for sums, crops in zip(tally.pixels, (exemplars, instances)):
            sums += statistics.total(map(_pixel_sums, crops))
        tally.tracks += 1
        tally.frames += len(kept)
        tally.videos[track.video] = None
        yield records.TrackRecord(
            video=track.video,
            track=track.track,
            category=track.category,
            frames=np.array([track.frames[place] for place in kept], np.int64),
            boxes=np.asarray(track.boxes[kept], np.float32),
            exemplars=tuple(exemplars),
            instances=tuple(instances),
        )


def _crops(track, place, quality, tally):
    """The JPEG files (exemplar, instance) of one frame of a track."""
    if track.instance_paths:
        return (
            _take_crop(track.paths[place], curate.EXEMPLAR_SIZE, quality, tally),
            _take_crop(track.instance_paths[place], curate.INSTANCE_SIZE, quality, tally),
        )
    path, box = track.paths[place], track.boxes[place]
    try:
        frame, colour = _read_frame(path)
    except FileNotFoundError as error:
        raise _Unusable(reading.NO_IMAGE, str(error)) from error
    except (OSError, TypeError, ValueError) as error:
        raise _Unusable(UNREADABLE_IMAGE, f"{path}: {error}") from error
    _check_box(box, frame)
    return tuple(
        curate.to_jpeg(crop, quality) for crop in curate.cut_crops(frame, box, colour=colour)
    )


@functools.lru_cache(maxsize=1)  # Several targets of one photo follow each other.
def _read_frame(path):
    frame = images.as_rgb(path)
    return frame, curate.mean_colour(frame)


def _check_box(box, frame):
    height, width = frame.shape[:2]
    detail = f"(x, y, width, height) {box.tolist()} in a frame of {width}x{height}"
    if not checks.is_known(box[np.newaxis])[0]:
        raise _Unusable(reading.EMPTY_BOX, detail)
    try:
        checks.check_box(box, frame.shape[:2])
    except ValueError as error:
        raise _Unusable(OUTSIDE, detail) from error
    if box[2] > _HUGE * width or box[3] > _HUGE * height:
        raise _Unusable(HUGE_BOX, detail)


def _take_crop(path, size, quality, tally):
    """A ready crop: its bytes as they are, if they are an RGB JPEG of the size."""
    try:
        with open(path, "rb") as file:
            content = file.read()
        with image_files.opened(io.BytesIO(content), path) as image:
            found = f"{image.mode} {image.format} {image.width}x{image.height}"
            pixels = images.as_rgb(image)
    except FileNotFoundError as error:
        raise _Unusable(reading.NO_IMAGE, f"there is no {path}") from error
    except OSError as error:
        raise _Unusable(UNREADABLE_IMAGE, str(error)) from error
    wanted = f"RGB JPEG {size}x{size}"
    if found == wanted:
        return content
    tally.report(CHANGED_CROP, path, f"it was {found}, and was made {wanted}")
    crop = Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC)
    return curate.to_jpeg(crop, quality)


def _pixel_sums(jpeg):
    with Image.open(io.BytesIO(jpeg)) as image:
        return statistics.of_image(np.asarray(image))


def _hash(path):
    """Size and SHA-256 of a file."""
    state, size = hashlib.sha256(), 0
    with storage.naming("read", path), tf.io.gfile.GFile(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
            size += len(chunk)
    return size, state.hexdigest()
