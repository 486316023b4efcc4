"""Tests of gradnet_tf.app.box_editor."""

import numpy as np
import pytest

from gradnet_tf.app import box_editor

COLOURS = [(255, 0, 0), (0, 0, 255)]


@pytest.mark.parametrize(
    "size, expected",
    [((144, 176), (524, 640)), ((480, 640), (480, 640)), ((2160, 3840), (720, 1280))],
)
def test_picture_is_of_a_size_to_draw_on(size, expected):
    picture = box_editor.make_picture(np.zeros((*size, 3), np.uint8))
    assert picture.size[::-1] == expected


def test_boxes_that_were_left_are_the_same_to_the_last_digit():
    shown = {0: np.array([10.123, 5.456, 20.789, 8.1]), 3: np.array([1 / 3, 2 / 3, 9.7, 9.9])}
    edited = box_editor.show_boxes(shown, 3.636, COLOURS)
    drawn = box_editor.read_boxes(edited, shown, 3.636)
    assert {each.number for each in drawn} == {0, 3}
    for each in drawn:
        np.testing.assert_array_equal(each.box, shown[each.number])


def test_a_changed_box_keeps_its_number():
    shown = {2: np.array([10.0, 5.0, 20.0, 8.0])}
    (edited,) = box_editor.show_boxes(shown, 2.0, COLOURS)
    assert edited["label"] == "2" and edited["color"] == (255, 0, 0)
    edited["xmax"] += 10
    (drawn,) = box_editor.read_boxes([edited], shown, 2.0)
    assert drawn.number == 2
    np.testing.assert_array_equal(drawn.box, [10, 5, 25, 8])


def test_new_boxes_come_in_the_order_in_which_they_were_made():
    # The editor puts the newest first.
    newest = {"xmin": 100, "ymin": 40, "xmax": 160, "ymax": 90, "label": ""}
    oldest = {"xmin": 0, "ymin": 2, "xmax": 10, "ymax": 22}
    drawn = box_editor.read_boxes([newest, oldest], {}, 2.0)
    assert [each.number for each in drawn] == [None, None]
    np.testing.assert_array_equal([each.box for each in drawn], [[0, 1, 5, 10], [50, 20, 30, 25]])


def test_a_label_that_was_not_shown_is_refused():
    box = {"xmin": 0, "ymin": 2, "xmax": 10, "ymax": 22, "label": "7"}
    with pytest.raises(ValueError, match="no target '7'"):
        box_editor.read_boxes([box], {}, 2.0)
