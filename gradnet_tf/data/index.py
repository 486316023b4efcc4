"""The index of a shard: which tracks it holds and where each crop lies in the file."""

from __future__ import annotations

import dataclasses
import io
import os
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.files import storage

SUFFIX = ".index.npz"
Names = tuple[str, str, str]  # Video, track and category of a track.
Columns = dict[str, np.ndarray]  # By the names of `COLUMNS`.
_NAMES = ("videos", "tracks", "categories")
_VERSION = 1
_TAIL_BYTES = 1024
# What there is for each frame: the dtype, and the shape behind the first axis.
COLUMNS = {
    "frames": (np.int64, ()),  # Frame numbers as the source counts them.
    "boxes": (np.float32, (4,)),  # (x, y, width, height), 0-based px of the original frames.
    "z_offset": (np.int64, ()),  # Where in the shard file the exemplar's JPEG begins,
    "z_length": (np.int32, ()),  # its bytes,
    "z_checksum": (np.uint32, ()),  # and its CRC-32.
    "x_offset": (np.int64, ()),  # The same of the instance.
    "x_length": (np.int32, ()),
    "x_checksum": (np.uint32, ()),
}


@dataclasses.dataclass(frozen=True)
class ShardIndex:
    """What a shard holds. Frames of all tracks stand in flat arrays, one track after the other."""

    videos: tuple[str, ...]  # Name of each track's video.
    tracks: tuple[str, ...]  # Name of each track in its video.
    categories: tuple[str, ...]  # Class of each track, "" if unknown.
    counts: np.ndarray  # int64 [tracks], frames of each track.
    columns: Columns  # Arrays by the names of `COLUMNS`, one row for each frame.
    shard_bytes: int  # Size of the shard.
    # CRC-32 of the shard's last bytes, which end with the checksum of its last record; with the
    # size it tells whether the index belongs to the file.
    shard_tail: int

    @classmethod
    def build(cls, tracks: Sequence[tuple[Names, Columns]], path: str) -> ShardIndex:
        """Puts the index of a shard file, as it is, together from the columns of each track."""
        names = {key: tuple(own[place] for own, _ in tracks) for place, key in enumerate(_NAMES)}
        columns = {
            key: np.concatenate([np.zeros((0, *shape), dtype), *(own[key] for _, own in tracks)])
            for key, (dtype, shape) in COLUMNS.items()
        }
        counts = np.array([len(own["frames"]) for _, own in tracks], np.int64)
        size, tail = _identity(path)
        return cls(**names, counts=counts, columns=columns, shard_bytes=size, shard_tail=tail)

    def save(self, shard: str) -> None:
        """Writes the index beside its shard, whole or not at all; raises OSError."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            "version": np.int64(_VERSION),
            **{key: np.array(getattr(self, key), str) for key in _NAMES},
            "counts": self.counts,
            **self.columns,
            "shard_bytes": np.int64(self.shard_bytes),
            "shard_tail": np.uint32(self.shard_tail),
        }
        np.savez(buffer, **arrays)
        storage.write_bytes(os.fspath(shard) + SUFFIX, buffer.getvalue())

    @classmethod
    def load(cls, shard: str) -> Optional[ShardIndex]:
        """Reads the index beside a shard; None if it is missing or cannot be used."""
        try:
            content = storage.read_bytes(os.fspath(shard) + SUFFIX)
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                if int(stored["version"]) != _VERSION:
                    return None
                names: dict[str, Any] = {key: tuple(stored[key].tolist()) for key in _NAMES}
                return cls(
                    **names,
                    counts=stored["counts"],
                    columns={key: stored[key] for key in COLUMNS},
                    shard_bytes=int(stored["shard_bytes"]),
                    shard_tail=int(stored["shard_tail"]),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def fits(self, shard: str) -> bool:
        """Whether the index belongs to a shard as it is now, by its size and its end."""
        return (self.shard_bytes, self.shard_tail) == _identity(shard)


def _identity(path: str) -> tuple[int, int]:
    """Size of a file and CRC-32 of its last bytes."""
    path = os.fspath(path)
    with storage.naming("read", path):
        size = tf.io.gfile.stat(path).length
    return size, zlib.crc32(storage.read_range(path, max(size - _TAIL_BYTES, 0), _TAIL_BYTES))
