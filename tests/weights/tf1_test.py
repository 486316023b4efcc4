"""Names and shapes of the TF1 variables; reading and writing TF1 checkpoints."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.weights import CheckpointError, authors, expected_shapes, tf1, tf1_files
from tests.helpers import checkpoints

KERNEL = "siamese/scala1/conv/weights"
STEP = "siamese/scala1/siamese/scala1/bn/moving_mean/local_step"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A checkpoint with the 66 names of the authors' SiamFC base."""
    arrays = checkpoints.with_training_leftovers("baseline")
    assert len(arrays) == 66
    return checkpoints.write_tf1(tmp_path_factory.mktemp("base") / "model_epoch45.ckpt", arrays)


@pytest.fixture
def copy(base, tmp_path):
    """A copy of `base` to damage."""
    for suffix in tf1_files.SUFFIXES:
        shutil.copy(f"{base}{suffix}", f"{tmp_path / 'copy.ckpt'}{suffix}")
    return tmp_path / "copy.ckpt"


def select(arrays, **options):
    return tf1.select(arrays, "test", **options)


@pytest.mark.parametrize(
    "variant, network, everything",
    [
        ("full", 58, 94),
        ("two_subnets", 72, 116),
        ("without_gradient", 52, 84),
        ("baseline", 26, 42),
    ],
)
def test_counts_of_variables(variant, network, everything):
    names = expected_shapes(variant)
    assert len([name for name in names if not name.endswith(("biased", "local_step"))]) == network
    assert len(names) == everything
    assert tf1.recognise_variant(expected_shapes(variant)) == variant


def test_known_shapes():
    shapes = expected_shapes("two_subnets")
    assert shapes[KERNEL] == (11, 11, 3, 96)
    assert shapes["siamese/scala2_z/conv/weights"] == (5, 5, 48, 256)
    assert shapes["siamese/t_scala5_zz/conv/weights"] == (3, 3, 256, 256)
    assert shapes["siamese/scala4_zu/bn/gamma"] == (384,)
    assert shapes[STEP] == ()
    assert "siamese/scala5/bn/beta" not in shapes
    assert "siamese/scala2_zu/conv/weights" not in shapes


def test_unknown_variant():
    with pytest.raises(CheckpointError, match="no variant 'fulll'; expected one of full, two_sub"):
        expected_shapes("fulll")


def test_every_name_of_the_tracker_is_accounted_for():
    arrays = checkpoints.with_training_leftovers("full")
    assert len(arrays) == 118
    selection = select(arrays)
    assert selection.variant == "full"
    assert sorted(selection.names) == sorted(expected_shapes("full"))
    assert {rule: len(names) for rule, names in selection.ignored.items()} == {
        "optimizer_slots": 22,
        "training_summaries": 2,
    }
    assert not selection.unfilled


def test_missing_variables_are_named():
    arrays = dict(checkpoints.random_arrays("full"))
    del arrays["siamese/t_scala5_zz/conv/weights"], arrays[STEP]
    with pytest.raises(CheckpointError) as error:
        select(arrays)
    assert '"full"' in str(error.value)
    assert f"missing: {STEP}, siamese/t_scala5_zz/conv/weights" in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["siamese/scala1/conv/kernel", "Momentum", "adjust/gamma", "siamese/scala6/conv/weights"],
)
def test_unknown_names_are_named(name):
    arrays = {**checkpoints.random_arrays(), name: np.zeros(3, np.float32)}
    with pytest.raises(CheckpointError, match=f"unknown: {name}$"):
        select(arrays)


def test_wrong_shape_and_type_are_named():
    arrays = dict(checkpoints.random_arrays())
    arrays[KERNEL] = arrays[KERNEL].transpose(3, 0, 1, 2)
    arrays["siamese/scala2/bn/beta"] = arrays["siamese/scala2/bn/beta"].astype(np.float64)
    with pytest.raises(CheckpointError) as error:
        select(arrays)
    assert f"{KERNEL} has [96, 11, 11, 3] instead of [11, 11, 3, 96]" in str(error.value)
    assert "not float32: siamese/scala2/bn/beta is float64" in str(error.value)


def test_other_model_is_told_apart():
    with pytest.raises(CheckpointError, match="none of the network's variables.*but dense/kernel"):
        select({"dense/kernel": np.zeros((2, 2), np.float32)})


def test_long_lists_are_cut():
    with pytest.raises(CheckpointError, match="and 31 more$"):
        select({KERNEL: checkpoints.random_arrays()[KERNEL]})


def test_bookkeeping_may_be_absent_as_a_whole_only():
    arrays = checkpoints.without_bookkeeping(checkpoints.random_arrays())
    assert len(select(arrays, allow_unfilled=True).unfilled) == 16
    with pytest.raises(CheckpointError, match="missing: .*local_step"):
        select(arrays)
    arrays[STEP] = np.ones((), np.float32)
    with pytest.raises(CheckpointError, match="missing: .*biased"):
        select(arrays, allow_unfilled=True)


def test_reads_every_tensor(base):
    checkpoints.assert_same(
        tf1_files.read(str(base)), checkpoints.with_training_leftovers("baseline")
    )


@pytest.mark.parametrize("suffix", tf1_files.SUFFIXES)
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_truncated_file(copy, suffix, keep):
    path = copy.with_name(copy.name + suffix)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        tf1_files.read(str(copy))


