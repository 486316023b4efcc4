"""What the tracker carries from frame to frame, and what a frame gives.

All values are tensors, so that one compiled step maps (state, frame) to (state, output).
Shapes are those of one target; of many, every tensor has a leading dimension [targets].
"""

from __future__ import annotations

from typing import NamedTuple, Union

import tensorflow as tf


def where_rows(condition, chosen, other):
    """Takes rows of a structure of tensors where the condition [targets] holds, else other's."""

    def where(one, two):
        rows = tf.reshape(condition, [-1, *[1] * (one.shape.rank - 1)])
        return tf.where(rows, one, two)

    return tf.nest.map_structure(where, chosen, other)


def _mean_score(scores, frames):
    """Mean score of the filled places [..., size] of a buffer; NaN if there is none."""
    filled = frames >= 0
    total = tf.reduce_sum(tf.where(filled, scores, tf.zeros_like(scores)), axis=-1)
    return total / tf.reduce_sum(tf.cast(filled, tf.float64), axis=-1)


class SampleBuffer(NamedTuple):
    """The newest reliable samples of one target, oldest first; empty places come first.

    A sample is a frame and where to cut it: most samples are never used, so none is cut before an
    update asks for it. The frames are tensors of their own, which pass from state to state without
    being copied.

    Attributes:
        images: `size` frames, uint8 [height, width, 3], each of its own size.
        positions: float64 [size, 2], centre (y, x) of the search region.
        sides: float64 [size], side of the search region in frame pixels.
        scores: float64 [size], -inf where empty.
        frames: int32 [size], index of the frame, -1 where empty.
    """

    images: tuple[tf.Tensor, ...]
    positions: tf.Tensor
    sides: tf.Tensor
    scores: tf.Tensor
    frames: tf.Tensor

    @classmethod
    def empty(cls, size: int, image: tf.Tensor, *_) -> SampleBuffer:
        """Makes a buffer of `size` empty places for samples like the one given."""
        return cls(
            images=(image,) * size,
            positions=tf.zeros([size, 2], tf.float64),
            sides=tf.zeros([size], tf.float64),
            scores=tf.fill([size], tf.constant(float("-inf"), tf.float64)),
            frames=tf.fill([size], -1),
        )

    def append(self, image, position, side, score, frame) -> SampleBuffer:
        """Returns the buffer without its first place and with a new last one."""

        def shift(values, value):
            return tf.concat([values[1:], value[tf.newaxis]], axis=0)

        return SampleBuffer(
            images=(*self.images[1:], image),
            positions=shift(self.positions, position),
            sides=shift(self.sides, side),
            scores=shift(self.scores, score),
            frames=shift(self.frames, frame),
        )

    def append_if(self, condition, *values) -> SampleBuffer:
        """Returns `append(*values)` where the condition holds, else the buffer as it is."""
        return tf.cond(condition, lambda: self.append(*values), lambda: self)

    def best(self):
        """Returns image, position and side of the best sample, the oldest of equals."""
        index = tf.argmax(self.scores, output_type=tf.int32)
        image = tf.switch_case(index, [lambda image=image: image for image in self.images])
        return image, tf.gather(self.positions, index), tf.gather(self.sides, index)

    def mean_score(self):
        """Returns the mean score of the samples; NaN if there is none, as NumPy says."""
        return _mean_score(self.scores, self.frames)


class CropBuffer(NamedTuple):
    """The newest reliable samples of many targets, oldest first; empty places come first.

    Other than `SampleBuffer` it keeps the crops themselves, which have one shape, as XLA asks.

    Attributes:
        crops: uint8 RGB [targets, size, 255, 255, 3].
        scores: float64 [targets, size], -inf where empty.
        frames: int32 [targets, size], index of the frame, -1 where empty.
    """

    crops: tf.Tensor
    scores: tf.Tensor
    frames: tf.Tensor

    @classmethod
    def empty(cls, size: int, crop) -> CropBuffer:
        """Makes a buffer of `size` empty places for samples like the crops [targets, ...]."""
        places = [tf.shape(crop)[0], size]
        return cls(
            crops=tf.repeat(crop[:, tf.newaxis], size, axis=1),
            scores=tf.fill(places, tf.constant(float("-inf"), tf.float64)),
            frames=tf.fill(places, -1),
        )

    def append(self, crop, score, frame) -> CropBuffer:
        """Returns the buffers without their first place and with a new last one."""

        def shift(values, value):
            return tf.concat([values[:, 1:], value[:, tf.newaxis]], axis=1)

        return CropBuffer(
            crops=shift(self.crops, crop),
            scores=shift(self.scores, score),
            frames=shift(self.frames, frame),
        )

    def append_if(self, condition, *values) -> CropBuffer:
        """Returns `append(*values)` for the targets where the condition holds."""
        return where_rows(condition, self.append(*values), self)

    def best(self):
        """Returns the best crop of each target, the oldest of equals, as a 1-tuple."""
        index = tf.argmax(self.scores, axis=1, output_type=tf.int32)
        return (tf.gather(self.crops, index, batch_dims=1),)

    def mean_score(self):
        """Returns the mean score of each target's samples; NaN if there is none."""
        return _mean_score(self.scores, self.frames)


