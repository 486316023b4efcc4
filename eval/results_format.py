"""Result files in the formats of the benchmarks: where they lie and what stands in them.

Three layouts, as the got10k toolkit writes them, so that its reports read ours (paths within the
folder of a tracker):

* otb: `NAME.txt` with a line x,y,width,height a frame; `times/NAME_time.txt` with a line a frame.
* got10k: `NAME/NAME_001.txt` for each repetition; `NAME/NAME_time.txt`, a column a repetition.
* vot: the same below `baseline/` (supervised), `realtime/` or `unsupervised/`; where a frame has a
  code instead of a box, the line is 1 (initialised), 2 (failed) or 0 (skipped).

Boxes in these files count pixels from where the data set's own files count them (`origin`, 0 or 1).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Optional, Union

import numpy as np

from gradnet_tf.eval.supervised import FrameCode

OTB, GOT10K, VOT = LAYOUTS = ("otb", "got10k", "vot")
# VOT's names of experiments, and ours of protocols.
PROTOCOLS = {"baseline": "supervised", "realtime": "realtime", "unsupervised": "ope"}
EXPERIMENTS = {protocol: experiment for experiment, protocol in PROTOCOLS.items()}

# Codes of VOT's files and ours.
_CODES = {1: FrameCode.INIT, 2: FrameCode.FAILED, 0: FrameCode.SKIPPED}
_NUMBERS = {int(code): number for number, code in _CODES.items()}


def box_file(layout: str, sequence: str, repetition: int = 1) -> PurePosixPath:
    """Path of the boxes of a sequence, below the folder of the tracker (vot: of the experiment).

    Raises:
      ValueError: the layout has one file a sequence, and another repetition is asked for.
    """
    if layout == OTB:
        if repetition != 1:
            raise ValueError(f"the otb layout has one run a sequence, no repetition {repetition}")
        return PurePosixPath(f"{sequence}.txt")
    return PurePosixPath(sequence, f"{sequence}_{repetition:03d}.txt")


def time_file(layout: str, sequence: str) -> PurePosixPath:
    """Path of the times of a sequence, likewise."""
    if layout == OTB:
        return PurePosixPath("times", f"{sequence}_time.txt")
    return PurePosixPath(sequence, f"{sequence}_time.txt")


def encode_boxes(
    layout: str, origin: int, boxes: np.ndarray, codes: Optional[np.ndarray] = None
) -> bytes:
    """Text of a file of boxes, 4 decimals.

    Args:
      layout: one of `LAYOUTS`.
      origin: number of the first pixel in the file.
      boxes: float64 [n, 4], 0-based.
      codes: int [n], `FrameCode`; vot only. Without them the first frame is the initialisation.
    """
    rows = _shift(boxes, origin)
    lines = [",".join(f"{value:.4f}" for value in row) for row in rows]
    if layout == VOT:
        if codes is None:
            codes = np.full(len(boxes), FrameCode.TRACKED)
            codes[:1] = FrameCode.INIT
        lines = [str(_NUMBERS.get(int(code), line)) for code, line in zip(codes, lines)]
    return "".join(line + "\n" for line in lines).encode()


def decode_boxes(
    path: Union[str, os.PathLike], layout: str, origin: int
) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Reads a file of boxes; numbers may be set apart by commas, tabs or spaces.

    Returns:
      Boxes, float64 [n, 4], 0-based, NaN where there is a code; and for vot the codes, int64 [n].

    Raises:
      OSError: the file cannot be read.
      ValueError: a line holds neither a box nor (in vot) a code; the message names it.
    """
    lines = _read_lines(path)
    boxes = np.full((len(lines), 4), np.nan)
    codes = np.full(len(lines), int(FrameCode.TRACKED), np.int64) if layout == VOT else None
    for index, line in enumerate(lines):
        numbers = _parse(line)
        if codes is not None and len(numbers) == 1 and numbers[0] in _CODES:
            codes[index] = int(_CODES[int(numbers[0])])
        elif len(numbers) == 4:
            boxes[index] = numbers
        else:
            expected = "x,y,width,height" + (" or one of 0, 1, 2" if codes is not None else "")
            raise ValueError(f"{path}, line {index + 1}: {line!r} is not {expected}")
    return _shift(boxes, -origin), codes


def encode_times(seconds: Sequence[np.ndarray]) -> bytes:
    """Text of a file of times: a line a frame, a column a repetition, "nan" where none was taken.

    Args:
      seconds: for each repetition, float64 [n].
    """
    columns = np.stack([np.asarray(column, np.float64) for column in seconds], axis=1)
    return "".join(",".join(f"{s:.8f}" for s in row) + "\n" for row in columns).encode()


def decode_times(path: Union[str, os.PathLike]) -> np.ndarray:
    """Reads a file of times: float64 [n, repetitions].

    Raises:
      OSError: the file cannot be read.
      ValueError: a line holds something else than numbers, or another number of them.
    """
    rows = [_parse(line) for line in _read_lines(path)]
    for index, row in enumerate(rows):
        if not row or len(row) != len(rows[0]):
            raise ValueError(f"{path}, line {index + 1}: expected {len(rows[0]) or 1} numbers")
    return np.array(rows, np.float64)


def _shift(boxes: np.ndarray, offset: float) -> np.ndarray:
    return np.asarray(boxes, np.float64) + [offset, offset, 0.0, 0.0]


def _read_lines(path: Union[str, os.PathLike]) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}") from error
    if not lines:
        raise ValueError(f"{path} is empty; one line a frame is needed")
    return lines


def _parse(line: str) -> list[float]:
    try:
        return [float(word) for word in line.replace(",", " ").split()]
    except ValueError:
        return []
