"""history.csv."""

import errno
import os

import numpy as np
import pytest

from gradnet_tf.training import history
from gradnet_tf.training.history import History

COLUMNS = ("loss", "val_loss")


def write(path, first, last, start=None):
    with History(path, COLUMNS, first if start is None else start) as rows:
        for step in range(first, last):
            rows.append(step, {"loss": 1 / (step + 1)})
            if step % 3 == 2:
                rows.append(step, {"val_loss": np.float32(0.1 * step)})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.csv"


def test_rows(path):
    write(path, 0, 3)
    assert path.read_text() == "step,loss,val_loss\n0,1.0,\n1,0.5,\n2,0.3333333333333333,\n2,,0.2\n"
    assert history.read(path)[-1] == {"step": "2", "loss": "", "val_loss": "0.2"}


@pytest.mark.parametrize("killed_after, restored", [(10, 6), (10, 10), (7, 0), (5, 3)])
def test_an_interrupted_run_has_the_same_history(killed_after, restored, path, tmp_path):
    write(tmp_path / "whole.csv", 0, 12)
    write(path, 0, killed_after)
    write(path, restored, 12)
    assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_kill_within_a_line_is_no_harm(cut, path, tmp_path):
    write(tmp_path / "whole.csv", 0, 5)
    write(path, 0, 5)
    os.truncate(path, path.stat().st_size - cut)
    kept = len({row["step"] for row in history.read(path)})
    # The checkpoint is older than the row that was being written.
    restored = max(kept - 1, 0)
    write(path, restored, 5)
    assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_an_empty_file_gets_its_header(path):
    path.write_bytes(b"")
    assert history.read(path) == []
    write(path, 0, 1)
    assert path.read_text() == "step,loss,val_loss\n0,1.0,\n"


def test_a_missing_file_is_begun_with_a_warning(path, caplog):
    write(path, 4, 5)
    assert path.read_text() == "step,loss,val_loss\n4,0.2,\n"
    assert "history.csv is missing" in caplog.text


def test_rows_can_be_seen_while_it_is_open(path):
    with History(path, COLUMNS) as rows:
        rows.append(0, {"loss": 2})
        assert path.read_text().endswith("\n0,2,\n")


@pytest.mark.parametrize(
    "value, text",
    [
        (np.float32(0.1), "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (np.float64(1e-5), "1e-05"),
        (float("nan"), "nan"),
        ("a,b", '"a,b"'),
        (np.int64(3), "3"),
    ],
)
def test_values(value, text, path):
    with History(path, ["value"]) as rows:
        rows.append(np.int64(1), {"value": value})
    assert path.read_text() == f"step,value\n1,{text}\n"


@pytest.mark.parametrize(
    "content, message",
    [
        ("step,other\n1,2\n", "columns step,other, expected step,loss,val_loss"),
        ("\n", "expected step,loss"),
        ("step,loss,val_loss\n1,2\n", "row 2 is damaged: '1,2'"),
        ("step,loss,val_loss\n1,2,\nx,2,\n", "row 3 is damaged: 'x,2,'"),
        ("step,loss,val_loss\n\n", "row 2 is damaged"),
        ("step,loss,val_loss\n1,\0,\n\0\xff\n", "damaged"),
    ],
)
def test_a_file_of_something_else_is_refused_and_stays(content, message, path):
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        History(path, COLUMNS, 1)
    assert path.read_text() == content
    assert os.listdir(path.parent) == ["history.csv"]


def test_columns_are_checked(path):
    with (
        History(path, COLUMNS) as rows,
        pytest.raises(ValueError, match="fieldnames: 'lost"),
    ):
        rows.append(0, {"lost": 1})
    assert path.read_text() == "step,loss,val_loss\n"


def test_a_full_disk_names_the_file(path, monkeypatch):
    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with History(path, COLUMNS) as rows:
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="cannot write .*history.csv: No space") as caught:
            rows.append(0, {"loss": 1})
        assert caught.value.errno == errno.ENOSPC


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_what_a_full_disk_leaves_in_the_buffer_names_the_file_as_well(path):
    def fail():
        with History(path, COLUMNS) as rows:
            rows._file.close()
            rows._file = open("/dev/full", "a", encoding="utf-8", newline="")
            rows.append(0, {"loss": 1})

    with pytest.raises(OSError, match="cannot write .*history.csv: No space") as caught:
        fail()
    assert caught.value.errno == errno.ENOSPC
