"""A tracking step with scripted scores: a fake network, a fake pyramid, and what drives them.

The network gives the score maps that a test wants, and the crops tell where they were cut; so every
branch of the step can be forced, quickly, and compared with plain Python.
"""

from __future__ import annotations

import types

import numpy as np
import tensorflow as tf

from gradnet_tf.network import architecture
from gradnet_tf.tracking import step as step_lib
from gradnet_tf.tracking.config import preset
from gradnet_tf.tracking.step import TrackingStep

FRAME_HW = (60, 80)
BOX = (30.0, 20.0, 16.0, 12.0)
RIGHT_BOX = (75.0, 20.0, 16.0, 12.0)  # reaches over the right border
FIXED = -1000.0  # stands for the SiamFC template
F2 = 1.0  # stands for f_2(Z)


class FakeCrops:
    """Crops that hold the number of the call that made them, and where that one cut."""

    def __init__(self):
        self.calls = []
        self.at_target = []  # Centre and sides of the regions that scales are compared in.

    def scale_pyramid(self, frame, center, sides, fill, *, instance_size, levels=None, **_):
        del frame, fill
        levels = range(len(sides)) if levels is None else levels
        if instance_size == architecture.SCALES_SIZE:
            self.at_target.append((np.array(center), np.array(sides)))
        number = len(self.calls)
        self.calls.append((np.array(center), np.array(sides), tuple(levels)))
        pixel = tf.constant([number // 256, number % 256, number // 256], tf.uint8)
        return tf.broadcast_to(pixel, [len(levels), instance_size, instance_size, 3])

    def place(self, crop):
        """Centre and side of a sample."""
        high, low = (int(value) for value in crop[0, 0, :2])
        center, sides, levels = self.calls[256 * high + low]
        assert len(levels) == 1
        return (*center, sides[levels[0]])


class FakeNetwork:
    """Gives the score maps of a script, one entry for each evaluation, and notes what it is asked.

    Its update maps h_2 to h_2 / 2 + (number of updates so far), and that plus 100 is the template.
    """

    variant = "full"
    has_template_branch = True
    has_update = True

    def __init__(self, script, crops, two_maps=True):
        self.script, self.crops, self.two_maps = list(script), crops, two_maps
        self.templates = []  # that the score maps were asked for
        self.updates = []  # (h_2, place of the sample)
        self.regions = []  # (place, share) of each region that an update looked at
        self.exemplars = []
        self._next = None

    def search_features(self, regions):
        return regions

    def siamese_template(self, z):
        self.exemplars.append(z.numpy())
        return tf.constant(FIXED)

    def template_features(self, z):
        self.exemplars.append(z.numpy())
        return tf.constant(F2)

    def initial_template(self, f2):
        return f2 + 50.0

    def score_map(self, template, features):
        self.templates.append(float(template))
        if self._next is None:
            fixed, updated = self.script.pop(0)
            self._next = updated if self.two_maps else None
            assert len(fixed) == features.shape[0]
            return tf.constant(fixed[..., np.newaxis], tf.float32)
        updated, self._next = self._next, None
        updated = updated if updated.ndim == 3 else updated[np.newaxis]
        assert len(updated) == features.shape[0]
        return tf.constant(updated[..., np.newaxis], tf.float32)

    def score_maps(self, templates, features):
        fixed, template = templates
        score = self.score_map(fixed, features)[..., 0]
        shape = list(score.shape)
        updated = self._next if self._next.ndim == 3 else self._next[np.newaxis]
        if len(updated) == 1 and shape[0] > 1:  # The middle scale's alone; nothing sees the others.
            full = np.full(shape, np.nan)
            full[shape[0] // 2] = updated[0]
            updated = full
        self._next = updated
        return score, self.score_map(template, features)[..., 0]

    def update(self, h2, features, weights=None, centred=False):
        places = [self.crops.place(region) for region in features.numpy()]
        self.updates.append((float(h2), places[0]))
        shares = [1.0] if weights is None else tf.reduce_sum(weights, [1, 2, 3]) / len(places)
        self.regions.append(list(zip(places, np.array(shares))))
        h2 = h2 / 2 + float(len(self.updates))
        return types.SimpleNamespace(h2=h2, template=h2 + 100.0)


class Run:
    """A step on a sequence of equal frames with a scripted network, frame by frame."""

    def __init__(self, monkeypatch, script, box=BOX, config=None, frame=None):
        config = config or preset("reference")
        self.crops = FakeCrops()
        monkeypatch.setattr(step_lib.crops, "scale_pyramid", self.crops.scale_pyramid)
        self.network = FakeNetwork(script, self.crops, config.response_mix == "normalized")
        self.frame = tf.zeros([*FRAME_HW, 3], tf.uint8) if frame is None else tf.constant(frame)
        self.step = TrackingStep(self.network, config)
        self.state, self.output = self.step.init(self.frame, tf.constant(box, tf.float64))
        self.outputs = [self.output]

    def next(self):
        self.state, self.output = self.step.step(self.state, self.frame)
        self.outputs.append(self.output)
        return self.output

    def go(self, count):
        return [self.next() for _ in range(count)]


def maps(score, scale=1, updated=None, cell=(8, 8), count=3):
    """Score maps whose largest value is `score`, at a cell of one scale."""
    fixed = np.full((count, 17, 17), score - 20.0)
    fixed[scale][cell] = score
    other = np.full((17, 17), -20.0)
    other[cell] = score if updated is None else updated
    return fixed, other


def scores_at_target(*scores, updated=None):
    """Score maps of regions around the target, with these peaks in the middle of each scale."""

    def maps_of(peaks):
        around = np.reshape(peaks, [-1, 1, 1]) - 20.0
        return np.pad(np.full_like(around, 20.0), [(0, 0), (1, 1), (1, 1)]) + around

    return maps_of(scores), maps_of(updated or scores)


def script_of(*scores):
    return [maps(score) for score in scores]
