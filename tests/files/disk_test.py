"""Places for outputs: links are written through, special files are written into."""

import errno
import os
import select
import socket
import stat
import subprocess
import sys
import threading

import pytest

from gradnet_tf.files import disk


def fails(call, *arguments):
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return str(caught.value)


def test_files_are_replaced_whole(tmp_path):
    path = tmp_path / "a.txt"
    disk.write_bytes(path, b"old")
    with pytest.raises(RuntimeError), disk.replacing(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".txt")
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    disk.write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("write", [disk.check_target, lambda path: disk.write_bytes(path, b"")])
def test_places_that_cannot_be_written(tmp_path, write):
    (tmp_path / "folder").mkdir()
    (tmp_path / "to_folder").symlink_to("folder")
    (tmp_path / "dangling").symlink_to("gone/b.txt")
    (tmp_path / "circle").symlink_to("round")
    (tmp_path / "round").symlink_to("circle")
    (tmp_path / "file").write_text("precious")
    for name, message in (
        ("folder", "is a directory"),
        ("to_folder", "is a directory"),
        ("gone/a.txt", "there is no directory"),
        ("dangling", f"there is no directory {tmp_path}/gone"),
        ("circle", os.strerror(errno.ELOOP)),
        ("file/a.txt", "there is no directory"),
        ("a" * 300, os.strerror(errno.ENAMETOOLONG)),
    ):
        assert message in fails(write, tmp_path / name)
        assert f"cannot write {tmp_path / name}: " in fails(write, tmp_path / name)
    assert (tmp_path / "file").read_text() == "precious"
    assert len(os.listdir(tmp_path)) == 6


def test_check_tries_to_write(tmp_path, monkeypatch):
    """What the permissions do not tell: a full disk, a quota, a share that is gone."""
    disk.check_target(tmp_path / "a.txt")
    assert os.listdir(tmp_path) == []

    def full(path, content):
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk.Path, "write_bytes", full)
    assert "a.txt: No space left" in fails(disk.check_target, tmp_path / "a.txt")
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_is_no_hindrance(tmp_path):
    """In a container, every run may have the same process id."""
    with disk.replacing(tmp_path / "a.txt") as temporary:
        pass_name = temporary
        temporary.touch()
    pass_name.write_text("left behind")
    disk.check_target(tmp_path / "a.txt")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_links_are_written_through(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (tmp_path / "link").symlink_to("second")
    (tmp_path / "second").symlink_to(there / "a.txt")  # Dangling at first.
    for content in (b"first", b"again"):
        assert disk.check_target(tmp_path / "link") == tmp_path / "link"
        disk.write_bytes(tmp_path / "link", content)
        assert (there / "a.txt").read_bytes() == content
    assert disk.resolve(tmp_path / "link") == there / "a.txt"
    assert (tmp_path / "link").is_symlink() and (tmp_path / "second").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link", "second", "there"]
    assert os.listdir(there) == ["a.txt"]


@pytest.fixture
def device(tmp_path):
    """Makes devices by number; root gets its own, since it could replace the machine's."""

    def make(name, minor):
        if os.geteuid():
            return f"/dev/{name}"
        try:
            os.mknod(tmp_path / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            open(tmp_path / name, "wb").close()
        except OSError as error:
            pytest.skip(f"no devices can be made here: {error}")
        return tmp_path / name

    return make


def test_devices_are_written_into(tmp_path, device):
    null = device("null", 3)
    (tmp_path / "null.txt").symlink_to(null)
    before = sorted(os.listdir(tmp_path))
    for path in (null, tmp_path / "null.txt"):
        disk.check_target(path)
        disk.write_bytes(path, b"content")
        assert disk.is_special(path)
        assert stat.S_ISCHR(os.stat(path).st_mode)
    assert (tmp_path / "null.txt").is_symlink()
    assert sorted(os.listdir(tmp_path)) == before
    assert not disk.is_special(tmp_path) and not disk.is_special(tmp_path / "new")


def test_a_full_device(device):
    full = device("full", 7)
    with pytest.raises(OSError, match="cannot write .*full: No space left") as caught:
        disk.write_bytes(full, b"content")
    assert caught.value.errno == errno.ENOSPC
    assert stat.S_ISCHR(os.stat(full).st_mode)


def test_pipes(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert "nobody reads from this pipe" in fails(disk.write_bytes, path, b"")
    assert "it is a named pipe" in fails(disk.check_target, path)
    found = []
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    content = b"x" * 300_000  # More than a pipe holds.

    def read():
        select.select([reader], [], [])  # Before the writer comes, reading would end at once.
        with open(reader, "rb") as file:
            found.append(file.read())

    thread = threading.Thread(target=read)
    thread.start()
    disk.write_bytes(path, content)
    thread.join()
    assert found == [content]
    assert stat.S_ISFIFO(os.stat(path).st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_sockets_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Names of sockets are short.
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        for write in (disk.check_target, lambda path: disk.write_bytes(path, b"")):
            assert "cannot write s: it is a socket" in fails(write, "s")


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs Linux")
@pytest.mark.parametrize("place", ["stdout", "link", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("is_pipe", [True, False])
def test_open_files_are_written_where_they_are(tmp_path, place, is_pipe):
    # As /dev/stdout, which root could replace by mistake.
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    (tmp_path / "link").symlink_to("stdout")
    code = (
        "from gradnet_tf.files import disk; import sys\n"
        "print('before', flush=True)\n"
        "disk.check_target(sys.argv[1]); disk.write_bytes(sys.argv[1], b'rows\\n')\n"
        "print('after')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / place)]
    if is_pipe:
        printed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    else:
        with open(tmp_path / "out", "wb") as out:
            subprocess.run(command, stdout=out, check=True)
        printed = (tmp_path / "out").read_bytes()
    assert printed == b"before\nrows\nafter\n"


def test_files_that_are_not_open_for_writing(tmp_path):
    (tmp_path / "a").write_text("precious")
    with open(tmp_path / "a", "rb") as file:
        number = file.fileno()
        assert os.strerror(errno.EBADF) in fails(disk.check_target, f"/dev/fd/{number}")
    assert os.strerror(errno.EBADF) in fails(disk.check_target, f"/dev/fd/{number}")
    assert (tmp_path / "a").read_text() == "precious"


def test_naming_keeps_the_kind_of_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="^cannot read .*gone: No such file") as caught:
        with disk.naming(tmp_path / "gone", "read"):
            open(tmp_path / "gone").close()
    assert caught.value.errno == errno.ENOENT


def test_temporaries_of_killed_processes_are_removed(tmp_path):
    for name in (".a[1].17.tmp.txt", ".a[1].x.tmp.txt", ".b.17.tmp.txt", "a[1].txt"):
        (tmp_path / name).write_text("")
    disk.remove_temporaries(tmp_path / "a[1].txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.17.tmp.txt", "a[1].txt"]
