"""Simple trackers to compare with: the first box, and OpenCV's.

Of OpenCV's packages (4.11.0 and 5.0.0), opencv-python(-headless) has MIL only;
opencv-contrib-python(-headless), which the extra "peers" installs, has CSRT and KCF as well.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

OPENCV = {"csrt": "TrackerCSRT", "kcf": "TrackerKCF", "mil": "TrackerMIL"}
_INSTALL = "pip install 'gradnet_tf[peers]'"


class StaticTracker:
    """Answers with the first box in every frame: what any tracker must beat."""

    is_deterministic = True

    def __init__(self) -> None:
        self._box = np.zeros(4)

    def init(self, image: np.ndarray, box: Sequence[float]) -> None:
        """Takes the target's box (x, y, width, height)."""
        self._box = np.array(box, np.float64)

    def update(self, image: np.ndarray) -> np.ndarray:
        """Returns the first box."""
        return self._box.copy()


class OpenCVTracker:
    """One of OpenCV's trackers, with its default parameters.

    It gets images in BGR and the first box rounded to whole pixels, at least one inside the image,
    as OpenCV wants them. Where it reports that the target is lost, the last box is repeated.
    `import_opencv` says what is raised.
    """

    def __init__(self, name: str):
        self._cv2 = import_opencv(name)
        self._create = getattr(self._cv2, f"{OPENCV[name]}_create")
        self._box = np.zeros(4)

    def init(self, image: np.ndarray, box: Sequence[float]) -> None:
        """Starts on a target: image uint8 [h, w, 3], RGB; box (x, y, width, height), 0-based px."""
        _seed(self._cv2)
        self._tracker = self._create()  # One that has run cannot be started anew.
        self._box = np.array(box, np.float64)
        height, width = image.shape[:2]
        self._tracker.init(_bgr(image), whole_box(box, (height, width)))

    def update(self, image: np.ndarray) -> np.ndarray:
        """Tracks into the next frame; float64 [4]."""
        found, box = self._tracker.update(_bgr(image))
        if found:
            self._box = np.array(box, np.float64)
        return self._box.copy()


def import_opencv(name: str) -> Any:
    """Imports OpenCV (the module `cv2`) and makes sure that it has a tracker.

    The name is one of `OPENCV`. Raises an ImportError that says what to do if OpenCV is not
    installed or has no such tracker.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(f"opencv:{name} needs OpenCV: {_INSTALL} ({error})") from error
    if not hasattr(cv2, f"{OPENCV[name]}_create"):
        raise ImportError(
            f"OpenCV {cv2.__version__} as it is installed has no {OPENCV[name]}: CSRT and KCF are "
            "in opencv-contrib-python-headless only. Uninstall opencv-python and "
            f"opencv-python-headless, which use the same folder, then {_INSTALL}"
        )
    return cv2


def whole_box(box: Sequence[float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Cuts a box (x, y, width, height) to whole pixels, at least one, in an image of (h, w)."""
    corner, extent = np.reshape(np.asarray(box, np.float64), (2, 2))
    limit = np.array(size[::-1])
    low = np.clip(np.rint(corner), 0, limit - 1)
    high = np.clip(np.rint(corner + extent), low + 1, limit)
    x, y, width, height = (int(value) for value in (*low, *(high - low)))
    return x, y, width, height


def _seed(cv2: Any) -> None:
    """Makes runs alike: MIL draws on the C library's random numbers besides OpenCV's own."""
    cv2.setRNGSeed(0)
    with contextlib.suppress(AttributeError, OSError, TypeError):  # Windows calls it otherwise.
        ctypes.CDLL(None).srand(0)


def _bgr(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[:, :, ::-1])