@pytest.mark.parametrize(
    "suffix, position",
    [
        (".index", 40),
        (".index", 900),
        (".index", -1),
        (tf1_files.DATA_SUFFIX, 5),
        (tf1_files.DATA_SUFFIX, 5_000_000),
        (tf1_files.DATA_SUFFIX, -2),
    ],
)
def test_flipped_bit(copy, suffix, position):
    path = copy.with_name(copy.name + suffix)
    content = bytearray(path.read_bytes())
    content[position] ^= 4
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        tf1_files.read(str(copy))


def test_missing_data_file(copy):
    copy.with_name(copy.name + tf1_files.DATA_SUFFIX).unlink()
    with pytest.raises(CheckpointError, match="the data file is missing beside .*copy.ckpt.index"):
        tf1_files.read(str(copy))


def test_one_of_two_data_files_missing(copy):
    data = copy.with_name(copy.name + tf1_files.DATA_SUFFIX)
    data.rename(copy.with_name(copy.name + ".data-00000-of-00002"))
    with pytest.raises(CheckpointError, match="the data file is missing"):
        tf1_files.read(str(copy))


def test_no_such_file(tmp_path):
    with pytest.raises(CheckpointError, match="no such checkpoint; expected .*nothing.ckpt.index"):
        tf1_files.read(str(tmp_path / "nothing.ckpt"))


def test_directory_names_the_prefix_in_it(copy):
    with pytest.raises(CheckpointError, match="is a directory; .* such as .*/copy.ckpt$"):
        tf1_files.read(str(copy.parent))
    with pytest.raises(CheckpointError, match="is a directory; .*; there is none in it"):
        (copy.parent / "empty").mkdir()
        tf1_files.read(str(copy.parent / "empty"))


@pytest.mark.parametrize("suffix", [*tf1_files.SUFFIXES, ".meta"])
def test_one_file_of_the_checkpoint_given(copy, suffix):
    with pytest.raises(CheckpointError, match="give the prefix .*/copy.ckpt$"):
        tf1_files.read(f"{copy}{suffix}")


def test_tf2_checkpoint_given(tmp_path):
    tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / "two"))
    with pytest.raises(CheckpointError, match="is a TF2 checkpoint, not a TF1 one"):
        tf1_files.read(str(tmp_path / "two"))


@pytest.mark.parametrize("variant", ["full", "baseline"])
def test_written_file_is_restored_by_a_tf1_saver(variant, tmp_path):
    arrays = checkpoints.random_arrays(variant)
    tf1_files.write(str(tmp_path / "new.ckpt"), arrays)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = {}
        for name, array in arrays.items():
            variables[name] = tf.compat.v1.get_variable(
                name,
                shape=array.shape,
                use_resource=False,
                initializer=tf.compat.v1.zeros_initializer(),
            )
        tf.compat.v1.train.Saver().restore(session, str(tmp_path / "new.ckpt"))
        assert {v.op.name for v in variables.values()} == set(arrays)
        checkpoints.assert_same(
            {name: np.asarray(value) for name, value in session.run(variables).items()}, arrays
        )


def test_writes_only_complete_variants(tmp_path):
    arrays = dict(checkpoints.random_arrays())
    del arrays[KERNEL]
    with pytest.raises(CheckpointError, match=f"missing: {KERNEL}"):
        tf1_files.write(str(tmp_path / "new.ckpt"), arrays)
    assert not checkpoints.tree(tmp_path)


def test_write_to_a_place_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write .*file/new.ckpt"):
        tf1_files.write(str(tmp_path / "file/new.ckpt"), checkpoints.random_arrays())


def test_masked_crc32c_of_a_known_string():
    crc = 0xE3069283  # The check value of CRC-32C.
    array = np.frombuffer(b"123456789", np.uint8)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert authors.masked_crc32c(array) == masked


def test_masked_crc32c_equals_the_facts_of_the_authors_index():
    assert authors.masked_crc32c(np.full(256, 0.1, np.float32)) == 0x43850B3F
    assert authors.masked_crc32c(np.array(299250.0, np.float32)) == 0x61BD8F9D


def test_facts_name_variables_of_their_variant():
    for variant, facts in authors.KNOWN_CHECKPOINTS.values():
        assert set(facts) <= set(expected_shapes(variant))


def test_recognises_only_when_every_fact_agrees(monkeypatch):
    arrays = checkpoints.random_arrays()
    names = [KERNEL, STEP]
    facts = {name: authors.masked_crc32c(arrays[name]) for name in names}
    monkeypatch.setattr(authors, "KNOWN_CHECKPOINTS", {"theirs": ("baseline", facts)})
    assert authors.recognise(arrays, "baseline") == {
        "checkpoint": "theirs",
        "crc32c": {name: f"{facts[name]:#010x}" for name in names},
    }
    assert authors.recognise(arrays, "full")["checkpoint"] is None
    other = {**arrays, STEP: np.array(5, np.float32)}
    assert authors.recognise(other, "baseline")["checkpoint"] is None
    # A value that was filled in says nothing about the source.
    filled = authors.recognise(other, "baseline", filled=[STEP])
    assert filled["checkpoint"] == "theirs" and list(filled["crc32c"]) == [KERNEL]
