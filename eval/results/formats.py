"""Result files in the formats of the benchmarks: where they lie and what stands in them.

Three layouts, as the got10k toolkit writes them, so that its reports read ours (paths within the
folder of a tracker):

* otb: `NAME.txt` with a line x,y,width,height a frame; `times/NAME_time.txt` with a line a frame.
* got10k: `NAME/NAME_001.txt` for each repetition; `NAME/NAME_time.txt`, a column a repetition.
* vot: the same below `baseline/` (supervised), `realtime/` or `unsupervised/`; where a frame has a
  code instead of a box, the line is 1 (initialised), 2 (failed) or 0 (skipped). vot-toolkit's own
  files are read as well: `NAME_001.bin`, polygons and masks (as the boxes around them), and times
  in `NAME_001_time.value`.

Boxes in these files count pixels from where the data set's own files count them (`origin`, 0 or 1).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Optional, Union

import numpy as np

from gradnet_tf.boxes import vot_regions
from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.files import disk, textfiles

OTB, GOT10K, VOT = LAYOUTS = ("otb", "got10k", "vot")
# VOT's names of experiments, and ours of protocols.
PROTOCOLS = {"baseline": "supervised", "realtime": "realtime", "unsupervised": "ope"}
EXPERIMENTS = {protocol: experiment for experiment, protocol in PROTOCOLS.items()}

# Codes of VOT's files and ours.
_CODES = {1: FrameCode.INIT, 2: FrameCode.FAILED, 0: FrameCode.SKIPPED}
_NUMBERS = {int(code): number for number, code in _CODES.items()}
_HEAD, _HEAD_LINES = 4096, 3  # Bytes and lines that tell what a file holds.
_MOST_REPETITIONS = 1000


def box_file(layout: str, sequence: str, repetition: int = 1) -> PurePosixPath:
    """Returns the path of the boxes below the folder of the tracker (vot: of the experiment).

    Raises a ValueError for a further repetition where the layout has one file a sequence.
    """
    if layout == OTB:
        if repetition != 1:
            raise ValueError(f"the otb layout has one run a sequence, no repetition {repetition}")
        return PurePosixPath(f"{sequence}.txt")
    return PurePosixPath(sequence, f"{sequence}_{repetition:03d}.txt")


def time_file(layout: str, sequence: str) -> PurePosixPath:
    """Returns the path of the times of a sequence below the same folder."""
    if layout == OTB:
        return PurePosixPath("times", f"{sequence}_time.txt")
    return PurePosixPath(sequence, f"{sequence}_time.txt")


def encode_boxes(
    layout: str, origin: int, boxes: np.ndarray, codes: Optional[np.ndarray] = None
) -> bytes:
    """Writes the text of a file of boxes, 4 decimals.

    The boxes, float64 [n, 4], are 0-based; `origin` is the number of the first pixel in the file.
    Without codes (int [n], `FrameCode`; vot only) the first frame is the initialisation.
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
    """Reads a file of boxes; `textfiles` says what may set numbers apart.

    A fifth number in every line, such as a score, is passed over, but not where the first ones
    count frames. Returns boxes, float64 [n, 4], 0-based, NaN where there is a code; and for vot the
    codes, int64 [n].

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a line, which the message names, is no such one or may be read in two ways.
    """
    is_vot = layout == VOT
    expected = "x,y,width,height" + (" or one of 0, 1, 2" if is_vot else "")
    rows = textfiles.read_rows(path, {1, 4, 5} if is_vot else {4, 5}, expected)
    if not rows:
        raise ValueError(f"{path} is empty; one line a frame is needed")
    boxes = np.full((len(rows), 4), np.nan)
    codes = np.full(len(rows), int(FrameCode.TRACKED), np.int64)
    rows_of_boxes = [row for row in rows if len(row.numbers) > 1]
    _check_equal_counts(path, rows_of_boxes)
    if rows_of_boxes and len(rows_of_boxes[0].numbers) == 5:
        _check_fifth(path, rows_of_boxes, expected)
    for index, row in enumerate(rows):
        if len(row.numbers) > 1:
            boxes[index] = row.numbers[:4]
        elif row.numbers[0] in _CODES:
            codes[index] = int(_CODES[int(row.numbers[0])])
        else:
            raise ValueError(f"{path}, line {row.line}: {row.text!r} is not {expected}")
    return _shift(boxes, -origin), codes if is_vot else None


def decode_regions(path: Path) -> Optional[tuple[np.ndarray, np.ndarray, int]]:
    """Reads a file of vot-toolkit that holds polygons or masks, or is binary.

    Returns boxes and codes as of `decode_boxes`, and in how many frames a polygon or a mask was
    taken as the box around it; None for a text of boxes and codes alone. Raises an OSError if the
    file cannot be read, a ValueError that names it if it is damaged.
    """
    place = str(path)
    try:
        if path.suffix == ".bin":
            with disk.naming(path, "read"):
                regions = vot_regions.parse_binary(path.read_bytes())
        else:
            lines = textfiles.read_lines(path)
            if not any(line.startswith("m") or line.count(",") > 4 for line in lines):
                return None
            regions = []
            for number, line in enumerate(lines, 1):
                place = f"{path}, line {number}"
                regions.append(vot_regions.parse_line(line))
        place = str(path)
        codes = [FrameCode.TRACKED if r.code is None else _CODES[r.code] for r in regions]
    except KeyError as error:
        raise ValueError(f"{place}: there is no code {error} of a frame") from None
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
    if not regions:
        raise ValueError(f"{path} is empty; one region a frame is needed")
    shapes = sum(region.code is None and not region.is_box for region in regions)
    return np.stack([region.box for region in regions]), np.array(codes, np.int64), shapes


