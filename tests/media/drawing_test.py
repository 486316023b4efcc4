"""Tests of gradnet_tf.media.drawing: boxes on frames, contact sheets."""

import numpy as np
import pytest

from gradnet_tf.media import drawing

RED = (255, 0, 0)


def black(height=20, width=30):
    return np.zeros((height, width, 3), np.uint8)


def painted(image):
    return np.argwhere(image.any(axis=2))


def test_box_covers_its_pixels_and_no_others():
    image = black()
    drawn = drawing.draw_box(image, (4, 6, 10, 5), RED, 1)
    wanted = np.zeros((20, 30), bool)
    wanted[6:11, 4:14] = True
    wanted[7:10, 5:13] = False
    np.testing.assert_array_equal(drawn[:, :, 0] == 255, wanted)
    np.testing.assert_array_equal(drawn[:, :, 1:], 0)
    assert not image.any()


def test_line_grows_inwards():
    drawn = drawing.draw_box(black(), (4, 6, 10, 8), RED, 3)
    points = painted(drawn)
    np.testing.assert_array_equal(points.min(axis=0), [6, 4])
    np.testing.assert_array_equal(points.max(axis=0), [13, 13])
    assert len(points) == 10 * 8 - 4 * 2


def test_edges_are_rounded():
    drawn = drawing.draw_box(black(), (3.6, 5.7, 10.2, 5.1), RED, 1)
    np.testing.assert_array_equal(drawn, drawing.draw_box(black(), (4, 6, 10, 5), RED, 1))


@pytest.mark.parametrize("width", [1, 3])
def test_edges_outside_are_not_drawn(width):
    drawn = drawing.draw_box(black(), (-5, -1e9, 15, 2e9), RED, width)
    wanted = np.zeros((20, 30), bool)
    wanted[:, 10 - width : 10] = True
    np.testing.assert_array_equal(drawn[:, :, 0] == 255, wanted)


@pytest.mark.parametrize(
    "box", [(40, 5, 10, 10), (5, -30, 10, 10), (np.nan, 0, 1, 1), (0, 0, np.inf, 1)]
)
def test_nothing_to_draw(box):
    assert not drawing.draw_box(black(), box, RED, 2).any()


def test_tiny_box_stays_visible():
    assert drawing.draw_box(black(), (4.2, 6.2, 0.1, 0.1), RED, 1)[6, 4, 0] == 255


def test_label_is_drawn_in_the_corner():
    drawn = drawing.draw_targets(black(60, 80) + 128, [np.nan] * 4, label="12")
    changed = np.argwhere((drawn != 128).any(axis=2))
    assert len(changed)
    assert (changed.max(axis=0) < [30, 40]).all()


def test_resize_keeps_the_aspect_and_never_enlarges():
    assert drawing.resize_to(black(480, 640), 320).shape == (240, 320, 3)
    assert drawing.resize_to(black(640, 480), 320).shape == (320, 240, 3)
    assert drawing.resize_to(black(20, 30), 320).shape == (20, 30, 3)
    assert drawing.resize_to(black(1, 1000), 100).shape == (1, 100, 3)


def test_resize_gives_a_copy():
    image = black()
    drawing.resize_to(image, 320)[:] = 9
    assert not image.any()


def test_contact_sheet_places_frames_in_rows():
    frames = [np.full((40, 60, 3), 40 * i, np.uint8) for i in range(5)]
    sheet = np.asarray(drawing.contact_sheet(frames, [(32, 25, 8, 4)] * 5, columns=3))
    gap = 4
    assert sheet.shape == (2 * (40 + gap) + gap, 3 * (60 + gap) + gap, 3)
    for i in range(5):
        row, column = divmod(i, 3)
        y, x = gap + row * (40 + gap), gap + column * (60 + gap)
        tile = sheet[y : y + 40, x : x + 60]
        assert (tile[39, 59] == 40 * i).all()
        np.testing.assert_array_equal(tile[25, 32:40], [drawing.PREDICTION] * 8)
    assert (sheet[gap + 44 :, -64:] == 255).all()  # The place of the sixth.


