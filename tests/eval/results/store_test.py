"""Finished sequences on disk: marks, flaws, conflicts, leftovers."""

import dataclasses
import json
import os

import numpy as np
import pytest

from gradnet_tf.eval.results import marks
from gradnet_tf.eval.results import store as results_store
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.results.store import Store
from gradnet_tf.files import disk, locks
from tests.helpers import eval_data

IDENTITY = {"version": "1", "weights": "a" * 64, "protocol": {"limit": None}}


def result(name="s", repetition=1, frames=3, shift=0.0):
    boxes = np.arange(4.0 * frames).reshape(frames, 4) + shift + 0.5
    seconds = np.array([2.0] + [0.5] * (frames - 1))
    return SequenceResult(name, boxes, seconds, np.full(frames, 0.25), 1.5, None, repetition)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "OTB2015" / "T", "otb", 1, IDENTITY)


@pytest.fixture
def finished(store):
    store.write_provenance({"stack": {}})
    store.commit([result()], data="d", environment={"stack": 1})
    return store


def test_a_finished_sequence(finished):
    assert finished.find_flaw("s", 3, "d") is None
    assert finished.find_flaw("other", 3, "d") == ""
    mark = marks.read_mark(finished.root, "s")
    assert mark["seconds"]["initialization"] == 2 and mark["seconds"]["median"] == 0.5
    assert mark["seconds"]["decoding"] == 0.75 and mark["warm_up_seconds"] == [1.5]
    assert mark["identity"] == IDENTITY and mark["environment"] == {"stack": 1}
    assert set(eval_data.tree(finished.root)) == {
        "s.txt",
        "times/s_time.txt",
        ".done/s.json",
        "provenance.json",
    }


@pytest.mark.parametrize("file", ["s.txt", "times/s_time.txt", ".done/s.json"])
@pytest.mark.parametrize("damage", ["cut", "edited", "gone", "empty"])
def test_every_damage_is_found(finished, file, damage):
    path = finished.root / file
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "edited":
        path.write_bytes(content.replace(b".5", b".6", 1))
    else:
        path.write_bytes(content[: -5 if damage == "cut" else 0])
    flaw = finished.find_flaw("s", 3, "d")
    assert flaw is not None
    if file != ".done/s.json":
        assert path.name in flaw


def test_other_frames_or_data(finished):
    assert "frames" in finished.find_flaw("s", 4, "d")
    assert "data" in finished.find_flaw("s", 3, "e")
    other = dataclasses.replace(finished, identity={**IDENTITY, "weights": "b" * 64})
    assert "identity" in other.find_flaw("s", 3, "d")


CODE = {**IDENTITY, "code": "c" * 64}


def test_results_of_other_code(tmp_path):
    store = Store(tmp_path, "otb", 1, CODE, {"net": "1", "step": "2"})
    store.write_provenance({})
    store.commit([result()], data="d")
    assert store.find_flaw("s", 3, "d") is None and not store.check_conflicts(["s"])
    edited = Store(tmp_path, "otb", 1, {**CODE, "code": "e" * 64}, {"net": "1", "step": "3"})
    # It is done again, unless it is to be kept.
    assert edited.find_flaw("s", 3, "d") == "it was tracked by other code (step)"
    assert edited.find_flaw("s", 3, "d", keep_other_code=True) is None
    assert "frames" in edited.find_flaw("s", 4, "d", keep_other_code=True)
    assert edited.check_conflicts(["s", "t"]) == {"s": "other code (step)"}
    # What is not done again is not left to be mixed up.
    with pytest.raises(ValueError, match=r"s for one: other code \(step\); .*keep_other"):
        edited.check_conflicts(["t"])
    assert edited.check_conflicts(["t"], keep_other_code=True) == {"s": "other code (step)"}
    # The flag is for the code alone.
    limited = dataclasses.replace(edited, identity={**edited.identity, "protocol": {"limit": 4}})
    with pytest.raises(ValueError, match=r"protocol\.limit"):
        limited.check_conflicts(["s"], keep_other_code=True)
    assert "identity" in limited.find_flaw("s", 3, "d", keep_other_code=True)


def test_results_of_before_the_code_was_recorded(finished):
    new = dataclasses.replace(finished, identity=CODE)
    assert new.find_flaw("s", 3, "d") == "it was tracked by code that was not recorded then"
    assert new.find_flaw("s", 3, "d", keep_other_code=True) is None
    assert list(new.check_conflicts(["s"])) == ["s"]
    version = dataclasses.replace(finished, identity={**IDENTITY, "version": "2"})
    assert version.find_flaw("s", 3, "d") is not None


