"""The whole tracker on onnxruntime, NumPy and Pillow: no TensorFlow, nothing of gradnet_tf.

    python -m gradnet_tf.export --format=onnx --output=DIR
    python examples/onnx_tracker.py --model=DIR --frames=FOLDER --box=x,y,width,height

The graphs are the network, all else is below: crops, peaks and rules, which any language can
say as well. gradnet_tf/tracking/step.py is the same in TensorFlow. A model of --format=tflite runs
on LiteRT (ai-edge-litert).
"""

from __future__ import annotations

import argparse
import collections
import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

EXEMPLAR, INSTANCE, SCORE, STRIDE = 127, 255, 17, 8
SCALES, SCALES_SCORE = 143, 3  # Of the regions in which scales are compared.


class OnnxGraphs:
    """The graphs on onnxruntime. Features and templates are [n, 256, height, width]."""

    def __init__(self, folder: Path):
        import onnxruntime

        self._sessions = {
            path.stem: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            for path in folder.glob("*.onnx")
        }

    def exemplar(self, exemplar):
        """uint8 [1, 127, 127, 3] to the template and h_2 (None without updates)."""
        results = self._run("exemplar", exemplar=exemplar)
        return results["template"], results.get("h2")

    def search(self, regions, templates):
        """uint8 [n, 255, 255, 3] and m templates to features and score maps [n, m, 17, 17]."""
        results = self._run("search", regions=regions, templates=templates)
        return results["features"], results["scores"]

    def scales(self, regions, templates):
        """The same of uint8 [n, 143, 143, 3] around the target: score maps [n, m, 3, 3]."""
        return self._run("scales", regions=regions, templates=templates)["scores"]

    def update(self, h2, features, shares):
        """h_2 and n regions with their shares in the loss to the new h_2 and its template."""
        results = self._run("update", h2=h2, features=features, shares=shares)
        return results["new_h2"], results["template"]

    def _run(self, name, **inputs):
        session = self._sessions[name]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs)))


class LiteRTGraphs(OnnxGraphs):
    """The same on LiteRT, whose shapes are fixed. Values are [n, height, width, 256]."""

    def __init__(self, folder: Path):
        from ai_edge_litert.interpreter import Interpreter

        self._runners = {}
        for path in folder.glob("*.tflite"):
            # The runner alone does not keep its interpreter.
            interpreter = Interpreter(str(path), num_threads=2)
            self._runners[path.stem] = interpreter, interpreter.get_signature_runner()

    def search(self, regions, templates):
        """One region at a time."""
        search = super().search
        results = [search(region[np.newaxis], templates) for region in regions]
        features, scores = (np.concatenate(values) for values in zip(*results))
        return features, scores.transpose(0, 3, 1, 2)

    def scales(self, regions, templates):
        """One region at a time."""
        run = super().scales
        scores = [run(region[np.newaxis], templates) for region in regions]
        return np.concatenate(scores).transpose(0, 3, 1, 2)

    def update(self, h2, features, shares):
        """Fills the places of regions that there are not."""
        _, runner = self._runners["update"]
        missing = runner.get_input_details()["shares"]["shape"][0] - len(shares)
        features = np.pad(features, [(0, missing), (0, 0), (0, 0), (0, 0)])
        return super().update(h2, features, np.pad(shares, (0, missing)))

    def _run(self, name, **inputs):
        return self._runners[name][1](**inputs)


def load_graphs(folder: Path) -> OnnxGraphs:
    """The graphs of a folder that `gradnet_tf.export` wrote, whatever the format."""
    return (LiteRTGraphs if list(folder.glob("*.tflite")) else OnnxGraphs)(folder)


class Sample(NamedTuple):
    """A frame that looked reliable, and where the target was."""

    frame: np.ndarray
    position: np.ndarray
    side: float
    score: float
    index: int


class Search(NamedTuple):
    """What was found around a position."""

    score: float
    template_score: float
    scale: int
    position: np.ndarray


