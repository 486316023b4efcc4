"""Small trainings: data, initial weights, configurations, and the binary as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from gradnet_tf import weights
from gradnet_tf.training import checkpoints, config, loop
from tests.helpers import networks, track_records

ROOT = Path(__file__).parents[2]

# Small in everything but the network; as flags, too. Stage siamfc is the cheaper one.
GRADNET = {
    "stage": "gradnet",
    "preset": "short",
    "batch": 2,
    "steps": 4,
    "steps_per_epoch": 2,
    "validation": 0.3,
    "validation_batches": 1,
    "warmup_steps": 1,
    "learning_rate": 1e-3,
}
SIAMFC = {**GRADNET, "stage": "siamfc", "frozen_layers": 3}
QUIET = {"summaries": False, "log_steps": 1}


def make(settings) -> config.TrainConfig:
    """The configuration of settings such as `GRADNET`."""
    constants = {name: value for name, value in settings.items() if name not in ("preset", "stage")}
    return config.preset(settings["preset"], settings["stage"], **constants)


def write_data(directory) -> str:
    """Shards of 14 videos of 3 frames; returns their pattern."""
    tracks = [track_records.record(f"video{i}", "0", (0, 1, 2), seed=i) for i in range(14)]
    return track_records.write_set(directory, tracks)


def write_init(directory, variant: str = "full") -> str:
    """A checkpoint of the golden weights; returns its path."""
    weights.save(directory, networks.snapshot(networks.hand_made(variant)))
    return str(directory)


def run(settings, data, workdir, init, **options) -> loop.Outcome:
    """A training in this process."""
    return loop.train(
        make(settings),
        [data],
        workdir,
        init=weights.load(init),
        options=loop.RunOptions(**{**QUIET, "progress": False, **options}),
    )


def command(settings, data, workdir, init, **options) -> list[str]:
    """The command of the same training."""
    values = {**settings, "data": data, "workdir": workdir, "init": init, **QUIET, **options}
    flags = [f"--{name}={str(value).lower() if isinstance(value, bool) else value}"
             for name, value in values.items()]
    return [sys.executable, "-m", "gradnet_tf.train", *flags]


def launch(arguments, **environment) -> subprocess.Popen:
    """Starts a command in the checkout."""
    return subprocess.Popen(
        arguments,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def history(workdir) -> bytes:
    """The history, as it is on the disk."""
    return (Path(workdir) / loop.HISTORY).read_bytes()


def table(workdir) -> dict[str, np.ndarray]:
    """The columns of the history; what is left out is NaN."""
    header, *rows = (Path(workdir) / loop.HISTORY).read_text().splitlines()
    values = [[float(cell or "nan") for cell in row.split(",")] for row in rows]
    return dict(zip(header.split(","), np.array(values).T))


def state(workdir) -> dict[str, np.ndarray]:
    """Everything in the newest checkpoint."""
    return checkpoints.CheckpointStore(workdir, read_only=True).restore()[0]


def assert_same_training(workdir, expected) -> None:
    """The same weights to the bit and the same history to the byte."""
    assert history(workdir) == history(expected)
    actual, wanted = state(workdir), state(expected)
    assert set(actual) == set(wanted)
    different = [name for name in wanted if actual[name].tobytes() != wanted[name].tobytes()]
    assert different == []
