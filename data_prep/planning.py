"""Decides which track goes to which shard, and whether a run may continue an earlier one."""

from __future__ import annotations

import collections
import hashlib
import heapq
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np

from gradnet_tf.data import storage
from gradnet_tf.data_prep import layout
from gradnet_tf.datasets.tracks import ALL, CropTrack, Track

AnyTrack = Union[Track, CropTrack]

# About 100 MB of crops. Smaller sets have smaller shards: progress is seen and kept shard by shard.
_FRAMES_PER_SHARD = 4000
_LEAST_SHARDS = 16


def default_shards(tracks: Sequence[AnyTrack]) -> int:
    """The number of shards that suits these tracks, one at least."""
    frames = sum(len(track.frames) for track in tracks)
    wanted = max(_LEAST_SHARDS, -(-frames // _FRAMES_PER_SHARD))
    return max(1, min(wanted, len(tracks)))


def assign(tracks: Sequence[AnyTrack], shards: int) -> list[list[int]]:
    """Spreads tracks over shards so that each gets about as many frames.

    A video's tracks stay together, for they share its frames (a photo with many boxes is then read
    once); only a video of more frames than a shard should have is taken apart. The longest come
    first, each to the shard that has least.

    Returns:
        For each shard the places of its tracks in `tracks`, ascending. The same tracks always give
        the same; with very unequal tracks a shard may stay empty.
    """
    lengths = [len(track.frames) for track in tracks]
    videos = collections.defaultdict(list)
    for place, track in enumerate(tracks):
        videos[track.video].append(place)
    groups = []
    for places in videos.values():
        together = sum(lengths[place] for place in places)
        if together * shards <= sum(lengths):
            groups.append((together, places))
        else:
            groups.extend((lengths[place], [place]) for place in places)
    assigned: list[list[int]] = [[] for _ in range(shards)]
    fill = [(0, shard) for shard in range(shards)]
    for length, places in sorted(groups, key=lambda group: (-group[0], group[1][0])):
        frames, shard = heapq.heappop(fill)
        assigned[shard].extend(places)
        heapq.heappush(fill, (frames + length, shard))
    return [sorted(places) for places in assigned]


def digest(tracks: Sequence[AnyTrack], root: str = "", at: str = "") -> str:
    """SHA-256 of all that the readers say about the tracks, hexadecimal.

    Args:
        tracks: The tracks, as they were read.
        root: The absolute folder that they were read from.
        at: Another one; the digest is that of the same files, were they there.
    """
    state = hashlib.sha256()
    for track in tracks:
        values = to_json(track)
        if root != at:
            for name in _paths_of(track):
                values[name] = [_moved(path, root, at) for path in values[name]]
        state.update(json.dumps(values).encode())
    return state.hexdigest()


def _moved(path: str, root: str, at: str) -> str:
    inside = os.path.join(root, "")
    if path.startswith(inside):
        return os.path.join(at, path[len(inside) :])
    # ILSVRC has its images beside the folder of annotations, which may be the root.
    return os.path.normpath(os.path.join(at, os.path.relpath(path, root)))


def to_json(track: AnyTrack) -> dict[str, Any]:
    """A track as JSON can hold it, exactly; its names (but not its paths) are proper text."""
    return {
        **{name: _text(getattr(track, name)) for name in ("video", "track", "category")},
        "frames": [int(frame) for frame in track.frames],
        "boxes": np.asarray(track.boxes, np.float64).tolist(),
        **{name: list(getattr(track, name)) for name in _paths_of(track)},
    }


def _paths_of(track: AnyTrack) -> tuple[str, ...]:
    return ("exemplar_paths", "instance_paths") if isinstance(track, CropTrack) else ("paths",)


def _text(name: str) -> str:
    return storage.encode(name).decode()


def from_json(values: Mapping[str, Any]) -> AnyTrack:
    """Undoes `to_json`."""
    kind = Track if "paths" in values else CropTrack
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return kind(**{**values, **lists, "boxes": np.array(values["boxes"], np.float64)})


def check_options(
    output: str, options: Mapping[str, Any], tracks: Optional[Sequence[AnyTrack]] = None
) -> None:
    """Makes sure that an output was begun with the same options.

    The source may have moved, and another split may give the same tracks: what the annotations say
    is compared instead, as if they still were where they were.

    Args:
        output: Folder of the data set.
        options: All options of this run, or those that are known so far.
        tracks: All tracks, as soon as they are read.

    Raises:
        ValueError: If `output` was begun with others; the message names them.
        OSError: If they cannot be read.
    """
    try:
        earlier = layout.read_json(layout.options_path(output))
    except FileNotFoundError:
        return
    earlier.setdefault("split", ALL)  # There was no choice when it was begun.
    here = dict(options)
    if tracks is not None:
        here["annotations"] = digest(tracks, here["root"], earlier.get("root", here["root"]))
    changed = [name for name, value in here.items() if earlier.get(name) != value]
    differing = [f"{name} was {earlier.get(name)!r} and is now {here[name]!r}" for name in changed]
    if set(changed) - {"root", "split"}:
        raise ValueError(
            f"{output} was begun with other options: {'; '.join(differing)}. "
            "Give the same ones to continue, or another --output"
        )


def write(output: str, tracks: Sequence[AnyTrack], options: Mapping[str, Any]) -> list[int]:
    """Writes the options, and a plan of each shard that is not finished.

    Args:
        output: Folder of the data set; its folder `layout.FOLDER` is there.
        tracks: All tracks.
        options: All options; of these "shards" and "quality" matter here.

    Returns:
        The number of frames of each shard, finished or not.
    """
    layout.write_json(layout.options_path(output), dict(options))
    frames = []
    for number, places in enumerate(assign(tracks, options["shards"])):
        chosen = [tracks[place] for place in places]
        frames.append(sum(len(track.frames) for track in chosen))
        if layout.finished_summary(output, number, options["shards"]) is None:
            plan = {
                "shards": options["shards"],
                "quality": options["quality"],
                "tracks": [to_json(track) for track in chosen],
            }
            layout.write_json(layout.plan_path(output, number), plan)
    return frames
