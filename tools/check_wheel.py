"""Builds the wheel and tracks with it in an empty environment: what ``make test-wheel`` runs.

The hand-made network and the synthetic sequence of the tests are written to a temporary folder;
from there only the installed wheel is used, by its command line: convert, track, evaluate, and
prepare training data.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests.helpers; a script sees only its own folder

from tests.helpers import recipe  # noqa: E402

# The reference itself reaches 0.724 on this sequence (tests/data/seed0/track_synthetic.npz).
LEAST_IOU = 0.70


def run(*command: object, cwd: Path) -> str:
    """Runs a command away from the checkout and returns what it printed to stdout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment.update(TF_CPP_MIN_LOG_LEVEL="3")
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nfailed with status {done.returncode}: {command}")
    return done.stdout


def write_inputs(folder: Path) -> str:
    """Writes weights, frames and true boxes; returns the first box as ``x,y,w,h``.

    The folder is an OTB-like sequence, too, with its 1-based ``groundtruth_rect.txt``.
    """
    np.savez(folder / "weights.npz", **recipe.with_bookkeeping(recipe.weights(0)))
    frames, boxes = recipe.sequence(100)
    (folder / "img").mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame[..., ::-1]).save(folder / "img" / f"{index + 1:04d}.png")
    np.savetxt(folder / "truth.txt", boxes, "%d", delimiter=",")
    one_based = np.add(boxes, (1, 1, 0, 0))
    np.savetxt(folder / "groundtruth_rect.txt", one_based, "%d", delimiter=",")
    return ",".join(f"{number:g}" for number in boxes[0])


def main() -> None:
    """Builds, installs, tracks, and fails if any of it does."""
    with tempfile.TemporaryDirectory(prefix="gradnet_wheel_") as temporary:
        folder = Path(temporary)
        print("Building the wheel ...", flush=True)
        run(sys.executable, "-m", "build", "--outdir", folder / "dist", ROOT, cwd=folder)
        (wheel,) = (folder / "dist").glob("*.whl")
        print(f"Installing {wheel.name} into an empty environment ...", flush=True)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", f"{wheel}[prep]", cwd=folder)
        place = run(python, "-c", "import gradnet_tf; print(gradnet_tf.__file__)", cwd=folder)
        if folder not in Path(place.strip()).parents:
            sys.exit(f"the wheel's environment imports {place.strip()}, not the wheel")
        print("Tracking the synthetic sequence ...", flush=True)
        box = write_inputs(folder)
        module = (python, "-m")
        run(*module, "gradnet_tf.convert", "--npz=weights.npz", "--output=model", cwd=folder)
        run(
            *(*module, "gradnet_tf.track", "--source=img", f"--box={box}"),
            *("--checkpoint=model", "--boxes=boxes.txt"),
            cwd=folder,
        )
        report = run(
            *(*module, "gradnet_tf.eval", "--boxes=boxes.txt", "--truth=truth.txt"), cwd=folder
        )
        print(report, end="")
        iou = float(re.search(r"mean IoU +([\d.]+)", report).group(1))
        if iou < LEAST_IOU:
            sys.exit(f"mean IoU {iou} is below {LEAST_IOU}")
        print("Preparing the sequence for training ...", flush=True)
        sequences = folder / "sequences"
        sequences.mkdir()
        for name in ("img", "groundtruth_rect.txt"):
            (folder / name).rename(sequences / name)
        report = run(
            *(*module, "gradnet_tf.data_prep", "--source=otb", "--root=sequences"),
            *("--output=records", "--jobs=2"),
            cwd=folder,
        )
        print(report, end="")
        if not report.startswith("47 frames of 1 tracks"):  # In the 48th the target is outside.
            sys.exit("not every frame with a target was prepared")
        print("The wheel tracks and prepares.")


if __name__ == "__main__":
    main()
