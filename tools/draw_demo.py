"""Draws the animated picture of the documents' first page from what `make demo` has written.

`python tools/draw_demo.py docs/demo.webp` draws the boxes of demo_output on every second frame of
the clip, enlarged. It plays at the clip's own speed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from gradnet_tf.files.textfiles import read_boxes
from gradnet_tf.media import drawing
from gradnet_tf.media.demo_clip import find_clip
from gradnet_tf.media.frames import open_frames

BOXES = Path(__file__).resolve().parents[1] / "demo_output/boxes.txt"
SCALE = 2  # Lines are drawn after the clip is enlarged, so that they are sharp.
EVERY = 2  # frames of the clip for one of the picture
DURATION = 67  # ms of each


def draw() -> list[Image.Image]:
    """Returns the frames of the picture."""
    pictures = []
    for index, (frame, box) in enumerate(zip(open_frames(str(find_clip())), read_boxes(BOXES))):
        if index % EVERY == 0:
            height, width, _ = frame.image.shape
            large = Image.fromarray(frame.image).resize((SCALE * width, SCALE * height))
            drawn = drawing.draw_box(np.asarray(large), SCALE * box, width=3)
            pictures.append(Image.fromarray(drawn))
    return pictures


if __name__ == "__main__":
    first, *others = draw()
    first.save(
        sys.argv[1], save_all=True, append_images=others, duration=DURATION, loop=0, quality=60
    )
