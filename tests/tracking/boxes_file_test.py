"""The boxes of a run in files: a table, or a file for each target."""

import os

import numpy as np
import pytest

from gradnet_tf.tracking import boxes_file

ONE = [boxes_file.frame_rows(n, [1.0 + n, 2, 3, 4], np.nan, np.nan) for n in range(3)]
TWO = [
    boxes_file.frame_rows(n, [[1.0 + n, 2, 3, 4], [5, 6, 7, 8]], [n, n], [0.5, n]) for n in range(3)
]


def test_rows_of_a_frame():
    (row,) = ONE[2]
    assert row[:6] == (2, 0, 3, 2, 3, 4) and np.isnan(row[6:]).all()
    assert TWO[1] == [(1, 0, 2, 2, 3, 4, 1, 0.5), (1, 1, 5, 6, 7, 8, 1, 1)]


@pytest.mark.parametrize(
    ("format", "targets", "names"),
    [
        ("float", 1, ["b.txt"]),
        ("otb", 2, ["b.0.txt", "b.1.txt"]),
        ("mot", 2, ["b.txt"]),
        ("csv", 1, ["b.txt"]),
        ("json", 2, ["b.txt"]),
    ],
)
def test_a_table_or_a_file_for_each_target(tmp_path, format, targets, names):
    frames = ONE if targets == 1 else TWO
    (tmp_path / "once").mkdir()
    boxes_file.save_rows(tmp_path / "once" / "b.txt", frames, format)
    with boxes_file.BoxesFile(tmp_path / "b.txt", format, targets) as file:
        for count, rows in enumerate(frames, 1):
            file.add(rows)
            assert file.frames == count
            assert sorted(os.listdir(tmp_path)) == [*(f"{name}.partial" for name in names), "once"]
        assert file.rescue() == [tmp_path / f"{name}.partial" for name in names]
        file.finish()
    assert sorted(os.listdir(tmp_path)) == [*names, "once"]
    for name in names:
        assert (tmp_path / name).read_text() == (tmp_path / "once" / name).read_text()


def test_each_file_has_its_target(tmp_path):
    boxes_file.save_rows(tmp_path / "b.txt", TWO, "reference")
    assert (tmp_path / "b.0.txt").read_text() == "1,2,3,4\n2,2,3,4\n3,2,3,4\n"
    assert (tmp_path / "b.1.txt").read_text() == "5,6,7,8\n" * 3


def test_a_pipe_takes_a_table_of_several(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(ValueError, match="takes one target in the format float, got 2: choose mot"):
        boxes_file.BoxesFile(tmp_path / "pipe", "float", 2)
    with boxes_file.BoxesFile(tmp_path / "pipe", "json", 2) as file:
        for rows in TWO:
            file.add(rows)
        file.finish()
    text = os.read(reader, 10000).decode()
    os.close(reader)
    assert text.count("\n") == 7 and text.endswith("]\n")
