"""Track records: TFRecord files of crops, and reading single crops out of them.

One record is one track: its names, frame numbers, boxes and two JPEG crops a frame, the exemplar z
and the instance x, as SiamFC's curation of ILSVRC cuts them. A pair for training needs two crops of
a track and not the whole of it, so each shard has an index (see `index.ShardIndex`) beside it that
says where every JPEG lies in the file.
"""

from __future__ import annotations

import dataclasses
import os
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from gradnet_tf.data.index import Columns, Names, ShardIndex
from gradnet_tf.files import storage

# A TFRecord file frames a record by its length (8 bytes), the length's checksum (4) before it and
# the data's checksum (4) behind it.
_HEADER_BYTES = 12
_FOOTER_BYTES = 4
_NAMES = ("video", "track", "category")  # Of a track; features of the record, too.


@dataclasses.dataclass(frozen=True)
class TrackRecord:
    """One target in one video."""

    video: str  # The video's name, unique in its source; tracks of a video share it.
    track: str  # The target's name in the video.
    category: str  # The target's class, "" if unknown.
    frames: np.ndarray  # int64 [n], frame numbers as the source counts them, strictly ascending.
    boxes: np.ndarray  # float32 [n, 4], (x, y, width, height), 0-based px of the original frames.
    exemplars: tuple[bytes, ...]  # n JPEG files, 127 x 127 px, RGB.
    instances: tuple[bytes, ...]  # n JPEG files, 255 x 255 px, RGB.


def encode(record: TrackRecord) -> bytes:
    """Writes a track as a `tf.train.Example`; equal records give equal bytes.

    Its features are video, track and category (bytes), frames (int64), boxes (float, four a frame),
    z and x (bytes, one JPEG a frame).
    """
    features = {
        **{name: _bytes_feature([getattr(record, name).encode()]) for name in _NAMES},
        "frames": tf.train.Feature(int64_list=tf.train.Int64List(value=record.frames)),
        "boxes": tf.train.Feature(
            float_list=tf.train.FloatList(value=np.asarray(record.boxes, np.float32).ravel())
        ),
        "z": _bytes_feature(record.exemplars),
        "x": _bytes_feature(record.instances),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def decode(serialized: bytes) -> TrackRecord:
    """Reads what `encode` wrote; raises ValueError if it is not a track record."""
    try:
        feature = tf.train.Example.FromString(serialized).features.feature
    except Exception as error:  # Protobuf's DecodeError is another class in each implementation.
        raise ValueError("not a track record: the data are no tf.train.Example") from error
    missing = {*_NAMES, "frames", "boxes", "z", "x"} - set(feature)
    if missing:
        raise ValueError(f"not a track record: it lacks {', '.join(sorted(missing))}")
    names = [b"".join(feature[key].bytes_list.value) for key in _NAMES]
    frames = np.array(feature["frames"].int64_list.value, np.int64)
    boxes = np.array(feature["boxes"].float_list.value, np.float32)
    exemplars = tuple(feature["z"].bytes_list.value)
    instances = tuple(feature["x"].bytes_list.value)
    if not len(frames) == len(boxes) / 4 == len(exemplars) == len(instances):
        raise ValueError(
            f"not a track record: {len(frames)} frames, {len(boxes) / 4:g} boxes, "
            f"{len(exemplars)} crops z and {len(instances)} crops x"
        )
    video, track, category = (name.decode() for name in names)
    return TrackRecord(video, track, category, frames, boxes.reshape(-1, 4), exemplars, instances)


def write_shard(path: str, records: Iterable[TrackRecord]) -> ShardIndex:
    """Writes a TFRecord file of tracks, which are taken one by one, and returns its index.

    Both are written under temporary names; the shard takes its own name last, so that a shard that
    exists is whole and has its index. Nothing is left behind on failure, and an older one is
    replaced. gs:// and the like work where TensorFlow has them. An OSError if it cannot be written.
    """

    def written(writer):
        for record in records:
            serialized = encode(record)
            writer.write(serialized)
            yield record, serialized

    with storage.replacing(path) as temporary:
        with tf.io.TFRecordWriter(temporary) as writer:
            tracks = list(_located(written(writer)))
        index = ShardIndex.build(tracks, temporary)
        index.save(path)
    return index


def read_shard(path: str) -> Iterator[tuple[TrackRecord, bytes]]:
    """Yields the tracks of a shard one after the other, each with the bytes that it is stored as.

    Checksums are verified.

    Raises:
        OSError: If it cannot be read, is cut off or damaged.
        ValueError: If it holds something else than tracks.
    """
    number = 0
    with storage.naming("read", path):
        data = tf.data.TFRecordDataset(os.fspath(path), buffer_size=1 << 20)
        try:
            for serialized in data.as_numpy_iterator():
                yield decode(serialized), serialized
                number += 1
        except ValueError as error:
            raise ValueError(f"{path}, record {number}: {error}") from error
        except tf.errors.DataLossError as error:
            raise OSError(
                f"cannot read {path}: it is damaged in record {number}: {storage.reason(error)}; "
                "copy or prepare the data again"
            ) from error


def open_index(path: str) -> ShardIndex:
    """Reads a shard's index, or builds it where it is missing or belongs to another shard.

    Raises as `read_shard`.
    """
    index = ShardIndex.load(path)
    if index is not None and index.fits(path):
        return index
    return ShardIndex.build(list(_located(read_shard(path))), path)


def _located(stored: Iterable[tuple[TrackRecord, bytes]]) -> Iterator[tuple[Names, Columns]]:
    """Tells of each record of a file where its crops lie in it, see `ShardIndex.build`."""
    position = 0
    for record, serialized in stored:
        data_start = position + _HEADER_BYTES
        columns: Columns = {
            "frames": np.asarray(record.frames, np.int64),
            "boxes": np.asarray(record.boxes, np.float32).reshape(-1, 4),
        }
        for key, crops in (("z", record.exemplars), ("x", record.instances)):
            offsets, cursor = [], 0
            for crop in crops:
                # Any place that holds the same bytes does; the crops stand in order, so each
                # search but the first ends within a few bytes.
                found = serialized.index(crop, cursor)
                offsets.append(data_start + found)
                cursor = found + len(crop)
            columns[f"{key}_offset"] = np.array(offsets, np.int64)
            columns[f"{key}_length"] = np.array([len(crop) for crop in crops], np.int32)
            columns[f"{key}_checksum"] = np.array([zlib.crc32(crop) for crop in crops], np.uint32)
        yield (record.video, record.track, record.category), columns
        position = data_start + len(serialized) + _FOOTER_BYTES


def _bytes_feature(values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
