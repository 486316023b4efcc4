"""Loads the networks and draws the pairs that the experiments look at.

A pair is an exemplar and a search region, from records of `gradnet_tf.data_prep` or cut from the
frames of sequences as the tracker cuts them. The same seed gives the same pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm.auto import tqdm

from gradnet_tf import weights
from gradnet_tf.boxes import checks, geometry
from gradnet_tf.data import pairs, sampling
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.paper.settings import EMBEDDED, Settings
from gradnet_tf.media import images
from gradnet_tf.network import architecture, crops
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.training import presets, start

FRAME_RANGE = 100  # Most frames between the two, as in training.
_TITLE = 24  # Letters that fit over a small picture.


class Sample(NamedTuple):
    """A pair; images are float32, BGR, 0..255."""

    name: str  # Video, comma, frames.
    exemplar: np.ndarray  # Z, [1, 127, 127, 3].
    instance: np.ndarray  # X, [1, 255, 255, 3]; the target is in its centre.

    @property
    def title(self) -> str:
        """The video, for small pictures."""
        return self.name.partition(",")[0][:_TITLE]


def load_weights(checkpoint: str) -> weights.Weights:
    """Loads a directory, an .npz file, or "embedded"; raises a ValueError if it is not sound."""
    return weights.load_embedded() if checkpoint == EMBEDDED else weights.load(checkpoint)


def load_network(checkpoint: str, *, needs_update: bool = False) -> tuple[GradNet, weights.Weights]:
    """Makes the network of a checkpoint; raises as `load_weights`, or if it lacks a U2 it needs."""
    loaded = load_weights(checkpoint)
    network = GradNet(loaded.variant)
    if needs_update and not network.has_update:
        raise ValueError(
            f"{checkpoint}: a network of the variant {loaded.variant!r} has no gradient update"
        )
    network.assign_weights(loaded.arrays)
    return network, loaded


def load_siamfc(checkpoint: str) -> tuple[GradNet, weights.Weights]:
    """Makes SiamFC of a checkpoint's search branch, with f_2 and U1 as equation 4 names its parts.

    Its U2 has no meaning. Raises as `load_weights`.
    """
    loaded = load_weights(checkpoint)
    copied = presets.preset("reference", "gradnet", init_template="search")
    return start.make_network(copied, loaded.arrays), loaded


def draw_pairs(settings: Settings) -> Iterator[Sample]:
    """Draws the pairs that the settings ask for, with a progress bar.

    Raises:
        OSError, ValueError: If images or records cannot be read, or hold no pair.
    """
    if settings.data:
        found = from_records(settings.data, settings.pairs, settings.seed)
    else:
        found = from_sequences(settings.sequences, settings.pairs, settings.seed)
    return iter(tqdm(found, total=settings.pairs, unit="pair", desc=settings.experiment))


def from_records(data: Sequence[str], count: int, seed: int) -> Iterator[Sample]:
    """Draws pairs from globs or folders of records, as far as possible of different videos."""
    how = pairs.PairConfig(
        batch=1,
        instance_size=architecture.INSTANCE_SIZE,
        frame_range=FRAME_RANGE,
        validation=0.0,
        augment="none",
        seed=seed,
    )
    source = pairs.open_pairs(data, None, how)
    how = dataclasses.replace(how, batch=min(count, source.training.count))
    source = pairs.PairSource(source.catalog, None, how)
    left = count
    for step, (exemplars, instances) in enumerate(source.iterate(source.train())):
        chosen = source.choose(step, 0)
        for place in range(min(left, how.batch)):
            frame = int(chosen.x[place])
            what, _, video = source.catalog.describe(frame).rpartition(" of video ")
            crop = slice(place, place + 1)
            yield Sample(f"{video[1:-1]}, {what}", exemplars[crop].numpy(), instances[crop].numpy())
        left -= how.batch
        if left <= 0:
            return


def from_sequences(dataset: Dataset, count: int, seed: int) -> Iterator[Sample]:
    """Draws pairs of frames with ground truth from sequences, each as often as any other."""
    known = [(one, np.flatnonzero(checks.is_known(one.boxes))) for one in dataset.sequences]
    known = [(sequence, frames) for sequence, frames in known if len(frames) > 1]
    if not known:
        raise ValueError(f"{dataset.root}: no sequence has two frames with ground truth")
    for number in range(count):
        turn, place = divmod(number, len(known))
        order = np.argsort(sampling.uniforms((seed, turn, 0), sampling.PAIRS, [len(known)]))
        sequence, frames = known[order[place]]
        first, second = sampling.uniforms((seed, number, 0), sampling.MORE, [2])
        z = frames[int(first * len(frames))]
        near = frames[(np.abs(frames - z) <= FRAME_RANGE) & (frames != z)]
        x = near[int(second * len(near))] if len(near) else z
        numbers = [sequence.first_number + int(frame) for frame in (z, x)]
        yield Sample(
            f"{sequence.name}, frames {numbers[0]} and {numbers[1]}",
            cut(sequence.frames[z], sequence.boxes[z], architecture.EXEMPLAR_SIZE),
            cut(sequence.frames[x], sequence.boxes[x], architecture.INSTANCE_SIZE),
        )


def cut(image: Any, box: npt.ArrayLike, size: int) -> np.ndarray:
    """Cuts an exemplar (size 127) or a search region (255) around a target, as the tracker does.

    Args:
        image: A frame, as `Tracker` takes it.
        box: (x, y, width, height), 0-based pixels.
        size: Side of the crop in px.

    Returns:
        float32 [1, size, size, 3], BGR, 0..255; the target is in its centre.
    """
    frame = tf.constant(images.as_rgb(image))
    center, target = geometry.box_to_center(tf.constant(box, tf.float64))
    side = geometry.exemplar_side(target, TrackerConfig.context_amount)
    side = geometry.instance_side(side, architecture.EXEMPLAR_SIZE, size)
    crop = crops.exemplar_crop(frame, center, side, crops.mean_colour(frame), size)
    return tf.cast(crop[tf.newaxis, ..., ::-1], tf.float32).numpy()
