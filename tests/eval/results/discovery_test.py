"""Results that are found on disk: ours, shards of them, and those of others."""

import dataclasses

import numpy as np
import pytest

from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.eval.results import discovery
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.results.store import Store

IDENTITY = {"version": "1"}


def provenance(title="OTB2015", tracker="T", protocol="ope"):
    return {
        "dataset": {"title": title},
        "tracker": {"name": tracker},
        "protocol": {"name": protocol},
    }


def result(name, frames=3, codes=None, repetition=1, shift=0.0):
    boxes = np.arange(4.0 * frames).reshape(frames, 4) + shift
    if codes is not None:
        codes = np.array(codes)
        boxes[codes != FrameCode.TRACKED] = np.nan
    seconds = np.array([2.0, np.nan] + [0.5] * (frames - 2))
    decode = np.array([0.25, np.nan] + [0.125] * (frames - 2))
    return SequenceResult(name, boxes, seconds, decode, 1.5, codes, repetition)


def write(root, names, layout="otb", origin=1, identity=IDENTITY, **fields):
    store = Store(root, layout, origin, identity)
    store.write_provenance(provenance(**fields))
    for name in names:
        store.commit([result(name)], data="d")
    return store


def test_what_was_written_is_read(tmp_path):
    write(tmp_path / "OTB2015" / "T", ["b", "a"])
    (found,) = discovery.find_results([tmp_path])
    assert (found.dataset, found.tracker, found.protocol) == ("OTB2015", "T", "ope")
    assert found.names == ("a", "b") and found.repetitions("a") == 1
    read, wanted = found.read("a"), result("a")
    for field in ("boxes", "seconds", "decode_seconds"):
        np.testing.assert_allclose(getattr(read, field), getattr(wanted, field))
    assert (read.warm_up_seconds, read.codes) == (1.5, None)
    assert found.mark("a")["frames"] == 3
    with pytest.raises(KeyError, match="T has no result of c"):
        found.read("c")


def test_unfinished_failed_and_foreign_identity_are_left_out(tmp_path):
    store = write(tmp_path / "T", ["a", "b", "c"])
    store.fail("b", "boom")
    other = dataclasses.replace(store, identity={"version": "0"})
    other.commit([result("c")], data="d")
    (found,) = discovery.find_results([tmp_path])
    assert found.names == ("a",)
    assert found.failures == {"b": "boom\n"}


def test_shards_are_merged(tmp_path):
    write(tmp_path / "1" / "OTB2015" / "T", ["a"]).fail("b", "boom")
    write(tmp_path / "2" / "OTB2015" / "T", ["b", "c"])
    write(tmp_path / "2" / "OTB2015" / "U", ["a"], tracker="U")
    found = discovery.find_results([tmp_path / "1", tmp_path / "2"])
    assert [each.tracker for each in found] == ["T", "U"]
    assert found[0].names == ("a", "b", "c") and found[0].failures == {}
    assert len(found[0].read("c").boxes) == 3
    # A path may be given twice, or hold the same results.
    assert len(discovery.find_results([tmp_path / "1", tmp_path])) == 2


def test_what_cannot_be_merged(tmp_path):
    write(tmp_path / "1" / "T", ["a"])
    write(tmp_path / "2" / "T", ["b"], identity={"version": "2"})
    with pytest.raises(ValueError, match="both called 'T'.* not of the same code"):
        discovery.find_results([tmp_path])
    write(tmp_path / "4" / "T", ["b"], identity={**IDENTITY, "weights": "w"})
    with pytest.raises(ValueError, match="both called 'T'.* not of the same tracker"):
        discovery.find_results([tmp_path / "1", tmp_path / "4"])
    store = write(tmp_path / "3" / "T", ["c"])
    store.commit([result("a", shift=1)], data="d")
    with pytest.raises(ValueError, match="different results of 'T' on a"):
        discovery.find_results([tmp_path / "1", tmp_path / "3"])


