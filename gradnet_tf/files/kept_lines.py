"""Lines of text that are on disk as they come."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import BinaryIO, Optional

from absl import logging

from gradnet_tf.files import disk

_SYNC_SECONDS = 5.0


def partial_path(path: disk.PathLike) -> Path:
    """Returns where `KeptLines` keeps the lines so far, beside the file behind all links."""
    return Path(f"{disk.resolve(path)}.partial")


class KeptLines:
    """Keeps lines on disk as they come, so that nothing ends a run without them.

    Lines go to ``NAME.partial``, see `partial_path`: each is the system's at once and on the disk
    within seconds. `finish` writes the file itself. A device or a pipe gets the lines as they come.
    A context manager, which closes ``NAME.partial`` and leaves it.
    """

    def __init__(self, path: disk.PathLike):
        """Makes sure that lines can be written; an older ``NAME.partial`` is still there then.

        Args:
            path: The file to be written, or a device or a pipe.

        Raises:
            OSError: If they cannot be written.
        """
        self.partial: Optional[Path] = None  # ``NAME.partial``; None for a device or a pipe.
        self._path = Path(path)
        self._lines: list[bytes] = []
        self._file: Optional[BinaryIO] = None
        self._is_sound = True  # The lines so far are where they should be.
        self._synced = time.monotonic()
        if disk.is_special(path):
            self._file = disk.open_special(path)
        else:
            disk.check_target(path)
            self.partial = partial_path(path)
            disk.check_target(self.partial)

    def __enter__(self) -> KeptLines:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, line: bytes) -> None:
        """Writes the next line, or several that belong together, with their ends.

        Where that fails, as on a full disk, the run goes on: there may be room by its end. An
        OSError if a device or a pipe does not take it.
        """
        self._lines.append(line)
        if not self._is_sound:
            return
        try:
            self._write(line)
        except OSError as error:
            self._is_sound = False
            if self.partial is None:
                raise
            if self._file is not None:
                with contextlib.suppress(OSError):  # Half a line may read as another one.
                    self._file.truncate(sum(map(len, self._lines[:-1])))
            logging.warning("%s; the lines are kept in memory", error)

    def finish(self) -> None:
        """Writes the file itself and removes ``NAME.partial``.

        Raises:
            OSError: If it cannot be written; the lines are still there then, see `rescue`.
        """
        if self.partial is not None:
            disk.write_bytes(self._path, b"".join(self._lines))
        self.discard()

    def discard(self) -> None:
        """Forgets the lines and removes ``NAME.partial``, for they are elsewhere."""
        if self._file is not None and self.partial is not None:
            with contextlib.suppress(OSError):  # Not that of another process on the same output.
                if os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.partial)):
                    self.partial.unlink()
        self._lines = []

    def rescue(self) -> Optional[Path]:
        """Makes sure that the lines so far are in a file, and returns its path.

        It is ``NAME.partial``, or a file in the folder for temporary ones if that cannot be written
        any more; None if there are no lines, or all went to a device or a pipe. An OSError if they
        cannot be written anywhere.
        """
        content = b"".join(self._lines)
        if not content or (self.partial is None and self._is_sound):
            return None
        if self.partial is not None:
            with contextlib.suppress(OSError):
                if self.partial.read_bytes() != content:
                    disk.write_bytes(self.partial, content)
                return self.partial
        descriptor, name = tempfile.mkstemp(".txt", f"{self._path.stem}-")
        with disk.naming(name), open(descriptor, "wb") as file:
            file.write(content)
        return Path(name)

    def _write(self, line: bytes) -> None:
        with disk.naming(self.partial or self._path):
            if self._file is None:
                assert self.partial is not None  # A device or a pipe is open from the start.
                # Not over an older one: another process may be writing it.
                with contextlib.suppress(FileNotFoundError):
                    self.partial.unlink()
                self._file = open(self.partial, "xb", buffering=0)
            disk.write_all(self._file, line)
            if self.partial is not None and time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
