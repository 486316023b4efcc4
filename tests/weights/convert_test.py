"""Conversion between the formats, without the command line."""

import errno
import json
import os
import stat

import numpy as np
import pytest

from gradnet_tf.weights import CheckpointError, authors, convert, expected_shapes, load, store
from tests.helpers import checkpoints


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """TF1 prefixes of checkpoints with the names of the authors' two, by variant."""
    directory = tmp_path_factory.mktemp("sources")
    return {
        variant: str(
            checkpoints.write_tf1(
                directory / f"{variant}.ckpt", checkpoints.with_training_leftovers(variant)
            )
        )
        for variant in ("full", "baseline")
    }


def all_targets(directory, **options):
    return dict(
        output=str(directory / "net"),
        to_tf1=str(directory / "tf1/model.ckpt"),
        to_npz=str(directory / "x.npz"),
        **options,
    )


@pytest.mark.parametrize(
    "variant, ignored",
    [
        ("full", {"optimizer_slots": 22, "training_summaries": 2}),
        ("baseline", {"optimizer_slots": 20, "training_summaries": 2, "response_scale": 2}),
    ],
)
def test_tf1_to_everything_and_back(sources, variant, ignored, tmp_path):
    targets = all_targets(tmp_path)
    weights = convert.convert(tf1=sources[variant], **targets)
    assert weights.variant == variant
    assert weights.card["source"] == {"name": f"{variant}.ckpt", "kind": "tf1"}
    assert {rule: len(entry["names"]) for rule, entry in weights.card["ignored"].items()} == ignored
    assert all(entry["why"] for entry in weights.card["ignored"].values())
    assert weights.card["filled"] is None
    expected = checkpoints.random_arrays(variant)
    assert len(expected) == {"full": 94, "baseline": 42}[variant]
    for source in (
        dict(checkpoint=targets["output"]),
        dict(tf1=targets["to_tf1"]),
        dict(npz=targets["to_npz"]),
    ):
        checkpoints.assert_same(convert.read(**source).arrays, expected)
    assert json.loads((tmp_path / "net/card.json").read_text()) == weights.card
    assert not any(name.startswith(".") for name in checkpoints.tree(tmp_path))


def test_card_survives_a_copy(sources, tmp_path):
    first = convert.convert(tf1=sources["baseline"], output=str(tmp_path / "a"))
    convert.convert(checkpoint=str(tmp_path / "a"), output=str(tmp_path / "b"))
    assert load(tmp_path / "b").card == first.card


def test_tf1_checkpoint_without_bookkeeping_is_not_the_references(tmp_path):
    arrays = checkpoints.without_bookkeeping(checkpoints.random_arrays())
    prefix = checkpoints.write_tf1(tmp_path / "x.ckpt", arrays)
    before = checkpoints.tree(tmp_path)
    with pytest.raises(CheckpointError, match="missing: .*local_step"):
        convert.convert(tf1=str(prefix), **all_targets(tmp_path))
    assert checkpoints.tree(tmp_path) == before


def test_npz_without_bookkeeping_gives_a_complete_tf1_checkpoint(tmp_path):
    np.savez(
        tmp_path / "in.npz", **checkpoints.without_bookkeeping(checkpoints.random_arrays("full"))
    )
    prefix = str(tmp_path / "model.ckpt")
    weights = convert.convert(npz=str(tmp_path / "in.npz"), to_tf1=prefix)
    assert "filled: 36 tensors of batch-norm bookkeeping, local_step 299250" in convert.report(
        weights
    )
    restored = convert.read(tf1=prefix)
    assert {k: v.shape for k, v in restored.arrays.items()} == expected_shapes("full")


def test_report_of_the_authors_checkpoint(sources, tmp_path, monkeypatch):
    arrays = checkpoints.random_arrays("full")
    known, (variant, facts) = next(iter(authors.KNOWN_CHECKPOINTS.items()))
    ours = {name: authors.masked_crc32c(arrays[name]) for name in facts}
    monkeypatch.setattr(authors, "KNOWN_CHECKPOINTS", {known: (variant, ours)})
    report = convert.report(convert.convert(tf1=sources["full"], to_npz=str(tmp_path / "x.npz")))
    assert "recognised: the authors' base_l5_1t_49/model_epoch49.ckpt" in report
    assert "variant: full, 94 tensors" in report
    assert "ignored by rule training_summaries: Variable, Variable_1 (" in report


@pytest.mark.parametrize(
    "target",
    [
        "net/card.json",
        "tf1/model.ckpt.index",
        "tf1/model.ckpt.data-00000-of-00001",
        "tf1/model.ckpt.meta",
        "x.npz",
    ],
)
def test_nothing_is_written_if_one_target_exists(sources, target, tmp_path):
    (tmp_path / target).parent.mkdir(exist_ok=True)
    (tmp_path / target).write_text("mine")
    before = checkpoints.tree(tmp_path)
    with pytest.raises(FileExistsError, match="exists"):
        convert.convert(tf1=sources["baseline"], **all_targets(tmp_path))
    assert checkpoints.tree(tmp_path) == before
    assert (tmp_path / target).read_text() == "mine"


