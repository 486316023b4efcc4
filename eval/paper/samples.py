"""Pairs of an exemplar and a search region on which the experiments look at the network.

From records of `gradnet_tf.data_prep`, or cut from the frames of sequences as the tracker cuts
them. The same seed gives the same pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gradnet_tf.boxes import geometry
from gradnet_tf.data import pairs, sampling
from gradnet_tf.data.catalog import Catalog
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.datasets.sequences import Sequence as TestSequence
from gradnet_tf.media import images
from gradnet_tf.network import backbone, crops
from gradnet_tf.tracking.config import TrackerConfig

FRAME_RANGE = 100  # Most frames between the two, as in training.
_TITLE = 24  # Letters that fit over a small picture.


class Sample(NamedTuple):
    """A pair.

    Attributes:
        name: Video, comma, frames.
        exemplar: Z, float32 [1, 127, 127, 3], BGR, 0..255.
        instance: X, float32 [1, 255, 255, 3], BGR, 0..255; the target is in its centre.
    """

    name: str
    exemplar: np.ndarray
    instance: np.ndarray

    @property
    def title(self) -> str:
        """The video, for small pictures."""
        return self.name.partition(",")[0][:_TITLE]


def from_records(data: Sequence[str], count: int, seed: int) -> Iterator[Sample]:
    """Draws pairs from records: from different videos, as far as there are enough.

    Args:
        data: Globs of shards or their folders, one a data set.
        count: How many.
        seed: Of the choice.

    Raises:
        OSError, ValueError: As `pairs.open_pairs`.
    """
    config = pairs.PairConfig(
        batch=1,
        instance_size=backbone.INSTANCE_SIZE,
        frame_range=FRAME_RANGE,
        validation=0.0,
        augment="none",
        seed=seed,
    )
    source = pairs.open_pairs(data, None, config)
    config = dataclasses.replace(config, batch=min(count, source.training.count))
    source = pairs.PairSource(source.catalog, None, config)
    left = count
    for step, (exemplars, instances) in enumerate(source.iterate(source.train())):
        chosen = source.choose(step, 0)
        for place in range(min(left, config.batch)):
            yield Sample(
                _describe(source.catalog, int(chosen.x[place])),
                exemplars[place : place + 1].numpy(),
                instances[place : place + 1].numpy(),
            )
        left -= config.batch
        if left <= 0:
            return


def from_sequences(dataset: Dataset, count: int, seed: int) -> Iterator[Sample]:
    """Draws pairs from sequences, each as often as any other.

    Args:
        dataset: The sequences; frames without a true box are passed over.
        count: How many.
        seed: Of the choice.

    Raises:
        OSError: If an image cannot be read.
        ValueError: If no sequence has two frames with a true box.
    """
    known = [(sequence, _known_frames(sequence)) for sequence in dataset.sequences]
    known = [(sequence, frames) for sequence, frames in known if len(frames) > 1]
    if not known:
        raise ValueError(f"{dataset.root}: no sequence has two frames with a true box")
    for number in range(count):
        turn, place = divmod(number, len(known))
        order = np.argsort(sampling.uniforms(seed, turn, 0, sampling.PAIRS, [len(known)]))
        sequence, frames = known[order[place]]
        first, second = sampling.uniforms(seed, number, 0, sampling.MORE, [2])
        z = frames[int(first * len(frames))]
        near = frames[(np.abs(frames - z) <= FRAME_RANGE) & (frames != z)]
        x = near[int(second * len(near))] if len(near) else z
        numbers = [sequence.first_number + int(frame) for frame in (z, x)]
        yield Sample(
            f"{sequence.name}, frames {numbers[0]} and {numbers[1]}",
            _cut(sequence, z, backbone.EXEMPLAR_SIZE),
            _cut(sequence, x, backbone.INSTANCE_SIZE),
        )


def _describe(catalog: Catalog, frame: int) -> str:
    what, _, video = catalog.describe(frame).rpartition(" of video ")
    return f"{video[1:-1]}, {what}"


def _known_frames(sequence: TestSequence) -> np.ndarray:
    boxes = sequence.boxes
    return np.flatnonzero(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1))


def _cut(sequence: TestSequence, index: int, size: int) -> np.ndarray:
    frame = tf.constant(images.as_rgb(sequence.frames[index]))
    center, target = geometry.box_to_center(tf.constant(sequence.boxes[index], tf.float64))
    side = geometry.exemplar_side(target, TrackerConfig.context_amount)
    side = geometry.instance_side(side, backbone.EXEMPLAR_SIZE, size)
    crop = crops.exemplar_crop(frame, center, side, crops.mean_colour(frame), size)
    return tf.cast(crop[tf.newaxis, ..., ::-1], tf.float32).numpy()
