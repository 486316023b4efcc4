"""Keeps the sessions of all open pages apart, and deletes their files."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import Optional

from gradnet_tf.app.session import Session


class Sessions:
    """The session of each page; a context manager that deletes all of their files at its end."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="gradnet-app-")).resolve()
        # Of the sessions' folders, whose names cannot be guessed, and of what is uploaded.
        self.files, self.uploads = self._folder / "files", self._folder / "uploads"
        self.files.mkdir()
        self.uploads.mkdir()
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self._sessions):
            self.close(key)
        shutil.rmtree(self._folder, ignore_errors=True)

    def get(self, key: str) -> Session:
        """Returns the session of a page, a new one at first."""
        with self._lock:
            if key not in self._sessions:
                folder = Path(tempfile.mkdtemp(dir=self.files))
                self._sessions[key] = Session(folder)
            return self._sessions[key]

    def close(self, key: Optional[str]) -> None:
        """Ends the session of a page that was left, and deletes its files."""
        with self._lock:
            session = self._sessions.pop(key or "", None)
        if session is not None:
            session.close()
            shutil.rmtree(session.folder, ignore_errors=True)
