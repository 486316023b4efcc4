"""Small sets of track records: shards, their indices and dataset.json."""

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from gradnet_tf.data import description, records
from gradnet_tf.data_prep import statistics as sums


def jpeg(size, seed, **options):
    """A JPEG of smooth noise."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((size, size), Image.Resampling.BICUBIC).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def record(video="video", track="0", frames=(0, 1, 2), seed=0):
    """A track whose crops all differ."""
    count = len(frames)
    return records.TrackRecord(
        video=video,
        track=track,
        category="thing",
        frames=np.array(frames, np.int64),
        boxes=np.random.default_rng(seed).uniform(1, 99, (count, 4)).astype(np.float32),
        exemplars=tuple(jpeg(127, [seed, i, 0]) for i in range(count)),
        instances=tuple(jpeg(255, [seed, i, 1]) for i in range(count)),
    )


def statistics(tracks):
    """Colours of all exemplars and of all instances."""

    def of(crops):
        images = (np.array(Image.open(io.BytesIO(crop))) for crop in crops)
        return sums.describe(sums.total(map(sums.of_image, images)))

    return (
        of([crop for track in tracks for crop in track.exemplars]),
        of([crop for track in tracks for crop in track.instances]),
    )


def write_set(directory, tracks, shards=2):
    """Writes shards and dataset.json; returns the pattern of the shards."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(shards):
        path = directory / f"tracks-{number:05d}-of-{shards:05d}.tfrecord"
        part = tracks[number::shards]
        records.write_shard(str(path), part)
        content = path.read_bytes()
        frames = sum(len(track.frames) for track in part)
        digest = hashlib.sha256(content).hexdigest()
        written.append(description.Shard(path.name, len(part), frames, len(content), digest))
    exemplar, instance = statistics(tracks)
    counts = {
        "videos": len({track.video for track in tracks}),
        "tracks": len(tracks),
        "frames": sum(shard.frames for shard in written),
    }
    described = description.Description(
        "test", "nowhere", {}, counts, {}, [], exemplar, instance, written
    )
    description.save(described, str(directory))
    return str(directory / "*.tfrecord")
