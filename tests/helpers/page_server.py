"""The page's command in a process of its own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class PageServer:
    """A running `python -m gradnet_tf.app`.

    Attributes:
        url: The page's address.
        folder: Where it writes temporary files, and nobody else does.
    """

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gradnet_tf.app"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if not found:
            self.process.kill()
        assert found, line
        self.url = found[0]

    def files(self):
        """Folders of the sessions' files."""
        return list(self.folder.glob("gradnet-app-*/files/*"))

    def terminate(self):
        """Sends SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextlib.contextmanager
def serving(folder):
    """Serves the page while the block runs."""
    server = PageServer(folder)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.stdout.close()
        server.process.wait()
