"""What the readers share: matching of frames, flags, attributes, lists, and broken sequences."""

import numpy as np
import pytest

from gradnet_tf.datasets import common
from gradnet_tf.datasets.sequences import Problem, Sequence
from tests.helpers import benchmarks


def _files(*numbers):
    return {number: f"/d/img/{number:04d}.jpg" for number in numbers}


def _sequence(name):
    return Sequence(name, ("/1.jpg",), benchmarks.boxes(1))


def _raise(error):
    raise error


def _collect(readers, names=None, remarks=()):
    return common.collect("/d", remarks, readers, names, "things", name="d", title="D")


def test_frames_in_a_row():
    assert common.match_frames(_files(5, 6, 7), 3) == tuple(_files(5, 6, 7).values())


@pytest.mark.parametrize(
    "numbers, boxes, first, message",
    [
        ((1, 2, 4), 4, None, r"3 images \(1 to 4\) for 4 boxes; missing: image 3$"),
        ((1, 2, 4), 3, None, "missing: image 3; without a box: image 4$"),
        ((1, 2, 3), 2, None, "without a box: image 3$"),
        ((1, 2), 5, None, "missing: image 3 and 2 others$"),
        ((2, 3), 3, 1, "missing: image 1$"),
        ((2, 3), 2, 1, "missing: image 1; without a box: image 3$"),
    ],
)
def test_frames_that_do_not_match(numbers, boxes, first, message):
    with pytest.raises(ValueError, match=f"^/d/img: .*{message}"):
        common.match_frames(_files(*numbers), boxes, first)


def _readers(**places):
    """Readers of one place each."""
    return {name: {f"/d/{name}": reader} for name, reader in places.items()}


def test_broken_sequences_do_not_stop_the_others():
    readers = _readers(
        a=lambda: _sequence("a"),
        b=lambda: _raise(ValueError("b.txt: no number")),
        c=lambda: _raise(PermissionError(13, "denied", "c.txt")),
        d=lambda: _sequence("d"),
    )
    found = _collect(readers, remarks=["x: no thing"])
    assert [sequence.name for sequence in found.sequences] == ["a", "d"]
    assert found.problems == (
        Problem("b", "b.txt: no number"),
        Problem("c", "[Errno 13] denied: 'c.txt'"),
    )
    assert found.remarks == ("x: no thing",)
    # What is not asked for is not read.
    assert _collect(readers, ["d"]).problems == ()


def test_only_broken_sequences():
    readers = _readers(b=lambda: _raise(ValueError("b.txt: no number")))
    with pytest.raises(ValueError, match="no usable sequence in /d: 1 left out, first b: b.txt"):
        _collect(readers)
    with pytest.raises(ValueError, match="no sequence in /d.*; 1 passed over, first x: no thing"):
        _collect({}, remarks=["x: no thing"])


def test_other_errors_are_not_hidden():
    with pytest.raises(RuntimeError):
        _collect(_readers(b=lambda: _raise(RuntimeError())))


def test_the_folder_with_most_frames_is_taken():
    def of(count):
        return lambda: Sequence("a", ("/1.jpg",) * count, benchmarks.boxes(count))

    stub = {"/d/0": lambda: _raise(ValueError("/d/0: no images"))}
    places = {**stub, "/d/1": of(2), "/d/2": of(3), "/d/3": of(3)}
    found = _collect({"a": places})
    assert len(found.sequences[0].frames) == 3 and not found.problems
    assert found.remarks == (
        "/d/0: /d/0: no images; a is read from /d/2",
        "/d/1: 2 frames of 3; a is read from /d/2",
        "/d/3: another copy; a is read from /d/2",
    )
    stubs = {**stub, "/d/1": lambda: _raise(ValueError("/d/1: no boxes"))}
    found = _collect({"a": stubs, "b": {"/d/b": of(1)}})
    assert found.problems == (Problem("a", "/d/0: no images; /d/1: no boxes"),)


