"""Formats of files of boxes: what stands in a line, and how a file is read again.

In a plain format a line is the box of a frame, of one target. In a table a row tells frame and
target as well, so that one file holds several. Files in the format of a benchmark count as that
benchmark does: pixels, and in MOT's frames and targets, from 1. The others count from 0.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Callable, NamedTuple

import numpy as np

from gradnet_tf.files import disk, textfiles

_MOT_NUMBERS = 10  # In a row; the last three are of a world in three dimensions.
_UNKNOWN = -1


class Row(NamedTuple):
    """A target in a frame."""

    frame: int  # Number of the frame, from 0.
    target: int  # Number of the target, from 0.
    x: float  # Left edge of the box, 0-based float pixels.
    y: float  # Top edge.
    width: float  # Width of the box.
    height: float  # Height of the box.
    score: float  # What the tracker measured; NaN where it measured nothing.
    confidence: float  # The same in 0..1.

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The box, (x, y, width, height)."""
        return self.x, self.y, self.width, self.height


@dataclasses.dataclass(frozen=True)
class Format:
    """How boxes are written."""

    description: str  # What stands in a line, for help.
    line: Callable[[Row], str]  # Makes the text of a row, without the end of the line.
    is_table: bool = False  # Whether a row tells frame and target.
    start: str = ""  # What stands before the first row.
    between: str = ""  # What stands before every other one.
    end: str = ""  # What stands after the last one.


def _exact(value: float) -> str:
    return np.format_float_positional(value, trim="0")


def _plain(row: Row) -> str:
    return ",".join(map(_exact, row.box))


def _reference(row: Row) -> str:
    return ",".join(str(value) for value in np.rint(row.box).astype(int).tolist())


def _from_1(row: Row) -> str:
    return ",".join(f"{value:.4f}" for value in (row.x + 1, row.y + 1, row.width, row.height))


def _mot(row: Row) -> str:
    confidence = _UNKNOWN if math.isnan(row.confidence) else f"{row.confidence:.4f}"
    return f"{row.frame + 1},{row.target + 1},{_from_1(row)},{confidence}" + f",{_UNKNOWN}" * 3


def _csv(row: Row) -> str:
    return ",".join((str(row.frame), str(row.target), *map(_exact, row[2:])))


def _json(row: Row) -> str:
    values = {n: None if math.isnan(value) else value for n, value in row._asdict().items()}
    return json.dumps(values)


_TITLES = ",".join(Row._fields)

FORMATS = {
    "float": Format("x,y,width,height with every digit", _plain),
    "reference": Format("the same, rounded as the reference does", _reference),
    "otb": Format("x,y,width,height as in OTB, pixels from 1", _from_1),
    "got10k": Format("x,y,width,height as in GOT-10k, pixels from 1", _from_1),
    "mot": Format(
        "MOTChallenge's frame,id,x,y,width,height,confidence,-1,-1,-1, all from 1", _mot, True
    ),
    "csv": Format(f"a table with the columns {_TITLES}", _csv, True, start=_TITLES + "\n"),
    "json": Format("a list of objects with the same names", _json, True, "[", ",", "]\n"),
}


def get_format(name: str) -> Format:
    """Returns a format by its name; a ValueError if there is none."""
    if name not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {name!r}")
    return FORMATS[name]


def encode(rows: Iterable[Row], name: str, *, is_first: bool = True) -> bytes:
    """Writes rows as text in one of `FORMATS`; `is_first` tells whether they begin the file.

    After the last row, the format's `end` is still missing.
    """
    kind = get_format(name)
    text = "".join(f"{kind.between}{kind.line(row)}\n" for row in rows)
    return (kind.start + text[len(kind.between) :] if is_first else text).encode()


def read_boxes(path: disk.PathLike) -> np.ndarray:
    """Reads the boxes of a target that were written in any of `FORMATS`.

    They are float64 [n, 4], (x, y, width, height). What counts from 1 without saying so, as OTB's
    and GOT-10k's lines, is returned as it stands.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is in no such format, is empty, or holds several targets.
    """
    path = disk.local_path(path)
    lines = textfiles.read_lines(path)
    if lines and lines[0].lstrip().startswith("[{"):
        return _of_one_target(path, _parse_json(path, lines))
    if lines and lines[0] == _TITLES:
        return _of_one_target(path, _parse_csv(path, lines))
    rows = textfiles.read_rows(path, {4, _MOT_NUMBERS}, "'x,y,width,height' or a row of MOT's")
    if not rows:
        raise ValueError(f"{path} holds no boxes; one line 'x,y,width,height' a frame is needed")
    tables = [row.numbers for row in rows if len(row.numbers) == _MOT_NUMBERS]
    if not tables:
        return np.array([row.numbers for row in rows])
    if len(tables) < len(rows):
        raise ValueError(f"{path} has lines of 4 numbers and lines of {_MOT_NUMBERS}")
    boxes = np.array(tables)[:, 1:6] - [0, 1, 1, 0, 0]
    return _of_one_target(path, boxes)


def _parse_json(path: str, lines: Sequence[str]) -> np.ndarray:
    try:
        rows: Any = json.loads("\n".join(lines))
        return np.array([[row[name] for name in Row._fields[1:6]] for row in rows], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: it is no list of objects with {_TITLES} ({type(error).__name__}: {error})"
        ) from error


def _parse_csv(path: str, lines: Sequence[str]) -> np.ndarray:
    rows = []
    for number, line in enumerate(lines[1:], 2):
        try:
            rows.append(textfiles.parse(line, {len(Row._fields)})[1:6])
        except ValueError:
            raise ValueError(f"{path}, line {number}: {line[:80]!r} is not {_TITLES}") from None
    return np.array(rows)


def _of_one_target(path: str, rows: np.ndarray) -> np.ndarray:
    """Takes the boxes from rows [n, 5] of target and box."""
    if not len(rows):
        raise ValueError(f"{path} holds no boxes")
    targets = len(np.unique(rows[:, 0]))
    if targets > 1:
        raise ValueError(
            f"{path} holds {targets} targets, one is needed: a format such as 'float' writes a "
            "file for each"
        )
    return rows[:, 1:]
