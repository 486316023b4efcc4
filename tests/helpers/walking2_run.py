"""Our tracker on OTB's Walking2 with the hand-made network, in a process with one thread.

Eigen cuts its sums by the number of threads: in the session's process the run would depend on the
machine's cores and on the workers beside it, and the reference ran with one thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

FRAMES = 500
_BOX = (130, 132, 31, 115)
_ROOT = Path(__file__).resolve().parents[2]
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def boxes(folder: Path, workdir: Path) -> np.ndarray:
    """Boxes of the first 500 frames, [500, 4], rounded as the reference saves them.

    Args:
        folder: Of the frames.
        workdir: For the result.
    """
    result = Path(workdir) / "boxes.npy"
    finished = subprocess.run(
        [sys.executable, "-m", __name__, str(folder), str(result)],
        cwd=_ROOT,
        env={**os.environ, **{name: "1" for name in _THREADS}},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return np.load(result)


def _run(folder: str, result: str) -> None:
    from gradnet_tf.tracking.tracker import Tracker
    from tests.helpers import recipe

    paths = sorted(Path(folder).glob("*.jpg"))[:FRAMES]
    assert len(paths) == FRAMES
    tracker = Tracker(weights=recipe.with_bookkeeping(recipe.weights(0)), jit_compile=False)
    tracker.init(paths[0], _BOX)
    np.save(result, np.round([tracker.box] + [tracker.update(path) for path in paths[1:]]))


if __name__ == "__main__":
    _run(*sys.argv[1:])