def check_codes(path: Union[str, os.PathLike], codes: np.ndarray) -> None:
    """Raises a ValueError that names the file if a run does not start and fail as VOT's do."""
    if codes[0] != FrameCode.INIT:
        raise ValueError(f"{path}, line 1: a supervised run begins with the code 1, not with a box")
    is_tracking = False
    for line, code in enumerate(codes, 1):
        if code == FrameCode.SKIPPED:
            continue
        if (code == FrameCode.INIT) == is_tracking:
            flaw = "after a failure (2) the tracker has to start (1)"
            if is_tracking:
                flaw = "the tracker starts (1) without having failed (2)"
            raise ValueError(f"{path}, line {line}: {flaw}")
        is_tracking = code != FrameCode.FAILED


def seems_boxes(path: Union[str, os.PathLike]) -> bool:
    """Whether a file begins as one of boxes would, readable or not."""
    lines = _read_head(path)
    counts = (len(re.findall(r"(?<![\w.])-?[0-9.]+|\b(?:nan|inf)\b", line, re.I)) for line in lines)
    return any(count >= 4 for count in counts)


def seems_prose(path: Union[str, os.PathLike]) -> bool:
    """Whether a file begins with words and without a box."""
    return not seems_boxes(path) and any(map(str.isalpha, "".join(_read_head(path))))


def encode_times(seconds: Sequence[np.ndarray]) -> bytes:
    """Writes the text of a file of times: a line a frame, a column a repetition."""
    columns = np.stack([np.asarray(column, np.float64) for column in seconds], axis=1)
    return "".join(",".join(f"{s:.8f}" for s in row) + "\n" for row in columns).encode()


def decode_times(path: Union[str, os.PathLike]) -> np.ndarray:
    """Reads a file of times: float64 [n, repetitions].

    Raises an OSError if it cannot be read, a ValueError if a line holds something else.
    """
    expected = "one number in seconds for each repetition"
    rows = textfiles.read_rows(path, range(1, _MOST_REPETITIONS + 1), expected)
    if not rows:
        raise ValueError(f"{path} is empty; one line a frame is needed")
    _check_equal_counts(path, rows)
    return np.array([row.numbers for row in rows])


def decode_values(path: Path) -> np.ndarray:
    """Reads a file of vot-toolkit with a number a frame: float64 [n], NaN for an empty line.

    Raises an OSError if it cannot be read, a ValueError if a line is no number.
    """
    with disk.naming(path, "read"):
        lines = path.read_text().splitlines()
    try:
        return np.array([float(line) if line.strip() else np.nan for line in lines])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_head(path) -> list[str]:
    """Reads the first lines of a file; none if it is no text."""
    try:
        with open(path, "rb") as file:
            return textfiles.decode(file.read(_HEAD)).splitlines()[:_HEAD_LINES]
    except (OSError, ValueError):
        return []


def _check_equal_counts(path, rows: Sequence[textfiles.Row]) -> None:
    for row in rows:
        if len(row.numbers) != len(rows[0].numbers):
            raise ValueError(
                f"{path}, line {row.line}: {row.text[:80]!r} has {len(row.numbers)} numbers, but "
                f"line {rows[0].line} has {len(rows[0].numbers)}"
            )


def _check_fifth(path, rows: Sequence[textfiles.Row], expected: str) -> None:
    """Raises a ValueError if a fifth number may belong to the box."""
    first = np.array([row.numbers[0] for row in rows])
    last = np.array([row.numbers[4] for row in rows])
    is_score = ((last >= 0) & (last <= 1) | np.isnan(last)).all()
    counts_up = len(first) > 1 and (np.diff(first) == 1).all()
    is_constant = len(first) > 1 and (first == np.rint(first[0])).all()
    # Whole numbers may be four, one of them with a decimal comma.
    is_whole = all(number.is_integer() for row in rows for number in row.numbers)
    if counts_up and (first[0] in (0, 1) or not is_score) or is_constant and not is_score:
        flaw = "the first one seems to be that of the frame or of the target"
    elif is_whole and not is_score:
        flaw = "none is a score, for all are whole"
    else:
        return
    row = rows[0]
    raise ValueError(
        f"{path}, line {row.line}: {row.text[:80]!r} is not {expected}: of 5 numbers {flaw}"
    )


def _shift(boxes: np.ndarray, offset: float) -> np.ndarray:
    return np.asarray(boxes, np.float64) + [offset, offset, 0.0, 0.0]
