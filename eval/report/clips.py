"""Makes small JPEGs of sequences for the page's player, of no more bytes than asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import numpy as np
from absl import logging
from PIL import Image

from gradnet_tf.eval.scoring.summary import Evaluation
from gradnet_tf.media import drawing
from gradnet_tf.media.images import as_rgb

_SIDE = 384  # px
_QUALITY = 62
_FEWEST = 24  # Frames that a sequence needs to be worth showing.


class Clip(NamedTuple):
    """Some frames of a sequence."""

    sequence: int  # Its place.
    sizes: tuple[tuple[int, int], ...]  # Width and height of each in px, before it was made small.
    places: tuple[int, ...]  # Which frames, from 0.
    images: tuple[bytes, ...]  # A JPEG for each.


def encode_jpeg(image: Any, quality: int = _QUALITY) -> bytes:
    """Encodes an image (array [h, w, 3] RGB uint8, or PIL) as JPEG."""
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def size_in_page(*images: bytes) -> int:
    """Counts the letters that images have in the page, as base64."""
    return sum(-(-len(image) // 3) * 4 for image in images)


def choose_sequences(evaluation: Evaluation) -> list[int]:
    """Orders sequences by how much they deserve frames: where trackers differ most first."""
    key = evaluation.by_sequence[0].key
    columns = np.nan_to_num([tracker.values[key] for tracker in evaluation.trackers])
    spread = np.ptp(columns, axis=0) if len(columns) > 1 else -columns[0]
    return np.argsort(-spread, kind="stable").tolist()


def make_clips(evaluation: Evaluation, budget: int, most: int) -> list[Clip]:
    """Reads and shrinks frames, evenly spread over each sequence.

    Every sequence gets an equal part of the bytes; if that is too little for a clip worth
    watching, fewer sequences are shown. One with a frame that cannot be read is left out.

    Args:
        evaluation: The sequences, in whose order the clips are.
        budget: Most bytes of the images in the page, see `size_in_page`.
        most: Most frames of a sequence.
    """
    sequences = evaluation.sequences
    order = [place for place in choose_sequences(evaluation) if sequences[place].has_images]
    clips: list[Clip] = []
    left = budget
    for number, place in enumerate(order):
        frames = sequences[place].frames
        fewest = min(_FEWEST, len(frames), most)
        try:
            cost = size_in_page(_encode(frames[0])[0])
            part = max(left // (len(order) - number), min(left, fewest * cost))
            clip = _make_clip(place, frames, part, min(most, part // cost))
        except OSError as error:
            logging.warning("the player lacks a sequence: %s", error)
            continue
        if clip is None or len(clip.places) < fewest // 2:
            break
        clips.append(clip)
        left -= size_in_page(*clip.images)
    return sorted(clips, key=lambda clip: clip.sequence)


def spread_evenly(count: int, wanted: int) -> list[int]:
    """Returns `wanted` of the numbers 0 to count - 1, evenly spread, with first and last."""
    wanted = max(1, min(wanted, count))
    return np.rint(np.linspace(0, count - 1, wanted)).astype(int).tolist()


def _make_clip(place: int, frames: Sequence[str], part: int, wanted: int) -> Optional[Clip]:
    """Takes as many frames as fit into a part of the bytes; None if not even one does."""
    wanted = min(len(frames), max(1, wanted))
    while wanted:
        places = spread_evenly(len(frames), wanted)
        images, sizes = zip(*(_encode(frames[frame]) for frame in places))
        used = size_in_page(*images)
        if used <= part:
            return Clip(place, sizes, tuple(places), images)
        wanted = min(wanted - 1, int(wanted * part / used))
    return None


def _encode(path: str) -> tuple[bytes, tuple[int, int]]:
    """Returns a small JPEG, and the size of the frame itself."""
    frame = as_rgb(path)
    return encode_jpeg(drawing.resize_to(frame, _SIDE)), (frame.shape[1], frame.shape[0])
