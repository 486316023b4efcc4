"""Reading results of a tracker: ours, and those of others."""

import dataclasses
import re
import struct

import numpy as np
import pytest

from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.eval.results import discovery
from gradnet_tf.eval.results.store import Store
from tests.eval.results.discovery_test import IDENTITY, coded, foreign, provenance, result, write


def test_files_that_were_changed(tmp_path):
    root = tmp_path / "OTB2015" / "T"
    write(root, ["a", "b"])
    (root / "b.txt").write_text((root / "b.txt").read_text().replace("1", "2", 1))
    (found,) = discovery.find_results([tmp_path])
    assert found.find_flaw("a") is None
    assert found.find_flaw("b") == f"{root / 'b.txt'} is not as it was written"
    (root / "a.txt").unlink()
    assert found.find_flaw("a") == f"{root / 'a.txt'}: No such file or directory"


def test_supervised_results_and_repetitions(tmp_path):
    store = Store(tmp_path / "VOT2017" / "T" / "baseline", "vot", 0, IDENTITY)
    store.write_provenance(provenance("VOT2017", protocol="supervised"))
    codes = [FrameCode.INIT, FrameCode.TRACKED, FrameCode.FAILED]
    runs = [result("a", 3, codes, n, shift=n) for n in (1, 2)]
    store.commit(runs, data="d")
    (found,) = discovery.find_results([tmp_path])
    assert (found.tracker, found.protocol, found.repetitions("a")) == ("T", "supervised", 2)
    second = found.read("a", 2)
    np.testing.assert_array_equal(second.codes, codes)
    np.testing.assert_allclose(second.boxes, runs[1].boxes)
    assert second.repetition == 2


@pytest.mark.parametrize(
    "text, reason",
    [
        ("1\n", r"a_time\.txt has 1 lines of 1 for 2 boxes"),
        ("1\n2\n3\n", r"a_time\.txt has 3 lines of 1 for 2 boxes"),
        ("1\nx\n", r"a_time\.txt, line 2: 'x' is not one number in seconds"),
        ("", r"a_time\.txt is empty"),
        ("\xff", None),
    ],
)
def test_times_that_do_not_fit_take_nothing_from_the_boxes(tmp_path, text, reason):
    (tmp_path / "times").mkdir()
    (tmp_path / "a.txt").write_text("1,1,2,2\n1,1,2,2\n")
    (tmp_path / "times" / "a_time.txt").write_text(text, encoding="latin-1")
    (found,) = discovery.find_results([tmp_path])
    read = found.read("a")
    np.testing.assert_array_equal(read.boxes, [[0, 0, 2, 2]] * 2)
    assert np.isnan(read.seconds).all() and len(read.seconds) == 2
    (note,) = read.notes
    assert note.startswith("The times of a are left out: ")
    assert reason is None or re.search(reason, note)


def test_times_of_fewer_repetitions(tmp_path):
    folder = tmp_path / "GOT-10k" / "T" / "a"
    folder.mkdir(parents=True)
    for number in (1, 2):
        (folder / f"a_{number:03d}.txt").write_text("1,1,2,2\n")
    (folder / "a_time.txt").write_text("1\n")
    (found,) = discovery.find_results([tmp_path])
    np.testing.assert_array_equal(found.read("a", 1).seconds, [1])
    assert np.isnan(found.read("a", 2).seconds).all() and len(found.read("a", 2).boxes) == 1


def test_code_that_was_not_recorded_is_said(tmp_path):
    write(tmp_path, ["a", "b"])
    (found,) = discovery.find_results([tmp_path])
    (text,) = found.describe_code("ab")
    assert not found.is_mixed("ab") and "was not recorded" in text
    coded(tmp_path, "c", "1", keep=True)
    (found,) = discovery.find_results([tmp_path])
    assert found.is_mixed("abc")
    assert (
        "a, b by code that was not recorded; c by the code 1111" in (found.describe_code("abc")[0])
    )


def test_frames_that_were_held(tmp_path):
    store = Store(tmp_path, "got10k", 1, IDENTITY)
    store.write_provenance(provenance())
    runs = [result("a", repetition=number) for number in (1, 2)]
    runs[1] = dataclasses.replace(runs[1], held=(1, 2))
    store.commit(runs, data="d")
    (found,) = discovery.find_results([tmp_path])
    assert [found.read("a", number).held for number in (1, 2)] == [(), (1, 2)]
    (note,) = found.read("a", 2).notes
    assert note == (
        "2 of 3 frames of a could not be read, and have the box before them: 1, 2 (counted from 0)."
    )


