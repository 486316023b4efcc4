"""Crops as a training wants them: read from the shards, augmented, cut to size."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.data import augment, distortion, pasting, scenes
from gradnet_tf.data.catalog import Catalog
from gradnet_tf.network import architecture

# In px: between two cells of a score map, and the sides of crops in the records.
CELL = architecture.TOTAL_STRIDE
SOURCE_SIZES = {"z": architecture.EXEMPLAR_SIZE, "x": architecture.INSTANCE_SIZE}


class Requests(NamedTuple):
    """Crops that are wanted, one a row."""

    frames: np.ndarray  # int64 [n], the frame of each.
    # float64 [n, 8 or 9], in [0, 1), see `augment.Noise`; None without augmentation.
    noise: Optional[np.ndarray] = None
    # float64 [n, `distortion.UNIFORMS` + 2], in [0, 1); None without the strong one.
    strong: Optional[np.ndarray] = None
    scenes: Optional[scenes.Scenes] = None  # What is pasted and how tracks drift; None for nothing.
    # int32 [n, 2], (y, x), the first cell of what is cut out of each; None: all of it.
    start: Optional[np.ndarray] = None


def shown(requests: dict[str, Requests]) -> Iterator[tuple[str, int]]:
    """Key and frame of every crop that requests of exemplars and instances need."""
    for key, each in requests.items():
        for frame in each.frames:
            yield key, int(frame)
        if each.scenes is not None:
            yield from (("z", int(frame)) for frame in each.scenes.partner if frame >= 0)


@dataclasses.dataclass(frozen=True)
class Cutter:
    """Makes crops of one kind."""

    catalog: Catalog  # Where they are.
    key: str  # "z" for exemplars, "x" for instances.
    size: int  # Side of the augmented crop in px.
    cut: int  # Side of what is cut out of it, for requests with a `start`; otherwise `size`.
    augmentation: augment.AugmentConfig  # How the requests' noise becomes an augmentation.
    strong: distortion.DistortionConfig  # What the strong augmentation does.
    color: bool  # Whether colours are augmented.

    @functools.cached_property
    def variation(self) -> Optional[np.ndarray]:
        """The matrix of the colour offsets, see `augment.colour_variation`."""
        statistics = self.catalog.exemplar if self.key == "z" else self.catalog.instance
        if not self.color:
            return None
        assert statistics is not None
        return augment.colour_variation(statistics.covariance)

    def specs(self, strongly: bool, staged: bool) -> list[tf.TensorSpec]:
        """What `read` gives for a crop of strong augmentation, or with scenes."""
        specs = [
            tf.TensorSpec([], tf.string),
            tf.TensorSpec([self.size], tf.int32),
            tf.TensorSpec([self.size], tf.int32),
            tf.TensorSpec([3], tf.float32),
        ]
        if self.cut != self.size:
            specs.append(tf.TensorSpec([2], tf.int32))
        if strongly:
            specs.append(tf.TensorSpec([distortion.UNIFORMS], tf.float32))
            specs.append(tf.TensorSpec([2], tf.int32))
        if staged:
            specs.append(tf.TensorSpec([], tf.string))
            specs += [
                tf.TensorSpec([len(kind._fields)], tf.float32)
                for kind in (scenes.Paste, scenes.Drift)
            ]
        return specs

    def read(self, requests: Requests) -> list[np.ndarray]:
        """Reads crops; see `specs`, crops along the first axis."""
        files = [self.catalog.read(self.key, int(frame)) for frame in requests.frames]
        columns = [np.array(files, object), *self._parameters(requests)]
        if self.cut != self.size:
            assert requests.start is not None
            columns.append(CELL * requests.start.astype(np.int32))
        if requests.strong is not None:
            columns.append(requests.strong[:, : distortion.UNIFORMS].astype(np.float32))
            columns.append((requests.strong[:, distortion.UNIFORMS :] * 2.0**31).astype(np.int32))
        if requests.scenes is not None:
            partners, paste, drift = requests.scenes
            shown = [self.catalog.read("z", int(n)) if n >= 0 else b"" for n in partners]
            columns += [np.array(shown, object), paste, drift]
        return columns

    def make(self, jpeg, rows, columns, colour, *more):
        """Decodes and cuts one crop, in the graph: float32 [cut, cut, 3], BGR, about 0..255."""
        start, more = (None, more) if self.cut == self.size else (more[0], more[1:])
        scene = more[-3:] if len(more) >= 3 else None
        uniforms, seed = more[:2] if len(more) % 3 else (None, None)
        source_size = SOURCE_SIZES[self.key]
        image = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
        image = tf.ensure_shape(image, [source_size, source_size, 3])
        if scene is not None:
            image = pasting.apply(image, *scene)
        if uniforms is not None:
            image = distortion.before_crop(image, uniforms, seed, self.strong)
        crop = augment.apply(tf.reverse(image, [2]), rows, columns, colour)
        if uniforms is not None:
            if self.key == "x":
                crop = distortion.after_crop(crop, uniforms, self.strong)
            crop = tf.clip_by_value(crop, 0.0, 255.0)
        if start is not None:
            crop = tf.slice(crop, [start[0], start[1], 0], [self.cut, self.cut, 3])
        return tf.ensure_shape(crop, [self.cut, self.cut, 3])

    def _parameters(self, requests: Requests) -> augment.Parameters:
        """How crops are made, with random numbers or without."""
        source_size = SOURCE_SIZES[self.key]
        if requests.noise is None:
            middle = augment.centre(self.size, source_size)
            return augment.Parameters(*(np.stack([v] * len(requests.frames)) for v in middle))
        noise = augment.Noise.from_uniforms(requests.noise)
        return augment.draw(noise, self.size, source_size, self.variation, self.augmentation)