def test_overwrite_replaces_all(sources, tmp_path):
    convert.convert(tf1=sources["full"], **all_targets(tmp_path))
    before = checkpoints.tree(tmp_path)
    convert.convert(tf1=sources["baseline"], **all_targets(tmp_path, overwrite=True))
    assert checkpoints.tree(tmp_path) == before
    for source in (
        dict(checkpoint=str(tmp_path / "net")),
        dict(npz=str(tmp_path / "x.npz")),
        dict(tf1=str(tmp_path / "tf1/model.ckpt")),
    ):
        assert convert.read(**source).variant == "baseline"


def test_failure_at_the_last_target_removes_the_first(sources, tmp_path, monkeypatch):
    def full(path, weights):
        with open(path, "wb") as file:
            file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "write_npz", full)
    with pytest.raises(OSError, match="No space left"):
        convert.convert(tf1=sources["baseline"], **all_targets(tmp_path))
    assert not checkpoints.tree(tmp_path)


def test_overlapping_targets(sources, tmp_path):
    for targets in (
        dict(output=str(tmp_path / "a"), to_tf1=str(tmp_path / "a/model.ckpt")),
        dict(output=str(tmp_path / "a.npz"), to_npz=str(tmp_path / "a.npz")),
    ):
        with pytest.raises(ValueError, match="outputs overlap"):
            convert.convert(tf1=sources["baseline"], **targets)
        assert not checkpoints.tree(tmp_path)


def test_targets_that_are_directories(sources, tmp_path):
    for targets in (
        dict(to_tf1=str(tmp_path)),
        dict(to_tf1=str(tmp_path / "new") + "/"),
        dict(to_npz=str(tmp_path)),
    ):
        with pytest.raises(FileExistsError, match="is a directory; give"):
            convert.convert(tf1=sources["baseline"], **targets)
    with pytest.raises(CheckpointError, match="must end in .npz"):
        convert.convert(tf1=sources["baseline"], to_npz=str(tmp_path / "x.zip"))


def test_pipes_are_not_replaced(sources, tmp_path):
    os.mkfifo(tmp_path / "x.npz")
    (tmp_path / "link.npz").symlink_to("x.npz")
    os.mkfifo(tmp_path / "model.ckpt.index")
    for targets in (
        dict(to_npz=str(tmp_path / "x.npz"), overwrite=True),
        dict(to_npz=str(tmp_path / "link.npz"), overwrite=True),
        dict(to_tf1=str(tmp_path / "model.ckpt"), overwrite=True),
    ):
        with pytest.raises(FileExistsError, match="is a device or a pipe; give the name of a file"):
            convert.convert(tf1=sources["baseline"], **targets)
    names = sorted(os.listdir(tmp_path))
    assert names == ["link.npz", "model.ckpt.index", "x.npz"]
    assert stat.S_ISFIFO(os.stat(tmp_path / "link.npz").st_mode)
    assert stat.S_ISFIFO(os.stat(tmp_path / "model.ckpt.index").st_mode)


def test_real_siamfc_weights(shared_data, tmp_path):
    source = str(shared_data("weights/siamfc_init.npz"))
    weights = convert.convert(npz=source, output=str(tmp_path / "net"))
    assert weights.variant == "full"
    assert weights.card["filled"]
    checkpoints.assert_same(load(tmp_path / "net").arrays, weights.arrays)


def test_kernels_rounded_to_float16_take_half_the_room(sources, tmp_path):
    plain, rounded = str(tmp_path / "plain"), str(tmp_path / "rounded")
    before = convert.convert(tf1=sources["full"], output=plain)
    after = convert.convert(tf1=sources["full"], output=rounded, float16=True)
    loaded = load(rounded)
    checkpoints.assert_same(loaded.arrays, after.arrays)
    assert loaded.card["rounded"] == "kernels, to float16" and "rounded" not in before.card
    for name, array in before.arrays.items():
        expected = array
        if name.endswith("conv/weights"):
            expected = array.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(loaded.arrays[name], expected, name)
    sizes = [os.path.getsize(os.path.join(path, store.FILES[1])) for path in (plain, rounded)]
    assert sizes[1] < 0.52 * sizes[0]


def test_a_kernel_beyond_float16_cannot_be_rounded(tmp_path):
    arrays = checkpoints.random_arrays("baseline")
    name = "siamese/scala2/conv/weights"
    arrays[name] = np.full_like(arrays[name], 1e5)
    store.save(tmp_path / "net", arrays)
    with pytest.raises(CheckpointError, match="scala2/conv/weights has values beyond"):
        convert.convert(checkpoint=str(tmp_path / "net"), output=str(tmp_path / "x"), float16=True)
    assert not (tmp_path / "x").exists()
