"""Keeps a working directory, or another piece of work, to one process.

The lock is the kernel's, on an open file: it ends with the process, however that ends. What stands
in the file (process id and host) only serves the message to a second process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from absl import logging

from gradnet_tf.files import disk

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


# Directories without locks of which a warning has been given.
_unlocked: set[Path] = set()


class InUseError(OSError):
    """Another process holds a lock; the message says which process."""


class WorkdirInUseError(InUseError):
    """Another process works in the directory; the message says which."""


@contextlib.contextmanager
def locked(workdir: disk.PathLike) -> Iterator[None]:
    """Holds the lock of a working directory during the block. The lock's file stays.

    Where the file system or the platform has no locks, a warning is logged and the block runs
    without one.

    Args:
        workdir: The directory; it must exist.

    Raises:
        WorkdirInUseError: If another process holds it, or this one does already.
        OSError: If the lock file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(Path(workdir) / FILE))
        except InUseError as error:
            raise WorkdirInUseError(
                f"{workdir} is in use by {error}: wait for it, or give another working directory"
            ) from error
        yield


@contextlib.contextmanager
def held(path: disk.PathLike, *, remove: bool = False) -> Iterator[None]:
    """Holds a lock during the block; without one, after a warning, where there are no locks.

    Args:
        path: The lock's file; its directory must exist.
        remove: Whether the file goes with the block. That of a killed process stays, and is taken
            by the next one.

    Raises:
        InUseError: If another process holds the lock, or this one does already.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    descriptor = _open(path, remove)
    try:
        with disk.naming(path):
            _write(descriptor, f"process {os.getpid()} on {socket.gethostname()}")
        try:
            yield
        finally:
            if remove:
                with contextlib.suppress(OSError):  # Windows removes no open file.
                    path.unlink()
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _open(path: Path, remove: bool) -> int:
    """Opens and locks the file. Raises OSError, InUseError if somebody has the lock."""
    while True:
        with disk.naming(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                _lock(descriptor)
            except OSError as error:
                if error.errno in _TAKEN:
                    raise InUseError(_owner(descriptor)) from error
                if path.parent not in _unlocked:
                    _unlocked.add(path.parent)
                    logging.warning(
                        "%s cannot be locked (%s): take care that no second process uses it",
                        path.parent,
                        error.strerror or error,
                    )
                return descriptor
            # Whoever had the lock may have removed the file in between: then this is no lock.
            if not remove or _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


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
