"""Writes files that survive a crash of the machine, not only of the process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from gradnet_tf.files import disk


def write_bytes(path: disk.PathLike, content: bytes) -> None:
    """Writes a whole file, or leaves what was there; on return it is on the disk.

    Args:
        path: The file.
        content: What is to stand in it.

    Raises:
        OSError: If it cannot be written; the message names it.
    """
    with disk.replacing(path) as temporary, disk.naming(path), open(temporary, "wb") as file:
        file.write(content)
        sync(file)
    sync_directory(Path(path).parent)


def sync(file) -> None:
    """Waits until what was written to an open file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_directory(path: disk.PathLike) -> None:
    """Waits until names made in a directory are on the disk, where the system can do that."""
    with contextlib.suppress(OSError):  # Windows opens no directories.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
