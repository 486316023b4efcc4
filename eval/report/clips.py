"""Frames of sequences as small JPEGs, for the page's player; no more bytes than asked for."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
from absl import logging
from PIL import Image

from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.media import drawing
from gradnet_tf.media.images import as_rgb

_SIDE = 384  # px
_QUALITY = 62
_FEWEST = 24  # Frames that a sequence needs to be worth showing.


@dataclasses.dataclass(frozen=True, eq=False)
class Clip:
    """Some frames of a sequence.

    Attributes:
        sequence: Its place.
        sizes: Width and height of each in px, before it was made small.
        places: Which frames, from 0.
        images: A JPEG for each.
    """

    sequence: int
    sizes: tuple[tuple[int, int], ...]
    places: tuple[int, ...]
    images: tuple[bytes, ...]


def encode_jpeg(image: Any, quality: int = _QUALITY) -> bytes:
    """An image (array [h, w, 3] RGB uint8, or PIL) as JPEG."""
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def choose_sequences(evaluation: Evaluation) -> list[int]:
    """Sequences in the order in which they deserve frames: where trackers differ most first."""
    key = evaluation.by_sequence[0].key
    columns = np.stack([tracker.values[key] for tracker in evaluation.trackers])
    if len(columns) > 1:
        spread = np.nanmax(np.nan_to_num(columns), axis=0) - np.nanmin(
            np.nan_to_num(columns), axis=0
        )
    else:
        spread = -np.nan_to_num(columns[0])
    return sorted(range(len(spread)), key=lambda i: (-spread[i], i))


def make_clips(
    evaluation: Evaluation,
    budget: int,
    most: int,
    chosen: Optional[Sequence[int]] = None,
    *,
    overhead: int = 0,
) -> list[Clip]:
    """Reads and shrinks frames, evenly spread over each sequence.

    Every sequence gets an equal part of the bytes; if that is too little for a clip worth
    watching, fewer sequences are shown. One with a frame that cannot be read is left out.

    Args:
        evaluation: The sequences.
        budget: bytes in the page at most: of the images as base64, and what comes with them.
        most: Frames of a sequence, at most.
        chosen: Places of the sequences, instead of those that `choose_sequences` puts first.
        overhead: bytes that come with each frame.

    Returns:
        Clips, in the order of the sequences.
    """
    order = choose_sequences(evaluation) if chosen is None else list(chosen)
    clips: list[Clip] = []
    left = budget
    for number, place in enumerate(order):
        frames = evaluation.sequences[place].frames
        remaining = len(order) - number
        fewest = min(_FEWEST, len(frames), most) if chosen is None else 1
        try:
            cost = _cost(encode_jpeg(_small(frames[0])[0]), overhead)
            part = max(left // remaining, min(left, fewest * cost))
            clip = _make_clip(place, frames, part, most, overhead)
        except OSError as error:
            logging.warning("the player lacks a sequence: %s", error)
            continue
        if clip is None or len(clip.places) < fewest // 2:
            break
        clips.append(clip)
        left -= sum(_cost(image, overhead) for image in clip.images)
    return sorted(clips, key=lambda clip: clip.sequence)


def spread_evenly(count: int, wanted: int) -> list[int]:
    """`wanted` of the numbers 0 to count - 1, evenly spread, with the first and the last."""
    if wanted >= count:
        return list(range(count))
    return sorted(set(np.rint(np.linspace(0, count - 1, max(1, wanted))).astype(int).tolist()))


def _cost(image: bytes, overhead: int) -> int:
    return -(-len(image) // 3) * 4 + overhead


def _make_clip(
    place: int, frames: Sequence[str], part: int, most: int, overhead: int
) -> Optional[Clip]:
    image, _ = _small(frames[0])
    wanted = min(most, len(frames), max(1, int(part // _cost(encode_jpeg(image), overhead))))
    while wanted:
        places = spread_evenly(len(frames), wanted)
        images, sizes, used = [], [], 0
        for frame in places:
            image, size = _small(frames[frame])
            images.append(encode_jpeg(image))
            sizes.append(size)
            used += _cost(images[-1], overhead)
        if used <= part:
            return Clip(place, tuple(sizes), tuple(places), tuple(images))
        wanted = min(wanted - 1, int(wanted * part / used))
    return None


def _small(path: str) -> tuple[np.ndarray, tuple[int, int]]:
    frame = as_rgb(path)
    return drawing.resize_to(frame, _SIDE), (frame.shape[1], frame.shape[0])
