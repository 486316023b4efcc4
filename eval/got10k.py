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


def create_tracker(
    tracker: str = "gradnet", name: Optional[str] = None, *, origin: float = 1.0
) -> Any:
    """Makes a tracker for the got10k toolkit from what `--tracker` takes, see `trackers.registry`.

    `name` is by default that of `gradnet_tf.eval run`; the rest is as in `adapt`. Raises an
    ImportError if something is not installed, a ValueError if there is no such tracker.
    """
    spec = registry.parse_tracker(tracker)
    _import_base()  # Said before a tracker is loaded, which takes seconds.
    # Read when TensorFlow is loaded.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return adapt(registry.make_tracker(spec), name or spec.name, origin=origin)


def adapt(tracker: Any, name: str, *, origin: float = 1.0) -> Any:
    """Puts a tracker behind the interface of the got10k toolkit.

    Args:
        tracker: Has ``init(image, box)`` and ``update(image) -> box``, images RGB, boxes 0-based.
            If its `is_deterministic` is true, the toolkit does not repeat its runs.
        name: How the toolkit calls the results.
        origin: The number that the data set's boxes give to the first px: 1 for OTB, TC-128, LaSOT
            and GOT-10k, 0 for VOT.

    Returns:
        A ``got10k.trackers.Tracker``. It takes PIL images, arrays, or the names of images, and
        answers float64 [4], (x, y, width, height), counted from `origin`.

    Raises an ImportError that says what to do if the toolkit does not import, and a ValueError if
    the origin is neither 0 nor 1.
    """
    if origin not in (0, 1):
        raise ValueError(f"boxes are counted from 0 or 1, got origin {origin!r}")
    offset = np.array([origin, origin, 0.0, 0.0])

    base: Any = _import_base()

    class Got10kTracker(base):
        """A tracker as the got10k toolkit holds it."""

        def init(self, image, box):
            box = np.array(box, np.float64)
            if box.shape != (4,):
                raise ValueError(f"the first box must be (x, y, width, height), got {box.tolist()}")
            tracker.init(as_rgb(image), box - offset)

        def update(self, image):
            return checks.answered_box(tracker.update(as_rgb(image))) + offset

    return Got10kTracker(name, is_deterministic=bool(getattr(tracker, "is_deterministic", False)))


def _import_base() -> type:
    try:
        from got10k.trackers import Tracker
    except ImportError as error:
        # The toolkit imports all its experiments, and so all that they need, at once.
        raise ImportError(
            f"the got10k toolkit does not import; pip install got10k matplotlib shapely ({error})"
        ) from error
    return Tracker
