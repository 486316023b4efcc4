"""Lines are on disk as they come, and are not lost where the disk is full or gone."""

import contextlib
import errno
import os
import shutil
import stat

import pytest

from gradnet_tf.files import disk, kept_lines

LINES = ["1.0,2.0,3.0,4.0", "1.5,2.5,3.5,4.5", "2.0,3.0,4.0,5.0"]


@pytest.fixture
def out(tmp_path, monkeypatch):
    """A folder for outputs; temporary files go to another one beside it."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(kept_lines.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def make():
    """Makes KeptLines, and closes them at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda path: stack.enter_context(kept_lines.KeptLines(path))


def full(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def add(rows, lines=LINES):
    for line in lines:
        rows.add(line.encode() + b"\n")
    return rows


def test_lines_are_there_at_once_and_the_file_at_the_end(out, make):
    rows = make(out / "b.txt")
    assert rows.partial == out / "b.txt.partial"
    assert os.listdir(out) == []
    for count, line in enumerate(LINES, 1):
        add(rows, [line])
        assert rows.partial.read_text().splitlines() == LINES[:count]
    rows.finish()
    assert (out / "b.txt").read_text().splitlines() == LINES
    assert os.listdir(out) == ["b.txt"]
    assert rows.rescue() is None


def test_older_lines_stay_until_there_are_new_ones(out, make):
    (out / "b.txt.partial").write_text("of yesterday")
    rows = make(out / "b.txt")
    assert (out / "b.txt.partial").read_text() == "of yesterday"
    rows.discard()
    assert (out / "b.txt.partial").read_text() == "of yesterday"
    add(make(out / "b.txt"))
    assert (out / "b.txt.partial").read_text().splitlines() == LINES


def test_two_runs_at_once_do_not_mix(out, make):
    first, second = make(out / "b.txt"), make(out / "b.txt")
    for line in LINES:
        add(first, [line])
        add(second, [f"2{line}"])
    assert second.rescue() == out / "b.txt.partial"
    assert second.rescue().read_text().splitlines() == [f"2{line}" for line in LINES]
    first.finish()
    assert sorted(os.listdir(out)) == ["b.txt", "b.txt.partial"]
    assert (out / "b.txt").read_text().splitlines() == LINES


def test_lines_reach_the_disk_now_and_then(out, make, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    add(make(out / "b.txt"))
    assert not synced
    monkeypatch.setattr(kept_lines, "_SYNC_SECONDS", -1.0)
    add(make(out / "b.txt"))
    assert len(synced) == 3


def test_a_final_write_that_fails_leaves_the_lines(out, make, monkeypatch):
    (out / "b.txt").write_text("older")
    rows = add(make(out / "b.txt"))
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="b.txt: No space left"):
        rows.finish()
    assert rows.rescue() == out / "b.txt.partial"
    assert (out / "b.txt.partial").read_text().splitlines() == LINES
    assert (out / "b.txt").read_text() == "older"
    assert sorted(os.listdir(out)) == ["b.txt", "b.txt.partial"]


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_disk_that_fills_up_does_not_end_the_run(out, make, monkeypatch, is_whole):
    """Of the second line, half is written; later there is room again."""
    rows = make(out / "b.txt")
    add(rows, LINES[:1])
    write_all = disk.write_all

    def fill(file, content):
        write_all(file, content[:5])
        full()

    monkeypatch.setattr(disk, "write_all", fill)
    add(rows, LINES[1:])
    assert (out / "b.txt.partial").read_text().splitlines() == LINES[:1]
    if is_whole:
        rows.finish()
    else:
        assert rows.rescue() == out / "b.txt.partial"
    (name,) = os.listdir(out)
    assert name == ("b.txt" if is_whole else "b.txt.partial")
    assert (out / name).read_text().splitlines() == LINES


def test_a_folder_that_disappears(out, make, tmp_path):
    rows = make(out / "b.txt")
    add(rows, LINES[:1])
    shutil.rmtree(out)
    add(rows, LINES[1:])
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        rows.finish()
    kept = rows.rescue()
    assert kept.parent == tmp_path / "temporary"
    assert (kept.name[:2], kept.suffix) == ("b-", ".txt")
    assert kept.read_text().splitlines() == LINES


def test_nothing_can_be_written_anywhere(out, make, monkeypatch):
    rows = add(make(out / "b.txt"))
    shutil.rmtree(out)
    monkeypatch.setattr(kept_lines.tempfile, "mkstemp", full)
    with pytest.raises(OSError, match="No space left"):
        rows.rescue()


def test_links_are_written_through(out, make, tmp_path):
    (tmp_path / "link.txt").symlink_to(out / "b.txt")
    rows = add(make(tmp_path / "link.txt"))
    assert rows.partial == out / "b.txt.partial"
    rows.finish()
    assert (tmp_path / "link.txt").is_symlink()
    assert (out / "b.txt").read_text().splitlines() == LINES
    assert os.listdir(out) == ["b.txt"]


@pytest.mark.parametrize(
    ("name", "message"), [("no/b.txt", "no directory"), ("folder", "is a directory"), ("b", "b.pa")]
)
def test_places_are_checked_at_the_start(out, make, name, message):
    (out / "folder").mkdir()
    (out / "b.partial").mkdir()
    with pytest.raises(OSError, match=message):
        make(out / name)


def test_pipes_get_lines_as_they_come(out, make):
    os.mkfifo(out / "pipe")
    with pytest.raises(OSError, match="nobody reads from this pipe"):
        make(out / "pipe")
    reader = os.open(out / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    rows = make(out / "pipe")
    for line in LINES[:2]:
        add(rows, [line])
        assert os.read(reader, 1000).decode() == line + "\n"
    assert rows.rescue() is None
    os.close(reader)
    with pytest.raises(OSError, match="cannot write .*pipe: Broken pipe"):
        add(rows, LINES[2:])
    assert rows.rescue().read_text().splitlines() == LINES
    rows.discard()
    assert os.listdir(out) == ["pipe"]
    assert stat.S_ISFIFO(os.stat(out / "pipe").st_mode)
