"""Makes contact sheets of the best and worst moments: ground truth and trackers' boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from absl import logging
from PIL import Image

from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.media import drawing
from gradnet_tf.media.images import as_rgb

WINDOW = 15  # Frames of a moment.
_SIDE = 320  # px of a frame


class Moment(NamedTuple):
    """A short part of a sequence."""

    sequence: int  # Its place.
    frame: int  # In its middle, from 0.
    value: float  # Mean over its frames.


def find_moments(values: Sequence[np.ndarray], count: int, *, best: bool = False) -> list[Moment]:
    """Finds the windows of `WINDOW` frames with the lowest means, or the highest if `best`.

    They do not overlap, and are spread over the sequences: no sequence has more than its share
    (rounded up) unless the others have too few. The first window of a sequence begins after its
    first frame, where the tracker is given the box; a shorter sequence is one window.

    Args:
        values: For each sequence a number for each frame, float64 [n]; NaN where there is none.
        count: How many to find at most.
        best: See above.

    Returns:
        The moments, the most extreme first; on ties in the order of sequences and frames.
    """

    def rank(moment: Moment) -> tuple:
        return (-moment.value if best else moment.value, moment.sequence, moment.frame)

    found = []
    for place, numbers in enumerate(values):
        size = max(1, min(WINDOW, len(numbers) - 1))
        for first in range(min(1, len(numbers) - 1), len(numbers) - size + 1, max(1, size // 3)):
            part = np.asarray(numbers[first : first + size], np.float64)
            known = np.isfinite(part)
            if 2 * known.sum() > size:
                # A middle frame that has a number shows what the mean tells.
                middle = min(np.flatnonzero(known), key=lambda i: abs(i - size // 2))
                found.append(Moment(place, first + int(middle), float(part[known].mean())))
    found.sort(key=rank)
    share = -(-count // max(1, len({moment.sequence for moment in found})))
    chosen: list[Moment] = []
    for most in (share, count):
        for moment in found:
            own = [other for other in chosen if other.sequence == moment.sequence]
            apart = all(abs(other.frame - moment.frame) >= WINDOW for other in own)
            if len(chosen) < count and len(own) < most and apart:
                chosen.append(moment)
    return sorted(chosen, key=rank)


def contact_sheet(
    evaluation: Evaluation, trackers: Sequence[int], moments: Sequence[Moment]
) -> Image.Image:
    """Draws moments of one or two trackers, given by their places, with the IoU of each above.

    The trackers' boxes have the first of `drawing.TARGETS`, the ground truth is green. The place of
    a frame that cannot be read stays empty.
    """
    own = [evaluation.trackers[place] for place in trackers]
    frames, boxes, truth, labels = [], [], [], []
    for place, index, _ in moments:
        sequence = evaluation.sequences[place]
        frame, factor = _read(sequence.frames[index])
        frames.append(frame)
        found = [one.boxes[place][index] for one in own]
        boxes.append(np.multiply(factor, found if len(found) > 1 else found[0]))  # One: no numbers.
        truth.append(factor * sequence.boxes[index])
        ious = " : ".join(f"{one.overlaps[place][index]:.2f}" for one in own)
        labels.append(f"{sequence.name} {sequence.first_number + index}  IoU {ious}")
    return drawing.contact_sheet(frames, boxes, truth, labels=labels, side=_SIDE)


def iou_differences(evaluation: Evaluation, first: int, second: int) -> list[np.ndarray]:
    """Returns for each sequence how far the IoU of two trackers lies apart in each frame."""
    overlaps = (evaluation.trackers[place].overlaps for place in (first, second))
    return [np.abs(a - b) for a, b in zip(*overlaps)]


def _read(path: str) -> tuple[np.ndarray, float]:
    """Reads a frame, and enlarges a small one by the factor; NaN for one that cannot be read."""
    try:
        frame = as_rgb(path)
    except OSError as error:
        logging.warning("a contact sheet lacks a frame: %s", error)
        return np.zeros((_SIDE * 3 // 4, _SIDE, 3), np.uint8), np.nan
    height, width = frame.shape[:2]
    factor = max(1.0, _SIDE / max(height, width))
    size = round(width * factor), round(height * factor)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC)), factor
