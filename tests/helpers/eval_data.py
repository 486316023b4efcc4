"""Tiny sequences for tests of the evaluation."""

import dataclasses
from pathlib import Path

import numpy as np

from gradnet_tf.datasets.sequences import Sequence
from tests.helpers import datasets


def make_sequence(root, name="a", frames=6, video=0, **fields):
    """A sequence of real images; its target moves by (2, 1) px a frame."""
    folder = Path(root) / name
    paths = []
    for frame in range(frames):
        path = folder / f"{frame + 1:04d}.jpg"
        datasets.save_jpeg(datasets.draw_frame(video, frame), path)
        paths.append(str(path))
    boxes = np.array([datasets.target_box(video, 0, f) for f in range(frames)], np.float64)
    return dataclasses.replace(Sequence(name, tuple(paths), boxes), **fields)


def make_vot(root, videos=2, frames=8):
    """Folders as VOT2013 has them: images, groundtruth.txt with 4 numbers, 0-based."""
    root = Path(root)
    for video in range(videos):
        folder = root / f"seq{video}"
        for frame in range(frames):
            image = datasets.draw_frame(video, frame)
            datasets.save_jpeg(image, folder / f"{frame + 1:08d}.jpg")
        boxes = [datasets.target_box(video, 0, frame) for frame in range(frames)]
        (folder / "groundtruth.txt").write_text(datasets.box_lines(boxes))
    return root


def tree(root, times=False):
    """Content of all files below a folder, by name; without times and marks unless asked for."""
    root = Path(root)
    files = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_file() and (times or not (name.endswith("_time.txt") or ".done/" in name)):
            files[name] = path.read_bytes()
        elif path.is_file():
            files[name] = None
    return files
