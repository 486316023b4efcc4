"""Writes several files so that all of them appear, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import Optional

from gradnet_tf.files import disk

_ASIDE = ".old"


class Staging:
    """Collects outputs beside their places and moves them there together.

    Used as a context manager: `add` gives a path for each output; leaving the block normally moves
    everything into place, leaving it by an exception removes what was written. A target that is
    replaced is first set aside, and put back if a later move fails.

    Args:
        overwrite: Whether what exists is replaced; an empty directory always is.
    """

    def __init__(self, overwrite: bool = False):
        self._overwrite = overwrite
        self._moves: list[tuple[str, str]] = []
        self._folders: list[str] = []
        self._parents: list[str] = []

    def add(self, target: str, suffixes: Sequence[str] = ("",)) -> str:
        """Registers an output.

        Args:
            target: Path of the file or directory to write, or the common prefix of several files.
                Its parent directories are made where missing.
            suffixes: What `target` is completed by; the files are moved in this order.

        Returns:
            The path to write to, completed by each suffix.

        Raises:
            FileExistsError: If a target exists and overwriting was not asked for, or is no file.
            ValueError: If a target is another target, or lies inside one.
            OSError: If the parent directory cannot be made.
        """
        target = os.path.realpath(target)
        for final in [target + suffix for suffix in suffixes]:
            if disk.is_special(final):
                raise FileExistsError(f"{final} is a device or a pipe; give the name of a file")
            is_empty = os.path.isdir(final) and not os.listdir(final)
            if os.path.lexists(final) and not is_empty and not self._overwrite:
                raise FileExistsError(
                    f"{final} exists already (overwrite is not set); --overwrite would replace it"
                )
            for _, other in self._moves:
                if os.path.commonpath([final, other]) in (final, other):
                    raise ValueError(f"outputs overlap: {other} and {final}")
        parent, name = os.path.split(target)
        self._make_parents(parent)
        folder = tempfile.mkdtemp(".tmp", f".{name}.", parent)
        self._folders.append(folder)
        written = os.path.join(folder, name)
        self._moves += [(written + suffix, target + suffix) for suffix in suffixes]
        return written

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, kind: Optional[type], *_: object) -> None:
        done = False
        try:
            if kind is None:
                self._commit()
                done = True
        finally:
            for folder in self._folders:
                # An older file that could not be put back stays where it is.
                if done or not any(name.endswith(_ASIDE) for name in os.listdir(folder)):
                    shutil.rmtree(folder)
            for parent in [] if done else reversed(self._parents):
                with contextlib.suppress(OSError):  # Somebody else uses it by now.
                    os.rmdir(parent)

    def _make_parents(self, directory: str) -> None:
        if os.path.isdir(directory):
            return
        if os.path.lexists(directory):
            raise NotADirectoryError(
                f"{directory} is no directory; nothing can be written below it"
            )
        self._make_parents(os.path.dirname(directory))
        os.mkdir(directory)
        self._parents.append(directory)

    def _commit(self) -> None:
        with contextlib.ExitStack() as undo:
            for written, final in self._moves:
                if os.path.lexists(final):
                    aside = written + _ASIDE
                    os.rename(final, aside)
                    undo.callback(_put_back, aside, final)
                else:
                    undo.callback(_remove, final)
                disk.move(written, final)
            undo.pop_all()


def _put_back(aside: str, final: str) -> None:
    _remove(final)
    os.rename(aside, final)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)
