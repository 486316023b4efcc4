"""Writes the boxes of a run in one of the formats, at once or as they come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradnet_tf.boxes import formats
from gradnet_tf.files import disk
from gradnet_tf.files.kept_lines import KeptLines


def target_paths(path: disk.PathLike, format: str, targets: int) -> list[Path]:
    """Returns the files for some targets: one table, or ``NAME.0.txt``, ``NAME.1.txt`` and so on.

    Args:
        path: The file; of one target, it is written itself.
        format: One of `formats.FORMATS`.
        targets: Number of targets.

    Raises:
        ValueError: If there is no such format, or the path is a device or a pipe, which would need
            several.
    """
    path = Path(disk.local_path(path))
    if formats.get_format(format).is_table or targets == 1:
        return [path]
    if disk.is_special(path):
        tables = ", ".join(name for name, each in formats.FORMATS.items() if each.is_table)
        raise ValueError(
            f"{path} takes one target in the format {format}, got {targets}: choose {tables}"
        )
    return [path.with_name(f"{path.stem}.{target}{path.suffix}") for target in range(targets)]


def frame_rows(frame: int, box: Any, score: Any, confidence: Any) -> list[formats.Row]:
    """Makes the rows of a frame: of a box [4], or of boxes [targets, 4] and their values."""
    boxes = np.reshape(box, [-1, 4])
    values = zip(boxes.tolist(), np.ravel(score).tolist(), np.ravel(confidence).tolist())
    return [
        formats.Row(frame, target, x, y, width, height, measured, relative)
        for target, ((x, y, width, height), measured, relative) in enumerate(values)
    ]


def save_rows(path: disk.PathLike, frames: Sequence[Sequence[formats.Row]], format: str) -> None:
    """Writes the rows of all frames; see `TrackingRun.save`."""
    paths = target_paths(path, format, len(frames[0]))
    for place, file in enumerate(paths):
        parts = (_part(rows, place, len(paths)) for rows in frames)
        content = formats.encode([row for part in parts for row in part], format)
        disk.write_bytes(file, content + formats.get_format(format).end.encode())


class BoxesFile:
    """Keeps boxes on disk as they come, see `KeptLines`: a table, or a file for each target.

    A context manager, which closes the files.

    Args:
        path: See `target_paths`.
        format: One of `formats.FORMATS`.
        targets: Number of targets.

    Attributes:
        frames: Number of frames so far.

    Raises:
        OSError: If they cannot be written.
        ValueError: See `target_paths`.
    """

    def __init__(self, path: disk.PathLike, format: str = "float", targets: int = 1):
        self.frames = 0
        self._format = format
        self._files: list[KeptLines] = []
        with contextlib.ExitStack() as stack:
            for each in target_paths(path, format, targets):
                self._files.append(stack.enter_context(KeptLines(each)))
            self._stack = stack.pop_all()

    def __enter__(self) -> BoxesFile:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def add(self, rows: Sequence[formats.Row]) -> None:
        """Writes the next frame, as `frame_rows` makes it; raises as `KeptLines.add`."""
        for place, file in enumerate(self._files):
            part = _part(rows, place, len(self._files))
            file.add(formats.encode(part, self._format, is_first=not self.frames))
        self.frames += 1

    def finish(self) -> None:
        """Writes the files themselves; raises as `KeptLines.finish`."""
        end = formats.get_format(self._format).end
        for file in self._files:
            if end:
                file.add(end.encode())
            file.finish()

    def discard(self) -> None:
        """Forgets the boxes, for they are elsewhere."""
        for file in self._files:
            file.discard()

    def rescue(self) -> list[Path]:
        """Makes sure that the boxes so far are in files; see `KeptLines.rescue`."""
        return [path for path in [file.rescue() for file in self._files] if path]


def _part(rows: Sequence[formats.Row], place: int, files: int) -> Iterable[formats.Row]:
    """The rows of a frame that belong to one of the files."""
    return rows if files == 1 else rows[place : place + 1]
