"""Text files of numbers: what may set them apart, titles, encodings, and what is refused."""

import numpy as np
import pytest

from gradnet_tf.files import textfiles

BOX = [31.5, 26.0, 24.0, 20.0]


def _rows(tmp_path, content, counts=(4,)):
    path = tmp_path / "boxes.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [row.numbers for row in textfiles.read_rows(path, counts, "a box")]


@pytest.mark.parametrize(
    "line",
    [
        *("31.5,26,24,20", "31.5;26;24;20", "31.5\t26\t24\t20", "31.5 26 24 20"),
        *("31.5, 26, 24, 20", "31.5 ; 26;24 ;20", "31.5,26\t24 20", " 31.5  26 24,20 "),
        *("[31.5, 26, 24, 20]", "(31.5 26 24 20)", "[31.5, 26, 24, 20],", "31.5,26,24,20,"),
        *("3.15e1,2.6E+01,24.,+20", "031.50,26.0,24.0,20.0"),
    ],
)
def test_what_may_set_numbers_apart(tmp_path, line):
    assert _rows(tmp_path, f"{line}\n{line}\n") == [BOX, BOX]


@pytest.mark.parametrize(
    "line",
    [
        *("31,26,24", "31,26,24,20,1", "31,,26,24,20", "31,26,,20", ",26,24,20", "1_0,2,3,4"),
        *("31,26,24,x", "31:26:24:20", "1+2i,3,4,5", "m10,20,30,40,1", "", "0x1,2,3,4"),
        # Decimal commas, and points of a polygon that look like them.
        *("31,5 26,0 24,0 20,0", "31,5\t26,0\t24,0\t20,0", "31,5;26,0;24,0;20,0", "31,5;26;24;20"),
        *(
            "31,5, 26,0, 24,0, 20,0",
            "31,5 26 24 20",
            "31,26 53,26 53,44 31,44",
            "31,5,26,0,24,0,20,0",
        ),
    ],
)
def test_lines_that_are_refused(tmp_path, line):
    with pytest.raises(ValueError, match=r"boxes\.txt, line 2: .* is not a box"):
        _rows(tmp_path, f"31,26,24,20\n{line}\n31,26,24,20\n")


@pytest.mark.parametrize(
    "line",
    ["31,5 26,0 24,0 20,0", "31,5\t26,0\t24,0\t20,0", "31,5;26,0;24,0;20,0", "31,5, 26,0, 24, 20"],
)
@pytest.mark.parametrize("counts", [(4, 8), (4,), (1, 4, 5, 8)])
def test_decimal_commas_are_never_eight_numbers(tmp_path, line, counts):
    with pytest.raises(ValueError, match="line 1.*commas are no decimal points"):
        _rows(tmp_path, f"{line}\n", counts)


@pytest.mark.parametrize("line", ["31,5 26 24 20", "31,5;26;24;20", "31,5 26.5 24 20"])
def test_one_decimal_comma_is_no_fifth_number(tmp_path, line):
    with pytest.raises(ValueError, match="line 1.*commas are no decimal points"):
        _rows(tmp_path, f"{line}\n", (4, 5))


@pytest.mark.parametrize(
    "text", ["31,05,26,50,24,00,20,00\n", "31,5,26,0,24,0,20,0\n32,5,26,5,24,0,20,0\n"]
)
def test_decimal_commas_that_nothing_else_sets_apart(tmp_path, text):
    with pytest.raises(ValueError, match=r"boxes\.txt, line 1: .*commas as decimal points"):
        _rows(tmp_path, text, (4, 8))


def test_whole_numbers_may_be_corners(tmp_path):
    line = "30,25,53,25,53,44,30,44"
    assert _rows(tmp_path, f"{line}\n{line}\n", (4, 8))[0] == [30, 25, 53, 25, 53, 44, 30, 44]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf31.5,26,24,20\r\n",
        "\ufeff31.5,26,24,20\r\n".encode("utf-16-le"),
        "\ufeff31.5\t26\t24\t20\n".encode("utf-16-be"),
        b"31.5,26,24,20\r",
        b"31.5,26,24,20\n\n \r\n",
        b"31.5,26,24,20\r\n\x1a",
    ],
)
def test_encodings_and_ends_of_lines(tmp_path, content):
    assert _rows(tmp_path, content) == [BOX]


