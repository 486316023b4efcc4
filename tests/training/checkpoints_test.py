"""Checkpoints of a training run."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradnet_tf.training import checkpoints
from gradnet_tf.training.checkpoints import CheckpointStore
from gradnet_tf.weights import CheckpointError


def state(step=0):
    rng = np.random.default_rng(step)
    return {
        "siamese/scala1_z/conv/weights": rng.normal(size=(11, 11, 3, 8)).astype(np.float32),
        "siamese/scala1_z/bn/local_step": np.float32(step),
        "optimizer/iterations": np.int64(step),
        "file": rng.normal(size=5),
        "meta": np.zeros((0, 3), np.uint8),
    }


def save(store, step, value=None):
    return store.save(state(step), {"step": step, "epoch": step // 10}, value)


def names(store):
    return sorted(os.listdir(store.directory))


def flip_byte(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def assert_is(restored, step):
    arrays, info = restored
    assert info == {"step": step, "epoch": step // 10}
    expected = state(step)
    assert list(arrays) == list(expected)
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_round_trip_in_a_new_store(tmp_path):
    assert CheckpointStore(tmp_path).restore() is None
    path = save(CheckpointStore(tmp_path), 7)
    assert path == tmp_path / "checkpoints" / "step-00000007.npz"
    assert_is(CheckpointStore(tmp_path).restore(), 7)


def test_info_may_be_any_json(tmp_path):
    info = {"step": 0, "history": [{"loss": 0.1, "text": "größer"}], "best": None, "nan": [1e-300]}
    CheckpointStore(tmp_path).save({}, info)
    assert CheckpointStore(tmp_path).restore() == ({}, info)


def test_the_same_state_gives_the_same_file(tmp_path):
    first = save(CheckpointStore(tmp_path), 7).read_bytes()
    assert save(CheckpointStore(tmp_path), 7).read_bytes() == first


def test_newest_and_best_are_kept(tmp_path):
    store = CheckpointStore(tmp_path, keep=2)
    for step, value in ((10, 3.0), (20, 1.0), (30, None), (40, 2.0), (50, 1.0), (60, float("nan"))):
        save(store, step, value)
    assert names(store) == ["best-00000020.npz", "step-00000050.npz", "step-00000060.npz"]
    assert store.steps() == [60, 50]
    assert store.best_value == 1.0
    best = store.best()
    assert best.value == 1.0
    assert_is(best[:2], 20)


def test_a_new_best_replaces_the_one_before(tmp_path):
    store = CheckpointStore(tmp_path, keep=1)
    for step, value in ((1, 0.5), (2, 0.0), (3, -0.25), (4, 0.0)):
        save(store, step, value)
    assert names(store) == ["best-00000003.npz", "step-00000004.npz"]


def test_what_is_the_best_is_known_after_a_restart(tmp_path):
    store = CheckpointStore(tmp_path)
    save(store, 1, 0.0)
    save(store, 2, 4.0)
    store = CheckpointStore(tmp_path)
    store.restore()
    assert store.best_value == 0.0
    save(store, 3, 1.0)
    assert_is(store.best()[:2], 1)


@pytest.mark.parametrize("earlier", [None, 0.5])
def test_a_kill_before_the_newest_became_the_best_loses_no_best(earlier, tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path)
    save(store, 1, earlier)
    monkeypatch.setattr(os, "link", lambda *_: sys.exit("killed"))
    with pytest.raises(SystemExit):
        save(store, 2, 0.25)
    monkeypatch.undo()
    before = names(store)
    assert CheckpointStore(tmp_path, read_only=True).restore() is not None
    assert names(store) == before
    store = CheckpointStore(tmp_path)
    assert_is(store.restore(), 2)
    assert store.best_value == 0.25
    assert_is(store.best()[:2], 2)
    assert "best-00000001.npz" not in names(store)


def test_best_is_a_copy_where_links_are_not_known(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    store = CheckpointStore(tmp_path, keep=1)
    save(store, 1, 0.5)
    save(store, 2)
    assert_is(store.best()[:2], 1)
    assert names(store) == ["best-00000001.npz", "step-00000002.npz"]


def test_order_is_that_of_numbers(tmp_path):
    store = CheckpointStore(tmp_path, keep=1)
    save(store, 99_999_999)
    save(store, 100_000_000)
    assert store.steps() == [100_000_000]
    assert_is(store.restore(), 100_000_000)


@pytest.mark.parametrize("damage", ["truncate", "empty", "foreign", "flip", "header", "pickle"])
def test_a_damaged_one_is_named_and_an_older_one_taken(damage, tmp_path, caplog):
    store = CheckpointStore(tmp_path)
    save(store, 1)
    path = save(store, 2)
    size = path.stat().st_size
    if damage == "truncate":
        os.truncate(path, size - 100)
    elif damage == "empty":
        os.truncate(path, 0)
    elif damage == "foreign":
        path.write_bytes(b"no npz file")
    elif damage == "flip":
        flip_byte(path, size // 2)
    elif damage == "header":
        flip_byte(path, size - 30)
    else:
        np.savez(path, **{"state/a": np.array([{}], object), "meta": np.zeros(2, np.uint8)})
    store = CheckpointStore(tmp_path)
    assert_is(store.restore(), 1)
    assert f"skipped a damaged checkpoint: {path}" in caplog.text
    assert names(store) == ["step-00000001.npz", "step-00000002.npz.damaged"]


def test_every_byte_of_the_arrays_is_guarded(tmp_path):
    # Zip's CRC finds these; with a CRC that was recomputed, the SHA-256 does.
    path = save(CheckpointStore(tmp_path), 1)
    with np.load(path) as file:
        arrays = dict(file)
    arrays["state/file"] = arrays["state/file"] + 1e-9
    np.savez(path, **arrays)
    with pytest.raises(CheckpointError, match="step-00000001.npz: is damaged .*SHA-256"):
        checkpoints.read(path)


def test_a_missing_or_additional_array_is_damage(tmp_path):
    path = save(CheckpointStore(tmp_path), 1)
    with np.load(path) as file:
        arrays = dict(file)
    for changed in ({**arrays, "state/new": np.zeros(1)}, {"meta": arrays["meta"]}):
        np.savez(path, **changed)
        with pytest.raises(CheckpointError, match="SHA-256"):
            checkpoints.read(path)


def test_the_best_serves_where_all_newest_are_damaged(tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path, keep=1)
    save(store, 1, 0.5)
    path = save(store, 2, 0.7)
    path.write_bytes(b"")
    store = CheckpointStore(tmp_path)
    assert_is(store.restore(), 1)
    assert store.best_value == 0.5


def test_a_damaged_best_is_found_at_start(tmp_path, caplog):
    store = CheckpointStore(tmp_path, keep=1)
    best = save(store, 1, 0.5).with_name("best-00000001.npz")
    save(store, 2, 0.7)
    best.write_bytes(b"")
    store = CheckpointStore(tmp_path)
    assert_is(store.restore(), 2)
    assert "best-00000001.npz" in caplog.text
    assert store.best_value is None and store.best() is None
    save(store, 3, 0.6)
    assert store.best_value == 0.6


def test_after_damage_new_checkpoints_count_as_the_newest(tmp_path):
    store = CheckpointStore(tmp_path, keep=1)
    save(store, 1, 0.5)
    for step in (10, 20):
        save(store, step).write_bytes(b"damaged")
    store = CheckpointStore(tmp_path, keep=1)
    assert_is(store.restore(), 1)
    save(store, 2)
    assert_is(CheckpointStore(tmp_path).restore(), 2)


def test_if_none_is_sound_it_is_an_error_and_nothing_changes(tmp_path):
    store = CheckpointStore(tmp_path)
    for step in (1, 2):
        os.truncate(save(store, step), 50)
    before = names(store)
    for _ in range(2):
        with pytest.raises(CheckpointError, match="none of the 2 checkpoints .*step-00000002.npz"):
            CheckpointStore(tmp_path).restore()
    assert names(store) == before


def test_leftovers_of_a_killed_write_go_and_other_files_stay(tmp_path):
    store = CheckpointStore(tmp_path)
    save(store, 1)
    (store.directory / ".step-00000002.4711.tmp.npz").write_bytes(b"half")
    (store.directory / ".best-00000002.4711.tmp.npz").write_bytes(b"half")
    (store.directory / "notes.txt").write_text("of the user")
    (store.directory / "mine.npz").write_text("of the user")
    assert CheckpointStore(tmp_path, read_only=True).steps() == [1]
    assert len(names(store)) == 5
    assert_is(CheckpointStore(tmp_path).restore(), 1)
    assert names(store) == ["mine.npz", "notes.txt", "step-00000001.npz"]


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_is_one_clear_error_and_leaves_the_older(where, code, tmp_path, monkeypatch):
    store = CheckpointStore(tmp_path, keep=1)
    save(store, 1, 0.5)
    before = names(store)

    def fail(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, where, fail)
        with pytest.raises(OSError, match="cannot write .*step-00000002.npz: ") as caught:
            save(store, 2, 0.1)
    assert caught.value.errno == code
    assert names(store) == before and store.best_value == 0.5
    assert_is(CheckpointStore(tmp_path).restore(), 1)


def test_files_are_on_the_disk_before_they_get_their_name(tmp_path, monkeypatch):
    events = []

    def note(name):
        real = getattr(os, name)

        def call(*arguments):
            events.append(name)
            return real(*arguments)

        return call

    store = CheckpointStore(tmp_path)
    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, note(name))
    save(store, 1)
    assert events == ["fsync", "replace", "fsync"]  # File, name, directory.


def test_a_missing_workdir_is_named(tmp_path):
    with pytest.raises(OSError, match="cannot write .*nowhere.*No such file"):
        CheckpointStore(tmp_path / "nowhere")
    assert CheckpointStore(tmp_path / "nowhere", read_only=True).restore() is None


def test_read_only_changes_nothing(tmp_path):
    store = CheckpointStore(tmp_path)
    save(store, 1)
    save(store, 2).write_bytes(b"damaged")
    before = names(store)
    reader = CheckpointStore(tmp_path, read_only=True)
    assert_is(reader.restore(), 1)
    assert names(store) == before


KILLED = """
import sys
import numpy as np
from gradnet_tf.training.checkpoints import CheckpointStore
store = CheckpointStore(sys.argv[1])
for step in range(1, 100000):
    store.save({"a": np.full(200_000, step, np.float32)}, {"step": step}, 1 / step)
    print(step, flush=True)
"""


def test_kill_at_any_moment_leaves_a_sound_newest(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(10):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        last = int((["10", *process.stdout.read().split()])[-1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    store = CheckpointStore(tmp_path)
    arrays, info = store.restore()
    assert info["step"] in (last, last + 1)
    assert (arrays["a"] == info["step"]).all()
    assert store.best_value == 1 / info["step"]
    assert not [name for name in names(store) if "tmp" in name or "damaged" in name]
