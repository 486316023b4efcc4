"""Formats of boxes: what is written, to the letter, and that it is read again."""

import csv
import json

import numpy as np
import pytest

from gradnet_tf.boxes import formats
from gradnet_tf.boxes.formats import FORMATS, Row

NAN = float("nan")
ROWS = [
    Row(7, 0, 1 / 3, -2.5, 10.0, 8.5, NAN, NAN),
    Row(8, 0, 1.5, 2.5, 10.0, 8.0, 12.25, 0.75),
]
OTHER = [row._replace(target=1, x=row.x + 40) for row in ROWS]

WRITTEN = {
    "float": "0.3333333333333333,-2.5,10.0,8.5\n1.5,2.5,10.0,8.0\n",
    "reference": "0,-2,10,8\n2,2,10,8\n",
    "otb": "1.3333,-1.5000,10.0000,8.5000\n2.5000,3.5000,10.0000,8.0000\n",
    "got10k": "1.3333,-1.5000,10.0000,8.5000\n2.5000,3.5000,10.0000,8.0000\n",
    "mot": "8,1,1.3333,-1.5000,10.0000,8.5000,-1,-1,-1,-1\n"
    "9,1,2.5000,3.5000,10.0000,8.0000,0.7500,-1,-1,-1\n",
    "csv": "frame,target,x,y,width,height,score,confidence\n"
    "7,0,0.3333333333333333,-2.5,10.0,8.5,nan,nan\n8,0,1.5,2.5,10.0,8.0,12.25,0.75\n",
    "json": '[{"frame": 7, "target": 0, "x": 0.3333333333333333, "y": -2.5, "width": 10.0, '
    '"height": 8.5, "score": null, "confidence": null}\n'
    ',{"frame": 8, "target": 0, "x": 1.5, "y": 2.5, "width": 10.0, "height": 8.0, '
    '"score": 12.25, "confidence": 0.75}\n]\n',
}


def write(path, rows, name):
    path.write_bytes(formats.encode(rows, name) + FORMATS[name].end.encode())
    return path


def test_every_format_is_tested():
    assert list(WRITTEN) == list(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written(tmp_path, name):
    assert write(tmp_path / "b", ROWS, name).read_text() == WRITTEN[name]


@pytest.mark.parametrize("name", FORMATS)
def test_rows_may_come_one_by_one(name):
    parts = [formats.encode([row], name, is_first=not n) for n, row in enumerate(ROWS)]
    assert b"".join(parts) == formats.encode(ROWS, name)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read(tmp_path, name):
    expected = np.array([row.box for row in ROWS])
    if name in ("otb", "got10k"):  # The file does not tell that it counts from 1.
        expected += [1, 1, 0, 0]
    tolerance = {"reference": 0.5, "float": 0, "csv": 0, "json": 0}.get(name, 5.1e-5)
    found = formats.read_boxes(write(tmp_path / "b", ROWS, name))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_tables_are_what_their_names_say(tmp_path):
    with open(write(tmp_path / "b.csv", [*ROWS, *OTHER], "csv"), newline="") as file:
        table = list(csv.DictReader(file))
    objects = json.loads(write(tmp_path / "b.json", [*ROWS, *OTHER], "json").read_text())
    assert [list(row) for row in (table[0], objects[0])] == [list(Row._fields)] * 2
    assert [int(row["target"]) for row in table] == [row["target"] for row in objects]
    assert [float(row["x"]) for row in table] == [row["x"] for row in objects]


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.is_table])
def test_one_target_is_read_and_no_more(tmp_path, name):
    with pytest.raises(ValueError, match="b holds 2 targets, one is needed"):
        formats.read_boxes(write(tmp_path / "b", [*ROWS, *OTHER], name))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "b holds no boxes"),
        ("1,2,3\n", "b, line 1: '1,2,3' is not 'x,y,width,height' or a row of MOT's"),
        ("1,2,3,4\n1,1,2,3,4,5,1,-1,-1,-1\n", "lines of 4 numbers and lines of 10"),
        (WRITTEN["csv"] + "9,0,1\n", "b, line 4: '9,0,1' is not frame,target,x,"),
        (WRITTEN["csv"].splitlines()[0], "b holds no boxes"),
        (WRITTEN["json"][:-2], "no list of objects with frame,target,.*JSONDecodeError"),
        ('[{"x": 1}]', "no list of objects with frame,target,.*KeyError: 'target'"),
    ],
)
def test_what_is_no_such_file(tmp_path, content, message):
    (tmp_path / "b").write_text(content)
    with pytest.raises(ValueError, match=message):
        formats.read_boxes(tmp_path / "b")


def test_unknown_names():
    with pytest.raises(ValueError, match="one of float, reference, otb, got10k, mot, csv, json, "):
        formats.encode(ROWS, "xml")
