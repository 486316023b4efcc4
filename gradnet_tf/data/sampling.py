"""Which pairs a batch holds: a pure function of (seed, step, group).

Random numbers come from NumPy's Philox generator, keyed by (seed, step) and counting from (group,
stream). Only its raw 64-bit words are used, which NumPy never changes, so that a step has the same
pairs with every NumPy, on any machine and any number of workers.

Source: `vidGetRandBatch` and `choosePosPair` of the reference's train.py; paper, section 3.3.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Optional

import numpy as np

# Seed of the run, step, and group in the global batch; of kept crops: seed, frame (DRIFT_CROP:
# track) and number of the crop.
Key = tuple[int, int, int]
# Independent streams of random numbers of one key.
PAIRS, AUGMENTATION, STRONG, MORE, NUMBERS, TASK, CROP, STRONG_CROP = range(8)
SCENE, DRIFT, SCENE_CROP, DRIFT_CROP = range(8, 12)


def uniforms(key: Key, stream: int, shape: Sequence[int]) -> np.ndarray:
    """Random numbers of one group of one step, float64 in [0, 1), multiples of 2**-53.

    Args:
        key: Whose they are; each of its numbers is in 0 .. 2**64 - 1.
        stream: What the numbers are for: one of the constants above.
        shape: Shape of the result.
    """
    seed, step, group = key
    bits = np.random.Philox(
        key=np.array([seed, step], np.uint64), counter=np.array([0, 0, group, stream], np.uint64)
    )
    words = bits.random_raw(int(np.prod(shape)))
    return ((words >> np.uint64(11)) * 2.0**-53).reshape(shape)


def held_out(videos: Sequence[str], share: float, least: int, most: int) -> np.ndarray:
    """Which videos belong to the validation set, bool, one a video.

    The SHA-256 of a video's name decides, so that the same video prepared twice is on one side, and
    no video changes sides when data are added, as long as the share gives numbers within the
    limits. (The reference takes the last tenth of its list.)

    Args:
        videos: Names of the videos.
        share: Share of all videos that is held out, 0..1.
        least: Number of videos that are held out at least, at most all.
        most: And at most, not less than `least`.
    """
    places = [
        int.from_bytes(hashlib.sha256(video.encode()).digest()[:8], "big") for video in videos
    ]
    limit, ordered = share * 2.0**64, sorted(places)
    count = sum(place < limit for place in places)
    if count < least:
        limit = ordered[least - 1] + 1
    elif count > most:
        limit = ordered[most]
    return np.array([place < limit for place in places], bool)


@dataclasses.dataclass(frozen=True)
class Videos:
    """What pairs are drawn from.

    Videos, tracks and frames are counted through all data sets.
    """

    pools: tuple[np.ndarray, ...]  # For each data set, the int64 numbers of its videos.
    # float64 [data sets], how often each is drawn; None if every video of every set is equally
    # likely.
    weights: Optional[np.ndarray]
    tracks: Sequence[np.ndarray]  # For each video, the int64 numbers of its tracks.
    # int64 [tracks + 1], a track's frames are first_frame[t] .. first_frame[t + 1].
    first_frame: np.ndarray
    frames: np.ndarray  # int64, frame numbers as the sources count them, ascending in each track.

    @property
    def count(self) -> int:
        """Number of videos that may be drawn."""
        return sum(len(pool) for pool in self.pools)

    @functools.cached_property
    def choices(self) -> Sequence[np.ndarray]:
        """The pools that weights choose among; without weights, one pool of all videos."""
        return [np.concatenate(self.pools)] if self.weights is None else self.pools

    def track_of(self, frame: int) -> int:
        """Number of a frame's track."""
        return int(np.searchsorted(self.first_frame, frame, side="right")) - 1


class Pairs(NamedTuple):
    """The pairs of one group, int64 [k] each, `more` int64 [regions - 1, k]."""

    video: np.ndarray  # Number of the video; all differ.
    track: np.ndarray  # Number of the track.
    z: np.ndarray  # Number of the exemplar's frame (an index into `Videos.frames`).
    x: np.ndarray  # Number of the instance's frame.
    more: np.ndarray  # Numbers of the frames of further instances.