def test_what_is_no_text(tmp_path):
    for content in (b"1,2\x003,4", b"\xff\xfe1", b"\x89PNG\r\n\x1a\n\0\0"):
        with pytest.raises(ValueError, match=r"boxes\.txt: it is not a text file"):
            _rows(tmp_path, content)
    assert _rows(tmp_path, b"") == _rows(tmp_path, b"\r\n\n") == []


def test_nan(tmp_path):
    rows = _rows(tmp_path, "NaN,NaN,NaN,NaN\n-nan nan NAN nan\n")
    assert np.isnan(rows).all() and np.shape(rows) == (2, 4)


@pytest.mark.parametrize(
    "title, line",
    [
        ("x,y,w,h", "31.5,26,24,20"),
        ("# X Y Width Height", "31.5 26 24 20"),
        ("left;top;width;height", "31.5;26;24;20"),
        ("bb_left,bb_top,bb_width,bb_height", "31.5,26,24,20"),
        ("x,y,w,h,score", "31.5,26,24,20,0.7"),
        ("frame,x,y,w,h", "1,31.5,26,24,20"),
        ("frame,w,h,x,y,score", "1,24,20,31.5,26,0.7"),
        ("# boxes of my tracker", "31.5,26,24,20"),
        ('"x","y","w","h"', "31.5,26,24,20"),
    ],
)
def test_titles(tmp_path, title, line):
    assert _rows(tmp_path, f"{title}\n{line}\n{line}\n") == [BOX, BOX]


@pytest.mark.parametrize(
    "title", ["x1,y1,x2,y2", "# xmin ymin xmax ymax", "cx,cy,w,h", "x,y,w", "frame,x,y", "hello"]
)
def test_titles_of_other_boxes(tmp_path, title):
    with pytest.raises(ValueError, match=r"boxes\.txt, line 1: .* is a line of titles without x"):
        _rows(tmp_path, f"{title}\n31.5,26,24,20\n")


def test_lines_below_titles_have_all_columns(tmp_path):
    with pytest.raises(ValueError, match=r"boxes\.txt, line 3"):
        _rows(tmp_path, "frame,x,y,w,h\n1,31.5,26,24,20\n2,31.5,26,24\n")


@pytest.mark.parametrize("text", ["0,1, 1\n", "0\n1\n1\n", "0 1 1", "0.0\n1e0\r\n1\n", "[0, 1, 1]"])
def test_integers(tmp_path, text):
    (tmp_path / "flags").write_text(text)
    assert textfiles.read_integers(tmp_path / "flags") == [0, 1, 1]


@pytest.mark.parametrize("text", ["0,5\n1,0\n", "0.5\n1\n", "yes\n", "nan\n", "0,,1\n", "inf"])
def test_what_is_no_integer(tmp_path, text):
    (tmp_path / "flags").write_text(text)
    with pytest.raises(ValueError, match="flags is not of whole numbers"):
        textfiles.read_integers(tmp_path / "flags")


def test_boxes_takes_every_separator(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("1,2,3,4\n1\t2\t3\t4\r\n1 2  3 4\n 1, 2, 3, 4.5\nNaN,nan,nan,nan\n\n")
    expected = [[1, 2, 3, 4]] * 3 + [[1, 2, 3, 4.5], [np.nan] * 4]
    np.testing.assert_array_equal(textfiles.read_boxes(path), expected)


@pytest.mark.parametrize("line", ["1,2,3", "1,2,3,4,5", "1,2,x,4", "", "1,,3,4"])
def test_boxes_names_the_bad_line(tmp_path, line):
    path = tmp_path / "boxes.txt"
    path.write_text(f"1,2,3,4\n{line}\n5,6,7,8\n")
    with pytest.raises(ValueError, match=r"boxes\.txt, line 2: .* is not 'x,y,width,height'"):
        textfiles.read_boxes(path)


@pytest.mark.parametrize("content, message", [(b"", "no boxes"), (b"\xff\xfe\x00", "not a text")])
def test_boxes_of_something_else(tmp_path, content, message):
    path = tmp_path / "boxes.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        textfiles.read_boxes(path)
