"""Draws boxes on frames and lays frames out on a contact sheet."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Optional, Union

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

Colour = tuple[int, int, int]
Boxes = Union[np.ndarray, Sequence[Union[np.ndarray, Sequence[float]]]]

PREDICTION = (255, 40, 40)
TRUTH = (40, 220, 60)
# Of several targets, in turn; none is like the truth's.
TARGETS = (
    PREDICTION,
    (70, 150, 255),
    (255, 215, 0),
    (255, 90, 220),
    (0, 225, 235),
    (255, 145, 30),
    (190, 130, 255),
    (255, 255, 255),
)
_TEXT = (255, 255, 255)
_TEXT_GROUND = (0, 0, 0)
_GAP = 4  # px between the tiles of a contact sheet


def draw_box(
    image: np.ndarray,
    box: Sequence[float],
    colour: Colour = PREDICTION,
    width: Optional[int] = None,
) -> np.ndarray:
    """Draws the outline of a box on a copy of an image, uint8 [h, w, 3] RGB.

    Args:
        image: uint8 [h, w, 3] RGB.
        box: (x, y, width, height), 0-based float pixels. It may reach over the border; a box with
            NaN (a frame without truth) is left out.
        colour: RGB.
        width: Of the line in px, drawn inwards from the edge; by default it grows with the image.
    """
    picture = Image.fromarray(image)
    _outline(picture, box, colour, width or line_width(image.shape))
    return np.asarray(picture).copy()


def draw_targets(
    image: np.ndarray, boxes: Boxes, width: Optional[int] = None, label: Optional[str] = None
) -> np.ndarray:
    """Draws a target's box, or several targets' in colours of their own and with their numbers.

    As `draw_box`, for boxes [4] or [targets, 4]; `label` is a text for the upper left corner.
    """
    picture = Image.fromarray(image)
    _outline_targets(picture, boxes, width or line_width(image.shape))
    if label:
        _label(picture, label)
    return np.asarray(picture).copy()


def line_width(shape: Sequence[int]) -> int:
    """Gives the line width in px that reads well on an image of shape [h, w, ...]."""
    return max(1, round(min(shape[0], shape[1]) / 160))


def resize_to(image: np.ndarray, side: int) -> np.ndarray:
    """Shrinks an image uint8 [h, w, 3] so that its longer side is at most ``side`` px; a copy."""
    picture = Image.fromarray(image)
    picture.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=None)
    return np.array(picture)


def fit_into(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scales an image uint8 [h, w, 3] into a (height, width), black on both sides if need be."""
    if image.shape[:2] == tuple(size):
        return image
    picture = ImageOps.pad(Image.fromarray(image), size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(picture)


def contact_sheet(
    frames: Sequence[np.ndarray],
    boxes: Boxes,
    truth: Optional[Boxes] = None,
    columns: int = 4,
    *,
    labels: Optional[Sequence[str]] = None,
    side: int = 320,
) -> Image.Image:
    """Lays frames with their boxes out in rows: an RGB image.

    Args:
        frames: Images, uint8 [h, w, 3] RGB.
        boxes: A box (x, y, width, height) for each, in pixels of its image, or those of several
            targets, [targets, 4], which are drawn as by `draw_targets`.
        truth: A box for each, drawn below the boxes in another colour.
        columns: Frames in a row.
        labels: Texts for the frames, by default their numbers from 0.
        side: Length that the longer side of a frame is shrunk to, in px.

    Raises:
        ValueError: If there are no frames, or the numbers of frames and boxes differ.
    """
    if not len(frames):
        raise ValueError("a contact sheet needs at least one frame")
    if columns < 1:
        raise ValueError(f"a contact sheet needs at least one column, got {columns}")
    labels = [str(i) for i in range(len(frames))] if labels is None else labels
    for name, values in (("boxes", boxes), ("truth boxes", truth), ("labels", labels)):
        if values is not None and len(values) != len(frames):
            raise ValueError(f"got {len(frames)} frames, but {len(values)} {name}")

    tiles = [Image.fromarray(resize_to(frame, side)) for frame in frames]
    for index, (tile, frame) in enumerate(zip(tiles, frames)):
        # Lines are drawn after shrinking, which would wash them out.
        factor = tile.width / frame.shape[1], tile.height / frame.shape[0]
        if truth is not None:
            _outline(tile, np.multiply(truth[index], factor * 2), TRUTH, 2)
        _outline_targets(tile, np.multiply(boxes[index], factor * 2), 2)
        _label(tile, labels[index])
    columns = min(columns, len(tiles))
    width, height = (max(edges) + _GAP for edges in zip(*(tile.size for tile in tiles)))
    size = columns * width + _GAP, -(-len(tiles) // columns) * height + _GAP
    sheet = Image.new("RGB", size, (255, 255, 255))
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        sheet.paste(tile, (_GAP + column * width, _GAP + row * height))
    return sheet


def _outline_targets(picture: Image.Image, boxes: Boxes, width: int) -> None:
    rows = np.asarray(boxes, np.float64)
    if rows.ndim == 1:
        return _outline(picture, rows, PREDICTION, width)
    for target, box in enumerate(rows):
        colour = TARGETS[target % len(TARGETS)]
        _outline(picture, box, colour, width)
        _number(picture, box, str(target), colour)


def _outline(picture: Image.Image, box: Iterable[float], colour: Colour, width: int) -> None:
    x, y, box_width, box_height = (float(v) for v in box)
    edges = np.array([x, y, x + box_width, y + box_height])
    if not np.isfinite(edges).all():
        return
    # An edge outside stays outside by more than the line's width, but within Pillow's integers.
    far = np.array([*picture.size] * 2) + width + 1
    left, top, right, bottom = np.clip(np.rint(edges), -width - 1, far).astype(int).tolist()
    # Pillow's rectangle includes its last pixel: a box of width 10 covers 10 columns.
    right, bottom = max(left, right - 1), max(top, bottom - 1)
    ImageDraw.Draw(picture).rectangle((left, top, right, bottom), outline=colour, width=width)


def _label(picture: Image.Image, text: str) -> None:
    font = _font(max(11, round(min(picture.size) / 18)))
    _write(picture, (3, 2), text, font, _TEXT, _TEXT_GROUND)


def _number(picture: Image.Image, box: np.ndarray, text: str, colour: Colour) -> None:
    """Writes a target's number above its box, or into it where there is no room above."""
    if not np.isfinite(box).all():
        return
    font = _font(max(10, round(min(picture.size) / 26)))
    _, top, right, bottom = ImageDraw.Draw(picture).textbbox((0, 0), text, font=font)
    x = np.clip(box[0] + 3, 3, max(3, picture.width - right - 3))
    y = box[1] - bottom - 2
    y = np.clip(y if y + top > 2 else box[1] + 2, 2, max(2, picture.height - bottom - 3))
    _write(picture, (int(x), int(y)), text, font, _TEXT_GROUND, colour)


def _write(picture: Image.Image, place, text: str, font, colour: Colour, ground: Colour) -> None:
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = draw.textbbox(place, text, font=font)
    draw.rectangle((left - 3, top - 2, right + 2, bottom + 2), fill=ground)
    draw.text(place, text, fill=colour, font=font)


@functools.lru_cache(maxsize=8)
def _font(size: int) -> Union[ImageFont.FreeTypeFont, ImageFont.ImageFont]:
    try:
        return ImageFont.load_default(size=size)
    except (TypeError, ImportError):  # Pillow before 10.1, or built without FreeType.
        return ImageFont.load_default()
