"""Programs that run what was exported in processes of their own."""

import os
import subprocess
import sys

import numpy as np

# A module that is None cannot be imported, installed or not.
_START = "import sys; sys.modules.update(dict.fromkeys({without}))\n"


def run(program, folder, *, without, **inputs):
    """Runs a program in a folder that has its inputs as `input.npz`.

    Args:
        program: Python code; it writes `output.npz`.
        folder: Where it runs.
        without: Names of modules that it cannot import.
        inputs: Arrays by name.

    Returns:
        The arrays of `output.npz`.
    """
    np.savez(folder / "input.npz", **inputs)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", _START.format(without=without) + program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / "output.npz") as results:
        return dict(results)