Buffer = Union[SampleBuffer, CropBuffer]


class UpdateMemory(NamedTuple):
    """Holds what an update's gradient looks at beside the sample of that update.

    Attributes:
        first: float32 [1, 22, 22, 256], f_x of the first frame's search region.
        features: float32 [n, 22, 22, 256], f_x of the samples of the last n updates, oldest first;
            n is `TrackerConfig.update_samples` - 1.
        count: int32, how many of the n there are by now; the places of the others hold zeros.
    """

    first: tf.Tensor
    features: tf.Tensor
    count: tf.Tensor

    @classmethod
    def empty(cls, first, index, size: int) -> UpdateMemory:
        """Makes the memory before any update, for `first` [..., 1, 22, 22, 256] and frame 0."""
        features = tf.repeat(tf.zeros_like(first), size, axis=-4)
        return cls(first=first, features=features, count=tf.zeros_like(index))

    def append(self, features) -> UpdateMemory:
        """Returns the memory after an update by a sample of f_x [..., 1, 22, 22, 256]."""
        size = self.features.shape[-4]
        return self._replace(
            features=tf.concat([self.features, features], axis=-4)[..., 1:, :, :, :],
            count=tf.minimum(self.count + 1, size),
        )


class TrackerState(NamedTuple):
    """State between two frames. Positions are (y, x) in frame pixels, float64.

    Attributes:
        frame_index: int32, 0 for the first frame.
        position: [2], centre of the target.
        size: [2], (height, width) of the target.
        search_side: Side of the search region in frame pixels (`sx`).
        first_search_side: The same in the first frame.
        fill: uint8 [3], the first frame's mean colour.
        fixed_template: float32 [1, 6, 6, 256], the SiamFC template.
        template: float32 [1, 6, 6, 256], beta*, the updated template.
        h2: float32 [1, 12, 12, 256], h_2(Z).
        memory: `UpdateMemory`.
        score_sum: Sum of the largest scores of the frames that set the threshold.
        threshold: The score that counts as 1; 0 while it is not known.
        window_was_off: bool, whether the Hanning window has had its one frame off.
        redetect: bool, whether the next frame searches the frame's centre as well.
        rescaled: bool, whether the last frame chose another scale than the middle one.
        buffer: `SampleBuffer` of one target, `CropBuffer` of many.
    """

    frame_index: tf.Tensor
    position: tf.Tensor
    size: tf.Tensor
    search_side: tf.Tensor
    first_search_side: tf.Tensor
    fill: tf.Tensor
    fixed_template: tf.Tensor
    template: tf.Tensor
    h2: tf.Tensor
    memory: UpdateMemory
    score_sum: tf.Tensor
    threshold: tf.Tensor
    window_was_off: tf.Tensor
    redetect: tf.Tensor
    rescaled: tf.Tensor
    buffer: Buffer


class Search(NamedTuple):
    """One evaluation of the response around a position.

    Attributes:
        score: float64, the largest SiamFC score of all scales (`F_max`).
        template_score: float64, the largest score of the updated template.
        scale: int32, index of the chosen scale.
        position: float64 [2], (y, x) of the peak.
    """

    score: tf.Tensor
    template_score: tf.Tensor
    scale: tf.Tensor
    position: tf.Tensor


class StepOutput(NamedTuple):
    """What one frame gives.

    Attributes:
        box: float64 [4], (x, y, width, height).
        score: float64, the largest SiamFC score (`F_max`).
        confidence: float64 in 0..1: the score relative to the threshold's frames, 0.5 and more
            where the paper calls the result reliable.
        search: The `Search` around the last position.
        redetection: The `Search` around the frame's centre; scale -1 where there was none.
        redetected: bool, whether that one was taken.
        window_influence: float64, share of the Hanning window.
        reliable: bool, whether the frame became a sample.
        early_update: bool, whether the early update happened.
        update: bool, whether the regular update happened.
        position: float64 [2], (y, x), final.
        search_side: float64, for the next frame.
    """

    box: tf.Tensor
    score: tf.Tensor
    confidence: tf.Tensor
    search: Search
    redetection: Search
    redetected: tf.Tensor
    window_influence: tf.Tensor
    reliable: tf.Tensor
    early_update: tf.Tensor
    update: tf.Tensor
    position: tf.Tensor
    search_side: tf.Tensor