class Tracker:
    """Tracks one target. Frames are uint8 RGB, boxes (x, y, width, height).

    Args:
        folder: Directory that `gradnet_tf.export` wrote.
    """

    def __init__(self, folder):
        folder = Path(folder)
        description = json.loads((folder / "tracker.json").read_text())
        self.config = config = argparse.Namespace(**description["config"])
        self._graphs = load_graphs(folder)
        middle = config.scale_count // 2
        self._middle = middle
        self._scales = config.scale_step ** np.arange(-middle, middle + 1.0)
        size = SCORE * config.response_upsampling
        self._bicubic = bicubic_matrix(SCORE, size)
        self._scales_bicubic = bicubic_matrix(
            SCALES_SCORE, SCALES_SCORE * config.response_upsampling
        )
        window = np.outer(np.hanning(size), np.hanning(size))
        self._window = window / window.sum()

    def init(self, frame, box) -> None:
        """Starts on a target in the first frame."""
        config = self.config
        x, y, width, height = box
        self._position, self._size = (
            np.array([y + height / 2, x + width / 2]),
            np.array([height, width]),
        )
        self._fill = (frame.sum(axis=(0, 1), dtype=np.int64) // frame[..., 0].size).astype(np.uint8)
        side = np.sqrt(np.prod(self._size + config.context_amount * self._size.sum()))
        self._side = self._first_side = side + 2 * ((INSTANCE - EXEMPLAR) / 2 / (EXEMPLAR / side))
        exemplar_side = max(int(np.rint(side)), 1)
        corner = window_corner(self._position, exemplar_side)
        exemplar = crop(frame, corner, exemplar_side, EXEMPLAR, self._fill)
        self._fixed, self._h2 = self._graphs.exemplar(exemplar[np.newaxis])
        self._template = self._fixed
        self._index, self._score_sum, self._threshold = 0, 0.0, 0.0
        self._window_was_off = self._redetect = self._rescaled = False
        self._samples = collections.deque(maxlen=config.buffer_size)
        first = Sample(frame, self._position, self._side, 0.0, 0)
        self._samples.append(first)
        self._first_features, scores = self._graphs.search(
            self._sample_region(first), self._templates()
        )
        if self._h2 is not None:
            shares = np.ones(1, np.float32)
            self._h2, self._template = self._graphs.update(self._h2, self._first_features, shares)
            if config.update_on_first_frame:
                self._update(first, config.update_rate)
        if config.threshold_source == "first_frame":
            self._threshold = float(scores[:, 0].max())

    def update(self, frame) -> np.ndarray:
        """Tracks the target into the next frame; returns its box."""
        config = self.config
        self._index = index = self._index + 1
        sides = self._side * self._scales
        window_influence = config.window_influence
        if config.window_off_after and not self._window_was_off:
            if index - self._samples[-1].index == config.window_off_after:
                window_influence, self._window_was_off = 0.0, True

        search = self._locate(frame, self._position, sides, self._side, window_influence)
        side, size = self._rescale(search.scale, sides, self._side, self._size)
        position, score, scale = search.position, search.score, search.scale
        if self._redetect:
            centre = np.array(frame.shape[:2]) / 2
            other = self._locate(frame, centre, sides, side, window_influence)
            if other.score > score and other.template_score > score:
                side, size = self._rescale(other.scale, sides, side, size)
                position, score, scale = other.position, other.score, other.scale
        self._rescaled = scale != self._middle

        if config.threshold_source == "first_frames" and index <= config.threshold_frames:
            self._score_sum += score
            if index == config.threshold_frames:
                self._threshold = self._score_sum / index
        corner = position - size / 2
        box = np.array([corner[1], corner[0], size[1], size[0]])
        least = self._threshold * config.reliable_threshold
        right = np.rint(box[0]) + np.rint(box[2])
        self._redetect = config.redetection and right > frame.shape[1] and score < least

        if config.reliable_mean:
            least = min(least, np.mean([sample.score for sample in self._samples]))
        self._position, self._side, self._size = position, side, size
        sample = Sample(frame, position, side, score, index)
        if score >= least:
            self._samples.append(sample)
        elif index < config.early_update_frames:
            if score < self._threshold * config.early_update_threshold:
                self._update(sample, config.early_update_rate)
        if index % config.update_interval == 0:
            self._update(max(self._samples, key=lambda each: each.score), config.update_rate)
        return box

    def _locate(self, frame, position, sides, side, window_influence) -> Search:
        """The peak of the response around a position."""
        config, share = self.config, self.config.template_scale_influence
        levels = None if config.scale_interval == 1 else [self._middle]
        regions = pyramid(frame, position, sides, self._fill, levels)
        _, scores = self._graphs.search(regions, self._templates())
        maps = upsample(scores, self._bicubic)  # [scales, templates, 272, 272]
        scale, middle = self._best_scale(maps), len(maps) // 2
        total, seen = normalize(maps[scale, 0]), scores[:, 0]
        if maps.shape[1] > 1:
            # With no part in the choice of the scale, the template sees the middle one.
            updated = maps[scale if share else middle, 1]
            seen = scores[:, 1] if share else scores[middle, 1]
            influence = config.template_influence
            total = (1.0 - influence) * total + influence * normalize(updated)
        total = total * np.float32(1.0 - window_influence)
        total = total.astype(np.float64) + window_influence * self._window
        peak = np.array(np.unravel_index(np.argmax(total), total.shape)) - len(total) // 2
        displacement = peak * (STRIDE / config.response_upsampling) * np.rint(side) / INSTANCE
        position = position + displacement
        if config.scale_interval > 1:
            scale = self._middle
            if (self._index - 1) % config.scale_interval == 0 or self._rescaled:
                regions = pyramid(frame, position, sides, self._fill, size=SCALES)
                scores_there = self._graphs.scales(regions, self._templates())
                scale = self._best_scale(upsample(scores_there, self._scales_bicubic))
        return Search(float(scores[:, 0].max()), float(seen.max()), scale, position)

    def _best_scale(self, maps) -> int:
        """The scale with the highest peak in upsampled maps [scales, templates, height, width]."""
        choosing, share = maps[:, 0], self.config.template_scale_influence
        if share and maps.shape[1] > 1:
            choosing = (1.0 - share) * choosing + share * maps[:, 1]
        penalty = np.full(len(maps), self.config.scale_penalty, np.float32)
        penalty[len(maps) // 2] = 1.0
        return int(np.argmax(choosing.max(axis=(1, 2)) * penalty))

    def _rescale(self, scale, sides, side, size):
        """Search side and size of the target, damped towards the chosen scale."""
        config, damping = self.config, self.config.scale_damping
        side = (1.0 - damping) * side + damping * sides[scale]
        side = np.clip(
            side, config.min_scale * self._first_side, config.max_scale * self._first_side
        )
        return side, (1.0 - damping) * size + damping * self._size * self._scales[scale]

    def _templates(self):
        """The first template and the updated one, or the mix of them."""
        config = self.config
        if config.response_mix == "template":
            share = config.template_influence
            return (1.0 - share) * self._fixed + share * self._template
        if self._h2 is None:
            return self._fixed
        return np.concatenate([self._fixed, self._template])

    def _sample_region(self, sample: Sample):
        sides = sample.side * self._scales
        return pyramid(sample.frame, sample.position, sides, self._fill, [self._middle])

    def _update(self, sample: Sample, rate: float) -> None:
        """One gradient step of h_2, and the template that goes with it."""
        if self._h2 is None:
            return
        features, _ = self._graphs.search(self._sample_region(sample), self._templates())
        shares = np.ones(1, np.float32)
        if self.config.first_frame_weight:
            weight = self.config.first_frame_weight
            features = np.concatenate([features, self._first_features])
            shares = np.array([1.0 - weight, weight], np.float32)
        new, self._template = self._graphs.update(self._h2, features, shares)
        self._h2 = (1.0 - rate) * self._h2 + rate * new


def pyramid(frame, position, sides, fill, levels=None, size=INSTANCE):
    """Search regions of the scales, or of some, or their middle, uint8 [levels, size, size, 3]."""
    sides = np.maximum(np.rint(sides * (size / INSTANCE)), 1.0)
    zoom, largest = size / sides[0], int(sides[-1])
    region_side = int(np.rint(zoom * largest))
    region = crop(frame, window_corner(position, largest), largest, region_side, fill)
    middle = np.array([region_side - 1, region_side - 1]) / 2
    regions = []
    for level in range(len(sides)) if levels is None else levels:
        side = int(np.rint(zoom * sides[level]))
        regions.append(crop(region, window_corner(middle, side), side, size, fill))
    return np.stack(regions)


def window_corner(center, side):
    """First pixel (y, x) of a window."""
    return np.rint(center - (side + 1) / 2).astype(int)


def crop(source, corner, side, size, fill):
    """Cuts a square window and resizes it as OpenCV does, bilinearly in fixed-point arithmetic."""
    first_row, second_row, row_weights = taps(side, size, False)
    first_column, second_column, column_weights = taps(side, size, True)
    rows, place = np.unique(np.concatenate([first_row, second_row]), return_inverse=True)
    y, x = corner[0] + rows, corner[1] + np.arange(side)
    y_inside, x_inside = (y >= 0) & (y < source.shape[0]), (x >= 0) & (x < source.shape[1])
    window = np.empty([len(y), side, 3], np.int32)
    window[:] = fill
    window[np.ix_(y_inside, x_inside)] = source[y[y_inside]][:, x[x_inside]]
    first, second = (weight[:, np.newaxis] for weight in column_weights)
    across = window[:, first_column] * first + window[:, second_column] * second >> 4
    above, below = across[place[:size]], across[place[size:]]
    first, second = (weight[:, np.newaxis, np.newaxis] for weight in row_weights)
    return ((above * first >> 16) + (below * second >> 16) + 2 >> 2).astype(np.uint8)


def taps(side, size, clamp):
    """Two source pixels of each output pixel along an axis, and their weights in 2048ths."""
    place = ((np.arange(size) + 0.5) * (side / size) - 0.5).astype(np.float32)
    first = np.floor(place).astype(int)
    fraction = place - first.astype(np.float32)
    if clamp:
        fraction[(first < 0) | (first >= side - 1)] = 0.0
    weights = [np.rint(share * 2048).astype(np.int32) for share in (1 - fraction, fraction)]
    return first.clip(0, side - 1), (first + 1).clip(0, side - 1), weights


def bicubic_matrix(source, size):
    """M of the bicubic upsampling M S M^T, half-pixel centres, replicated border."""
    place = (np.arange(size) + 0.5) * source / size - 0.5
    first, a = np.floor(place).astype(int), -0.75
    x = place - first
    weights = [
        ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a,
        ((a + 2) * x - (a + 3)) * x * x + 1,
        ((a + 2) * (1 - x) - (a + 3)) * (1 - x) * (1 - x) + 1,
    ]
    weights.append(1 - sum(weights))
    matrix = np.zeros((size, source))
    for tap, weight in enumerate(weights):
        np.add.at(matrix, (np.arange(size), np.clip(first - 1 + tap, 0, source - 1)), weight)
    return matrix


def upsample(score, matrix):
    """Score maps [..., 17, 17] to float32 [..., 272, 272]."""
    return (matrix @ (score.astype(np.float64) @ matrix.T)).astype(np.float32)


def normalize(response):
    """Shifts to a least value of 0 and scales to sum 1; zeros if all are equal."""
    response = response - response.min()
    total = response.sum()
    return response / total if total else response


def main() -> None:
    """Tracks through a folder of images, in the order of their names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="directory of gradnet_tf.export")
    parser.add_argument("--frames", required=True, help="folder of images")
    parser.add_argument("--box", required=True, help="x,y,width,height in the first of them")
    parser.add_argument("--boxes", default="boxes.txt", help="file for the boxes")
    arguments = parser.parse_args()
    paths = sorted(path for path in Path(arguments.frames).iterdir() if path.is_file())
    box = np.array([float(number) for number in arguments.box.split(",")])
    tracker, boxes, seconds = Tracker(arguments.model), [box], 0.0
    for number, path in enumerate(paths):
        frame = np.asarray(Image.open(path).convert("RGB"))
        start = time.perf_counter()
        if number == 0:
            tracker.init(frame, box)
            continue
        boxes.append(tracker.update(frame))
        seconds += time.perf_counter() - start
    np.savetxt(arguments.boxes, boxes, "%.4f", delimiter=",")
    print(
        f"{len(boxes)} boxes in {arguments.boxes}, {(len(boxes) - 1) / seconds:.1f} frames a second"
    )


if __name__ == "__main__":
    main()
