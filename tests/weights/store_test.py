"""The checkpoint directory, its card, and npz files."""

import errno
import json
import os
import shutil
import zipfile

import numpy as np
import pytest

from gradnet_tf import weights as gw
from gradnet_tf.tracking.config import PRESETS
from gradnet_tf.weights import CheckpointError, store
from gradnet_tf.weights.staging import Staging
from tests.helpers import checkpoints

KERNEL = "siamese/scala1/conv/weights"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint directory; not to be changed."""
    directory = tmp_path_factory.mktemp("saved") / "net"
    gw.save(directory, checkpoints.random_arrays(), {"training": {"steps": 3}})
    return directory


@pytest.fixture
def copy(saved, tmp_path):
    """A copy to damage."""
    return shutil.copytree(saved, tmp_path / "copy")


def edit_card(directory, change):
    path = directory / "card.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


def test_round_trip_is_bit_exact(saved):
    loaded = gw.load(saved)
    assert loaded.variant == "baseline"
    checkpoints.assert_same(loaded.arrays, checkpoints.random_arrays())
    assert sorted(os.listdir(saved)) == sorted(store.FILES)


@pytest.mark.parametrize("variant", ["full", "two_subnets", "without_gradient"])
def test_other_variants_round_trip(variant, tmp_path):
    gw.save(tmp_path / "net", checkpoints.random_arrays(variant))
    loaded = gw.load(str(tmp_path / "net"))
    assert loaded.variant == variant
    checkpoints.assert_same(loaded.arrays, checkpoints.random_arrays(variant))


def test_card_says_what_it_is(saved):
    card = gw.load(saved).card
    assert card["source"] == {"name": "net", "kind": "training"}
    assert card["variant"] == "baseline"
    assert card["colour_order"] == "BGR"
    assert card["format_version"] == 1
    assert card["training"] == {"steps": 3}
    assert card["recognised"]["checkpoint"] is None
    assert card["filled"] is None
    assert card["tensors"][KERNEL]["shape"] == [11, 11, 3, 96]
    assert len(card["tensors"]) == 42
    assert card["digest"] == gw.digest(checkpoints.random_arrays())
    assert str(saved.parent) not in json.dumps(card)


def test_digest_depends_on_names_values_and_shapes_not_on_order():
    arrays = {"a": np.zeros(4, np.float32), "b": np.ones((), np.float32)}
    first = gw.digest(arrays)
    assert gw.digest(dict(reversed(arrays.items()))) == first
    assert gw.digest({**arrays, "b": np.array(2, np.float32)}) != first
    assert gw.digest({**arrays, "a": np.zeros((2, 2), np.float32)}) != first
    assert gw.digest({"c": arrays["a"], "b": arrays["b"]}) != first


def test_card_entries_cannot_belie_the_arrays(tmp_path):
    saved = gw.save(
        tmp_path / "net",
        checkpoints.random_arrays(),
        {"variant": "full", "digest": "0", "source": {"name": "x", "kind": "y"}},
    )
    assert saved.card["source"] == {"name": "x", "kind": "y"}
    assert gw.load(tmp_path / "net").digest == gw.digest(checkpoints.random_arrays())


@pytest.mark.parametrize("card", [{"x": np.zeros(2)}, {"x": float("nan")}, {"source": "me"}])
def test_unusable_card_entry(tmp_path, card):
    with pytest.raises(CheckpointError, match="JSON|bad entry"):
        gw.save(tmp_path / "net", checkpoints.random_arrays(), card)
    assert not checkpoints.tree(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(tmp_path, value):
    arrays = dict(checkpoints.random_arrays())
    arrays[KERNEL] = arrays[KERNEL].copy()
    arrays[KERNEL][0, 0, 0, :2] = value
    with pytest.raises(CheckpointError, match=f"{KERNEL} has 2 values that are not finite"):
        gw.save(tmp_path / "net", arrays)
    assert not checkpoints.tree(tmp_path)


def test_training_must_give_its_bookkeeping(tmp_path):
    with pytest.raises(CheckpointError, match="missing: .*/biased"):
        gw.save(tmp_path / "net", checkpoints.without_bookkeeping(checkpoints.random_arrays()))


def test_existing_checkpoint_is_replaced_only_on_demand(copy):
    changed = {name: array + np.float32(1) for name, array in checkpoints.random_arrays().items()}
    before = (copy / "card.json").read_bytes()
    with pytest.raises(FileExistsError, match="holds a checkpoint already"):
        gw.save(copy, changed)
    assert (copy / "card.json").read_bytes() == before
    gw.save(copy, changed, overwrite=True)
    checkpoints.assert_same(gw.load(copy).arrays, changed)
    assert os.listdir(copy.parent) == ["copy"]


def test_empty_directory_and_missing_parents_are_fine(tmp_path):
    (tmp_path / "empty").mkdir()
    gw.save(tmp_path / "empty", checkpoints.random_arrays())
    gw.save(tmp_path / "a/b/net", checkpoints.random_arrays())
    assert gw.load(tmp_path / "empty").digest == gw.load(tmp_path / "a/b/net").digest


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_peoples_files_are_never_replaced(copy, overwrite):
    (copy / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"something other than a checkpoint \(thesis.tex\)"):
        gw.save(copy, checkpoints.random_arrays(), overwrite=overwrite)
    assert (copy / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("content", ["{}", "not JSON"])
def test_directory_with_a_foreign_card_is_not_replaced(tmp_path, content):
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(FileExistsError, match="is not known to be a checkpoint"):
        gw.save(tmp_path, checkpoints.random_arrays(), overwrite=True)


def test_file_in_the_way(tmp_path):
    (tmp_path / "net").write_text("")
    with pytest.raises(FileExistsError, match="net exists and is no directory"):
        gw.save(tmp_path / "net", checkpoints.random_arrays(), overwrite=True)
    with pytest.raises(NotADirectoryError, match="net is no directory; nothing can be"):
        gw.save(tmp_path / "net/inside", checkpoints.random_arrays())


def test_failure_while_writing_leaves_everything_as_it_was(copy, monkeypatch):
    before = {path.name: path.read_bytes() for path in copy.iterdir()}

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "open", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        gw.save(copy.parent / "deep/new", checkpoints.random_arrays())
    monkeypatch.undo()
    with monkeypatch.context() as patch:
        patch.setattr(store, "write_directory", full)
        with pytest.raises(OSError, match="No space left"):
            gw.save(copy, checkpoints.random_arrays(), overwrite=True)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    assert os.listdir(copy.parent) == ["copy"]


def test_failed_move_puts_replaced_files_back(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).write_text("old " + name)
    rename = os.replace

    def fail_at_b(source, target):
        if target == str(tmp_path / "b"):
            raise OSError("no")
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail_at_b)
    with pytest.raises(OSError, match="no"), Staging(overwrite=True) as staging:
        for name in ("a", "b", "c"):
            with open(staging.add(str(tmp_path / name)), "w") as file:
                file.write("new")
    assert checkpoints.tree(tmp_path) == {"a", "b"}
    assert (tmp_path / "a").read_text() == "old a"
    assert (tmp_path / "b").read_text() == "old b"


def test_load_lists_what_it_expects(tmp_path):
    expected = "expected a directory with weights.index, weights.data.*, card.json, or a .npz file"
    with pytest.raises(CheckpointError, match=f"none: no such checkpoint; {expected}"):
        gw.load(tmp_path / "none")
    with pytest.raises(CheckpointError, match=f"weights.index, .* missing; {expected}"):
        gw.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=f"is no checkpoint directory; {expected}"):
        gw.load(tmp_path / "file")


@pytest.mark.parametrize("name", store.FILES)
def test_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(CheckpointError, match=f"is no checkpoint: {name} missing"):
        gw.load(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_card_that_is_no_json(copy, content):
    (copy / "card.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="card.json: is no JSON"):
        gw.load(copy)


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("format", "other", "is not a card"),
        ("format_version", 2, "has format version 2; this version of gradnet_tf reads 1"),
        ("format_version", None, "has format version None"),
        ("colour_order", "RGB", "has colour order 'RGB'; expected 'BGR'"),
        ("variant", "huge", "names variant 'huge'; expected one of full"),
        ("variant", ["full"], "names variant"),
        ("variant", "full", 'does not list the tensors of variant "full"'),
        ("tensors", [], "does not list the tensors"),
        ("source", 3, 'bad entry "source"'),
        ("recognised", {}, 'bad entry "recognised"'),
        ("digest", "00", "does not match the digest"),
    ],
)
def test_card_with_a_wrong_entry(copy, key, value, message):
    edit_card(copy, lambda card: card.update({key: value}))
    with pytest.raises(CheckpointError, match=message):
        gw.load(copy)


def test_card_that_is_no_object(copy):
    (copy / "card.json").write_text("[]")
    with pytest.raises(CheckpointError, match="is not a card"):
        gw.load(copy)


def test_differing_hash_names_the_tensor(copy):
    def change(card):
        card["tensors"][KERNEL]["sha256"] = "0" * 64

    edit_card(copy, change)
    with pytest.raises(CheckpointError, match=f"does not match its card: {KERNEL} .1 of 42"):
        gw.load(copy)


def test_tensors_of_another_checkpoint(copy, tmp_path):
    other = {name: array + np.float32(1) for name, array in checkpoints.random_arrays().items()}
    gw.save(tmp_path / "other", other)
    for name in store.FILES[:2]:
        shutil.copy(tmp_path / "other" / name, copy / name)
    with pytest.raises(CheckpointError, match="does not match its card: .*42 of 42"):
        gw.load(copy)
    gw.save(tmp_path / "larger", checkpoints.random_arrays("without_gradient"))
    shutil.copy(tmp_path / "larger/card.json", copy / "card.json")
    with pytest.raises(CheckpointError, match="siamese/scala1_z/conv/weights is missing"):
        gw.load(copy)
    shutil.copy(copy.parent / "other/card.json", tmp_path / "larger/card.json")
    with pytest.raises(CheckpointError, match="42 tensors that its card does not list: .*_z/"):
        gw.load(tmp_path / "larger")


@pytest.mark.parametrize("name", store.FILES[:2])
@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_damaged_tensors(copy, name, damage):
    content = bytearray((copy / name).read_bytes())
    if damage == "flip":
        content[len(content) // 3] ^= 1
    (copy / name).write_bytes({"truncate": content[:-100], "empty": b""}.get(damage, content))
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        gw.load(copy)


def test_npz_round_trip_is_bit_exact(tmp_path):
    np.savez(tmp_path / "in.npz", **checkpoints.random_arrays("full"))
    loaded = gw.load(tmp_path / "in.npz")
    assert loaded.variant == "full"
    assert loaded.card["source"] == {"name": "in.npz", "kind": "npz"}
    checkpoints.assert_same(loaded.arrays, checkpoints.random_arrays("full"))
    store.write_npz(tmp_path / "x.npz", loaded)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        checkpoints.assert_same(dict(file), checkpoints.random_arrays("full"))
    assert gw.import_npz(tmp_path / "x.npz").digest == loaded.digest


def test_npz_without_bookkeeping_is_filled(tmp_path):
    arrays = checkpoints.without_bookkeeping(checkpoints.random_arrays())
    np.savez(tmp_path / "x.npz", **arrays)
    loaded = gw.load(tmp_path / "x.npz")
    assert len(loaded.arrays) == 42
    owner = "siamese/scala2"
    for moving in ("moving_mean", "moving_variance"):
        bookkeeping = f"{owner}/{owner}/bn/{moving}"
        np.testing.assert_array_equal(
            loaded.arrays[bookkeeping + "/biased"], arrays[f"{owner}/bn/{moving}"]
        )
        assert loaded.arrays[bookkeeping + "/local_step"] == np.float32(299250)
    assert loaded.card["filled"]["local_step"] == 299250
    assert len(loaded.card["filled"]["names"]) == 16
    # Training continues the averages of the copy without changing the original.
    assert not np.shares_memory(
        loaded.arrays[f"{owner}/{owner}/bn/moving_mean/biased"],
        loaded.arrays[f"{owner}/bn/moving_mean"],
    )


def test_npz_with_half_of_the_bookkeeping(tmp_path):
    arrays = dict(checkpoints.random_arrays())
    name = "siamese/scala2/siamese/scala2/bn/moving_mean/biased"
    del arrays[name]
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(CheckpointError, match=f"x.npz: .*missing: {name}$"):
        gw.load(tmp_path / "x.npz")


def test_npz_with_objects_is_never_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    np.savez(tmp_path / "x.npz", **{KERNEL: np.array([Bomb()], dtype=object)})
    with pytest.raises(CheckpointError, match=f"{KERNEL} holds Python objects, .* never loaded"):
        gw.load(tmp_path / "x.npz")
    assert not (tmp_path / "exploded").exists()


def test_npz_with_two_arrays_of_one_name(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **checkpoints.random_arrays())
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr(KERNEL + ".npy", b"")
    with pytest.raises(CheckpointError, match="two arrays of the same name"):
        gw.load(path)


def test_npz_with_another_file_inside(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **checkpoints.random_arrays())
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("readme.txt", b"hello")
    with pytest.raises(CheckpointError, match="readme.txt is no array"):
        gw.load(path)


def test_damaged_npz(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **checkpoints.random_arrays())
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[50_000] ^= 1
    for damaged, message in (
        (content[:-1000], "is no npz file"),
        (b"", "is no npz file"),
        (bytes(flipped), "is damaged"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=message):
            gw.load(path)
    path.unlink()
    with pytest.raises(CheckpointError, match="x.npz: no such file; expected an npz file"):
        gw.load(path)
    path.mkdir()
    with pytest.raises(CheckpointError, match="x.npz: is a directory"):
        gw.load(path)


def test_npz_of_double_precision(tmp_path):
    arrays = {
        name: np.asarray(array, np.float64) for name, array in checkpoints.random_arrays().items()
    }
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(CheckpointError, match="not float32: siamese/scala1/conv/weights is float"):
        gw.load(tmp_path / "x.npz")


def test_the_embedded_checkpoint_is_sound_and_says_where_it_comes_from():
    loaded = gw.load_embedded()
    assert loaded.variant == "full"
    training = loaded.card["training"]
    assert training["stage"] == "gradnet" and training["steps"] == training["step"]
    assert loaded.card["preset"] in PRESETS
    for entry in ("data", "origin", "licence", "commands"):
        assert loaded.card[entry]
    assert loaded.digest == gw.digest(loaded.arrays)


def test_an_embedded_checkpoint_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "EMBEDDED", tmp_path / "gradnet")
    with pytest.raises(gw.CheckpointError, match="gradnet: no such checkpoint"):
        gw.load_embedded()
