"""Reads regions as vot-toolkit writes them, and takes masks and polygons as the boxes around them.

A line of text is one region: ``x,y,width,height``; a polygon ``x1,y1,x2,y2,x3,y3,...``; a mask
``mx,y,width,height,runs...``, whose runs of pixels outside and inside alternate, outside first, row
by row within the rectangle; or a code alone. A ``.bin`` file (vot-toolkit 0.6 and later) holds the
same regions of a whole sequence, see `parse_binary`.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Optional

import numpy as np
import numpy.typing as npt

_VERSION = 1
_CODE, _BOX, _POLYGON, _MASK = range(4)  # Kinds of regions in a .bin file.


class VotRegion(NamedTuple):
    """A region of one frame."""

    # float64 [4], (x, y, width, height) in px; NaN for a code and for an empty mask.
    box: np.ndarray
    code: Optional[int] = None  # The number that stands in the place of a region, else None.
    is_box: bool = False  # Whether the region is a box itself, not a polygon or a mask within it.


def parse_line(text: str) -> VotRegion:
    """Reads one line of numbers set apart by commas; a ValueError if it is no region."""
    text = text.strip()
    try:
        if text.startswith("m"):
            return VotRegion(mask_box([int(word) for word in text[1:].split(",")]))
        values = [float(word) for word in text.split(",")]
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:80]!r} is no region of VOT: {error}") from None
    if len(values) == 1 and values[0].is_integer():
        return _code(int(values[0]))
    if len(values) == 4:
        return VotRegion(np.array(values), is_box=True)
    if len(values) >= 6 and len(values) % 2 == 0:
        return VotRegion(polygon_box(values))
    raise ValueError(f"{text[:80]!r} is no region of VOT: it has {len(values)} numbers")


def parse_binary(content: bytes) -> list[VotRegion]:
    """Reads a trajectory: little-endian, a version (int16, 1) and the number of regions (uint32).

    Each region is its kind (uint8) and: a code (uint32); a box (4 float32); a polygon (uint16
    corners, then two float32 each); or a mask (int16 x, y, uint16 width, height, number of runs,
    and the runs). A ValueError if the content is something else, or ends early.
    """
    reader = _Reader(content)
    try:
        version, count = reader.take("hI")
        if version != _VERSION:
            raise ValueError(f"its version is {version}, not {_VERSION}")
        regions = [_read_region(reader) for _ in range(count)]
    except struct.error:
        raise ValueError(f"it ends early, after {len(content)} bytes") from None
    if reader.offset != len(content):
        raise ValueError(f"{len(content) - reader.offset} bytes follow the last region")
    return regions


def mask_box(numbers: npt.ArrayLike) -> np.ndarray:
    """Returns the box around the pixels of a mask: float64 [4], NaN if it has none.

    Its numbers, int [4 + k], are x, y, width and height of the rectangle that it lies in, and the
    lengths of runs of pixels, in turn outside and inside the target, row by row. A ValueError if
    the runs do not fill the rectangle.
    """
    numbers = np.asarray(numbers, np.int64)
    if len(numbers) < 4:
        raise ValueError(f"a mask needs x, y, width and height, got {numbers.tolist()}")
    (x, y, width, height), runs = numbers[:4], numbers[4:]
    if width < 0 or height < 0 or (runs < 0).any() or runs.sum() != width * height:
        raise ValueError(f"its runs are of {runs.sum()} px, not of {width} x {height}")
    ends = np.cumsum(runs)
    starts, ends = (ends - runs)[1::2], ends[1::2]
    starts, last = starts[ends > starts], ends[ends > starts] - 1
    if not len(starts):
        return np.full(4, np.nan)
    is_long = starts // width != last // width  # It ends in another row than it begins in.
    left, top = np.where(is_long, 0, starts % width).min(), starts.min() // width
    right, bottom = np.where(is_long, width - 1, last % width).max(), last.max() // width
    return np.array([x + left, y + top, right - left + 1, bottom - top + 1], np.float64)


def polygon_box(corners: npt.ArrayLike) -> np.ndarray:
    """Returns the upright box around a polygon x1, y1, x2, y2, ...: float64 [4]."""
    points = np.asarray(corners, np.float64).reshape(-1, 2)
    low = points.min(axis=0)
    return np.concatenate([low, points.max(axis=0) - low])


class _Reader:
    """Takes values off little-endian bytes."""

    def __init__(self, content: bytes):
        self._content, self.offset = content, 0

    def take(self, kinds: str) -> tuple:
        values = struct.unpack_from(f"<{kinds}", self._content, self.offset)
        self.offset += struct.calcsize(f"<{kinds}")
        return values


def _read_region(reader: _Reader) -> VotRegion:
    (kind,) = reader.take("B")
    if kind == _CODE:
        return _code(*reader.take("I"))
    if kind == _BOX:
        return VotRegion(np.array(reader.take("4f")), is_box=True)
    if kind == _POLYGON:
        (corners,) = reader.take("H")
        if not corners:
            raise ValueError("a polygon has no corner")
        return VotRegion(polygon_box(reader.take(f"{2 * corners}f")))
    if kind == _MASK:
        *frame, runs = reader.take("hhHHH")
        return VotRegion(mask_box([*frame, *reader.take(f"{runs}H")]))
    raise ValueError(f"there is no kind of region {kind}")


def _code(code: int) -> VotRegion:
    return VotRegion(np.full(4, np.nan), code)
