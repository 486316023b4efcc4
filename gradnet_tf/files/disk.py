"""Checks places for outputs, and writes files that are either complete or untouched.

A link is written through: the file behind it is written, and the link stays. What is no file, such
as a device, a pipe or ``/dev/stdout``, is written into and never replaced.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import stat
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Optional, Union

PathLike = Union[str, "os.PathLike[str]"]

_CHUNK = 1 << 20  # bytes
_LINKS = 40  # A longer chain of links is a circle, as the kernel says, too.
_FILE_URL = re.compile(r"file:(?://(?:localhost)?)?(?=/)", re.IGNORECASE)


def local_path(path: PathLike) -> str:
    """Turns a path as users give it into one that can be opened.

    ``~`` stands for the home folder (a shell leaves ``--flag=~/file`` as it is), and a URL
    ``file:///...`` for the file.
    """
    text = os.fspath(path)
    url = _FILE_URL.match(text)
    return urllib.request.url2pathname(text[url.end() :]) if url else os.path.expanduser(text)


def check_target(path: PathLike) -> Path:
    """Tells before any work whether a file can be written, by writing a temporary one beside it.

    Returns the path, with ``~`` expanded.

    Raises:
        OSError: If its directory is missing or cannot be written, or the path is a directory or
            something else that no file can be written to. A named pipe is refused, too: whether
            somebody reads it cannot be tried without ending what they read.
    """
    path = Path(local_path(path))
    if is_special(path):
        if _descriptor(path) is None and stat.S_ISFIFO(os.stat(path).st_mode):
            raise OSError(f"cannot write {path}: it is a named pipe, a file is needed")
        open_special(path).close()
        return path
    temporary = _temporary(_real(path))
    try:
        with naming(path):
            temporary.write_bytes(b"\n")  # Over what a process of this number may have left.
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def resolve(path: PathLike) -> Path:
    """Follows links to the file that a write goes to, which need not exist yet.

    Raises:
        OSError: If the links lead in a circle, or to a directory, or into one that is missing.
    """
    path = Path(local_path(path))
    return path if is_special(path) else _real(path)


def is_special(path: PathLike) -> bool:
    """Tells whether a path leads to something that is no file and no directory: a device, a pipe.

    What this process has open, such as ``/dev/stdout`` or a shell's ``>(...)``, counts as well.
    An OSError if links lead in a circle, or nothing about the path can be learnt.
    """
    path = Path(local_path(path))
    if _descriptor(path) is not None:
        return True
    with naming(path):
        try:
            mode = os.stat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def open_special(path: PathLike) -> BinaryIO:
    """Opens what `is_special` for writing, without a buffer.

    Raises:
        OSError: If it cannot be opened, or is a pipe that nobody reads, or a disk.
    """
    path = Path(local_path(path))
    number = _descriptor(path)
    with naming(path):
        if number is not None:
            os.write(number, b"")  # Fails where it is open for reading only.
            # Not by its name, which would give a file of its own place: two writers in one file.
            return open(os.dup(number), "wb", buffering=0)
        mode = os.stat(path).st_mode
        if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
            kind = "disk" if stat.S_ISBLK(mode) else "socket"
            raise OSError(f"it is a {kind}, a file is needed")
        if not stat.S_ISFIFO(mode):
            return open(path, "wb", buffering=0)
        try:
            # Blocking, a pipe that nobody reads would be waited for without a word.
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:
                raise OSError("nobody reads from this pipe; start its reader first") from error
            raise
        os.set_blocking(descriptor, True)
        return open(descriptor, "wb", buffering=0)


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Gives a temporary name beside ``path`` and moves it there if the block succeeds.

    The name has the same suffix, which encoders read. Afterwards the file survives a crash of the
    machine, too. If the block fails, nothing is left behind and an older file is as it was. Behind
    a link, its target is replaced. A device or a pipe gets the file's content. An OSError if there
    is no place for the file, or it cannot be moved to its place.
    """
    path = Path(local_path(path))
    if is_special(path):
        with tempfile.TemporaryDirectory(prefix="gradnet_tf-") as folder:
            temporary = Path(folder) / path.name
            yield temporary
            with open_special(path) as file, naming(path), open(temporary, "rb") as content:
                while chunk := content.read(_CHUNK):
                    write_all(file, chunk)
        return
    real = _real(path)
    temporary = _temporary(real)
    try:
        yield temporary
        with naming(path):
            move(temporary, real)
    finally:
        with contextlib.suppress(OSError):  # The first error is the one to tell.
            temporary.unlink()


@contextlib.contextmanager
def naming(path: PathLike, action: str = "write") -> Iterator[None]:
    """Turns an `OSError` of the block, such as a full disk, into one that names ``path``.

    It is of the same kind and has the same ``errno``; ``action`` is what the block does with it.
    """
    try:
        yield
    except OSError as error:
        kind = type(error) if type(error).__module__ == "builtins" else OSError
        named = kind(f"cannot {action} {path}: {error.strerror or error}")
        named.errno = error.errno
        raise named from error


def remove_temporaries(path: PathLike) -> None:
    """Removes what processes that were killed while they wrote a file have left of it."""
    path = Path(path)
    for temporary in path.parent.glob(f".{glob.escape(path.stem)}.*.tmp{path.suffix}"):
        temporary.unlink(missing_ok=True)


def move(temporary: PathLike, path: PathLike) -> None:
    """Moves a file or a folder that was written to its place; on return it is on the disk."""
    written = Path(temporary)
    for file in written.rglob("*") if written.is_dir() else [written]:
        if file.is_file():
            with open(file, "rb+") as content:
                sync(content)
    os.replace(temporary, path)
    with contextlib.suppress(OSError):  # Windows opens no directories.
        descriptor = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync(file: IO) -> None:
    """Waits until what was written to an open file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def write_bytes(path: PathLike, content: bytes) -> None:
    """Writes a whole file, or leaves what was there; on return it is on the disk.

    An OSError names the file if it cannot be written.
    """
    with replacing(path) as temporary, naming(path):
        temporary.write_bytes(content)


def write_all(file: BinaryIO, content: bytes) -> None:
    """Writes all to a file of `open_special`, which may take less than it is given."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _real(path: Path) -> Path:
    """The file behind all links, whose directory is there and can be written."""
    with naming(path):
        real = Path(os.path.realpath(path))
        is_folder, has_parent = os.path.isdir(real), os.path.isdir(real.parent)
    if is_folder:
        raise IsADirectoryError(f"cannot write {path}: it is a directory, a file name is needed")
    if not has_parent:
        raise FileNotFoundError(f"cannot write {path}: there is no directory {real.parent}")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write {path}: the directory {real.parent} is not writable")
    return real


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")


def _descriptor(path: Path) -> Optional[int]:
    """The number N of an open file of this process that a path stands for, as /dev/fd/N does."""
    own = re.compile(rf"/dev/fd|/proc/{os.getpid()}(/task/[0-9]+)?/fd")
    for _ in range(_LINKS):
        if path.name.isdigit() and own.fullmatch(os.path.realpath(path.parent)):
            return int(path.name)
        if not os.path.islink(path):
            return None
        path = path.parent / os.readlink(path)
    return None
