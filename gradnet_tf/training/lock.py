"""Keeps a working directory to one process.

The lock is the kernel's, on an open file: it ends with the process, however that ends. The file
stays; what stands in it (process id and host) only serves the message to a second process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from absl import logging

from gradnet_tf import files

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
try:
    import msvcrt
except ImportError:  # everywhere else
    msvcrt = None

FILE = "lock"

# Windows keeps others from reading what is locked: lock a byte behind the text.
_LOCKED_BYTE = 1 << 20
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


class WorkdirInUseError(OSError):
    """Another process works in the directory; the message says which."""


@contextlib.contextmanager
def locked(workdir: files.PathLike) -> Iterator[None]:
    """Holds the lock of a working directory during the block.

    Where the file system or the platform has no locks, a warning is logged and the block runs
    without one.

    Args:
        workdir: The directory; it must exist.

    Raises:
        WorkdirInUseError: If another process holds it, or this one does already.
        OSError: If the lock file cannot be written.
    """
    path = Path(workdir) / FILE
    with files.naming(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in _TAKEN:
                raise WorkdirInUseError(
                    f"{workdir} is in use by {_owner(descriptor)}: wait for it, or give another "
                    "working directory"
                ) from error
            logging.warning(
                "%s cannot be locked (%s): take care that no second process uses it",
                workdir,
                error.strerror or error,
            )
        with files.naming(path):
            _write(descriptor, f"process {os.getpid()} on {socket.gethostname()}")
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Locks without waiting. Raises OSError, with an errno of `_TAKEN` if somebody has it."""
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif msvcrt is not None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        raise OSError(errno.ENOSYS, "this platform has no file locks")


def _owner(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    # Empty in the moment between another process's locking and its writing.
    return os.read(descriptor, 1000).decode(errors="replace") or "another process"


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text.encode())
