"""A tiny workspace of vot-toolkit: two sequences, two supervised experiments, our adapter.

The target of "upright" is a box (4 numbers), that of "turned" a rotated rectangle (8 numbers). Both
go along a line, wait, and go on, so that trackers that move steadily fail.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIZE = (160, 120)  # width, height
FRAMES = 40
SEQUENCES = ("upright", "turned")
INTERVAL = (5, 30)  # of the EAO
BURN_IN, SKIP, REPETITIONS = 10, 5, 3

_STACK = f"""title: Tiny
experiments:
  baseline: &baseline
    type: supervised
    repetitions: {REPETITIONS}
    skip_initialize: {SKIP}
    analyses:
      - type: supervised_average_ar
        sensitivity: 30
      - type: supervised_eao_score
        low: {INTERVAL[0]}
        high: {INTERVAL[1]}
      - type: supervised_eao_curve
  realtime:
    <<: *baseline
    repetitions: 1
    realtime:
      grace: 3
"""


def truth(name, frames=FRAMES):
    """float64 [frames, 4], or [frames, 8] corners; 0-based px."""
    number = np.arange(frames)
    path = np.minimum(number, 14) + np.maximum(number - 22, 0)
    if name == "upright":
        x, y = 20 + 2.25 * path, 30 + 1.0 * path
        return np.stack([x, y, np.full(frames, 26.0), np.full(frames, 20.0)], axis=1)
    centers = np.stack([30 + 2.0 * path, 80 - 1.25 * path], axis=1)
    angles = 0.3 + 0.02 * number
    along = 15 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    across = 9 * np.stack([-np.sin(angles), np.cos(angles)], axis=1)
    corners = [along + across, along - across, -along - across, across - along]
    return np.concatenate([centers + corner for corner in corners], axis=1)


def write(root, trackers, frames=FRAMES, fps=1):
    """Writes the workspace.

    Args:
        root: Its folder.
        trackers: `arg_tracker` of each tracker by its name; None for none.
        frames: Of each sequence.
        fps: Of the sequences, and so of the real-time experiment.
    """
    root = Path(root)
    for name in SEQUENCES:
        folder = root / "sequences" / name
        (folder / "color").mkdir(parents=True)
        rows = truth(name, frames)
        for number, row in enumerate(rows, 1):
            _draw(row).save(folder / "color" / f"{number:08d}.jpg", quality=92)
        lines = [",".join(f"{value:.4f}" for value in row) for row in rows]
        (folder / "groundtruth.txt").write_text("\n".join(lines) + "\n")
        (folder / "sequence").write_text(
            f"name={name}\nfps={fps}\nformat=default\nchannels.color=color/%08d.jpg\n"
            f"width={SIZE[0]}\nheight={SIZE[1]}\nlength={frames}\n"
        )
    (root / "sequences" / "list.txt").write_text("\n".join(SEQUENCES) + "\n")
    (root / "tiny.yaml").write_text(_STACK)
    (root / "config.yaml").write_text("stack: tiny.yaml\nregistry:\n- ./trackers.ini\n")
    (root / "trackers.ini").write_text("\n".join(_section(*item) for item in trackers.items()))
    return root


def _section(name, argument):
    lines = [
        f"[{name}]",
        "protocol = python",
        "command = gradnet_tf.eval.vot:create_tracker",
        "timeout = 300",
    ]
    if argument is not None:
        lines.append(f"arg_tracker = {argument}")
    return "\n".join(lines) + "\n"


def _draw(row):
    random = np.random.default_rng(5)
    coarse = random.integers(0, 150, (8, 10, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
    if len(row) == 4:
        x, y, width, height = row
        row = np.array([x, y, x + width, y, x + width, y + height, x, y + height])
    points = [tuple(point) for point in row.reshape(4, 2)]
    draw = ImageDraw.Draw(image)
    draw.polygon(points, fill=(240, 200, 60), outline=(20, 20, 20))
    draw.line((points[0], points[2]), fill=(30, 60, 160), width=3)
    return image
