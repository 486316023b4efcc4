"""Our trackers in the got10k toolkit: what its experiments run.

    from got10k.experiments import ExperimentOTB
    from gradnet_tf.eval.got10k import create_tracker
    ExperimentOTB("OTB").run(create_tracker("gradnet:CHECKPOINT"))

Any tracker that `--tracker` of `gradnet_tf.eval run` takes will do. The toolkit is needed only when
a tracker is made, not when this module is imported.
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
    """Makes a tracker for the got10k toolkit: an instance of its class `Tracker`.

    Args:
        tracker: As `--tracker` takes it, see `trackers.registry`.
        name: How the toolkit calls the results; by default as `gradnet_tf.eval run` would.
        origin: As in `adapt`.

    Raises:
        ImportError: If the toolkit or something that the tracker needs is not installed.
        ValueError: If there is no such tracker, or it cannot be made.
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
        An instance of a subclass of ``got10k.trackers.Tracker``. It takes PIL images, arrays, or
        the names of images; its answers are float64 [4], (x, y, width, height), counted from
        `origin`.

    Raises:
        ImportError: If the toolkit does not import; the message says what to do.
        ValueError: If the origin is neither 0 nor 1.
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
