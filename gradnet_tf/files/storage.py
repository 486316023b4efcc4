"""Whole files on any file system of TensorFlow (local, gs://, ...), with errors that name them.

`gradnet_tf.files.disk` writes local files without TensorFlow.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterator

import tensorflow as tf

from gradnet_tf.files import disk

# What TensorFlow puts around the reason of an error, and before it.
_DECORATION = re.compile(
    r"\{\{function_node [^}]*\}\}\s*|\s*\[\[\{\{node [^}]*\}\}\]\]|\s*\[Op:[^\]]*\](\s*name:\s*)?"
)
_PREAMBLE = re.compile(
    r"Graph execution error:|Detected at node .*|<stack traces unavailable>|  .*"
)
_TRACEBACK = "Traceback (most recent call last)"


@contextlib.contextmanager
def naming(action: str, path: str) -> Iterator[None]:
    """Turns TensorFlow's errors in the block, an action such as "read", into one `OSError`.

    It names the file, and is a FileNotFoundError where that is missing.
    """
    try:
        yield
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"cannot {action} {path}: there is no such file") from error
    except tf.errors.DataLossError as error:
        raise OSError(f"cannot {action} {path}: it is damaged: {reason(error)}") from error
    except tf.errors.OpError as error:
        raise OSError(f"cannot {action} {path}: {reason(error)}") from error


def reason(error: tf.errors.OpError) -> str:
    """What an error of TensorFlow's says, in one line."""
    message = (error.message or "").partition(_TRACEBACK)[0]
    lines = [line for line in message.splitlines() if not _PREAMBLE.fullmatch(line)]
    return " ".join(_DECORATION.sub("", "\n".join(lines)).split()) or type(error).__name__


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """Yields a temporary name beside ``path`` and moves it there if the block succeeds.

    If the block fails, nothing is left behind and an older file at ``path`` is as it was; an
    `OSError` names the file.
    """
    path = os.fspath(path)
    temporary = f"{path}.{uuid.uuid4().hex[:12]}.tmp"
    with naming("write", path):
        try:
            yield temporary
            if "://" in path:
                tf.io.gfile.rename(temporary, path, overwrite=True)
            else:
                with disk.naming(path):
                    disk.move(temporary, path)
        finally:
            with contextlib.suppress(tf.errors.OpError):
                tf.io.gfile.remove(temporary)


def encode(text: str) -> bytes:
    r"""UTF-8 of a text with names of files in it, which need not be UTF-8 themselves.

    Python has a lone surrogate for each byte that is none; it is written out, such as ``\udce9``.
    JSON reads that as the same name.
    """
    return text.encode(errors="backslashreplace")


def write_bytes(path: str, content: bytes) -> None:
    """Writes a whole file, or leaves what was there; raises OSError if it cannot."""
    with replacing(path) as temporary, tf.io.gfile.GFile(temporary, "wb") as file:
        file.write(content)


def read_bytes(path: str) -> bytes:
    """Reads a whole file; raises OSError if it cannot."""
    with naming("read", path), tf.io.gfile.GFile(os.fspath(path), "rb") as file:
        return file.read()


def read_range(path: str, offset: int, length: int) -> bytes:
    """Reads `length` bytes from an offset on, or what there is up to the end of the file."""
    if "://" in path:
        with naming("read", path), tf.io.gfile.GFile(path, "rb") as file:
            file.seek(offset)
            return file.read(length)
    with open(path, "rb", buffering=0) as file:
        return os.pread(file.fileno(), length, offset)
