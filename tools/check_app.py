"""Uses the page of ``make app`` by the mouse, in Chromium: what ``make test-app`` runs.

Playwright drives a Chromium that is installed; its own cannot be had everywhere. Where there is
none, and this is the administrator of a system with apt-get, it is installed. A test that is
skipped counts as a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLAYWRIGHT = "playwright>=1.49"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> None:
    """Makes sure that there is a Chromium; ends the program with a sentence if not."""
    if any(map(shutil.which, CHROMIUM)):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium by apt-get ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("update", "install --yes --no-install-recommends chromium"):
            subprocess.run(
                ["apt-get", "-qq", *command.split()],
                env=environment,
                stdout=subprocess.DEVNULL,
                check=False,
            )
    if not any(map(shutil.which, CHROMIUM)):
        sys.exit(
            "the page cannot be tested: there is no Chromium, and it could not be installed; "
            "install one, such as by: apt-get install chromium"
        )


def main() -> None:
    """Installs what is missing and runs the tests; fails if one fails or is skipped."""
    if sys.version_info < (3, 10):
        print("not tested: Gradio, and so the page, needs Python 3.10 or later")
        return
    find_chromium()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, PLAYWRIGHT], check=False).returncode:
        sys.exit("the page cannot be tested: Playwright could not be installed")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "-rs", "tests/app"],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    print(done.stdout, end="")
    if done.returncode:
        sys.exit(done.returncode)
    if re.search(r"page_test.* needs", done.stdout):
        sys.exit("tests of the page were skipped, though Chromium is installed")


if __name__ == "__main__":
    main()
