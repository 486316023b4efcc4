"""Builds the wheel and tracks with it in an empty environment: what ``make test-wheel`` runs.

The tests' hand-made network, synthetic sequence and training videos are written to a temporary
folder. There only the installed wheel is used, by its command line: convert, track, evaluate,
prepare training data, train, and track with what was trained.
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

from tests.helpers import datasets, recipe  # noqa: E402

# The reference itself reaches 0.724 on this sequence (tests/data/seed0/track_synthetic.npz).
LEAST_IOU = 0.70

VIDEOS, FRAMES = 14, 3


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
    """Writes weights, frames and true boxes; returns the first box as ``x,y,w,h``."""
    np.savez(folder / "weights.npz", **recipe.with_bookkeeping(recipe.weights(0)))
    frames, boxes = recipe.sequence(100)
    (folder / "img").mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame[..., ::-1]).save(folder / "img" / f"{index + 1:04d}.png")
    np.savetxt(folder / "truth.txt", boxes, "%d", delimiter=",")
    return ",".join(f"{number:g}" for number in boxes[0])


def main() -> None:
    """Builds, installs, tracks and trains; fails if any of it does."""
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

        def module(name: str, *arguments: str) -> str:
            return run(python, "-m", f"gradnet_tf.{name}", *arguments, cwd=folder)

        track = ("track", "--source=img", f"--box={write_inputs(folder)}")
        module("convert", "--npz=weights.npz", "--output=model")
        gradnet = folder / "env" / "bin" / "gradnet"
        run(gradnet, *track, "--checkpoint=model", "--boxes=boxes.txt", cwd=folder)
        report = module("eval", "--boxes=boxes.txt", "--truth=truth.txt")
        print(report, end="")
        iou = float(re.search(r"mean IoU +([\d.]+)", report).group(1))
        if iou < LEAST_IOU:
            sys.exit(f"mean IoU {iou} is below {LEAST_IOU}")
        print("Preparing videos for training ...", flush=True)
        datasets.make_otb(folder / "videos", VIDEOS, FRAMES)
        settings = ("--root=videos", "--output=records", "--jobs=2")
        report = module("data_prep", "--source=otb", *settings)
        print(report, end="")
        if not report.startswith(f"{VIDEOS * FRAMES} frames of {VIDEOS} tracks"):
            sys.exit("not every frame was prepared")
        print("Training two steps ...", flush=True)
        settings = ("--preset=short", "--data=records", "--init=embedded", "--workdir=run")
        short = ("--batch=2", "--steps=2", "--validation=0.3", "--validation_batches=1")
        module("train", "--stage=gradnet", *settings, *short, "--warmup_steps=1")
        print("Tracking with the outcome ...", flush=True)
        module(*track, "--checkpoint=run/weights/last", "--boxes=trained.txt")
        print("The wheel tracks, prepares and trains.")


if __name__ == "__main__":
    main()
