"""`history.csv`: one row for each measurement of a training run.

An interrupted run that is resumed leaves the same file, to the byte, as one that never stopped, so
rows hold nothing that a clock says.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import logging

from gradnet_tf.files import disk

STEP = "step"


class History:
    """Appends rows to a CSV file. A context manager: leaving the block closes the file.

    The column `step` is the index of the step, from 0; several rows may have the same one.

    Args:
        path: The file; made where it does not exist.
        columns: Names of the columns besides `step`.
        start: Number of finished steps: rows of this step and later ones, which a killed run wrote
            after its last checkpoint, are taken out, and so is a last line that was cut short.

    Raises:
        ValueError: If the file has other columns, or a line that is not a row of them.
        OSError: If it cannot be read or written.
    """

    def __init__(self, path: disk.PathLike, columns: Sequence[str], start: int = 0):
        self._columns = (STEP, *columns)
        self._path = Path(path)
        self._cut(start)
        with disk.naming(self._path):
            self._file = open(self._path, "a", encoding="utf-8", newline="")

    def append(self, step: int, values: Mapping[str, Any]) -> None:
        """Writes a row; on return it is on the disk.

        Args:
            step: Index of the step, from 0.
            values: Numbers or text by column. What is missing is left empty; a float is
                written with as many digits as tell it from its neighbours.

        Raises:
            ValueError: If there is no such column.
            OSError: If it cannot be written; the message names the file.
        """
        writer = csv.DictWriter(self._file, self._columns, lineterminator="\n")
        with disk.naming(self._path):
            writer.writerow({STEP: int(step), **values})
            disk.sync(self._file)

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        with disk.naming(self._path):  # What a full disk did not take is written now.
            self._file.close()

    def _cut(self, start: int) -> None:
        rows = _read(self._path, self._columns) if self._path.exists() else []
        if start > 0 and not self._path.exists():
            logging.warning("%s is missing: it goes on from step %d", self._path, start)
        kept = [self._columns, *(row for row in rows if int(row[0]) < start)]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(kept)
        disk.write_bytes(self._path, text.getvalue().encode())


def read(path: disk.PathLike) -> list[dict[str, str]]:
    """The rows of a history, values as they are written; a line that was cut short is left out.

    Raises ValueError if it is damaged, and OSError if it cannot be read.
    """
    columns = next(iter(_records(Path(path))), [])
    return [dict(zip(columns, row)) for row in _read(Path(path), columns)]


def _read(path: Path, columns: Sequence[str]) -> list[list[str]]:
    records = _records(path)
    if not records:
        return []  # Killed before the header was written.
    if records[0] != list(columns) or records[0][:1] != [STEP]:
        raise ValueError(
            f"{path}: has the columns {','.join(records[0])}, expected {','.join(columns)}; move "
            "it away, or use another working directory"
        )
    for number, row in enumerate(records[1:], start=2):
        if len(row) != len(columns) or not row[0].isdecimal():
            raise ValueError(f"{path}: row {number} is damaged: {','.join(row)!r}")
    return records[1:]


def _records(path: Path) -> list[list[str]]:
    """Rows of text; what follows the last line end was cut short by a kill."""
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    try:
        return list(csv.reader(io.StringIO(whole, newline="")))
    except csv.Error as error:
        raise ValueError(f"{path}: is damaged ({error})") from error
