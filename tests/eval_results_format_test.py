"""Result files: text and places."""

import numpy as np
import pytest

from gradnet_tf.eval import results_format as formats
from gradnet_tf.eval.supervised import FrameCode

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