def test_what_an_older_version_did_not_know_has_its_default(finished):
    protocol = {**IDENTITY["protocol"], "on_bad_frame": "stop"}
    same = dataclasses.replace(finished, identity={**IDENTITY, "protocol": protocol})
    assert same.find_flaw("s", 3, "d") is None and not same.check_conflicts([])
    held = {**IDENTITY, "protocol": {**protocol, "on_bad_frame": "hold"}}
    with pytest.raises(ValueError, match='on_bad_frame .there "stop", here "hold"'):
        dataclasses.replace(finished, identity=held).check_conflicts(["s"])


def test_provenance_is_that_of_the_code_that_made_the_results(tmp_path):
    store = Store(tmp_path, "otb", 1, CODE)
    edited = dataclasses.replace(store, identity={**CODE, "code": "e" * 64})

    def provenance():
        found = marks.read_provenance(tmp_path)
        return found["identity"]["code"][0], found.get("kept_other_code", False), found["who"]

    store.write_provenance({"who": 1})
    edited.write_provenance({"who": 2}, keep_other_code=True)
    assert provenance() == ("c", True, 1)
    edited.write_provenance({"who": 3})
    assert provenance() == ("e", False, 3)
    edited.write_provenance({"who": 4}, keep_other_code=True)
    assert provenance() == ("e", True, 3)
    edited.write_provenance({"who": 5})
    assert provenance() == ("e", False, 3)


def test_another_run_that_takes_the_folder_over_is_noticed(store):
    store.check_owner()
    store.write_provenance({})
    store.check_owner()
    for changed in ({**IDENTITY, "weights": "b" * 64}, {**IDENTITY, "code": "e" * 64}):
        other = dataclasses.replace(store, identity=changed)
        with pytest.raises(OSError, match=r"another run .*T: (weights|code) \(there"):
            other.check_owner()
    dataclasses.replace(store, identity=changed).write_provenance({}, keep_other_code=True)
    store.check_owner()


def test_a_sequence_is_of_one_process_at_a_time(store):
    with store.locked("s"), store.locked("t"):
        with pytest.raises(locks.InUseError, match=f"process {os.getpid()} on"):
            store.locked("s").__enter__()
        with dataclasses.replace(store, root=store.root.with_name("U")).locked("s"):
            pass
    assert not eval_data.tree(store.root)
    with pytest.raises(KeyError), store.locked("s"):
        raise KeyError
    assert not eval_data.tree(store.root)


def test_stamps_tell_marks_apart(store):
    assert store.stamp("s") is None
    store.commit([result()], data="d")
    first = store.stamp("s")
    assert first == store.stamp("s")
    store.commit([result(shift=1)], data="d")
    assert store.stamp("s") not in (None, first)


def test_conflicts_name_what_differs(finished):
    finished.check_conflicts(["s"])
    other = dataclasses.replace(finished, identity={**IDENTITY, "weights": "b" * 64})
    with pytest.raises(ValueError, match=r"weights \(there aaaaaaaaaaaa\.\.\., here bbb"):
        other.check_conflicts(["s"])
    with pytest.raises(ValueError, match="--force"):
        other.check_conflicts(["s"])
    limited = dataclasses.replace(finished, identity={**IDENTITY, "protocol": {"limit": 4}})
    with pytest.raises(ValueError, match=r"one: protocol\.limit \(there null, here 4\);"):
        limited.check_conflicts(["s"])
    other.check_conflicts(["s"], force=True)
    # What is not done again cannot be forced.
    with pytest.raises(ValueError, match=r"another name to the tracker$"):
        other.check_conflicts(["t"], force=True)


def test_files_of_others_are_not_replaced(store):
    store.check_conflicts(["s"])
    store.root.mkdir(parents=True)
    store.check_conflicts(["s"])
    (store.root / "s.txt").write_text("1,2,3,4\n")
    with pytest.raises(ValueError, match=r"holds files of another origin \(s\.txt\)"):
        store.check_conflicts(["s"])
    store.check_conflicts(["s"], force=True)