def test_results_of_vot_toolkit(tmp_path):
    """Binary files, polygons, masks and times, in a workspace of the toolkit."""
    root = tmp_path / "results" / "Siam" / "baseline"
    (root / "a").mkdir(parents=True)
    content = struct.pack("<hIBIB4fBI", 1, 3, 0, 1, 1, 1, 2, 3, 4, 0, 2)
    (root / "a" / "a_001.bin").write_bytes(content)
    (root / "a" / "a_001_time.value").write_text("0.5\n0.25\n\n")
    (root / "b").mkdir()
    (root / "b" / "b_001.txt").write_text("1\n5,1,9,1,9,7,5,7\nm10,20,3,3,4,1,1,2,1\n1,2,3,4\n")
    (found,) = discovery.find_results([tmp_path])
    assert (found.tracker, found.protocol, found.names) == ("Siam", "supervised", ("a", "b"))
    read = found.read("a")
    assert read.codes.tolist() == [FrameCode.INIT, FrameCode.TRACKED, FrameCode.FAILED]
    np.testing.assert_array_equal(read.boxes[1], [1, 2, 3, 4])
    np.testing.assert_array_equal(read.seconds, [0.5, 0.25, np.nan])
    assert not read.notes and np.isnan(read.boxes[[0, 2]]).all()
    read = found.read("b")
    np.testing.assert_array_equal(read.boxes[1:], [[5, 1, 4, 6], [10, 21, 2, 2], [1, 2, 3, 4]])
    assert read.notes == ("2 polygons or masks of b are measured by the boxes around them.",)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a_001.bin", b"\1\0\1\0", r"a_001\.bin: it ends early"),
        ("a_001.bin", struct.pack("<hI", 1, 0), r"a_001\.bin is empty"),
        ("a_001.bin", struct.pack("<hIBI", 1, 1, 0, 7), "there is no code 7 of a frame"),
        ("a_001.txt", b"1\nm0,0,1,1,2\n", r"a_001\.txt, line 2: .*runs are of 2 px"),
    ],
)
def test_damaged_results_of_vot_toolkit(tmp_path, name, content, message):
    root = tmp_path / "T" / "unsupervised" / "a"
    root.mkdir(parents=True)
    (root / name).write_bytes(content)
    (found,) = discovery.find_results([tmp_path])
    with pytest.raises(ValueError, match=message):
        found.read("a")


@pytest.mark.parametrize(
    "text",
    [
        *("2;3;4;5\n3;3;4;5\n", "x,y,w,h\n2,3,4,5\n3,3,4,5\n", "[2,3,4,5]\n[3,3,4,5]\n"),
        *("2,3,4,5,0.9\n3,3,4,5,0.8\n", "\ufeff2\t3\t4\t5\r\n3\t3\t4\t5\r\n"),
        "2 3 4 5\n3 3 4 5\n".encode("utf-16"),
    ],
)
def test_foreign_boxes_in_other_writings(tmp_path, text):
    foreign(tmp_path / "OTB2015" / "T", Girl=text)
    (found,) = discovery.find_results([tmp_path])
    np.testing.assert_array_equal(found.read("Girl").boxes, [[1, 2, 4, 5], [2, 2, 4, 5]])


@pytest.mark.parametrize(
    "text, message",
    [
        ("2,5 3,5 4,5 5,5\n", "Girl.txt, line 1: .*decimal points"),
        ("1,2,3,4,50\n2,2,3,4,50\n", "Girl.txt, line 1: .*that of the frame"),
        ("", "Girl.txt is empty"),
        ("x1,y1,x2,y2\n2,3,4,5\n", "Girl.txt, line 1: .*titles"),
        ("2,3,4,5\n2,3,4\n", "Girl.txt, line 2: '2,3,4' is not x,y,width,height"),
        (b"\0\1\2", "Girl.txt: it is not a text file"),
    ],
)
def test_foreign_boxes_that_cannot_be_read_are_not_absent(tmp_path, text, message):
    foreign(tmp_path / "OTB2015" / "T", Girl=text, Couple="2,3,4,5\n")
    (found,) = discovery.find_results([tmp_path])
    assert found.names == ("Couple", "Girl")
    with pytest.raises(ValueError, match=message):
        found.read("Girl")


def test_supervised_run_that_begins_with_a_box(tmp_path):
    foreign(tmp_path / "VOT2018/T/baseline/ants1", ants1_001="1,2,3,4\n1,2,3,4\n")
    (found,) = discovery.find_results([tmp_path])
    with pytest.raises(ValueError, match=r"ants1_001\.txt, line 1: a supervised run begins with"):
        found.read("ants1")