def test_contact_sheet_scales_boxes_with_the_frames():
    sheet = np.asarray(
        drawing.contact_sheet(
            [black(400, 800)], [(400, 200, 200, 100)], [(600, 100, 100, 100)], side=200
        )
    )
    red = np.argwhere((sheet == drawing.PREDICTION).all(axis=2)) - 4
    green = np.argwhere((sheet == drawing.TRUTH).all(axis=2)) - 4
    np.testing.assert_array_equal(red.min(axis=0), [50, 100])
    np.testing.assert_array_equal(red.max(axis=0), [74, 149])
    np.testing.assert_array_equal(green.min(axis=0), [25, 150])
    np.testing.assert_array_equal(green.max(axis=0), [49, 174])


def test_contact_sheet_has_no_empty_columns():
    assert drawing.contact_sheet([black()] * 2, np.zeros((2, 4)), columns=4).width == 2 * 34 + 4


def test_contact_sheet_checks_its_arguments():
    with pytest.raises(ValueError, match="at least one frame"):
        drawing.contact_sheet([], [])
    with pytest.raises(ValueError, match="2 frames, but 1 boxes"):
        drawing.contact_sheet([black()] * 2, np.zeros((1, 4)))
    with pytest.raises(ValueError, match="2 frames, but 3 truth boxes"):
        drawing.contact_sheet([black()] * 2, np.zeros((2, 4)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="column"):
        drawing.contact_sheet([black()], np.zeros((1, 4)), columns=0)


def test_fitting_keeps_shapes_and_fills_with_black():
    image = np.full((20, 10, 3), 200, np.uint8)
    assert drawing.fit_into(image, (20, 10)) is image
    fitted = drawing.fit_into(image, (40, 60))
    assert fitted.shape == (40, 60, 3)
    np.testing.assert_array_equal(fitted[:, 20:40], 200)
    np.testing.assert_array_equal(fitted[:, :20], 0)
    np.testing.assert_array_equal(fitted[:, 40:], 0)
    assert drawing.fit_into(image, (10, 60))[:, 28:32].min() > 150


def test_one_target_is_drawn_as_one_box():
    expected = drawing.draw_box(black(), (4, 6, 10, 5), drawing.PREDICTION, 1)
    np.testing.assert_array_equal(drawing.draw_targets(black(), (4, 6, 10, 5), 1), expected)


def test_targets_have_colours_and_numbers_of_their_own():
    boxes = np.array([[10.0, 30, 20, 20], [50, 30, 20, 20], [np.nan] * 4, [90, 0, 20, 20]])
    drawn = drawing.draw_targets(black(60, 120), boxes, 2)
    edges = [tuple(drawn[40, x].tolist()) for x in (10, 50, 90)]
    edges[2] = tuple(drawn[15, 90].tolist())
    assert edges[0] == drawing.PREDICTION
    assert len({*edges, drawing.TRUTH}) == 4
    # The number is above the box, or in it where there is no room above.
    assert drawn[20:28, 10:25].any() and drawn[20:28, 50:65].any()
    assert drawn[3:14, 93:105].any()
    assert not drawn[52:].any()


def test_there_are_colours_for_any_number_of_targets():
    boxes = np.tile([2.0, 3, 10, 10], (30, 1))
    assert drawing.draw_targets(black(), boxes, 1).any()


def test_contact_sheet_of_several_targets():
    boxes = [[[10, 30, 20, 20], [50, 30, 20, 20]]] * 2
    sheet = np.asarray(drawing.contact_sheet([black(60, 120)] * 2, boxes))
    for colour in (drawing.PREDICTION, (70, 150, 255)):
        assert (sheet == colour).all(axis=2).sum() >= 2 * 70
