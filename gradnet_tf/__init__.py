"""GradNet (Li et al., ICCV 2019): a Siamese tracker whose template one gradient updates.

    import gradnet_tf

    tracker = gradnet_tf.Tracker("checkpoints/NAME")
    tracker.init(image, (x, y, width, height))
    box = tracker.update(next_image)

The names below load TensorFlow when they are first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradnet_tf.network.gradnet import GradNet
    from gradnet_tf.tracking.config import TrackerConfig, preset
    from gradnet_tf.tracking.run import TrackingRun
    from gradnet_tf.tracking.tracker import Tracker

__version__ = "0.1.0"

if not os.path.isdir(os.path.join(os.path.dirname(__file__), "eval")):
    raise ImportError(
        "gradnet_tf/eval is no link to a folder: this copy was made without symbolic links. Turn "
        "them on (on Windows: developer mode), and clone again with "
        "`git clone -c core.symlinks=true`."
    )

_LAZY = {
    "GradNet": "gradnet_tf.network.gradnet",
    "Tracker": "gradnet_tf.tracking.tracker",
    "TrackerConfig": "gradnet_tf.tracking.config",
    "TrackingRun": "gradnet_tf.tracking.run",
    "preset": "gradnet_tf.tracking.config",
}

__all__ = ["GradNet", "Tracker", "TrackerConfig", "TrackingRun", "preset"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