def test_flags(tmp_path):
    path = tmp_path / "flags"
    path.write_text("0,1, 1\n")
    np.testing.assert_array_equal(common.load_flags(str(path), 3), [0, 1, 1])
    with pytest.raises(ValueError, match="flags: 3 numbers for 4 boxes"):
        common.load_flags(str(path), 4)
    with pytest.raises(FileNotFoundError, match="other: there is no such file"):
        common.load_flags(str(tmp_path / "other"), 3)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("IV, OCC", ("IV", "OCC")),
        ("IV ,OCC\n", ("IV", "OCC")),
        ("IV\nOCC\n", ("IV", "OCC")),
        ("1,0,1", ("IV", "OCC")),
        ("1\t0\t1\n", ("IV", "OCC")),
        ("0 0 0", ()),
        ("", ()),
    ],
)
def test_attributes(tmp_path, text, expected):
    path = tmp_path / "att.txt"
    path.write_text(text)
    assert common.load_attributes([str(path)], ("IV", "SV", "OCC")) == expected


@pytest.mark.parametrize("text", ["1,0", "1,0,1,0", "1,0,2"])
def test_attributes_that_do_not_fit(tmp_path, text):
    path = tmp_path / "att.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match="att.txt: expected 3 of 0 and 1"):
        common.load_attributes([str(path)], ("IV", "SV", "OCC"))


def test_a_sequence_without_images_tells_its_annotation():
    with pytest.raises(common.NoImages, match="no numbered images in /d/color$") as caught:
        common.make_sequence("a", {}, benchmarks.boxes(3), "/d/color", 7, attributes=("OCC",))
    bare = caught.value.sequence
    assert not bare.has_images and bare.first_number == 7 and bare.attributes == ("OCC",)
    assert bare.frames == tuple(f"/d/color/{number:08d}.jpg" for number in (7, 8, 9))


def _no_images(count):
    def read():
        return common.make_sequence("a", {}, benchmarks.boxes(count), "/d")

    return read


def test_annotations_alone_are_taken_where_no_sequence_has_images():
    readers = {
        "a": {"/d/a": _no_images(2), "/d/x/a": _no_images(3)},
        "b": {"/d/b": lambda: _raise(ValueError("b.txt: no number"))},
    }
    found = _collect(readers)
    assert [len(sequence.frames) for sequence in found.sequences] == [3]
    assert not found.has_images and found.problems == (Problem("b", "b.txt: no number"),)
    readers["c"] = {"/d/c": lambda: _sequence("c")}
    found = _collect(readers)
    assert [sequence.name for sequence in found.sequences] == ["c"] and found.has_images
    assert found.problems[0] == Problem("a", "; ".join(["no numbered images in /d"] * 2))


def test_images_of_a_range():
    assert list(common.cut_images(_files(1, 2, 3), 2, 9)) == [2, 3]
    assert common.cut_images({}, 1, 2) == {}
    with pytest.raises(ValueError, match="/d/img has none of the images 4 to 5"):
        common.cut_images(_files(1, 2), 4, 5)


def test_list_gives_the_order_and_what_is_missing(tmp_path):
    for name in ("a", "b", "c", "x/a"):
        benchmarks.sequence(tmp_path / name, [1], truth="t.txt")
    base = str(tmp_path)
    assert list(common.listed_folders(base, "t.txt", 1)[0]) == ["a", "b", "c"]
    (tmp_path / "list.txt").write_text("c\r\n\r\nx\r\na\r\nc\r\n")
    listed, remarks = common.listed_folders(base, "t.txt", 2)
    assert list(listed) == ["c", "x", "a"]
    assert listed["a"] == [str(tmp_path / "a"), str(tmp_path / "x" / "a")] and listed["x"] == []
    assert remarks == [f"b: not in {tmp_path / 'list.txt'}"]
    readers, _ = common.listed_readers(base, "t.txt", 2, str)
    assert [reader() for reader in readers["a"].values()] == listed["a"]
    with pytest.raises(ValueError, match="list.txt names it, but there is no .*x/t.txt"):
        readers["x"][str(tmp_path / "x")]()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_list_in_other_encodings(tmp_path, encoding):
    (tmp_path / "list.txt").write_bytes("b\r\na\r\n".encode(encoding))
    assert list(common.listed_folders(str(tmp_path), "t.txt", 1)[0]) == ["b", "a"]


@pytest.mark.parametrize("name", ["../a", "/a", "a/b", "a\\b", "."])
def test_list_with_what_is_no_name(tmp_path, name):
    (tmp_path / "list.txt").write_text(f"a\n{name}\n")
    with pytest.raises(ValueError, match=r"list\.txt: .* is not the name of a folder beside it"):
        common.listed_folders(str(tmp_path), "t.txt", 1)
