"""Track records: TFRecord files of crops, and reading single crops out of them.

One record is one track: its names, frame numbers, boxes and two JPEG crops a frame, the exemplar z
and the instance x, as SiamFC's curation of ILSVRC cuts them. A pair for training needs two crops of
a track and not the whole of it, so each shard has an index (see `index.ShardIndex`) beside it that
says where every JPEG lies in the file.
"""

from __future__ import annotations

import dataclasses
import io
import os
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf
from PIL import Image

from gradnet_tf.data.index import ShardIndex
from gradnet_tf.files import storage
from gradnet_tf.network.architecture import EXEMPLAR_SIZE, INSTANCE_SIZE

# A TFRecord file frames a record by its length (8 bytes), the length's checksum (4) before it and
# the data's checksum (4) behind it.
_HEADER_BYTES = 12
_FOOTER_BYTES = 4


@dataclasses.dataclass(frozen=True)
class TrackRecord:
    """One target in one video.

    Attributes:
        video: The video's name, unique in its source; tracks of a video share it.
        track: The target's name in the video.
        category: The target's class, "" if unknown.
        frames: int64 [n], frame numbers as the source counts them, strictly ascending.
        boxes: float32 [n, 4], (x, y, width, height), 0-based px of the original frames.
        exemplars: n JPEG files, 127 x 127 px, RGB.
        instances: n JPEG files, 255 x 255 px, RGB.
    """

    video: str
    track: str
    category: str
    frames: np.ndarray
    boxes: np.ndarray
    exemplars: tuple[bytes, ...]
    instances: tuple[bytes, ...]


def encode(record: TrackRecord) -> bytes:
    """Writes a track as a `tf.train.Example`; equal records give equal bytes.

    Its features are video, track and category (bytes), frames (int64), boxes (float, four a frame),
    z and x (bytes, one JPEG a frame).

    Raises:
        ValueError: If the record contradicts itself or a crop is not a JPEG of its size.
    """
    _check(record)
    features = {
        "video": _bytes_feature([record.video.encode()]),
        "track": _bytes_feature([record.track.encode()]),
        "category": _bytes_feature([record.category.encode()]),
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
    missing = {"video", "track", "category", "frames", "boxes", "z", "x"} - set(feature)
    if missing:
        raise ValueError(f"not a track record: it lacks {', '.join(sorted(missing))}")
    names = [b"".join(feature[key].bytes_list.value) for key in ("video", "track", "category")]
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
    """Writes a TFRecord file of tracks and its index.

    Both are written under temporary names; the shard takes its own name last, so that a shard that
    exists is whole and has its index. Nothing is left behind on failure.

    Args:
        path: The shard, such as ``DIR/tracks-00000-of-00016.tfrecord``; gs:// and the like work
            where TensorFlow has them. An existing shard is replaced.
        records: The tracks; they are taken one by one.

    Returns:
        The shard's index.

    Raises:
        ValueError: If a record is not sound (see `encode`).
        OSError: If the file cannot be written.
    """
    builder = _IndexBuilder()
    with storage.replacing(path) as temporary:
        with tf.io.TFRecordWriter(temporary) as writer:
            for record in records:
                serialized = encode(record)
                writer.write(serialized)
                builder.add(record, serialized)
        index = builder.finish(temporary)
        index.save(path)
    return index


def read_shard(path: str) -> Iterator[TrackRecord]:
    """Yields the tracks of a shard one after the other; checksums are verified.

    Raises:
        OSError: If it cannot be read, is cut off or damaged.
        ValueError: If it holds something else than tracks.
    """
    for number, serialized in enumerate(_read_raw(path)):
        yield _decode_of(path, number, serialized)


def open_index(path: str) -> ShardIndex:
    """Reads a shard's index, or builds it where it is missing or belongs to another shard.

    Raises as `read_shard`.
    """
    index = ShardIndex.load(path)
    if index is not None and index.fits(path):
        return index
    builder = _IndexBuilder()
    for number, serialized in enumerate(_read_raw(path)):
        builder.add(_decode_of(path, number, serialized), serialized)
    return builder.finish(path)


class _IndexBuilder:
    """Notes where the crops of each record lie."""

    def __init__(self):
        self._names = []  # (video, track, category) of each track
        self._columns = []  # arrays of each track
        self._position = 0

    def add(self, record: TrackRecord, serialized: bytes) -> None:
        """Notes the next record of the file."""
        data_start = self._position + _HEADER_BYTES
        columns = {
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
        self._names.append((record.video, record.track, record.category))
        self._columns.append(columns)
        self._position = data_start + len(serialized) + _FOOTER_BYTES

    def finish(self, path: str) -> ShardIndex:
        """Gives the index of the file that now holds the records."""
        return ShardIndex.build(self._names, self._columns, path)


def _bytes_feature(values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _check(record: TrackRecord) -> None:
    where = f"track {record.track!r} of video {record.video!r}"
    if not record.video:
        raise ValueError(f"{where}: the video needs a name")
    frames, boxes = np.asarray(record.frames), np.asarray(record.boxes)
    count = len(frames)
    if not count or frames.ndim != 1 or not np.issubdtype(frames.dtype, np.integer):
        raise ValueError(f"{where}: expected frame numbers, got {frames.dtype} {frames.shape}")
    if np.any(np.diff(frames) <= 0):
        raise ValueError(f"{where}: frame numbers must ascend, each once")
    if boxes.shape != (count, 4) or not np.all(np.isfinite(boxes)):
        raise ValueError(f"{where}: expected finite boxes [{count}, 4], got shape {boxes.shape}")
    for crops, size in ((record.exemplars, EXEMPLAR_SIZE), (record.instances, INSTANCE_SIZE)):
        if len(crops) != count:
            raise ValueError(f"{where}: {count} frames, but {len(crops)} crops of {size} px")
        for frame, crop in zip(frames, crops):
            found = _describe(crop)
            wanted = f"RGB JPEG {size}x{size}"
            if found != wanted:
                raise ValueError(f"{where}, frame {frame}: the crop is {found}, not {wanted}")


def _describe(crop: bytes) -> str:
    """Tells what kind of image a crop is; it is decoded, so that no damaged one gets in."""
    try:
        with Image.open(io.BytesIO(crop)) as image:
            image.load()
            return f"{image.mode} {image.format} {image.width}x{image.height}"
    except OSError:
        return "no image or a damaged one"


def _decode_of(path: str, number: int, serialized: bytes) -> TrackRecord:
    try:
        return decode(serialized)
    except ValueError as error:
        raise ValueError(f"{path}, record {number}: {error}") from error


def _read_raw(path: str) -> Iterator[bytes]:
    number = 0
    with storage.naming("read", path):
        data = tf.data.TFRecordDataset(os.fspath(path), buffer_size=1 << 20)
        try:
            for serialized in data.as_numpy_iterator():
                yield serialized
                number += 1
        except tf.errors.DataLossError as error:
            raise OSError(
                f"cannot read {path}: it is damaged in record {number}: {storage.reason(error)}; "
                "copy or prepare the data again"
            ) from error
