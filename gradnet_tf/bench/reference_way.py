"""Goes through a frame as the reference does, with this project's layers.

Its program (`run_siamesefc` in track.py) calls the graph for the scores, and again for an update.
The first call computes f_x of the middle scale twice, since the two score maps have inputs of their
own. Batch norm is not folded, and the response is made in NumPy. Nearly every frame (if reliable)
is cropped a second time in all scales, for the buffer. `tools/bench_authors.py` times the real
program.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from gradnet_tf.boxes import geometry
from gradnet_tf.network import architecture, crops, response
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.rules import SCORE_SIZE


class ReferencesWay:
    """Tracks one target from a box (x, y, width, height) in the first frame, uint8 RGB.

    Without the rules for early updates and for targets that are lost. The network, a `GradNet`,
    has an update and is not folded.
    """

    def __init__(self, network: GradNet, config: TrackerConfig, image: np.ndarray, box):
        self._config = config
        self._scales = geometry.scale_factors(config.scale_count, config.scale_step)
        size = SCORE_SIZE * config.response_upsampling
        self._bicubic = response.bicubic_matrix(SCORE_SIZE, size).astype(np.float32)
        self._window = response.hanning_window(size)

        @tf.function(autograph=False)
        def start(exemplar, region):
            update = network.update(
                network.template_features(exemplar), network.search_features(region)
            )
            return network.siamese_template(exemplar), update.template, update.h2

        @tf.function(autograph=False)
        def scores(regions, fixed_template, template):
            first = network.score_map(fixed_template, network.search_features(regions))
            middle = network.search_features(regions[1:2])
            return first, network.score_map(template, middle)

        @tf.function(autograph=False)
        def update(h2, region):
            result = network.update(h2, network.search_features(region))
            return result.template, result.h2

        self._pyramid = tf.function(crops.scale_pyramid, autograph=False)
        self._run_scores, self._run_update = scores, update
        position, target_size = geometry.box_to_center(tf.constant(box, tf.float64))
        self._position, self._size = position.numpy(), target_size.numpy()
        side = geometry.exemplar_side(target_size, config.context_amount)
        self._side = geometry.instance_side(
            side, architecture.EXEMPLAR_SIZE, architecture.INSTANCE_SIZE
        ).numpy()
        frame = tf.constant(image)
        self._fill = crops.mean_colour(frame)
        exemplar = crops.exemplar_crop(frame, position, side, self._fill)
        exemplar = tf.cast(exemplar[tf.newaxis, ..., ::-1], tf.float32)
        region = self._crop(image)[1:2]
        self._fixed, self._template, self._h2 = (value.numpy() for value in start(exemplar, region))
        self._samples = [(0.0, region)]
        self._index = 0
        self._update(config.update_rate)

    def _crop(self, image: np.ndarray) -> np.ndarray:
        regions = self._pyramid(
            tf.constant(image), self._position, self._side * self._scales, self._fill
        )
        return regions.numpy()[..., ::-1].astype(np.float32)

    def _update(self, rate: float) -> None:
        _, region = max(self._samples, key=lambda sample: sample[0])
        template, h2 = self._run_update(self._h2, region)
        self._template = template.numpy()
        self._h2 = (1 - rate) * self._h2 + rate * h2.numpy()

    def next_frame(self, image: np.ndarray) -> np.ndarray:
        """Tracks into a frame, uint8 RGB [height, width, 3]; returns (x, y, width, height)."""
        config = self._config
        self._index += 1
        scores = self._run_scores(self._crop(image), self._fixed, self._template)
        score, template_score = (value.numpy()[..., 0] for value in scores)
        responses = self._bicubic @ score @ self._bicubic.T
        template_response = (self._bicubic @ template_score @ self._bicubic.T)[0]
        penalty = np.array([config.scale_penalty, 1.0, config.scale_penalty], np.float32)
        scale = int(np.argmax(responses.max(axis=(1, 2)) * penalty))
        total = (1 - config.template_influence) * _normalized(responses[scale])
        total += config.template_influence * _normalized(template_response)
        total = (1 - config.window_influence) * total + config.window_influence * self._window
        peak = np.array(np.unravel_index(total.argmax(), total.shape)) - len(total) // 2
        stride = architecture.TOTAL_STRIDE / config.response_upsampling
        self._position = (
            self._position + peak * stride * round(self._side) / architecture.INSTANCE_SIZE
        )
        damping = config.scale_damping
        self._side = self._side * (1 - damping + damping * self._scales[scale])
        self._size = self._size * (1 - damping + damping * self._scales[scale])
        self._samples = [*self._samples, (float(score.max()), self._crop(image)[1:2])]
        self._samples = self._samples[-config.buffer_size :]
        if self._index % config.update_interval == 0:
            self._update(config.update_rate)
        return np.concatenate([(self._position - self._size / 2)[::-1], self._size[::-1]])


def _normalized(values: np.ndarray) -> np.ndarray:
    values = values - values.min()
    return values / values.sum()
