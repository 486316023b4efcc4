"""Draws examples of each augmentation of scenes: ``python -m tools.preview_scenes --data=GLOB``.

A row for each of them, along frames of one track; the first row has the search regions as they are.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from absl import flags
from PIL import Image

from gradnet_tf import command_line
from gradnet_tf.data import cutting, pairs, pasting, sampling, scenes
from gradnet_tf.data.scenes import SceneConfig
from gradnet_tf.files import disk
from gradnet_tf.media import drawing

# All that is shown; pasting is sure in its row.
EXAMPLES = SceneConfig(
    lookalikes=0.5, occlusion=0.5, blur_drift=2.0, light_drift=0.5, scale_drift=0.15
)
_DRIFTS = ("blur_drift", "light_drift", "scale_drift")  # The flags of them.
_FRAMES = 6
_SIDE = 120  # px of a search region on the sheet


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the command."""
    flags.DEFINE_list("data", [], "Patterns of shards, one a data set.", values)
    flags.DEFINE_string("output", "scenes.png", "The picture, a PNG file.", values)
    flags.DEFINE_integer("tracks", 2, "Tracks to show.", 1, flag_values=values)
    flags.DEFINE_integer("seed", 1, "Chooses the tracks and what is drawn.", 0, flag_values=values)
    for name in _DRIFTS:
        default = getattr(EXAMPLES, name)
        flags.DEFINE_float(name, default, f"As training's --{name}.", flag_values=values)


def sheet(
    globs: Sequence[str], config: SceneConfig = EXAMPLES, tracks: int = 2, seed: int = 1
) -> Image.Image:
    """Draws the examples on a sheet, RGB.

    Args:
        globs: One pattern of shards a data set, see `gradnet_tf.data.catalog.load`.
        config: How far tracks drift; what is 0 has no row.
        tracks: How many tracks are shown, if there are as many.
        seed: Chooses the tracks and what is drawn.

    Raises:
        OSError: If shards are missing or damaged.
    """
    settings = pairs.PairConfig(batch=1, validation=0.0, color=False)
    source = pairs.open_pairs(list(globs), None, settings)
    columns = source.catalog.columns
    sizes = pasting.target_sizes(columns["boxes"])
    counts = np.diff(source.catalog.first_frame)
    random = np.random.default_rng(seed)
    # Whole rows, if there are such tracks.
    long = np.flatnonzero(counts >= min(_FRAMES, counts.max()))
    pictures, boxes, labels = [], [], []
    for track in sorted(random.choice(long, min(tracks, len(long)), replace=False).tolist()):
        frames = source.catalog.first_frame[track] + np.linspace(
            0, counts[track] - 1, min(_FRAMES, counts[track])
        ).astype(np.int64)
        for name, row in _rows(config).items():
            drawn, scales = _scenes(source, row, sizes, frames, track, seed)
            pictures += drawn
            for frame, picture, scale in zip(frames, drawn, scales):
                height, width = sizes[frame] * scale
                middle = (picture.shape[0] - 1) / 2
                boxes.append([middle - width / 2, middle - height / 2, width, height])
                labels.append(f"{name} {columns['frames'][frame]}")
    frames_in_a_row = min(_FRAMES, int(counts[long].min()))
    return drawing.contact_sheet(
        pictures, boxes, columns=frames_in_a_row, labels=labels, side=_SIDE
    )


def _rows(config: SceneConfig) -> dict[str, SceneConfig]:
    rows = {"as it is": SceneConfig()}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value:
            sure = field.name in ("lookalikes", "occlusion")
            rows[field.name] = SceneConfig(**{field.name: 1.0 if sure else value})
    return rows


def _scenes(source, config, sizes, frames, track, seed):
    """Gives search regions, uint8 RGB, and by how much larger each shows its target."""
    stage = scenes.Stage(config, source.training, sizes, source.config.frame_range)
    count = len(frames)
    course = sampling.uniforms((seed, track, 0), sampling.DRIFT_CROP, [scenes.TRACK_UNIFORMS])
    own = [
        sampling.uniforms((seed, int(frame), 0), sampling.SCENE_CROP, [scenes.UNIFORMS])
        for frame in frames
    ]
    start = np.full(count, source.training.frames[frames[0]], np.float64)
    drawn = stage.draw(frames, np.array(own), np.tile(course, (count, 1)), start)
    made = source.instances.read(cutting.Requests(frames, scenes=drawn))
    crops = [source.instances.make(*row).numpy()[..., ::-1] for row in zip(*made)]
    pictures = [np.rint(crop).astype(np.uint8) for crop in crops]
    return pictures, [scenes.Drift(*row).scale for row in drawn.drift]


def draw(values: flags.FlagValues) -> None:
    """Writes the picture.

    Raises:
        OSError: If the data cannot be read, or the picture cannot be written.
        ValueError: If a value is out of its range.
    """
    config = dataclasses.replace(EXAMPLES, **{name: values[name].value for name in _DRIFTS})
    buffer = io.BytesIO()
    sheet(values.data, config, values.tracks, values.seed).save(buffer, "PNG", optimize=True)
    disk.write_bytes(values.output, buffer.getvalue())


run = command_line.flags_alone(draw)

if __name__ == "__main__":
    command_line.main(define_flags, run)
