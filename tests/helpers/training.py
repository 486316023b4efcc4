"""Small trainings: data, initial weights, configurations, and the binary as a process."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from gradnet_tf import weights
from gradnet_tf.training import checkpoints, loop, presets
from gradnet_tf.training.config import TrainConfig
from tests.helpers import networks, track_records

ROOT = Path(__file__).parents[2]

# Small in everything but the network. Stage siamfc is the cheaper one.
GRADNET = {
    "stage": "gradnet",
    "preset": "short",
    "batch": 2,
    "steps": 4,
    "steps_per_epoch": 2,
    "validation": 0.3,
    "validation_batches": 1,
    "warmup_steps": 1,
    "learning_rate": 1e-5,
}
SIAMFC = {**GRADNET, "stage": "siamfc", "frozen_layers": 3, "steps": 12, "steps_per_epoch": 6}
QUIET = {"summaries": False, "log_steps": 2}


def once(function: Callable) -> Callable:
    """Calls a function of the session's `tmp_path_factory` once and keeps what it returned."""
    results = []

    @functools.wraps(function)
    def kept(factory):
        if not results:
            results.append(function(factory))
        return results[0]

    return kept


def make(settings, **changes) -> TrainConfig:
    """The configuration of settings such as `GRADNET`."""
    constants = {**settings, **changes}
    preset, stage = constants.pop("preset"), constants.pop("stage")
    return presets.preset(preset, stage, **constants)


def images(pairs: int, seed: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
    """Exemplars and instances of smooth noise."""
    random = np.random.default_rng(seed)

    def draw(size):
        coarse = random.uniform(0, 255, (pairs, 9, 9, 3)).astype(np.float32)
        return tf.image.resize(coarse, [size, size])

    return draw(127), draw(239)


@once
def data(factory) -> str:
    """Shards of 14 videos of 3 frames, made once a session; their pattern."""
    tracks = [track_records.record(f"video{i}", "0", (0, 1, 2), seed=i) for i in range(14)]
    return track_records.write_set(factory.mktemp("data"), tracks)


@once
def init(factory) -> str:
    """A checkpoint of the golden weights, made once a session; its path."""
    directory = factory.mktemp("init") / "checkpoint"
    weights.save(directory, networks.snapshot(networks.hand_made()))
    return str(directory)


@once
def uninterrupted(factory) -> Path:
    """The working directory of a whole training of `SIAMFC`, made once a session: leave it so."""
    workdir = factory.mktemp("uninterrupted") / "run"
    assert run(factory, workdir).finished
    return workdir


def run(factory, workdir, settings=None, **options) -> loop.Outcome:
    """A training in this process, of `SIAMFC` if nothing else is given."""
    return loop.train(
        make(settings or SIAMFC),
        [data(factory)],
        workdir,
        init=weights.load(init(factory)),
        options=loop.RunOptions(**{**QUIET, "progress": False, **options}),
    )


def flags(factory, workdir, settings=None, **options) -> list[str]:
    """The flags of the same training."""
    values = {"data": data(factory), "workdir": workdir, "init": init(factory)}
    values = {**values, **(settings or SIAMFC), **QUIET, **options}
    texts = {n: str(v).lower() if isinstance(v, bool) else v for n, v in values.items()}
    return [f"--{name}={text}" for name, text in texts.items()]


def launch(flag_list, code: str = "", **environment) -> subprocess.Popen:
    """Starts `python -m gradnet_tf.train`, or other code with the same command line."""
    program = ["-c", code] if code else ["-m", "gradnet_tf.train"]
    return subprocess.Popen(
        [sys.executable, *program, *flag_list],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    """Returns as soon as something is so; fails if the process ends before."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def rows(workdir) -> int:
    """Rows in the history so far, without the header."""
    path = Path(workdir) / loop.HISTORY
    return path.read_bytes().count(b"\n") - 1 if path.exists() else 0


def table(workdir) -> dict[str, np.ndarray]:
    """The columns of the history; what is left out is NaN."""
    header, *lines = (Path(workdir) / loop.HISTORY).read_text().splitlines()
    values = [[float(cell or "nan") for cell in line.split(",")] for line in lines]
    return dict(zip(header.split(","), np.array(values).T))


def restore(workdir) -> tuple[dict[str, np.ndarray], dict]:
    """State and info of the newest checkpoint."""
    return checkpoints.CheckpointStore(workdir, read_only=True).restore()


def assert_same_training(workdir, expected) -> None:
    """The same weights to the bit and the same history to the byte."""
    paths = [Path(directory) / loop.HISTORY for directory in (workdir, expected)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    (actual, info), (wanted, wanted_info) = restore(workdir), restore(expected)
    assert info == wanted_info
    assert set(actual) == set(wanted)
    different = [name for name in wanted if actual[name].tobytes() != wanted[name].tobytes()]
    assert different == []
