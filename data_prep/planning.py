"""Decides which track goes to which shard, and whether a run may continue an earlier one."""

from __future__ import annotations

import collections
import hashlib
import heapq
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

import numpy as np

from gradnet_tf.data_prep import layout
from gradnet_tf.datasets.tracks import ALL, Track
from gradnet_tf.files import storage

# About 100 MB of crops. Smaller sets have smaller shards: progress is seen and kept shard by shard.
_FRAMES_PER_SHARD = 4000
_LEAST_SHARDS = 16


def number_of_shards(tracks: Sequence[Track], wanted: Optional[int] = None) -> int:
    """Returns the number of shards as wanted, or one that suits these tracks; one at least.

    A ValueError if more are wanted than there are tracks.
    """
    if wanted is not None and wanted > len(tracks):
        raise ValueError(f"{wanted} shards for {len(tracks)} tracks; give at most as many")
    frames = sum(len(track.frames) for track in tracks)
    suitable = max(_LEAST_SHARDS, -(-frames // _FRAMES_PER_SHARD))
    return wanted or max(1, min(suitable, len(tracks)))


def assign(tracks: Sequence[Track], shards: int) -> list[list[int]]:
    """Spreads tracks over shards so that each gets about as many frames.

    A video's tracks stay together, for they share its frames (a photo with many boxes is then read
    once); only a video of more frames than a shard should have is taken apart. The longest come
    first, each to the shard that has least. The same tracks always give the same; with very unequal
    tracks a shard may stay empty.

    Returns for each shard the places of its tracks in `tracks`, ascending.
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


def digest(tracks: Sequence[Track], root: str = "", at: str = "") -> str:
    """Computes the SHA-256 of all that the readers say about the tracks, hexadecimal.

    If they were read from the absolute folder `root`, it is that of the same files in the folder
    `at`, were they there.
    """
    inside = os.path.join(root, "")

    def moved(path):
        if path.startswith(inside):
            return os.path.join(at, path[len(inside) :])
        # ILSVRC has its images beside the folder of annotations, which may be the root.
        return os.path.normpath(os.path.join(at, os.path.relpath(path, root)))

    state = hashlib.sha256()
    for track in tracks:
        state.update(json.dumps(to_json(track, str if root == at else moved)).encode())
    return state.hexdigest()


def to_json(track: Track, moved: Callable[[str], str] = str) -> dict[str, Any]:
    """Writes a track as JSON can hold it, exactly; its names, not its paths, are proper text."""
    paths = {"paths": track.paths}
    if track.instance_paths:
        paths = {"exemplar_paths": track.paths, "instance_paths": track.instance_paths}
    names = {"video": track.video, "track": track.track, "category": track.category}
    return {
        **{key: storage.encode(name).decode() for key, name in names.items()},
        "frames": [int(frame) for frame in track.frames],
        "boxes": np.asarray(track.boxes, np.float64).tolist(),
        **{key: list(map(moved, files)) for key, files in paths.items()},
    }


def from_json(values: Mapping[str, Any]) -> Track:
    """Undoes `to_json`."""
    names = {"exemplar_paths": "paths"}
    made: dict[str, Any] = {
        names.get(key, key): tuple(value) if isinstance(value, list) else value
        for key, value in values.items()
    }
    return Track(**{**made, "boxes": np.array(values["boxes"], np.float64)})


def check_options(
    output: str, options: Mapping[str, Any], tracks: Optional[Sequence[Track]] = None
) -> None:
    """Makes sure that an output was begun with the same options, as far as these are known yet.

    The source may have moved, and another split may give the same tracks: what the annotations say
    is compared instead, as if they still were where they were, as soon as the tracks are read.

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


def write(output: str, tracks: Sequence[Track], options: Mapping[str, Any]) -> list[int]:
    """Writes the options, and a plan of each shard that is not finished.

    Of the options "shards" and "quality" matter here; the folder `layout.FOLDER` is there. Returns
    the number of frames of each shard, finished or not.
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
