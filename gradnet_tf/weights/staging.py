"""Writing several files so that all of them appear, or none."""

from __future__ import annotations

import glob
import os
import shutil
import uuid
from collections.abc import Sequence
from types import TracebackType
from typing import Optional

from gradnet_tf.files import disk

_ASIDE = ".old"


class Staging:
    """Outputs under temporary names, moved into place together.

    Used as a context manager: `add` gives a temporary path beside each target; leaving the block
    normally moves everything into place, leaving it by an exception removes what was written. A
    target that is replaced is first set aside and put back if a later move fails.
    """

    def __init__(self, overwrite: bool = False):
        self._overwrite = overwrite
        self._moves: list[tuple[str, str]] = []
        self._temporaries: list[str] = []
        self._created: list[str] = []

    def add(self, target: str, suffixes: Sequence[str] = ("",)) -> str:
        """Registers an output.

        Args:
            target: Path of the file or directory to write, or the common prefix of several files.
                Its parent directories are made where missing.
            suffixes: What `target` is completed by; the files are moved in this order.

        Returns:
            A path in the same directory. The caller writes to it, completed by each suffix.

        Raises:
            FileExistsError: If a target exists and overwriting was not asked for, or is no file.
            ValueError: If a target is another target, or lies inside one.
            OSError: If the parent directory cannot be made.
        """
        target = os.path.realpath(target)
        finals = [target + suffix for suffix in suffixes]
        for final in finals:
            if disk.is_special(final):
                raise FileExistsError(f"{final} is a device or a pipe; give the name of a file")
            if os.path.lexists(final) and not self._overwrite:
                raise FileExistsError(f"{final} exists already (overwrite is not set)")
            for _, other in self._moves:
                if (
                    final == other
                    or final.startswith(other + os.sep)
                    or other.startswith(final + os.sep)
                ):
                    raise ValueError(f"outputs overlap: {other} and {final}")
        parent, name = os.path.split(target)
        self._make_parents(parent)
        temporary = os.path.join(parent, f".{name}.{uuid.uuid4().hex}.tmp")
        self._temporaries.append(temporary)
        self._moves += [(temporary + s, final) for s, final in zip(suffixes, finals)]
        return temporary

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        done = False
        try:
            if kind is None:
                self._commit()
                done = True
        finally:
            for temporary in self._temporaries:
                for path in glob.glob(glob.escape(temporary) + "*"):
                    if done or not path.endswith(_ASIDE):
                        _remove(path)
            if not done:
                for directory in reversed(self._created):
                    try:
                        os.rmdir(directory)
                    except OSError:
                        break  # somebody else uses it by now

    def _make_parents(self, directory: str) -> None:
        missing = []
        while not os.path.isdir(directory):
            if os.path.lexists(directory):
                raise NotADirectoryError(
                    f"{directory} is no directory; nothing can be written below it"
                )
            missing.append(directory)
            directory = os.path.dirname(directory)
        for path in reversed(missing):
            os.mkdir(path)
            self._created.append(path)

    def _commit(self) -> None:
        moved: list[tuple[str, Optional[str]]] = []
        try:
            for temporary, final in self._moves:
                aside = None
                if os.path.lexists(final):
                    aside = temporary + _ASIDE
                    os.rename(final, aside)
                moved.append((final, aside))
                disk.move(temporary, final)
        except BaseException:
            for final, aside in reversed(moved):
                if os.path.lexists(final):
                    _remove(final)
                if aside is not None:
                    os.rename(aside, final)
            raise


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)
