"""Makes up videos with a target in them, for measurements and trials without any data.

Each has a target with a texture of its own in the centre of every crop, a distractor of another
texture elsewhere, and a background that moves; colours and sizes change a little from frame to
frame. There is something to learn, and nothing about the world.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from gradnet_tf.data import description, records

_SHARDS = 2
_MARGIN = 64  # px that the background may move


def write(directory: str, videos: int = 120, frames: int = 4, seed: int = 0) -> str:
    """Writes shards and dataset.json as `gradnet_tf.data_prep` does.

    Args:
        directory: Where; made if it is missing. What stands there of another call is replaced.
        videos: How many, of one track each.
        frames: Of each video.
        seed: Of everything; equal arguments give equal shards.

    Returns:
        The directory, which training and measuring take as `--data`.

    Raises:
        ValueError: If there would be no video or no frame.
        OSError: If it cannot be written.
    """
    for name, value in (("videos", videos), ("frames", frames)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    os.makedirs(directory, exist_ok=True)
    colours: tuple[list, list] = ([], [])
    shards = []
    for number in range(_SHARDS):
        name = f"tracks-{number:05d}-of-{_SHARDS:05d}.tfrecord"
        tracks = [_track(video, frames, seed, colours) for video in range(number, videos, _SHARDS)]
        records.write_shard(os.path.join(directory, name), tracks)
        content = Path(directory, name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        shards.append(
            description.Shard(name, len(tracks), len(tracks) * frames, len(content), digest)
        )
    counts = {"videos": videos, "tracks": videos, "frames": videos * frames}
    options = {"videos": videos, "frames": frames, "seed": seed}
    exemplar, instance = (description.pool(parts) for parts in colours)
    described = description.Description(
        "made_up", "", options, counts, {}, [], exemplar, instance, shards
    )
    description.save(described, directory)
    return directory


def _track(video: int, frames: int, seed: int, colours: tuple[list, list]) -> records.TrackRecord:
    random = np.random.default_rng([seed, video])
    crops: tuple[list, list] = ([], [])
    for pictures in _frames(random, frames):
        for picture, kept, statistics in zip(pictures, crops, colours):
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, "JPEG", quality=90)
            kept.append(buffer.getvalue())
            statistics.append(description.Statistics.of_image(picture))
    size = records.INSTANCE_SIZE
    box = [size / 4, size / 4, size / 4, size / 4]
    return records.TrackRecord(
        video=f"made-up-{video:04d}",
        track="0",
        category="",
        frames=np.arange(frames),
        boxes=np.full([frames, 4], box, np.float32),
        exemplars=tuple(crops[0]),
        instances=tuple(crops[1]),
    )


def _frames(random: np.random.Generator, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Exemplar and instance of each frame, uint8 [size, size, 3]."""
    size, small = records.INSTANCE_SIZE, records.EXEMPLAR_SIZE
    background = _texture(random, size + _MARGIN, 9)
    target, distractor = (_texture(random, size, 48) for _ in range(2))
    radius = random.uniform(24, 36, 2)
    for _ in range(count):
        row, column = random.integers(0, _MARGIN + 1, 2)
        image = background[row : row + size, column : column + size].copy()
        angle, middle = random.uniform(0, 2 * np.pi), (size - 1) / 2
        away = middle + 85 * np.array([np.sin(angle), np.cos(angle)])
        scale = random.uniform(0.9, 1.1)
        for texture, centre in ((distractor, away), (target, np.array([middle, middle]))):
            y, x = np.ogrid[:size, :size]
            axes = radius * scale
            inside = ((y - centre[0]) / axes[0]) ** 2 + ((x - centre[1]) / axes[1]) ** 2 < 1
            # The texture moves with what it belongs to.
            moved = np.roll(texture, np.rint(centre - middle).astype(int), axis=(0, 1))
            image[inside] = moved[inside]
        image = np.clip(image * random.uniform(0.85, 1.15), 0, 255).astype(np.uint8)
        first = (size - small) // 2
        yield image[first : first + small, first : first + small], image


def _texture(random: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Smooth noise of `cells` cells a side around a random colour, float [size, size, 3]."""
    colour = random.uniform(60, 195, 3)
    noise = np.clip(colour + random.normal(0, 45, [cells, cells, 3]), 0, 255).astype(np.uint8)
    image = Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float64)