def test_foreign_trees(tmp_path):
    otb = tmp_path / "OTB2015" / "SiamFC"
    otb.mkdir(parents=True)
    (otb / "Jogging-1.txt").write_text("2\t3\t4\t5\n3\t3\t4\t5\n")
    (otb / "readme.txt").write_text("results of SiamFC\n")
    got = tmp_path / "GOT-10k" / "ECO" / "GOT-10k_Val_000001"
    got.mkdir(parents=True)
    for number in (1, 2):
        (got / f"{got.name}_{number:03d}.txt").write_text("1,1,2,2\n1,1,2,2\n")
    (got / f"{got.name}_time.txt").write_text("1,2\n3,4\n")
    vot = tmp_path / "VOT2017" / "ECO" / "baseline" / "ants1"
    vot.mkdir(parents=True)
    (vot / "ants1_001.txt").write_text("1\n1,2,3,4\n2\n")
    found = {(each.dataset, each.tracker): each for each in discovery.find_results([tmp_path])}
    siamfc = found["OTB2015", "SiamFC"]
    assert siamfc.names == ("Jogging-1",) and siamfc.mark("Jogging-1") is None
    read = siamfc.read("Jogging-1")
    np.testing.assert_array_equal(read.boxes[0], [1, 2, 4, 5])
    assert np.isnan(read.seconds).all()
    eco = found["GOT-10k", "ECO"]
    assert eco.repetitions("GOT-10k_Val_000001") == 2
    np.testing.assert_array_equal(eco.read("GOT-10k_Val_000001", 2).seconds, [2, 4])
    ants = found["VOT2017", "ECO"].read("ants1")
    assert found["VOT2017", "ECO"].protocol == "supervised"
    np.testing.assert_array_equal(ants.boxes[1], [1, 2, 3, 4])
    assert ants.codes.tolist() == [FrameCode.INIT, FrameCode.TRACKED, FrameCode.FAILED]


def coded(root, names, code, keep=False):
    identity = {**IDENTITY, "code": code * 64}
    store = Store(root, "otb", 1, identity)
    store.write_provenance(provenance(), keep_other_code=keep)
    for name in names:
        store.commit([result(name)], data="d")


def test_results_of_other_code_are_left_out_unless_they_are_kept(tmp_path):
    coded(tmp_path, "abc", "1")
    (found,) = discovery.find_results([tmp_path])
    assert not found.is_mixed("abc") and not found.describe_code("abc")
    coded(tmp_path, "c", "2")
    (found,) = discovery.find_results([tmp_path])
    assert found.names == ("c",) and found.stale == ("a", "b") and not found.is_mixed("c")
    coded(tmp_path, "d", "3", keep=True)
    (found,) = discovery.find_results([tmp_path])
    assert found.names == ("a", "b", "c", "d") and not found.stale
    assert found.is_mixed("abcd") and not found.is_mixed("ab")
    (text,) = found.describe_code("abcd")
    assert text == (
        "T joins results of different code: a, b by the code 111111111111; "
        "c by the code 222222222222; d by the code 333333333333."
    )
    assert not found.describe_code("ab")


def test_nothing_there(tmp_path):
    with pytest.raises(ValueError, match="no results in"):
        discovery.find_results([tmp_path])
    with pytest.raises(OSError, match="is no folder of results"):
        discovery.find_results([tmp_path / "x"])


def foreign(root, **texts):
    root.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        content = text if isinstance(text, bytes) else text.encode()
        (root / f"{name}.txt").write_bytes(content)
    return root


def test_a_tree_of_nothing_but_unreadable_boxes(tmp_path):
    foreign(tmp_path / "OTB2015" / "T", Girl="one,two\n")
    with pytest.raises(ValueError, match=r"no results in .*Girl\.txt, line 1: 'one,two'"):
        discovery.find_results([tmp_path])
