"""Runs the tests against other people's toolkits: what ``make test-peers`` runs.

got10k and vot-toolkit get an environment of their own, `.venv-peers`: vot-toolkit needs
opencv-python, which shares a folder with other packages of OpenCV. It is made once, and anew when
the list below or setup.py changes. A test that is skipped counts as a failure.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv-peers"

# Named together with our own package, so that TensorFlow's requirements are kept.
REQUIREMENTS = (
    "got10k==0.1.3",
    # 0.8.1 and 0.9.0 fail in every supervised experiment, see tests/eval/vot_test.py.
    "vot-toolkit==0.8.0",
    # 0.1.10 does not import on Python 3.11 and later.
    "attributee<0.1.10",
)
TESTS = ("eval/vot_test.py", "eval/got10k_test.py", "eval/got10k_agreement_test.py")


def make_environment() -> Path:
    """Makes the environment where it is missing; returns its interpreter."""
    python = ENVIRONMENT / "bin" / "python"
    ready = ENVIRONMENT / ".ready"
    # Our own requirements stand in setup.py.
    wanted = "\n".join((*REQUIREMENTS, (ROOT / "setup.py").read_text()))
    if not ready.is_file() or ready.read_text() != wanted:
        print(f"Setting up {ENVIRONMENT.name} (a few minutes, once) ...", flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--editable", f"{ROOT}[dev]", *REQUIREMENTS], check=True)
        ready.write_text(wanted)
    return python


def main() -> None:
    """Makes the environment and runs the tests; fails if one fails or is skipped."""
    try:
        python = make_environment()
    except subprocess.CalledProcessError as error:
        sys.exit(f"the environment cannot be made: pip ended with status {error.returncode}")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-m", "pytest", "--quiet", "-rs", *(ROOT / "tests" / name for name in TESTS)],
        cwd=ROOT,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    print(done.stdout, end="")
    if done.returncode:
        sys.exit(done.returncode)
    skipped = re.search(r"(\d+) skipped", done.stdout)
    if skipped:
        sys.exit(f"{skipped[1]} tests were skipped, though the toolkits are installed")


if __name__ == "__main__":
    main()
