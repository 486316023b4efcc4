"""Optional augmentations that make further scenes of a frame: look-alikes, occlusion and drift.

Another video's target is cut out of its exemplar by its box, with soft edges, and pasted into a
search region: beside the target, which has to be told from it, or over a part of the target. And a
track drifts: blur, light and scale change with the distance of its frames. None of it is in the
paper, and exemplars stay as they are.

What happens to a frame is drawn here, with NumPy; `pasting` changes its pixels, in the graph.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from gradnet_tf import settings
from gradnet_tf.data import sampling
from gradnet_tf.settings import SHARE, Range, constant

# Of so many targets of other videos, the one whose box has the most similar shape is pasted: people
# are tall, and cars are wide.
_CANDIDATES = 4
_SIZES = (0.7, 1.2)  # times the size at which exemplars show their targets
_COVERED = (0.2, 0.5)  # of the target's extent, from one side
_FARTHEST = 110.0  # px between the centres of the region and of what is pasted, along an axis

# Uniform numbers of a search region, and of a track.
UNIFORMS = 1 + 3 * _CANDIDATES + 6
TRACK_UNIFORMS = 6


@dataclasses.dataclass(frozen=True)
class SceneConfig:
    """What may happen to a search region; each field says what it is for.

    Raises:
        ValueError: If a value is out of its range, or a region would have to have both a look-alike
            and an occlusion.
    """

    lookalikes: float = constant(
        0.0, "How often another video's target is pasted beside the target.", SHARE
    )
    occlusion: float = constant(0.0, "How often it covers up to half of the target.", SHARE)
    blur_drift: float = constant(
        0.0,
        "Width of the Gaussian, in px, by which tracks are blurred in the end at most.",
        Range(lambda v: 0 <= v <= 3, "in 0..3"),
    )
    light_drift: float = constant(
        0.0, "Largest relative change of gamma, contrast and brightness along a track.", SHARE
    )
    scale_drift: float = constant(
        0.0, "Largest relative change of the target's size along a track.", SHARE
    )

    def __post_init__(self):
        settings.check(self)
        if self.lookalikes + self.occlusion > 1:
            raise ValueError(
                f"lookalikes={self.lookalikes!r} and occlusion={self.occlusion!r} must not be more "
                "than 1 together: a search region has one of them"
            )

    @property
    def active(self) -> bool:
        """Whether anything happens at all."""
        return any(vars(self).values())


class Scenes(NamedTuple):
    """What happens to search regions, one a row."""

    partner: np.ndarray  # int64 [n], the frame whose exemplar shows what is pasted; -1 for nothing.
    paste: np.ndarray  # float32 [n, 8], see `Paste`.
    drift: np.ndarray  # float32 [n, 5], see `Drift`.


class Paste(NamedTuple):
    """How an object is pasted."""

    y: float  # Of its centre, px from the centre of the region.
    x: float  # Likewise.
    height: float  # Of its box in the region, px.
    width: float  # Likewise.
    scale: float  # px of the region for one of its exemplar; negative where it is mirrored.
    target_height: float  # Of the target's box in the region, px.
    target_width: float  # Likewise.
    behind: float  # 1 where the target's box stays as it is, 0 where it is covered.


class Drift(NamedTuple):
    """How a region differs from the beginning."""

    sigma: float = 0.0  # Width of the Gaussian in px; 0 for none.
    gamma: float = 1.0  # Exponent of the values in 0..1.
    contrast: float = 1.0  # Factor of the distances from the mean.
    gain: float = 1.0  # Factor of the brightness.
    scale: float = 1.0  # Factor of the size.


@dataclasses.dataclass(frozen=True)
class Stage:
    """Draws scenes."""

    config: SceneConfig  # What may happen.
    videos: sampling.Videos  # Where other objects are from.
    # float64 [frames, 2], (height, width) of each frame's target in its crops, for all frames of
    # the catalog, see `pasting.target_sizes`.
    sizes: np.ndarray
    frame_range: int  # Distance of frame numbers over which a longer track drifts to the end.

    def draw(
        self,
        frames: np.ndarray,
        uniforms: np.ndarray,
        of_tracks: np.ndarray,
        origins: np.ndarray,
    ) -> Scenes:
        """Draws the scenes of n search regions; a pure function.

        Args:
            frames: int64 [n].
            uniforms: float64 [n, `UNIFORMS`], in [0, 1).
            of_tracks: float64 [n, `TRACK_UNIFORMS`], in [0, 1), equal for frames that drift along
                the same course.
            origins: float64 [n], the frame number at which the frame's track is as it was.
        """
        config, count = self.config, len(frames)
        partner = np.full(count, -1, np.int64)
        paste = np.zeros((count, len(Paste._fields)), np.float32)
        drift = np.zeros((count, len(Drift._fields)), np.float32)
        for row, (frame, draws) in enumerate(zip(frames, uniforms)):
            if draws[0] < config.lookalikes + config.occlusion:
                partner[row] = self._partner(int(frame), draws[1 : 1 + 3 * _CANDIDATES])
            if partner[row] >= 0:
                sizes = self.sizes[frame], self.sizes[partner[row]]
                behind = draws[0] < config.lookalikes
                paste[row] = _place(*sizes, behind, draws[1 + 3 * _CANDIDATES : -1])
            progress = self._progress(int(frame), origins[row], draws[-1])
            drift[row] = _drift(config, progress, of_tracks[row])
        return Scenes(partner, paste, drift)

    def origin(self, frame: int, draw: float) -> float:
        """A frame number that a random number in [0, 1) draws out of a frame's track."""
        first, last = self._ends(frame)
        return first + draw * (last - first)

    def _ends(self, frame: int) -> tuple[int, int]:
        """First and last frame number of a frame's track."""
        track = self.videos.track_of(frame)
        first, end = self.videos.first_frame[track], self.videos.first_frame[track + 1]
        return int(self.videos.frames[first]), int(self.videos.frames[end - 1])

    def _progress(self, frame: int, origin: float, draw: float) -> float:
        """How far a track has drifted, -1..1; a single frame is anywhere on its course."""
        first, last = self._ends(frame)
        if first == last:
            return 2.0 * draw - 1.0
        distance = (self.videos.frames[frame] - origin) / max(
            min(self.frame_range, last - first), 1
        )
        return min(max(float(distance), -1.0), 1.0)

    @functools.cached_property
    def _numbers(self) -> np.ndarray:
        """The videos' numbers."""
        return np.concatenate(self.videos.pools)

    @functools.cached_property
    def _places(self) -> dict[int, int]:
        """For each track, the place of its video in `_numbers`."""
        return {
            int(track): place
            for place, video in enumerate(self._numbers)
            for track in self.videos.tracks[video]
        }

    def _partner(self, frame: int, draws: np.ndarray) -> int:
        """A frame of another video, -1 if there is none."""
        count = len(self._numbers)
        # A video that is held out is none of them.
        own = self._places.get(self.videos.track_of(frame), count)
        others = count - (own < count)
        if not others:
            return -1
        found = []
        for video_draw, track_draw, frame_draw in draws.reshape(-1, 3):
            place = sampling.index(video_draw, others)
            tracks = self.videos.tracks[self._numbers[place + (place >= own)]]
            track = tracks[sampling.index(track_draw, len(tracks))]
            first, end = self.videos.first_frame[track], self.videos.first_frame[track + 1]
            found.append(int(first) + sampling.index(frame_draw, int(end - first)))

        shapes = np.log(self.sizes[[frame, *found]])
        shapes = shapes[:, 0] - shapes[:, 1]
        return found[int(np.argmin(np.abs(shapes[1:] - shapes[0])))]


