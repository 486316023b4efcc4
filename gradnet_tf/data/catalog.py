"""All shards of a training run as one list of videos, tracks and frames, and their crops' bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import zlib
from collections.abc import Sequence
from typing import Optional

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf.data import description, records, sampling
from gradnet_tf.data.index import COLUMNS, ShardIndex
from gradnet_tf.files import storage

_SUFFIX = ".tfrecord"


@dataclasses.dataclass(frozen=True)
class Catalog:
    """What the shards of all data sets hold; videos, tracks and frames are counted through."""

    globs: tuple[str, ...]  # The patterns of the data sets.
    shards: tuple[str, ...]  # Paths of the shards.
    # int64 [shards + 1], tracks shard_start[s] .. shard_start[s + 1] are in shard s.
    shard_start: np.ndarray
    # int64 [tracks + 1], frames first_frame[t] .. first_frame[t + 1] are of track t.
    first_frame: np.ndarray
    videos: tuple[str, ...]  # Name of each video.
    pools: tuple[np.ndarray, ...]  # For each data set, the int64 numbers of its videos.
    tracks: tuple[np.ndarray, ...]  # For each video, the int64 numbers of its tracks.
    track_names: tuple[str, ...]  # Name of each track in its video.
    columns: dict[str, np.ndarray]  # Flat arrays of all frames, by the names of `ShardIndex`.
    # Colours of the exemplars of all data sets together; None if unknown.
    exemplar: Optional[description.Statistics]
    instance: Optional[description.Statistics]  # Colours of the instances.

    def split(
        self, held_out: np.ndarray, weights: Optional[np.ndarray]
    ) -> tuple[sampling.Videos, sampling.Videos]:
        """Parts the videos into those for training and those for validation, bool [videos].

        The weights say how often each data set is drawn; without, all videos are equally likely.
        """

        def part(wanted: bool) -> sampling.Videos:
            pools = tuple(pool[held_out[pool] == wanted] for pool in self.pools)
            frames = self.columns["frames"]
            return sampling.Videos(pools, weights, self.tracks, self.first_frame, frames)

        return part(False), part(True)

    def read(self, key: str, frame: int) -> bytes:
        """Reads the crop "z" (exemplar) or "x" (instance) of a frame: a JPEG file, as indexed.

        Raises:
            OSError: If it cannot be read or the shard has changed; the message names the shard, the
                record, the video, the track and the frame.
        """
        shard, _ = self._place(frame)
        offset, length = (
            int(self.columns[f"{key}_{name}"][frame]) for name in ("offset", "length")
        )
        reason = "the shard was changed since the start or is damaged"
        try:
            content = storage.read_range(shard, offset, length)
        except OSError as error:
            content, reason = b"", error.strerror or str(error)
        if len(content) == length and zlib.crc32(content) == self.columns[f"{key}_checksum"][frame]:
            return content
        raise OSError(f"cannot read {self._name(key, frame)}: {reason}")

    def decode(self, key: str, frame: int, size: int) -> tf.Tensor:
        """Reads and decodes one crop, see `read`: uint8 [size, size, 3], RGB.

        Raises:
            OSError: As in `read`, or if it cannot be decoded.
            ValueError: If its side is not `size` px.
        """
        content = self.read(key, frame)
        try:
            image = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
        except tf.errors.OpError as error:
            reason = storage.reason(error)
            raise OSError(f"cannot decode {self._name(key, frame)}: {reason}") from None
        if image.shape[:2] != (size, size):
            height, width = image.shape[:2]
            raise ValueError(
                f"{self._name(key, frame)} is of {width}x{height} px, expected {size}x{size}"
            )
        return image

    def _track(self, frame: int) -> int:
        return int(np.searchsorted(self.first_frame, frame, side="right")) - 1

    def _place(self, frame: int) -> tuple[str, int]:
        """The shard of a frame, and the number of its record there."""
        track = self._track(frame)
        shard = int(np.searchsorted(self.shard_start, track, side="right")) - 1
        return self.shards[shard], track - int(self.shard_start[shard])

    def _name(self, key: str, frame: int) -> str:
        crop = {"z": "exemplar", "x": "instance"}[key]
        shard, record = self._place(frame)
        return f"the {crop} of {self.describe(frame)} in {shard}, record {record}"

    def video(self, frame: int) -> str:
        """Names the video of a frame of the catalog."""
        track = self._track(frame)
        return next(name for name, own in zip(self.videos, self.tracks) if (own == track).any())

    def describe(self, frame: int) -> str:
        """Names a frame of the catalog: its number, track and video."""
        number, track = self.columns["frames"][frame], self.track_names[self._track(frame)]
        return f"frame {number} of track {track!r} of video {self.video(frame)!r}"

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all that pairs depend on: videos, tracks, frames and crops."""
        total = hashlib.sha256()
        for texts in (self.videos, self.track_names):
            total.update("\n".join(texts).encode())
        for array in (self.first_frame, *self.pools, *self.tracks):
            total.update(array.tobytes())
        for name in ("frames", "z_checksum", "x_checksum"):
            total.update(self.columns[name].tobytes())
        return total.hexdigest()

    @property
    def statistics_digest(self) -> Optional[str]:
        """SHA-256 (hex) of the colours that the augmentation depends on; None if unknown."""
        if self.exemplar is None or self.instance is None:
            return None
        parts = (self.exemplar.covariance, self.instance.covariance)
        return hashlib.sha256(np.stack(parts).tobytes()).hexdigest()


