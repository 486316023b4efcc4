"""Keeps a working directory, or another piece of work, to one process.

The lock is the kernel's, by the library filelock: it ends with the process, however that ends. A
note beside it, which says whose it is, only serves the message to a second process.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import filelock
from absl import logging

from gradnet_tf.files import disk

FILE = "lock"

# Directories without locks of which a warning has been given.
_unlocked: set[Path] = set()


class InUseError(OSError):
    """Another process holds a lock; the message says which process."""


def locked(workdir: disk.PathLike) -> contextlib.AbstractContextManager[None]:
    """Holds the lock of a working directory, see `held`; its file stays."""
    advice = ": wait for it, or give another working directory"
    return held(
        Path(workdir) / FILE, message=lambda owner: f"{workdir} is in use by {owner}{advice}"
    )


@contextlib.contextmanager
def held(
    path: disk.PathLike, *, remove: bool = False, message: Callable[[str], str] = str
) -> Iterator[None]:
    """Holds a lock during the block; without one, after a warning, where there are no locks.

    Args:
        path: The lock's file; its directory must exist.
        remove: Whether the file goes with the block. The next process takes that of a killed one.
        message: Makes the message of an error from what is told of the other process.

    Raises:
        InUseError: If another process holds the lock, or this one does already.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    lock = filelock.FileLock(str(path), timeout=0, thread_local=False)
    # Not in the lock's file itself, which filelock empties whenever somebody tries to take it.
    note = path.with_name(f"{path.name}.owner")
    try:
        is_locked = _acquire(lock, path)
    except filelock.Timeout:
        owner = note.read_text(errors="replace") if note.exists() else ""
        raise InUseError(message(owner or "another process")) from None
    try:
        with disk.naming(note):
            note.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        for file in (note, path) if remove else (note,):
            with contextlib.suppress(OSError):  # Windows removes no open file.
                file.unlink()
        if is_locked:
            lock.release()


def _acquire(lock: filelock.BaseFileLock, path: Path) -> bool:
    """Takes a lock if the file system has locks, and returns whether it has."""
    while True:
        with disk.naming(path):
            file = open(path, "ab")
        with file:
            try:
                lock.acquire()
            except filelock.Timeout:
                raise
            except (NotImplementedError, OSError) as error:
                if path.parent not in _unlocked:
                    _unlocked.add(path.parent)
                    logging.warning(
                        "%s cannot be locked (%s): take care that no second process uses it",
                        path.parent,
                        error,
                    )
                return False
            # Whoever had the lock may have removed its file in between: then this is no lock.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    return True
        lock.release()
