"""Measures of how well boxes follow the truth, in pure NumPy.

Boxes are (x, y, width, height) in px, float64 [n, 4], one row a frame; both sides count pixels from
the same origin. OTB and the reference differ in what they count as a hit, so each function names
its convention:

* OTB (Wu et al., Online Object Tracking: A Benchmark): success is IoU > t for the 21 thresholds
  0, 0.05, ..., 1; precision is centre error <= 20 px.
* reference: what the authors' track.py prints (``_compile_results``).
"""

from __future__ import annotations

import os
from typing import NamedTuple, Union

import numpy as np

SUCCESS_THRESHOLDS = np.arange(21) / 20
PRECISION_THRESHOLD = 20.0  # px

# The reference sums its precision curve over 50 thresholds, of 0.5 to 25 px.
REFERENCE_THRESHOLDS = np.linspace(0, 25, 51)[1:]


class ReferenceMetrics(NamedTuple):
    """The four numbers that the reference prints for a sequence."""

    frames: int
    precision: float  # percent of the frames with a centre error below 20 px
    precision_auc: float  # area below the precision curve; at most 49, for its 50 thresholds
    iou: float  # mean IoU in percent


def load_boxes(path: Union[str, os.PathLike]) -> np.ndarray:
    """Reads one box a line: four numbers, set apart by commas, tabs or spaces.

    ``nan`` stands for a frame without a box. Empty lines at the end are passed over.

    Returns:
      float64 [n, 4].

    Raises:
      OSError: the file cannot be read.
      ValueError: a line does not hold four numbers (the message names it), or there is no line.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file of boxes: {error}") from error
    if not lines:
        raise ValueError(f"{path} holds no boxes; one line 'x,y,width,height' a frame is needed")
    boxes = np.empty((len(lines), 4))
    for index, line in enumerate(lines):
        try:
            numbers = [float(word) for word in line.replace(",", " ").split()]
        except ValueError:
            numbers = []
        if len(numbers) != 4:
            raise ValueError(f"{path}, line {index + 1}: {line!r} is not 'x,y,width,height'")
        boxes[index] = numbers
    return boxes


def overlap_ratio(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with its truth, in continuous coordinates.

    Args:
      boxes: [n, 4].
      truth: [n, 4].

    Returns:
      float64 [n] of 0 to 1; 0 where either box has no area, NaN where a number is NaN.

    Raises:
      ValueError: the arguments are not two arrays [n, 4] of the same length.
    """
    boxes, truth = _pair(boxes, truth)
    low = np.maximum(boxes[:, :2], truth[:, :2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], truth[:, :2] + truth[:, 2:])
    sides = np.maximum(high - low, 0)
    intersection = sides[:, 0] * sides[:, 1]
    union = boxes[:, 2] * boxes[:, 3] + truth[:, 2] * truth[:, 3] - intersection
    # Without an intersection the quotient is 0 whatever the union, which may be 0 as well.
    return intersection / np.where(intersection == 0, 1, union)


def center_error(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance in px between the centres of each box and its truth: float64 [n].

    Raises:
      ValueError: the arguments are not two arrays [n, 4] of the same length.
    """
    boxes, truth = _pair(boxes, truth)
    difference = boxes[:, :2] + boxes[:, 2:] / 2 - (truth[:, :2] + truth[:, 2:] / 2)
    return np.linalg.norm(difference, axis=1)


def success_auc(iou: np.ndarray) -> float:
    """OTB success: the share of frames with IoU > t, averaged over the 21 thresholds; 0 to 1.

    The last threshold, 1, is never exceeded, so perfect boxes reach 20/21. NaN is a miss.
    """
    return float(np.mean(np.asarray(iou)[:, None] > SUCCESS_THRESHOLDS))


def precision(error: np.ndarray, threshold: float = PRECISION_THRESHOLD) -> float:
    """OTB precision: the share of frames with a centre error <= threshold px. NaN is a miss."""
    return float(np.mean(np.asarray(error) <= threshold))


def reference_metrics(boxes: np.ndarray, truth: np.ndarray) -> ReferenceMetrics:
    """The numbers that the reference's track.py prints (``_compile_results``).

    It differs from OTB: an error of exactly the threshold is a miss, the precision curve ends at
    25 px and is integrated over the index of the threshold, and overlap is the mean IoU.

    Raises:
      ValueError: the arguments are not two arrays [n, 4] of the same length.
    """
    error = center_error(boxes, truth)
    curve = np.mean(error[:, None] < REFERENCE_THRESHOLDS, axis=0)
    return ReferenceMetrics(
        frames=len(error),
        precision=100 * float(np.mean(error < PRECISION_THRESHOLD)),
        precision_auc=float(np.sum(curve[1:] + curve[:-1]) / 2),
        iou=100 * float(np.mean(overlap_ratio(boxes, truth))),
    )


def _pair(boxes, truth):
    boxes, truth = np.asarray(boxes, np.float64), np.asarray(truth, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.shape != truth.shape or not len(boxes):
        raise ValueError(
            "boxes and truth must be two arrays [n, 4] of the same length n > 0; "
            f"got {list(boxes.shape)} and {list(truth.shape)}"
        )
    return boxes, truth