def load(globs: Sequence[str], need_statistics: bool) -> Catalog:
    """Finds the shards of all data sets and reads their indices.

    Args:
        globs: One pattern a data set, such as ``DIR/tracks-*.tfrecord``; a directory stands for all
            shards in it. Whatever TensorFlow's file systems read will do.
        need_statistics: Whether each directory must have its ``dataset.json``.

    Raises:
        FileNotFoundError: If a pattern matches no shard, a directory lacks one of those that its
            ``dataset.json`` lists, or a ``dataset.json`` that is needed is missing.
        OSError: If a shard cannot be read or is damaged.
        ValueError: If a shard is in two data sets or does not fit its ``dataset.json``.
    """
    if not globs:
        raise ValueError("no data: name at least one set of shards, such as DIR/tracks-*.tfrecord")
    sets = [_find(pattern) for pattern in globs]
    _check_apart(globs, [paths for paths, _ in sets])
    indices = {path: records.open_index(path) for paths, _ in sets for path in paths}
    descriptions = {name: _describe(name) for name in dict.fromkeys(map(os.path.dirname, indices))}
    for path, index in indices.items():
        _check_size(path, index, descriptions[os.path.dirname(path)])
    for paths, is_whole in sets:
        if is_whole:
            directory = os.path.dirname(paths[0])
            _check_whole(directory, paths, descriptions[directory])
    missing = [name for name, described in descriptions.items() if described is None]
    if missing and need_statistics:
        raise FileNotFoundError(
            f"there is no {description.FILE_NAME} in {missing[0]}: data preparation writes it, "
            "and the colour augmentation needs its statistics (or turn that off)"
        )
    statistics: dict[str, Optional[description.Statistics]] = {}
    for name in ("exemplar", "instance"):
        parts = [getattr(described, name) for described in descriptions.values() if described]
        statistics[name] = None if missing else description.pool(parts)

    tracks: dict[tuple[str, str], list[int]] = {}  # Of each video, by its directory and name.
    set_of: dict[tuple[str, str], int] = {}
    count = 0
    for number, (paths, _) in enumerate(sets):
        for path in paths:
            for name in indices[path].videos:
                video = os.path.dirname(path), name
                first = set_of.setdefault(video, number)
                if first != number:
                    raise ValueError(
                        f"video {name!r} of {video[0]} is in two data sets: {globs[first]} and "
                        f"{globs[number]}; name all shards of a directory by one pattern"
                    )
                tracks.setdefault(video, []).append(count)
                count += 1
    numbers = np.array(list(set_of.values()), np.int64)
    counts = np.concatenate([index.counts for index in indices.values()])
    return Catalog(
        globs=tuple(globs),
        shards=tuple(indices),
        shard_start=np.cumsum([0] + [len(index.counts) for index in indices.values()]),
        first_frame=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        videos=tuple(name for _, name in tracks),
        pools=tuple(np.flatnonzero(numbers == number) for number in range(len(globs))),
        tracks=tuple(np.array(own, np.int64) for own in tracks.values()),
        track_names=tuple(name for index in indices.values() for name in index.tracks),
        columns={
            key: np.concatenate([index.columns[key] for index in indices.values()])
            for key in COLUMNS
        },
        **statistics,
    )


def _check_apart(globs: Sequence[str], sets: Sequence[Sequence[str]]) -> None:
    pattern_of: dict[str, str] = {}  # Of each shard, by its real path.
    for pattern, paths in zip(globs, sets):
        for path in paths:
            real = path if "://" in path else os.path.realpath(path)
            if real in pattern_of:
                raise ValueError(f"{path} is in two data sets: {pattern_of[real]} and {pattern}")
            pattern_of[real] = pattern


def _describe(directory: str) -> Optional[description.Description]:
    try:
        return description.load(directory)
    except FileNotFoundError:
        return None


def _check_size(path: str, index: ShardIndex, described: Optional[description.Description]) -> None:
    if described is None:
        return
    sizes = {shard.name: shard.bytes for shard in described.shards}
    name = os.path.basename(path)
    if sizes.get(name) != index.shard_bytes:
        known = f"{sizes[name]} bytes" if name in sizes else "no such shard"
        raise ValueError(
            f"{path} has {index.shard_bytes} bytes, but {description.FILE_NAME} beside it says "
            f"{known}: prepare the data again"
        )


def _check_whole(
    directory: str, paths: Sequence[str], described: Optional[description.Description]
) -> None:
    names = [shard.name for shard in described.shards] if described else []
    missing = sorted(set(names) - set(map(os.path.basename, paths)))
    if missing:
        raise FileNotFoundError(
            f"{directory} lacks {len(missing)} of the {len(names)} shards that "
            f"{description.FILE_NAME} lists, such as {missing[0]}: copy or prepare the data "
            "again, or name the shards to train on by a glob"
        )


def _find(pattern: str) -> tuple[list[str], bool]:
    """Shards, and whether they are meant to be all of a directory."""
    pattern = os.path.expanduser(pattern)
    with storage.naming("look for shards", pattern):
        is_directory = tf.io.gfile.isdir(pattern)
        if is_directory:  # A glob would stumble over brackets in the directory's name.
            found = [os.path.join(pattern, name) for name in tf.io.gfile.listdir(pattern)]
        else:
            found = tf.io.gfile.glob(pattern)
    shards = sorted(path for path in found if path.endswith(_SUFFIX))
    if not shards:
        seen = f" (only {min(found)} and the like)" if found else ""
        raise FileNotFoundError(
            f"there is no shard *{_SUFFIX} that matches {pattern}{seen}; "
            "prepare the data first: python -m gradnet_tf.data_prep --help"
        )
    logging.info("%s: %d shards", pattern, len(shards))
    return shards, is_directory
