"""What is drawn for a group of a step: crops, their augmentation, and the task.

A pure function of (seed, step, group), but for the augmentation of `PairConfig.crops`, which is one
of (seed, frame, number of the crop), and whose drift is one of (seed, track, that number).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import numpy as np

from gradnet_tf.data import augment, cutting, distortion, sampling, scenes, task
from gradnet_tf.data.pair_config import PairConfig

VALIDATION_SEED = 0  # The same pairs for every run.
_REMEMBERED = 64  # Groups that are kept: exemplars, instances and task are asked for one by one.


class Drawn(NamedTuple):
    """What a group is made of."""

    pairs: sampling.Pairs  # Its pairs.
    requests: dict[str, cutting.Requests]  # Its exemplars ("z") and instances ("x").
    numbers: np.ndarray  # int64 [n], which of `PairConfig.crops` crops each instance is.
    sequence: Optional[task.Sequence]  # Its sequence of updates, if there is a task.


class Draws:
    """Draws groups of the videos for training and of those held out for validation."""

    def __init__(
        self,
        training: sampling.Videos,
        held_out: sampling.Videos,
        config: PairConfig,
        validation_batch: int,
        stage: Optional[scenes.Stage] = None,
    ):
        self._videos = {True: training, False: held_out}
        self.batches = {True: config.batch, False: validation_batch}
        self._config = config
        self._stage = stage
        self.group = functools.lru_cache(_REMEMBERED)(self._group)

    def pairs(self, step: int, group: int, training: bool = True) -> sampling.Pairs:
        """The pairs of a group; the first one is that of a sequence of updates."""
        config = self._config
        return sampling.choose_pairs(
            self._videos[training],
            self._key(step, group, training),
            self.batches[training],
            config.frame_range,
            1 if config.task else config.regions,
        )

    def _key(self, step: int, group: int, training: bool) -> sampling.Key:
        return self._config.seed if training else VALIDATION_SEED, step, group

    def crops(self, frames: np.ndarray, numbers: np.ndarray) -> cutting.Requests:
        """The augmented crops of frames by their numbers, without `start`: `PairConfig.crops`."""
        keys = [(self._config.seed, int(frame), int(n)) for frame, n in zip(frames, numbers)]
        found = {
            name: np.stack([sampling.uniforms(key, stream, [width]) for key in keys])
            for name, stream, width in self._kinds(sampling.CROP, sampling.STRONG_CROP, True)
        }
        return cutting.Requests(frames, scenes=self._kept_scenes(frames, keys), **found)

    def _kept_scenes(
        self, frames: np.ndarray, keys: Sequence[sampling.Key]
    ) -> Optional[scenes.Scenes]:
        if self._stage is None:
            return None
        rows = []
        for seed, frame, number in keys:
            track = seed, self._stage.videos.track_of(frame), number
            own = sampling.uniforms((seed, frame, number), sampling.SCENE_CROP, [scenes.UNIFORMS])
            course = sampling.uniforms(track, sampling.DRIFT_CROP, [scenes.TRACK_UNIFORMS])
            rows.append((own, course, self._stage.origin(frame, course[-1])))
        return self._stage.draw(frames, *map(np.array, zip(*rows)))

    def _group(self, step: int, group: int, training: bool = True) -> Drawn:
        """All of a group of a step; remembered, so do not change it."""
        config, key = self._config, self._key(step, group, training)
        pairs = self.pairs(step, group, training)
        sequence = start = None
        if config.task:
            videos = self._videos[training]
            sequence = task.draw(videos, pairs, config.task, key, config.frame_range)
            frames, start = sequence.frame, config.task.shift - sequence.moved
        else:
            frames = np.concatenate([pairs.x[np.newaxis], pairs.more]).T.ravel()
        count = config.exemplars(len(pairs.z))
        exemplars = cutting.Requests(pairs.z[:count])
        instances = cutting.Requests(frames)
        numbers = np.zeros(len(frames), np.int64)
        if training and config.augment != "none":
            for name, stream, width in self._kinds(sampling.AUGMENTATION, sampling.STRONG, False):
                noise = sampling.uniforms(key, stream, (config.batch, width))
                drawn: dict[str, Any] = {name: noise[:count]}
                exemplars = exemplars._replace(**drawn)
            if config.crops:
                draws = sampling.uniforms(key, sampling.NUMBERS, (len(frames),))
                numbers = np.floor(draws * config.crops).astype(np.int64)
                instances = self.crops(frames, numbers)
            else:
                instances = self._fresh(key, frames)
                instances = instances._replace(scenes=self._fresh_scenes(key, frames, pairs))
        requests = {"z": exemplars, "x": instances._replace(start=start)}
        return Drawn(pairs, requests, numbers, sequence)

    def _fresh(self, key: sampling.Key, frames: np.ndarray) -> cutting.Requests:
        """Instances with an augmentation of this step alone."""
        config = self._config
        found: dict[str, Any] = {}
        scaled = config.scale_jitter > 0
        for name, stream, width in self._kinds(sampling.AUGMENTATION, sampling.STRONG, scaled):
            if config.task:
                count = config.batch + len(frames)
                noise = sampling.uniforms(key, stream, (count, width))
                noise = noise[config.batch :]
            else:
                shape = (1 + config.regions, config.batch, width)
                noise = sampling.uniforms(key, stream, shape)[1:]
                noise = noise.transpose(1, 0, 2).reshape(-1, width)
            found[name] = noise
        return cutting.Requests(frames, **found)

    def _fresh_scenes(
        self, key: sampling.Key, frames: np.ndarray, pairs: sampling.Pairs
    ) -> Optional[scenes.Scenes]:
        """Scenes of this step alone: tracks drift away from their exemplars."""
        if self._stage is None:
            return None
        videos = self._stage.videos
        own = sampling.uniforms(key, sampling.SCENE, (len(frames), scenes.UNIFORMS))
        shape = len(pairs.track), scenes.TRACK_UNIFORMS
        courses = sampling.uniforms(key, sampling.DRIFT, shape)
        tracks = pairs.track.tolist()
        rows = [tracks.index(videos.track_of(int(frame))) for frame in frames]
        return self._stage.draw(frames, own, courses[rows], videos.frames[pairs.z][rows])

    def _kinds(self, noise: int, strongly: int, scaled: bool) -> list[tuple[str, int, int]]:
        """Field of the requests, stream and width of each kind of random numbers."""
        width = augment.UNIFORMS_WITH_SCALE if scaled else augment.UNIFORMS
        kinds = [("noise", noise, width)]
        if self._config.augment == "strong":
            kinds.append(("strong", strongly, distortion.UNIFORMS + 2))
        return kinds
