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
COLOURS = (drawing.PREDICTION, (70, 150, 255))  # Of the first and the second tracker.
_SIDE = 320
_LINE = 2
_COLUMNS = 4


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

    The trackers' boxes have `COLOURS`, the ground truth is green. The place of a frame that cannot
    be read stays empty.
    """
    own = [evaluation.trackers[place] for place in trackers]
    tiles, labels = [], []
    for place, frame, _ in moments:
        sequence = evaluation.sequences[place]
        boxes = [sequence.boxes[frame], *(one.boxes[place][frame] for one in own)]
        tiles.append(_tile(sequence.frames[frame], boxes))
        ious = " : ".join(f"{one.overlaps[place][frame]:.2f}" for one in own)
        labels.append(f"{sequence.name} {sequence.first_number + frame}  IoU {ious}")
    no_boxes = np.full((len(tiles), 4), np.nan)  # They are on the tiles.
    return drawing.contact_sheet(tiles, no_boxes, columns=_COLUMNS, labels=labels, side=_SIDE)


def iou_differences(evaluation: Evaluation, first: int, second: int) -> list[np.ndarray]:
    """Returns for each sequence how far the IoU of two trackers lies apart in each frame."""
    overlaps = (evaluation.trackers[place].overlaps for place in (first, second))
    return [np.abs(a - b) for a, b in zip(*overlaps)]


def _tile(path: str, boxes: Sequence[np.ndarray]) -> np.ndarray:
    try:
        frame = as_rgb(path)
    except OSError as error:
        logging.warning("a contact sheet lacks a frame: %s", error)
        return np.zeros((_SIDE * 3 // 4, _SIDE, 3), np.uint8)
    # Small frames are enlarged, unlike elsewhere.
    factor = _SIDE / max(frame.shape[:2])
    size = max(1, round(frame.shape[1] * factor)), max(1, round(frame.shape[0] * factor))
    filter_ = Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BILINEAR
    tile = np.asarray(Image.fromarray(frame).resize(size, filter_))
    factors = np.tile([size[0] / frame.shape[1], size[1] / frame.shape[0]], 2)
    for box, colour in zip(boxes, (drawing.TRUTH, *COLOURS)):
        tile = drawing.draw_box(tile, box * factors, colour, _LINE)
    return tile
