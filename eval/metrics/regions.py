"""How far two regions overlap: boxes exactly, boxes and quadrilaterals by pixels.

A box is (x, y, width, height); a quadrilateral is its corners x1 y1 ... x4 y4 in order. All are in
px from the same origin, one row a frame. Overlap is intersection over union, 0 to 1: float64 [n].
Arrays of other shapes than a function names are a ValueError.
"""

from __future__ import annotations

import numpy as np

Resolution = tuple[float, float]  # width and height of the image


def overlap_ratio(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the IoU of each box with its truth, two arrays [n, 4], as OTB, LaSOT, GOT-10k do.

    It is 0 where either box has no area, NaN where a number is NaN. The form of OTB's scripts,
    which takes both edge pixels as inside, gives the same number.
    """
    boxes, truth = pair(boxes, truth)
    low = np.maximum(boxes[:, :2], truth[:, :2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], truth[:, :2] + truth[:, 2:])
    sides = np.maximum(high - low, 0)
    intersection = sides[:, 0] * sides[:, 1]
    union = boxes[:, 2] * boxes[:, 3] + truth[:, 2] * truth[:, 3] - intersection
    # Without an intersection the quotient is 0 whatever the union, which may be 0 as well. Rounding
    # may take equal boxes beyond 1, which is a threshold of the success curve.
    return np.clip(intersection / np.where(intersection == 0, 1, union), 0, 1)


def center_error(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the distance in px between the centres of boxes and truth, two arrays [n, 4]."""
    boxes, truth = pair(boxes, truth)
    difference = boxes[:, :2] + boxes[:, 2:] / 2 - (truth[:, :2] + truth[:, 2:] / 2)
    return np.linalg.norm(difference, axis=1)


def bounding_boxes(regions: np.ndarray) -> np.ndarray:
    """Returns the upright boxes around quadrilaterals [n, 8], or boxes [n, 4] as they are."""
    regions = np.asarray(regions, np.float64)
    if regions.ndim == 2 and regions.shape[1] == 8:
        points = regions.reshape(-1, 4, 2)
        low = points.min(axis=1)
        return np.concatenate([low, points.max(axis=1) - low], axis=1)
    return regions


def vot_raster_overlap(boxes: np.ndarray, truth: np.ndarray, resolution: Resolution) -> np.ndarray:
    """Returns the overlap of boxes [n, 4] with truth [n, 4] or [n, 8] by pixels within the image.

    It is counted as vot-toolkit does (``vot/region/raster.py``, ``calculate_overlap``). Every
    number is rounded (halves to the even neighbour). A box covers the pixels x to x + width - 1, a
    quadrilateral those that lie between its edges or on them. NaN where a number is NaN; as in
    vot-toolkit, 1 where both regions together have no extent.

    Each row of pixels is filled from its first to its last crossing. For the convex regions of VOT
    that is what the toolkit does; in regions that rounding makes concave it may leave pixels out.
    """
    boxes, truth = pair(boxes, truth, columns=(4, 8))
    rows = zip(np.round(boxes.astype(np.float32)), np.round(truth.astype(np.float32)))
    return np.array([_vot_frame(box, region, resolution) for box, region in rows])


def pair(boxes, truth, columns=(4,)):
    """Returns both as float64, boxes [n, 4] and truth [n, one of `columns`], if they fit."""
    boxes, truth = np.asarray(boxes, np.float64), np.asarray(truth, np.float64)
    fits = boxes.ndim == truth.ndim == 2 and 0 < len(boxes) == len(truth)
    if not fits or boxes.shape[1] != 4 or truth.shape[1] not in columns:
        shapes = " or ".join(f"[n, {count}]" for count in columns)
        raise ValueError(
            f"boxes must be [n, 4] and truth {shapes} of the same length n > 0; "
            f"got {list(boxes.shape)} and {list(truth.shape)}"
        )
    return boxes, truth


def _vot_frame(box, region, resolution):
    if np.isnan(box).any() or np.isnan(region).any():
        return np.nan
    extents = np.stack([_vot_extent(box), _vot_extent(region)])
    low, high = extents[:, :2].min(axis=0), extents[:, 2:].max(axis=0)
    if (low >= high).any():
        return 1.0
    low = np.maximum(low, 0)
    high = np.minimum(high, np.array(resolution, np.int64) - 1)
    if (low >= high).any():
        return 0.0
    return _ratio(*(_vot_spans(each, low, high) for each in (box, region)))


def _vot_extent(region):
    """Returns the first and last pixels (left, top, right, bottom) of a rounded region."""
    if len(region) == 4:
        corners = np.concatenate([region[:2], region[:2] + region[2:] - 1])
    else:
        points = region.reshape(4, 2)
        corners = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return np.round(corners).astype(np.int64)


def _vot_spans(region, low, high):
    size = high - low + 1
    if len(region) == 8:
        return _spans(region.reshape(4, 2) - low, size)
    first = (region[:2] - low).astype(np.int64)
    last = (region[:2] + region[2:] - 1 - low).astype(np.int64)
    rows = np.arange(size[1])
    filled = (rows >= first[1]) & (rows <= last[1])
    left = np.where(filled, max(first[0], 0), size[0])
    return left, np.where(filled, min(last[0], size[0] - 1), -1)


def _spans(points, size):
    """Returns the first and last pixel of each row of a polygon whose corners [k, 2] are whole.

    Both are int64 [height], cut to the raster of `size` (width, height); left > right where the row
    is empty.
    """
    points = np.asarray(points, np.float64)
    before = np.roll(points, 1, axis=0)
    step = before - points
    rows = np.arange(size[1])[:, None]
    crossed = (rows >= np.minimum(points[:, 1], before[:, 1])) & (
        rows <= np.maximum(points[:, 1], before[:, 1])
    )
    level = step[:, 1] == 0
    share = (rows - points[:, 1]) / np.where(level, 1, step[:, 1])
    nodes = np.trunc(points[:, 0] + np.where(level, 0, share * step[:, 0]))
    left = np.where(crossed, nodes, np.inf).min(axis=1)
    right = np.where(crossed, nodes, -np.inf).max(axis=1)
    empty = (left > right) | (right < 0) | (left >= size[0])
    left, right = np.maximum(left, 0), np.minimum(right, size[0] - 1)
    return (
        np.where(empty, size[0], left).astype(np.int64),
        np.where(empty, -1, right).astype(np.int64),
    )


def _ratio(ours, theirs):
    area = [np.maximum(right - left + 1, 0).sum() for left, right in (ours, theirs)]
    both = np.minimum(ours[1], theirs[1]) - np.maximum(ours[0], theirs[0]) + 1
    intersection = np.maximum(both, 0).sum()
    union = sum(area) - intersection
    return float(intersection / union) if union > 0 else 0.0