def _place(target: np.ndarray, other: np.ndarray, behind: bool, draws: np.ndarray) -> Paste:
    """Where an object of a size (height, width) in its exemplar is pasted."""
    low, high = _SIZES
    scale = low * (high / low) ** draws[0]
    half, reach = target / 2, other * scale / 2
    side = sampling.index(draws[1], 4)
    along, across = side % 2, 1 - side % 2  # Axes: 0 is y.
    if behind:
        nearest = half[along] + 0.5 * reach[along]
        farthest = max(nearest, min(half[along] + 1.5 * reach[along], _FARTHEST))
        distance = nearest + draws[2] * (farthest - nearest)
        shift = min(half[across] + reach[across], _FARTHEST)
    else:
        covered = _COVERED[0] + draws[2] * (_COVERED[1] - _COVERED[0])
        distance = half[along] * (1 - 2 * covered) + reach[along]
        shift = half[across]
    centre = np.zeros(2)
    centre[along] = distance if side < 2 else -distance
    centre[across] = (2 * draws[3] - 1) * shift
    mirrored = -scale if draws[4] < 0.5 else scale
    (y, x), (height, width) = centre, 2 * reach
    return Paste(y, x, height, width, mirrored, target[0], target[1], float(behind))


def _drift(config: SceneConfig, progress: float, draws: np.ndarray) -> Drift:
    courses = (2 * draws[1:5] - 1) * progress
    gamma, contrast, gain = ((1 + config.light_drift) ** course for course in courses[:3])
    scale = (1 + config.scale_drift) ** courses[3]
    return Drift(config.blur_drift * draws[0] * abs(progress), gamma, contrast, gain, scale)
