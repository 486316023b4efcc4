"""Result files: text and places."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.eval.results import formats

BOXES = np.array([[0.0, 1, 30, 40], [1.23456, 2, 3, 4], [-5, 0.5, 1, 2], [9, 9, 9, 9]])


def test_places():
    assert str(formats.box_file("otb", "Jogging-1")) == "Jogging-1.txt"
    assert str(formats.time_file("otb", "Jogging-1")) == "times/Jogging-1_time.txt"
    assert str(formats.box_file("got10k", "a", 3)) == "a/a_003.txt"
    assert str(formats.time_file("vot", "a")) == "a/a_time.txt"
    with pytest.raises(ValueError, match="repetition 2"):
        formats.box_file("otb", "a", 2)


def test_boxes_count_from_the_origin_of_the_data_set():
    text = formats.encode_boxes("otb", 1, BOXES[:2]).decode()
    assert text == "1.0000,2.0000,30.0000,40.0000\n2.2346,3.0000,3.0000,4.0000\n"
    assert formats.encode_boxes("otb", 0, BOXES[:1]) == b"0.0000,1.0000,30.0000,40.0000\n"


def test_codes_of_vot():
    codes = np.array([FrameCode.INIT, FrameCode.TRACKED, FrameCode.FAILED, FrameCode.SKIPPED])
    text = formats.encode_boxes("vot", 0, BOXES, codes).decode()
    assert text == "1\n1.2346,2.0000,3.0000,4.0000\n2\n0\n"
    assert formats.encode_boxes("vot", 0, BOXES[:2]).startswith(b"1\n1.2346,")


@pytest.mark.parametrize("layout, origin", [("otb", 1), ("got10k", 1), ("vot", 0)])
def test_boxes_come_back(tmp_path, layout, origin):
    path = tmp_path / "boxes.txt"
    codes = np.array([1, 0, 2, 3]) if layout == "vot" else None
    path.write_bytes(formats.encode_boxes(layout, origin, BOXES, codes))
    boxes, found = formats.decode_boxes(path, layout, origin)
    if layout == "vot":
        np.testing.assert_array_equal(found, codes)
        assert np.isnan(boxes[[0, 2, 3]]).all()
        np.testing.assert_allclose(boxes[1], BOXES[1], atol=1e-4)
    else:
        assert found is None
        np.testing.assert_allclose(boxes, BOXES, atol=1e-4)


def test_other_peoples_delimiters_and_nan(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("2\t3\t4\t5\r\n2 3  4 5\nNaN,NaN,NaN,NaN\n")
    boxes, _ = formats.decode_boxes(path, "otb", 1)
    np.testing.assert_array_equal(boxes, [[1, 2, 4, 5]] * 2 + [[np.nan] * 4])


@pytest.mark.parametrize("layout, line", [("otb", "1"), ("vot", "3"), ("vot", "1,2"), ("otb", "x")])
def test_a_bad_line_is_named(tmp_path, layout, line):
    path = tmp_path / "boxes.txt"
    path.write_text(f"1,2,3,4\n{line}\n")
    with pytest.raises(ValueError, match=r"boxes\.txt, line 2: .* is not x,y,width,height"):
        formats.decode_boxes(path, layout, 0)


def test_times_are_columns_of_repetitions(tmp_path):
    path = tmp_path / "time.txt"
    columns = [np.array([1.5, np.nan, 0.25]), np.array([2.0, 1, 0])]
    path.write_bytes(formats.encode_times(columns))
    assert path.read_text().splitlines()[1] == "nan,1.00000000"
    np.testing.assert_array_equal(formats.decode_times(path), np.stack(columns, axis=1))
    path.write_text("1\n1,2\n")
    with pytest.raises(ValueError, match="line 2"):
        formats.decode_times(path)


@pytest.mark.parametrize(
    "text",
    [
        "2;3;4;5\n2;3;4;5\n",
        "x,y,w,h\n2,3,4,5\n2,3,4,5\n",
        "[2, 3, 4, 5]\n(2 3 4 5)\n",
        "2,3,4,5,0.9\n2,3,4,5,0.25\n",
        "2,3,4,5,1\n2,3,4,5,nan\n",
        "frame,x,y,w,h\n1,2,3,4,5\n2,2,3,4,5\n",
        "\ufeff2\t3\t4\t5\r\n2\t3\t4\t5\r\n",
    ],
)
def test_foreign_lines_of_one_meaning(tmp_path, text):
    path = tmp_path / "boxes.txt"
    path.write_text(text)
    np.testing.assert_array_equal(formats.decode_boxes(path, "otb", 1)[0], [[1, 2, 4, 5]] * 2)


def test_scores_of_any_size(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("2,3,4,5,17.5\n2.5,3,4,5,-3\n")
    boxes, _ = formats.decode_boxes(path, "otb", 1)
    np.testing.assert_array_equal(boxes, [[1, 2, 4, 5], [1.5, 2, 4, 5]])


@pytest.mark.parametrize(
    "text, line",
    [
        ("1,2,3,4,5\n2,2,3,4,5\n3,2,3,4,5\n", 1),  # Numbers of frames.
        ("0,2,3,4,1\n1,2,3,4,1\n2,2,3,4,1\n", 1),
        ("7,2,3,4,50\n7,3,3,4,50\n", 1),  # The number of a target.
        ("2,3,4,5\n2,3,4,5,0.9\n", 2),
        ("2,3,4,5,0.9,1\n", 1),
        ("2,5 3 4 5\n", 1),
        ("2,5,3,4,5\n3,5,3,4,5\n", 1),
        ("x1,y1,x2,y2\n2,3,4,5\n", 1),
    ],
)
def test_foreign_lines_of_two_meanings(tmp_path, text, line):
    path = tmp_path / "boxes.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"boxes\.txt, line {line}: "):
        formats.decode_boxes(path, "otb", 1)


def test_scores_beside_boxes_and_codes_of_vot(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("1\n1,2,3,4,0.5\n2\n0\n")
    boxes, codes = formats.decode_boxes(path, "vot", 0)
    np.testing.assert_array_equal(boxes[1], [1, 2, 3, 4])
    np.testing.assert_array_equal(codes, [1, 0, 2, 3])


@pytest.mark.parametrize(
    "codes, message",
    [
        ([0, 0, 0], "line 1: a supervised run begins with the code 1"),
        ([3, 0, 0], "line 1: a supervised run begins"),
        ([2, 3, 1], "line 1: a supervised run begins"),
        ([1, 0, 1], "line 3: the tracker starts"),
        ([1, 2, 0], "line 3: after a failure"),
        ([1, 2, 2], "line 3: after a failure"),
    ],
)
def test_codes_in_an_order_that_no_run_gives(codes, message):
    with pytest.raises(ValueError, match=f"a.txt, {message}"):
        formats.check_codes("a.txt", np.array(codes))


def test_codes_of_runs():
    for codes in ([1], [1, 0, 0], [1, 2, 3, 3, 3, 3, 1, 0], [1, 0, 3, 0], [1, 2, 3]):
        formats.check_codes("a.txt", np.array(codes))


@pytest.mark.parametrize(
    "text, expected",
    [
        *[
            (text, True)
            for text in ("1,2,3,4\n", "1;2;3;4", "[1,2,3,4]", "1,2,3,4,0.5", "1,5 2,5 3,5 4,5")
        ],
        *[
            (text, True)
            for text in (
                "x,y,w,h\n1,2,3,4\n",
                "nan,nan,nan,nan",
                "1,2,inf,-inf",
                "1:2:3:4",
                "1,7,2,3,4,5,1\n",
                "\ufeff1\t2\t3\t4",
            )
        ],
        *[
            (text, False)
            for text in ("", "1\n2\n3\n", "0.01\n", "hello\n", "Tracker 1\n", "1,2,3\n", "1 2\n")
        ],
    ],
)
def test_what_seems_to_be_boxes(tmp_path, text, expected):
    path = tmp_path / "boxes.txt"
    path.write_text(text)
    assert formats.seems_boxes(path) is expected
    path.write_bytes(b"\xff\xfe" + text.lstrip("\ufeff").encode("utf-16-le"))
    assert formats.seems_boxes(path) is expected


@pytest.mark.parametrize("text", ["0,0123\n0,0120\n", "0,1\n0,2\n", "0,5 0,25\n"])
def test_times_with_decimal_commas(tmp_path, text):
    path = tmp_path / "time.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"time\.txt, line 1"):
        formats.decode_times(path)
