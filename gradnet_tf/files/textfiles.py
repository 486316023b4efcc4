"""Text files of numbers, one line a frame, as people and programs write them.

Numbers may be set apart by commas, semicolons, tabs or spaces, and a line may stand in brackets.
Line ends of Windows, a byte order mark, UTF-16 and a line of titles (``x,y,w,h``) are understood.
Commas as decimal points are refused: ``31,0 26,0 24,0 20,0`` may be a box or four corners.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple, Optional

import numpy as np

from gradnet_tf.files import disk

_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE
)
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+(?:[,.][0-9]+)?(?:e[+-]?[0-9]+)?", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_BUT_DECIMAL_COMMA = re.compile(r"\s*;\s*|\s*,\s+|\s+,?")
_OPENING, _CLOSING = "[({ \t", "])},; \t"
_ENDS = " \t\r\n\x1a"  # The last one ended files in DOS.
_COMMENT = ("#", "%", "//")
_COLUMNS = (
    frozenset({"x", "left", "xmin", "x0", "x1"}),
    frozenset({"y", "top", "ymin", "y0", "y1"}),
    frozenset({"w", "width"}),
    frozenset({"h", "height"}),
)
# Titles of boxes that are no (x, y, width, height).
_OTHER_COLUMNS = frozenset("x2 y2 xmax ymax right bottom cx cy xc yc xcenter ycenter".split())
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Row(NamedTuple):
    """A line: its number from 1, what stands there, and the numbers in it."""

    line: int
    text: str
    numbers: list[float]


def decode(content: bytes) -> str:
    """Decodes a file: UTF-8 with or without a byte order mark, or UTF-16 with one.

    What is no letter of UTF-8 is replaced; what is no text at all raises a ValueError.
    """
    try:
        if content[:2] in _UTF16:
            return content.decode("utf-16")
    except UnicodeDecodeError:
        content = b"\0"
    if b"\0" in content:
        raise ValueError("it is not a text file")
    return content.decode("utf-8-sig", errors="replace")


def read_lines(path: disk.PathLike) -> list[str]:
    """Reads the lines of a text file, without empty ones at its end.

    An OSError if the file cannot be read, a ValueError if it is no text; the message names it.
    """
    with disk.naming(path, "read"), open(path, "rb") as file:
        content = file.read()
    try:
        return decode(content).rstrip(_ENDS).splitlines()
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_rows(path: disk.PathLike, counts: Collection[int], expected: str) -> list[Row]:
    """Reads the rows of a file of numbers; none if it is empty.

    Where a first line gives titles, the columns x, y, width and height are taken.

    Args:
        path: The file.
        counts: How many numbers a line may hold.
        expected: What a line should be, for messages.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a line is something else, or may be read in two ways; the message names it.
    """
    lines = list(enumerate(read_lines(path), 1))
    columns = None
    while lines and columns is None and _is_title(lines[0][1]):
        number, text = lines.pop(0)
        try:
            total, columns = _find_columns(text)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {text[:80]!r} is {error}") from None
    if columns is not None:
        counts = {total} | ({1} & set(counts))
    rows = []
    for number, text in lines:
        try:
            numbers = parse(text, counts)
        except ValueError as error:
            detail = f" ({error})" if str(error) else ""
            where = f"{path}, line {number}"
            raise ValueError(f"{where}: {text[:80]!r} is not {expected}{detail}") from None
        if columns is not None and len(numbers) > 1:
            numbers = [numbers[place] for place in columns]
        rows.append(Row(number, text, numbers))
    row = find_comma_pairs(rows)
    if row is not None:
        raise ValueError(
            f"{path}, line {row.line}: {row.text[:80]!r} seems to have commas as decimal points; "
            "write points"
        )
    return rows


def read_boxes(path: disk.PathLike, origin: int = 0) -> np.ndarray:
    """Reads one box a line, (x, y, width, height): float64 [n, 4], 0-based.

    `origin` is what the file counts the first pixel as. ``nan`` stands for a frame without a box.
    Empty lines at the end are passed over.

    Raises:
        OSError: If the file cannot be read; the message names it.
        ValueError: If a line does not hold four numbers (the message names it), or there is none.
    """
    path = disk.local_path(path)
    rows = read_rows(path, {4}, "'x,y,width,height'")
    if not rows:
        raise ValueError(f"{path} holds no boxes; one line 'x,y,width,height' a frame is needed")
    return np.array([row.numbers for row in rows]) - [origin, origin, 0, 0]


def read_integers(path: disk.PathLike) -> list[int]:
    """Reads a file of whole numbers, such as flags: one a line, or all of them in one line.

    An OSError if the file cannot be read, a ValueError that names it if it is something else.
    """
    lines = [line for line in read_lines(path) if line.strip()]
    words = [word for line in lines for word in _SEPARATOR.split(_strip(line))]
    numbers = [float(word) if _NUMBER.fullmatch(word) else 0.5 for word in words]
    if len(lines) not in (0, 1, len(words)) or not all(map(float.is_integer, numbers)):
        raise ValueError(f"{path} is not of whole numbers, one a line or all in one line")
    return [int(number) for number in numbers]


def parse(line: str, counts: Optional[Collection[int]] = None) -> list[float]:
    """Reads the numbers of a line, which are as many as one of `counts`, if it is given.

    A ValueError if it is something else; its message is empty, or says what may be the matter.
    """
    text = _strip(line)
    words = _SEPARATOR.split(text) if text else []
    decimals = _BUT_DECIMAL_COMMA.split(text)
    may_be_decimal = (
        len(decimals) > 1
        and any("," in word for word in decimals)
        and all(map(_DECIMAL_COMMA.fullmatch, decimals))
        and (counts is None or len(decimals) in counts)
    )
    if may_be_decimal:
        raise ValueError("commas are no decimal points here; write points")
    if not all(map(_NUMBER.fullmatch, words)) or not words:
        raise ValueError
    if counts is not None and len(words) not in counts:
        raise ValueError
    return [float(word) for word in words]


def find_comma_pairs(rows: Sequence[Row]) -> Optional[Row]:
    """Finds a row of twice as many numbers as it was meant to have: its commas are decimal points.

    In ``31,05,26,50,24,00,20,00`` nothing else sets numbers apart. Whole numbers are not written
    with a zero in front; and not every second one of a whole file has a single digit where the
    numbers are corners, or where the others are 0.
    """
    pairs, whole = [], set()
    for row in rows:
        if len(row.numbers) % 2 or len(row.numbers) == 4:  # A box may be of whole numbers.
            continue
        words = _strip(row.text).split(",")
        if len(words) > 1 and all(re.fullmatch("-?[0-9]+", word) for word in words):
            pairs.append((row, words[1::2]))
            whole.update(words[::2])
    for row, digits in pairs:
        if any(len(word) > 1 and word[0] == "0" for word in digits):
            return row
    is_single = all(len(word) == 1 for _, digits in pairs for word in digits)
    if len(pairs) > 1 and is_single and (len(pairs[0][0].numbers) == 8 or whole == {"0"}):
        return pairs[0][0]
    return None


def _strip(line: str) -> str:
    """Strips the brackets around a line, and what sets it apart from the next one."""
    return line.lstrip(_OPENING).rstrip(_CLOSING)


def _is_title(line: str) -> bool:
    words = [word for word in _SEPARATOR.split(_strip(line)) if word]
    return bool(words) and not any(map(_NUMBER.fullmatch, words)) and any(map(str.isalpha, line))


def _find_columns(title: str) -> tuple[int, Optional[list[int]]]:
    """Counts the columns, finds x, y, width, height; None for a comment that does not tell."""
    is_comment = title.lstrip().startswith(_COMMENT)
    names = [
        re.sub(r"^(bbox|bb|box)|[^a-z0-9]", "", word.lower())
        for word in _SEPARATOR.split(_strip(title.lstrip().lstrip("#%/")))
    ]
    places = [[i for i, name in enumerate(names) if name in known] for known in _COLUMNS]
    if all(len(found) == 1 for found in places) and not _OTHER_COLUMNS & set(names):
        return len(names), [found[0] for found in places]
    if is_comment and not _OTHER_COLUMNS & set(names):
        return len(names), None
    raise ValueError("a line of titles without x, y, width and height")