def test_provenance_is_kept_for_the_same_identity_only(finished):
    before = (finished.root / "provenance.json").read_bytes()
    finished.write_provenance({"stack": {}, "more": 1})
    assert (finished.root / "provenance.json").read_bytes() == before
    other = dataclasses.replace(finished, identity={"version": "2"})
    other.write_provenance({"more": 1})
    assert json.loads((finished.root / "provenance.json").read_text())["more"] == 1
    (finished.root / "provenance.json").write_text("{")
    finished.write_provenance({"stack": {}})
    assert (finished.root / "provenance.json").read_bytes() == before


def test_provenance_lists_the_batches_in_which_results_went_on(store):
    store.write_provenance({"hardware": {"cores": 2, "batch": 4}})
    store.write_provenance({"hardware": {"cores": 8, "batch": 4}})

    def hardware():
        return marks.read_provenance(store.root)["hardware"]

    assert hardware() == {"cores": 2, "batch": 4}
    for batch in (1, 4):
        store.write_provenance({"hardware": {"cores": 8, "batch": batch}})
        assert hardware() == {"cores": 2, "batch": [1, 4]}


def test_failures_come_and_go(finished):
    finished.fail("s", "Traceback\nValueError: no")
    assert finished.find_flaw("s", 3, "d") == ""
    assert (finished.root / ".failed" / "s.txt").read_text() == "Traceback\nValueError: no\n"
    finished.fail("t", "x")
    finished.commit([result()], data="d")
    assert [path.name for path in (finished.root / ".failed").iterdir()] == ["t.txt"]
    finished.commit([result("t")], data="d")
    assert not (finished.root / ".failed").exists()


def test_another_process_takes_temporary_files(store, monkeypatch):
    names = []
    write = disk.write_bytes

    def write_in_vain(path, content):
        names.append(path.name)
        if names.count(path.name) < 3:
            raise FileNotFoundError(f"cannot write {path}")
        write(path, content)

    monkeypatch.setattr(disk, "write_bytes", write_in_vain)
    store.write_provenance({"stack": {}})
    store.commit([result()], data="d")
    assert store.find_flaw("s", 3, "d") is None
    store.fail("t", "x")
    names[:] = []
    monkeypatch.setattr(results_store, "_ATTEMPTS", 2)
    with pytest.raises(FileNotFoundError, match="cannot write"):
        store.commit([result("u")], data="d")
    assert store.find_flaw("u", 3, "d") == ""


def test_repetitions_that_are_no_more_go(tmp_path):
    store = Store(tmp_path, "got10k", 1, IDENTITY)
    store.commit([result(repetition=n) for n in (1, 2, 3)], data="d")
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [
        *(f"s_{n:03d}.txt" for n in (1, 2, 3)),
        "s_time.txt",
    ]
    store.commit([result()], data="d")
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == ["s_001.txt", "s_time.txt"]
    assert store.find_flaw("s", 3, "d") is None


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_and_repeated(tmp_path, monkeypatch, after):
    """Stops at every single change of the file system, with nothing cleaned up after it."""
    expected = None
    for number in range(100):
        store = Store(tmp_path / str(number), "got10k", 1, IDENTITY)
        store.write_provenance({})
        store.commit([result(shift=1), result(shift=2, repetition=2)], data="old")
        changes = _kill_at(monkeypatch, number, after)
        killed = False
        try:
            store.commit([result()], data="d")
        except Killed:
            killed = True
        monkeypatch.undo()
        assert changes[0] > 0
        if killed and store.find_flaw("s", 3, "d") is not None:
            store.commit([result()], data="d")
        assert store.find_flaw("s", 3, "d") is None
        found = eval_data.tree(store.root)
        expected = expected or found
        assert found == expected, number
        if not killed:
            assert number >= 5
            return
    raise AssertionError("never came to an end")


def _kill_at(monkeypatch, number, after):
    changes = [0]
    dead = []

    def wrap(function):
        def wrapped(*arguments, **keywords):
            if dead:  # A killed process cleans nothing up.
                raise Killed
            changes[0] += 1
            if changes[0] == number + 1 and not after:
                dead.append(1)
                raise Killed
            value = function(*arguments, **keywords)
            if changes[0] == number + 1:
                dead.append(1)
                raise Killed
            return value

        return wrapped

    path = type(results_store.Path())
    monkeypatch.setattr(disk.os, "replace", wrap(disk.os.replace))
    for method in ("unlink", "write_bytes", "mkdir"):
        monkeypatch.setattr(path, method, wrap(getattr(path, method)))
    return changes
