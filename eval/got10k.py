"""Runs our trackers in the experiments of the got10k toolkit; docs/evaluation.md has an example.

The toolkit is needed only when a tracker is made.
"""

from __future__ import annotations

import os
from typing import Any, Optional

import numpy as np

from gradnet_tf.boxes import checks
from gradnet_tf.eval.trackers import registry
from gradnet_tf.media.images import as_rgb


def create_tracker(tracker: str = "gradnet", name: Optional[str] = None, *, origin: int = 1) -> Any:
    """Makes a tracker for the got10k toolkit.

    Args:
        tracker: What `--tracker` of `gradnet_tf.eval run` takes, see `trackers.registry`. If its
            `is_deterministic` is true, the toolkit does not repeat its runs.
        name: How the toolkit calls the results; by default as `run` does.
        origin: The number that the data set's boxes give to the first px: 1 for OTB, TC-128, LaSOT
            and GOT-10k, 0 for VOT.

    Returns:
        A ``got10k.trackers.Tracker``. It takes PIL images, arrays, or the names of images, and
        answers float64 [4], (x, y, width, height), counted from `origin`.

    Raises:
        ImportError: If something is not installed; the message says what to do.
        ValueError: If there is no such tracker, or the origin is neither 0 nor 1.
    """
    spec = registry.parse_tracker(tracker)
    if origin not in (0, 1):
        raise ValueError(f"boxes are counted from 0 or 1, got origin {origin!r}")
    try:  # Before a tracker is loaded, which takes seconds.
        from got10k.trackers import Tracker
    except ImportError as error:
        # The toolkit imports all its experiments, and so all that they need, at once.
        raise ImportError(
            f"the got10k toolkit does not import; pip install got10k matplotlib shapely ({error})"
        ) from error
    # Read when TensorFlow is loaded.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    made = registry.make_tracker(spec)
    offset = np.array([origin, origin, 0.0, 0.0])

    class Got10kTracker(Tracker):
        """A tracker as the got10k toolkit holds it."""

        def init(self, image, box):
            box = np.array(box, np.float64)
            if box.shape != (4,):
                raise ValueError(f"the first box must be (x, y, width, height), got {box.tolist()}")
            made.init(as_rgb(image), box - offset)

        def update(self, image):
            return checks.answered_box(made.update(as_rgb(image))) + offset

    is_deterministic = bool(getattr(made, "is_deterministic", False))
    return Got10kTracker(name or spec.name, is_deterministic=is_deterministic)
