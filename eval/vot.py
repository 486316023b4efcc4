"""Runs our trackers in vot-toolkit 0.8.0, by its protocol "python"; see docs/evaluation.md.

`arg_tracker` is what `--tracker` of `gradnet_tf.eval run` takes, any of them; without it, GradNet
with the weights that come with gradnet_tf. The toolkit starts a process for each sequence and waits
`timeout` seconds for it, 30 if there is none, which may be too short for loading TensorFlow. Don't
set `convert`: rotated regions become boxes here, as in our own runs. The toolkit hands over the
names of images, so its times include reading them.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping
from typing import Any, Optional, Union

import numpy as np

from gradnet_tf.boxes import checks
from gradnet_tf.boxes.vot_regions import polygon_box
from gradnet_tf.datasets.vot import equal_area_boxes
from gradnet_tf.eval.trackers import registry
from gradnet_tf.media.images import as_rgb

Box = tuple[float, float, float, float]
Answer = tuple[Box, dict[str, float]]

# The channels of a frame that have the look of a photograph, best first.
CHANNELS = ("color", "ir")

# What the toolkit reports; at others its process dies in silence, and the toolkit waits for it.
_REPORTED = (RuntimeError, TypeError, ValueError, ImportError, AttributeError)


def create_tracker(tracker: str = "gradnet") -> VotTracker:
    """Makes a tracker for vot-toolkit, of what `--tracker` takes; errors say what is wrong."""
    # Read when TensorFlow is loaded.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return VotTracker(_call(lambda: registry.make_tracker(registry.parse_tracker(tracker))))


class VotTracker:
    """A tracker behind the interface of vot-toolkit.

    A frame is the name of an image, or of several by channel. Answers are the box (x, y, width,
    height), and properties: after an update the tracker's `confidence`, if it has one.

    Args:
        tracker: Has ``init(image, box)`` and ``update(image) -> box``, images RGB, boxes 0-based.
    """

    multiobject = False

    def __init__(self, tracker: Any):
        self._tracker = tracker

    def init(
        self,
        frame: Union[str, Mapping[str, str]],
        new: Any,
        properties: Optional[Mapping[str, Any]] = None,
    ) -> Answer:
        """Starts on a target, or again on another one.

        `new` is the region and its properties, or a list of one such pair.
        """
        box = region_box(_single_region(new))
        _call(lambda: self._tracker.init(_read(frame), np.array(box)))
        return box, {}

    def update(
        self,
        frame: Union[str, Mapping[str, str]],
        new: Any = None,
        properties: Optional[Mapping[str, Any]] = None,
    ) -> Answer:
        """Tracks the target into the next frame; a further one in `new` raises a ValueError."""
        if new is not None and len(new):
            raise ValueError(f"one target only, please: further ones came with {frame!r}")
        answer = _call(lambda: self._tracker.update(_read(frame)))
        box = checks.answered_box(answer, f"{frame}: ")
        if not np.isfinite(box).all():
            raise ValueError(f"{frame}: the tracker must answer with a box, got {answer!r}")
        confidence = getattr(self._tracker, "confidence", None)
        return _as_tuple(box), {} if confidence is None else {"confidence": float(confidence)}


def region_box(region: Any) -> Box:
    """Returns the upright box for a region as vot-toolkit hands it over.

    A region is a tuple (x, y, width, height); a list of corners (x, y), whose box is of the same
    area if there are four (`equal_area_boxes`) and else the one around them; or an array [h, w], a
    mask of the whole image, whose box is around its pixels that are not 0.

    Raises:
        ValueError: If it is something else, not finite, or without extent; the message names it.
    """
    if isinstance(region, np.ndarray) and region.ndim == 2:
        rows, columns = np.nonzero(region)
        box = np.zeros(4)
        if len(rows):
            low = np.array([columns.min(), rows.min()], np.float64)
            box = np.concatenate([low, [columns.max(), rows.max()] - low + 1])
    else:
        try:
            numbers = np.array(region, np.float64)
        except (TypeError, ValueError):
            numbers = np.empty(0)
        if numbers.shape == (4,):
            box = numbers
        elif numbers.ndim == 2 and numbers.shape[1] == 2 and len(numbers) > 2:
            is_rotated = len(numbers) == 4
            box = equal_area_boxes(numbers.reshape(1, 8))[0] if is_rotated else polygon_box(numbers)
        else:
            raise ValueError(
                "a tracker of boxes starts from a rectangle (x, y, width, height), a polygon "
                f"[(x, y), ...] or a mask [h, w], not from {reprlib.repr(region)}"
            )
    if not np.isfinite(box).all() or (box[2:] <= 0).any():
        raise ValueError(f"the target's region has no extent: {reprlib.repr(region)}")
    return _as_tuple(box)


def _single_region(new: Any) -> Any:
    """Takes the region out of (region, properties), in a list or not."""
    objects = new if isinstance(new, list) else [new]
    if len(objects) != 1:
        raise ValueError(f"one target only, please; the toolkit gave {len(objects)}")
    (item,) = objects
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Mapping):
        return item[0]
    raise ValueError(f"expected a region and its properties, got {reprlib.repr(item)}")


def _read(frame: Union[str, Mapping[str, str]]) -> np.ndarray:
    if isinstance(frame, Mapping):
        names = [frame[channel] for channel in CHANNELS if channel in frame]
        if not names:
            raise ValueError(
                f"a frame needs one of the channels {', '.join(CHANNELS)}; "
                f"this one has {', '.join(frame) or 'none'}"
            )
        frame = names[0]
    return as_rgb(frame)


def _as_tuple(box: np.ndarray) -> Box:
    # Of Python's own numbers: the toolkit tells a rectangle by its being a tuple of four.
    x, y, width, height = (float(value) for value in box)
    return x, y, width, height


def _call(function):
    try:
        return function()
    except _REPORTED:
        raise
    except Exception as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error
