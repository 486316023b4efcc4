"""Contact sheets of the best and worst moments, with the truth and the trackers' boxes."""

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
_SIDE = 320
_LINE = 2
_COLUMNS = 4
FIRST, SECOND = drawing.PREDICTION, (70, 150, 255)
_NO_BOX = (np.nan,) * 4


class Moment(NamedTuple):
    """A short part of a sequence.

    Attributes:
        sequence: Its place.
        frame: In its middle, from 0.
        value: Mean over its frames.
    """

    sequence: int
    frame: int
    value: float


def find_moments(
    values: Sequence[np.ndarray], count: int, *, best: bool = False, window: int = WINDOW
) -> list[Moment]:
    """Finds the windows of frames with the lowest or highest means.

    They do not overlap, and are spread over the sequences: no sequence has more than its share
    (rounded up) unless the others have too few. The first window of a sequence begins after its
    first frame, where the truth is given.

    Args:
        values: For each sequence a number for each frame, float64 [n]; NaN where there is none.
        count: How many to find at most.
        best: Whether the highest are wanted.
        window: Frames of each; a shorter sequence is one window.

    Returns:
        The moments, the most extreme first; on ties in the order of sequences and frames.
    """
    found = []
    for place, numbers in enumerate(values):
        numbers = np.asarray(numbers, np.float64)
        size = max(1, min(window, len(numbers) - 1))
        for first in range(min(1, len(numbers) - 1), len(numbers) - size + 1, max(1, size // 3)):
            part = numbers[first : first + size]
            known = np.isfinite(part)
            if 2 * known.sum() > size:
                # A middle frame that has a number shows what the mean tells.
                middle = min(np.flatnonzero(known), key=lambda i: abs(i - size // 2))
                found.append(Moment(place, first + int(middle), float(part[known].mean())))
    found.sort(key=lambda m: (-m.value if best else m.value, m.sequence, m.frame))
    share = -(-count // max(1, len({moment.sequence for moment in found})))
    chosen: list[Moment] = []
    for most in (share, count):
        for moment in found:
            own = [other for other in chosen if other.sequence == moment.sequence]
            apart = all(abs(other.frame - moment.frame) >= window for other in own)
            if len(chosen) < count and len(own) < most and apart:
                chosen.append(moment)
    return sorted(chosen, key=lambda m: (-m.value if best else m.value, m.sequence, m.frame))


def tracker_sheet(evaluation: Evaluation, tracker: int, moments: Sequence[Moment]) -> Image.Image:
    """A sheet of one tracker: the truth in green, its boxes in red, the IoU above.

    The place of a frame that cannot be read stays empty.
    """
    own = evaluation.trackers[tracker]
    tiles, labels = [], []
    for moment in moments:
        tiles.append(_tile(evaluation, moment, [(own.boxes[moment.sequence], FIRST)]))
        iou = own.overlaps[moment.sequence][moment.frame]
        labels.append(f"{_place(evaluation, moment)}  IoU {iou:.2f}")
    return _sheet(tiles, labels)


def pair_sheet(
    evaluation: Evaluation, first: int, second: int, moments: Sequence[Moment]
) -> Image.Image:
    """A sheet of two trackers, red and blue, the IoU of both above; else as `tracker_sheet`."""
    pair = [evaluation.trackers[place] for place in (first, second)]
    tiles, labels = [], []
    for moment in moments:
        rows = [(one.boxes[moment.sequence], c) for one, c in zip(pair, (FIRST, SECOND))]
        tiles.append(_tile(evaluation, moment, rows))
        a, b = (one.overlaps[moment.sequence][moment.frame] for one in pair)
        labels.append(f"{_place(evaluation, moment)}  {a:.2f} : {b:.2f}")
    return _sheet(tiles, labels)


def pair_differences(evaluation: Evaluation, first: int, second: int) -> list[np.ndarray]:
    """For each sequence how far the IoU of two trackers lies apart in each frame."""
    a, b = (evaluation.trackers[place].overlaps for place in (first, second))
    return [np.abs(x - y) for x, y in zip(a, b)]


def _tile(evaluation: Evaluation, moment: Moment, boxes) -> np.ndarray:
    sequence = evaluation.sequences[moment.sequence]
    try:
        frame = as_rgb(sequence.frames[moment.frame])
    except OSError as error:
        logging.warning("a contact sheet lacks a frame: %s", error)
        return np.zeros((_SIDE * 3 // 4, _SIDE, 3), np.uint8)
    tile = _resize(frame)
    factor = np.tile([tile.shape[1] / frame.shape[1], tile.shape[0] / frame.shape[0]], 2)
    for rows, colour in ((sequence.boxes, drawing.TRUTH), *boxes):
        tile = drawing.draw_box(tile, rows[moment.frame] * factor, colour, _LINE)
    return tile


def _resize(frame: np.ndarray) -> np.ndarray:
    """Brings the longer side to the tile's; small frames are enlarged, unlike elsewhere."""
    factor = _SIDE / max(frame.shape[:2])
    if factor <= 1:
        return drawing.resize_to(frame, _SIDE)
    size = [max(1, round(n * factor)) for n in frame.shape[1::-1]]
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))


def _place(evaluation: Evaluation, moment: Moment) -> str:
    sequence = evaluation.sequences[moment.sequence]
    return f"{sequence.name} {sequence.first_number + moment.frame}"


def _sheet(tiles: Sequence[np.ndarray], labels: Sequence[str]) -> Image.Image:
    return drawing.contact_sheet(
        tiles, [_NO_BOX] * len(tiles), columns=_COLUMNS, labels=labels, side=_SIDE
    )
