"""Writes files so that a target is either complete or untouched."""

from __future__ import annotations

import contextlib
import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Union

PathLike = Union[str, "os.PathLike[str]"]

_FILE_URL = re.compile(r"file:(?://(?:localhost)?)?(?=/)", re.IGNORECASE)


def local_path(path: PathLike) -> str:
    """Turns a path as users give it into one that can be opened.

    Args:
        path: The path; ``~`` stands for the home folder (a shell leaves ``--flag=~/file`` as it
            is), and a URL ``file:///...`` for the file.

    Returns:
        The path.
    """
    text = os.fspath(path)
    url = _FILE_URL.match(text)
    return urllib.request.url2pathname(text[url.end() :]) if url else os.path.expanduser(text)


def check_target(path: PathLike) -> Path:
    """Tells before any work whether a file can be written.

    Args:
        path: The file that is to be written.

    Returns:
        The path, with ``~`` expanded.

    Raises:
        OSError: If its directory is missing or cannot be written, or the path is a directory.
    """
    path = Path(local_path(path))
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a directory, a file name is needed")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write {path}: the directory {path.parent} is not writable")
    return path


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Gives a temporary name beside ``path`` and moves it there if the block succeeds.

    If the block fails, nothing is left behind and an older file at ``path`` is as it was.

    Args:
        path: The file that is to be written or replaced.

    Yields:
        The temporary name, in the same directory and with the same suffix (encoders read it).

    Raises:
        OSError: As `check_target` does, or if the file cannot be moved to its place.
    """
    path = check_target(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        with naming(path):
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


@contextlib.contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Turns an `OSError` of the block, such as a full disk, into one that names ``path``.

    Args:
        path: The file that the block writes.

    Raises:
        OSError: With the same ``errno``.
    """
    try:
        yield
    except OSError as error:
        named = OSError(f"cannot write {path}: {error.strerror or error}")
        named.errno = error.errno
        raise named from error


def write_bytes(path: PathLike, content: bytes) -> None:
    """Writes a whole file, or leaves what was there.

    Args:
        path: The file.
        content: What is to stand in it.

    Raises:
        OSError: If it cannot be written; the message names it.
    """
    with replacing(path) as temporary, naming(path):
        temporary.write_bytes(content)
