"""Whole runs of gradnet_tf.tracking.step against the reference's loop, retold in plain Python."""

import math

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import response
from tests.helpers.scripted import F2, FRAME_HW, Run

SCALES = 1.04 ** np.arange(-1.0, 2.0)
WINDOW = response.hanning_window(272)
SEEDS = (15, 21, 28, 29)
FRAMES = 45


def bicubic_matrix(size, factor):
    """M with which M S M^T is the map S upsampled by Keys' kernel with a = -0.75."""
    distance = np.arange(-2, size + 2) - ((np.arange(size * factor) + 0.5) / factor - 0.5)[:, None]
    d = abs(distance)
    near, far = (1.25 * d - 2.25) * d * d + 1, -0.75 * (((d - 5) * d + 8) * d - 4)
    weights = np.where(d <= 1, near, np.where(d < 2, far, 0))
    weights[:, 2] += weights[:, :2].sum(axis=1)  # the border is replicated
    weights[:, -3] += weights[:, -2:].sum(axis=1)
    return weights[:, 2:-2]


BICUBIC = bicubic_matrix(17, 16)


class Loop:
    """`run_siamesefc` of the reference, told in lists and floats, for the same script."""

    def __init__(self, script, box, frame_hw):
        x, y, width, height = box
        self.script, self.frame_hw = list(script), frame_hw
        self.position = np.array([y + height / 2, x + width / 2])
        self.size = np.array([height, width])
        context = (width + height) / 2
        self.side = math.sqrt((width + context) * (height + context)) * (1 + 2 * 64 / 127)
        self.first_side = self.side
        self.samples = [((*self.position, self.side), 0.0, 0)]  # place, score, frame
        self.index, self.total, self.threshold, self.score = 0, 0.0, 0.0, 0.0
        self.window_left, self.center_next = True, False
        self.update_count = 0
        self.h2 = F2
        self.updates = []
        self.events = set()
        self._update(self.samples[0][0], 1.0)
        self._update(self.samples[0][0], 0.6)

    def _update(self, place, share):
        self.updates.append((self.h2, place))
        new = self.h2 / 2 + len(self.updates)
        self.template = new + 100
        self.h2 = (1 - share) * self.h2 + share * new

    def _locate(self, fixed, updated, center, window):
        large = [BICUBIC @ score @ BICUBIC.T for score in fixed]
        peaks = [0.97 * large[0].max(), large[1].max(), 0.97 * large[2].max()]
        scale = int(np.argmax(peaks))

        def unit(values):
            return (values - values.min()) / (values - values.min()).sum()

        total = 0.85 * unit(large[scale]) + 0.15 * unit(BICUBIC @ updated @ BICUBIC.T)
        total = (1 - window) * total + window * WINDOW
        second, first = np.partition(total.ravel(), -2)[-2:]
        assert first - second > 1e-6 * first, "two cells that float32 cannot tell apart"
        cell = np.array(divmod(int(total.argmax()), 272))
        return center + (cell - 136) / 2 * round(self.side) / 255, scale

    def _rescale(self, sides, sizes, scale):
        side = 0.41 * self.side + 0.59 * sides[scale]
        self.side = max(0.2 * self.first_side, min(5 * self.first_side, side))
        self.size = 0.41 * self.size + 0.59 * sizes[scale]
        self.events.add(f"scale {scale}")

    def frame(self):
        self.index += 1
        window = 0.25
        if self.index - self.samples[-1][2] == 9 and self.window_left:
            window, self.window_left = 0.0, False
            self.events.add("window off")
        elif self.index - self.samples[-1][2] == 9:
            self.events.add("window off only once")
        sides, sizes = self.side * SCALES, [self.size * scale for scale in SCALES]
        fixed, updated = self.script.pop(0)
        self.position, scale = self._locate(fixed, updated, self.position, window)
        self._rescale(sides, sizes, scale)
        self.score = float(fixed.max())

        redetected = False
        if self.center_next:
            fixed, updated = self.script.pop(0)
            better = bool(fixed.max() > self.score), bool(updated.max() > self.score)
            self.events.add(f"center searched, better: {better}")
            if all(better):
                redetected = True
                center = np.array(self.frame_hw) / 2
                self.position, scale = self._locate(fixed, updated, center, window)
                self._rescale(sides, sizes, scale)
                self.score = float(fixed.max())

        if self.index <= 5:
            self.total += self.score
        if self.index == 5:
            self.threshold = self.total / 5
        corner = self.position - self.size / 2
        right = round(corner[1]) + round(self.size[1])
        self.center_next = right > self.frame_hw[1] and self.score < self.threshold * 0.5

        place = (*self.position, self.side)
        mean = np.mean([score for _, score, _ in self.samples])
        reliable = bool(self.score >= min(self.threshold * 0.5, mean))
        early = not reliable and self.index < 10 and bool(self.score < self.threshold * 0.4)
        if reliable:
            self.samples.append((place, self.score, self.index))
            del self.samples[:-5]
            if self.score < self.threshold * 0.5:
                self.events.add("reliable by the mean")
        if early:
            self.events.add("early update")
            self._update(place, 0.7)
        if self.index % 5 == 0:
            best = int(np.argmax([score for _, score, _ in self.samples]))
            self.events.add(f"update by sample {best}")
            self._update(self.samples[best][0], 0.6)
        return window, redetected, reliable, early


