"""A synthetic video for measurements: textured targets that move over a textured background."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image

from gradnet_tf.media.texture import natural_noise


def _texture(random: np.random.Generator, height: int, width: int, slope: float) -> np.ndarray:
    """Makes a picture of such noise, uint8 RGB."""
    values = natural_noise(random, height, width, slope)
    return np.clip(np.rint(120.0 + 50.0 * values), 0, 255).astype(np.uint8)


def first_boxes(count: int, width: int, height: int) -> np.ndarray:
    """Spreads targets over the first frame: boxes (x, y, width, height), [count, 4]."""
    columns = int(np.ceil(np.sqrt(count)))
    size = np.array([max(width / 16.0, 4.0), max(height / 10.0, 4.0)])
    places = np.array([divmod(index, columns)[::-1] for index in range(count)])
    centers = (places + 0.5) / columns * 0.7 + 0.1
    return np.concatenate([centers * (width, height) - size / 2, np.tile(size, [count, 1])], axis=1)


def make_video(
    folder: str, frames: int, width: int, height: int, targets: int = 1, seed: int = 0
) -> list[str]:
    """Writes JPEG frames of targets that move from `first_boxes` on; returns their paths."""
    random = np.random.default_rng(seed)
    background = _texture(random, height, width, 1.2)
    boxes = np.rint(first_boxes(targets, width, height)).astype(int)
    patches = [_texture(random, box[3], box[2], 0.8) for box in boxes]
    paths = []
    for index in range(frames):
        frame = background.copy()
        # Away and back again, so that no target leaves the frame however long it is tracked.
        step = abs((index + 30) % 60 - 30)
        for (x, y, _, _), patch in zip(boxes, patches):
            target = frame[max(y + step, 0) :, max(x + step, 0) :][: len(patch), : patch.shape[1]]
            target[:] = patch[: target.shape[0], : target.shape[1]]
        paths.append(os.path.join(folder, f"{index:08d}.jpg"))
        Image.fromarray(frame).save(paths[-1], quality=90)
    return paths
