"""One process a working directory."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from gradnet_tf.files import locks

HOLD = """
import sys
from gradnet_tf.files import locks
with locks.locked(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of tmp_path until its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "locked\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_process_is_told_who_has_it(holder, tmp_path):
    with pytest.raises(locks.InUseError) as caught, locks.locked(tmp_path):
        pass
    expected = f"{tmp_path} is in use by process {holder.pid} on {socket.gethostname()}"
    assert expected in str(caught.value)
    # The refused one has not spoilt the text for the next.
    with pytest.raises(locks.InUseError, match=str(holder.pid)), locks.locked(tmp_path):
        pass


def test_it_ends_with_the_process_that_is_killed(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locks.locked(tmp_path):
        with pytest.raises(locks.InUseError) as caught, locks.locked(tmp_path):
            pass
    assert f"process {os.getpid()} on {socket.gethostname()}" in str(caught.value)


def test_the_same_process_is_refused_as_well_and_may_come_back(tmp_path):
    with locks.locked(tmp_path):
        with pytest.raises(locks.InUseError, match=f"process {os.getpid()} "):
            locks.locked(tmp_path).__enter__()
    with pytest.raises(KeyError), locks.locked(tmp_path):
        raise KeyError("of the block")
    with locks.locked(tmp_path):
        pass
    assert os.listdir(tmp_path) == [locks.FILE]
    assert (tmp_path / locks.FILE).read_text() == ""


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(OSError, match="cannot write .*nowhere"), locks.locked(tmp_path / "nowhere"):
        pass


def test_a_file_that_goes_with_the_block(tmp_path, monkeypatch):
    path = tmp_path / "piece"
    with locks.held(path, remove=True):
        text = f"^process {os.getpid()} on {socket.gethostname()}$"
        with pytest.raises(locks.InUseError, match=text):
            locks.held(path, remove=True).__enter__()
    assert not path.exists()
    # Between the opening and the locking of a file, its owner may remove it.
    acquire, opened = filelock.FileLock.acquire, []

    def acquire_late(lock):
        if not opened:
            path.unlink()
            path.touch()
        opened.append(lock)
        return acquire(lock)

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire_late)
    with locks.held(path, remove=True):
        assert len(opened) == 2 and path.exists()
        with pytest.raises(locks.InUseError):
            locks.held(path).__enter__()
    assert not list(tmp_path.iterdir())


def test_without_locks_there_is_a_warning(tmp_path, monkeypatch, caplog):
    def acquire(lock):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    with locks.locked(tmp_path), locks.locked(tmp_path):
        pass
    assert caplog.text.count("cannot be locked (FileSystem does not appear to support flock)") == 1