def choose_pairs(videos: Videos, key: Key, count: int, frame_range: int, regions: int = 1) -> Pairs:
    """Draws the pairs of one group: one pair from each of ``count`` different videos.

    For each pair a data set is drawn by its weight, a video of it that the group has not yet, one
    of its tracks, a frame z, and a frame x among the track's other frames whose numbers are within
    ``frame_range`` of z's, each uniformly. A frame without such a partner, as that of a still
    image, is its own.

    Args:
        videos: What to draw from; at least ``count`` videos.
        key: Of the group.
        count: Pairs of a group, k.
        frame_range: Largest distance of frame numbers.
        regions: Instances of a pair, each drawn as x is; they may be the same. Only `Pairs.more`
            depends on it.
    """
    draws = [uniforms(key, PAIRS, (count, 5)), uniforms(key, MORE, (count, regions - 1))]
    taken: list[list[int]] = [[] for _ in videos.choices]
    rows = []
    for draw in np.concatenate(draws, axis=1):
        video = _choose_video(videos, taken, draw[0], draw[1])
        tracks = videos.tracks[video]
        track = tracks[index(draw[2], len(tracks))]
        rows.append((video, track, *_choose_frames(videos, track, draw[3], draw[4:], frame_range)))
    columns = np.array(rows, np.int64).T
    return Pairs(columns[0], columns[1], columns[2], columns[3], columns[4:])


def choose_frames(
    videos: Videos, track: int, frame: int, draws: np.ndarray, frame_range: int
) -> list[int]:
    """Draws frames of a track around one of its frames, none twice as long as there are others.

    Args:
        videos: See `choose_pairs`.
        track: Number of the track.
        frame: Number of the frame, which is not drawn unless it is the only one.
        draws: float64, a random number in [0, 1) for each frame that is wanted.
        frame_range: Largest distance of frame numbers.
    """
    first, last = videos.first_frame[track], videos.first_frame[track + 1]
    distances = np.abs(videos.frames[first:last] - videos.frames[frame])
    partners = [int(first + n) for n in np.flatnonzero(distances <= frame_range)]
    partners.remove(frame)
    chosen: list[int] = []
    left: list[int] = []
    for draw in draws:
        left = left or partners or [int(frame)]
        position = index(draw, len(left))
        chosen.append(left[position])
        left = left[:position] + left[position + 1 :]
    return chosen


def index(draw: float, count: int) -> int:
    """Which of `count` things a random number in [0, 1) draws."""
    return min(int(draw * count), count - 1)


def _choose_video(videos: Videos, taken: list[list[int]], set_draw: float, draw: float) -> int:
    chosen, sizes = 0, [len(pool) for pool in videos.choices]
    if videos.weights is not None:
        left = np.array([size > len(own) for size, own in zip(sizes, taken)])
        steps = np.cumsum(np.where(left, videos.weights, 0.0))
        # The product may round up to the sum of all weights.
        chosen = int(np.searchsorted(steps, set_draw * steps[-1], side="right"))
        chosen = min(chosen, int(np.flatnonzero(left)[-1]))
    own = taken[chosen]
    position = index(draw, sizes[chosen] - len(own))
    for other in own:  # Ascending: steps over what the group has already.
        position += position >= other
    own.append(position)
    own.sort()
    return int(videos.choices[chosen][position])


def _choose_frames(
    videos: Videos, track: int, z_draw: float, x_draws: np.ndarray, frame_range: int
) -> list[int]:
    """Frame z, then a frame x for each of its draws."""
    first, last = videos.first_frame[track], videos.first_frame[track + 1]
    frames = videos.frames[first:last]
    z = index(z_draw, len(frames))
    low = int(np.searchsorted(frames, frames[z] - frame_range, side="left"))
    high = int(np.searchsorted(frames, frames[z] + frame_range, side="right"))
    partners = high - low - 1
    if not partners:
        return [first + z] * (1 + len(x_draws))
    places = [low + index(draw, partners) for draw in x_draws]
    return [first + z, *(first + x + (x >= z) for x in places)]