def random_script(seed, count):
    """Score maps of noise; their largest scores come in blocks, mixed ones and low ones."""
    random = np.random.default_rng(seed)
    script = []
    for index in range(count):
        low = index // 14 % 2 or random.random() < 0.3
        score = random.uniform(*((2, 7) if seed % 2 else (-1, 6))) if low else random.uniform(8, 12)
        if seed % 2 and index < 4:
            # One sample far above the others: later it leaves the buffer, and the mean falls.
            score = 60.0 if index == 0 else random.uniform(0, 1)
        fixed, updated = random.standard_normal((3, 17, 17)), random.standard_normal((17, 17))
        fixed += score - fixed.max()
        updated += random.uniform(-1, 12) - updated.max()
        # Float32 as the network's, so that both sides see the same numbers.
        script.append((fixed.astype(np.float32), updated.astype(np.float32)))
    return script


def assert_same_frame(run, loop, message):
    window, redetected, reliable, early = loop.frame()
    output = run.next()
    close = {"rtol": 0, "atol": 1e-9, "err_msg": message}
    np.testing.assert_allclose(output.position, loop.position, **close)
    np.testing.assert_allclose(output.search_side, loop.side, **close)
    height, width = loop.size
    top, left = loop.position - loop.size / 2
    np.testing.assert_allclose(output.box, [left, top, width, height], **close)
    np.testing.assert_allclose(output.score, loop.score, **close)
    np.testing.assert_allclose(run.state.threshold, loop.threshold, **close)
    assert float(output.window_influence) == window, message
    assert bool(output.redetected) is redetected, message
    assert bool(output.reliable) is reliable, message
    assert bool(output.early_update) is early, message
    assert bool(output.update) is (loop.index % 5 == 0), message
    assert bool(run.state.redetect) is bool(loop.center_next), message
    kept = len(loop.samples)
    np.testing.assert_allclose(
        run.state.buffer.scores[-kept:], [score for _, score, _ in loop.samples], **close
    )
    np.testing.assert_array_equal(
        run.state.buffer.frames[-kept:], [frame for _, _, frame in loop.samples], message
    )
    np.testing.assert_allclose(float(run.state.h2), loop.h2, rtol=1e-5, err_msg=message)
    np.testing.assert_allclose(float(run.state.template), loop.template, rtol=1e-5)


def assert_same_updates(run, loop):
    assert len(run.network.updates) == len(loop.updates)
    for (h2, place), (wanted_h2, wanted_place) in zip(run.network.updates, loop.updates):
        assert h2 == pytest.approx(wanted_h2, rel=1e-5)
        np.testing.assert_allclose(place, wanted_place, atol=1e-9)


def test_random_runs_equal_the_reference_loop(monkeypatch):
    events = set()
    for seed in SEEDS:
        script = random_script(seed, 2 * FRAMES)
        box = (30.0 + 9 * (seed % 6), 5.0 + 7 * (seed % 6), 16.0, 12.0)
        run, loop = Run(monkeypatch, script, box), Loop(script, box, FRAME_HW)
        for _ in range(FRAMES):
            assert_same_frame(run, loop, f"seed {seed}, frame {loop.index + 1}")
        assert_same_updates(run, loop)
        assert len(run.network.script) == len(loop.script)
        events |= loop.events
    # The scripts went everywhere.
    better = [(False, True), (True, False), (True, True)]
    assert events >= {
        *(f"scale {scale}" for scale in range(3)),
        *(f"update by sample {best}" for best in range(5)),
        *(f"center searched, better: {pair}" for pair in better),
        "window off",
        "window off only once",
        "early update",
        "reliable by the mean",
    }


def test_each_frame_has_its_own_size(monkeypatch):
    """Its right border and its centre count, in the reference's loop as in the step."""
    events = set()
    for seed in SEEDS[:2]:
        script = random_script(seed, 2 * FRAMES)
        sizes = np.random.default_rng(seed).integers((40, 60), (90, 110), (FRAMES, 2))
        box = (30.0 + 9 * (seed % 6), 5.0 + 7 * (seed % 6), 16.0, 12.0)
        run, loop = Run(monkeypatch, script, box), Loop(script, box, FRAME_HW)
        for size in sizes.tolist():
            run.frame, loop.frame_hw = tf.zeros([*size, 3], tf.uint8), size
            assert_same_frame(run, loop, f"seed {seed}, frame {loop.index + 1}")
        assert_same_updates(run, loop)
        events |= loop.events
    assert "center searched, better: (True, True)" in events
