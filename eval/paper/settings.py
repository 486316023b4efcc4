"""The experiments, what each of them needs, and what one is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Optional

from gradnet_tf.datasets.sequences import Dataset

SCALES = ("small", "full")
EMBEDDED = "embedded"

_SEQUENCES = ("root", "dataset", "sequences", "dataset_option", "starts")
_PAIRS = ("data", "root", "dataset", "sequences", "dataset_option", "seed", "checkpoint")
_TRACKING = (*_SEQUENCES, "tracker_preset", "jobs")
_TRAINING = ("data", "init", "seed", "preset", "train_flag", "baseline_flag")


class Experiment(NamedTuple):
    """A table or figure of the paper.

    Its module, of this package, has a function `run(settings) -> output.Document`. This raises an
    OSError or a ValueError if something cannot be used or fails, and a KeyboardInterrupt if a
    training or the tracking was stopped; the same command goes on with these.
    """

    module: str
    title: str  # What it shows.
    takes: tuple[str, ...]  # The flags that mean something, besides those of `numbers`.
    needs: tuple[str, ...] = ()  # The flags without which it cannot be.
    # Flags of numbers with their values by scale, (small, full); 0 stands for all.
    numbers: Mapping[str, tuple[int, int]] = {}
    checkpoints: int = 0  # How many --checkpoint it takes at most.
    plots: bool = True  # Whether matplotlib is needed.
    dataset: str = "folder"  # Default of --dataset.


def _benchmark(title: str, dataset: str) -> Experiment:
    takes, needs = ("results", "trackers", *_SEQUENCES), ("results", "root")
    plots = dataset != "vot2017"
    return Experiment("benchmarks", title, takes, needs, plots=plots, dataset=dataset)


def _of_pairs(title: str, pairs: tuple[int, int], checkpoints: int, needs=()) -> Experiment:
    numbers = {"pairs": pairs}
    return Experiment("pair_figures", title, _PAIRS, needs, numbers, checkpoints)


EXPERIMENTS = {
    "table1": Experiment(
        "table1",
        "Iterations of plain gradient descent that SiamFC's template needs",
        (*_PAIRS, "base_rate", "target"),
        numbers={"pairs": (8, 100), "iterations": (2000, 20000)},
        checkpoints=1,
        plots=False,
    ),
    "table2": _benchmark("Accuracy, robustness and EAO on VOT2017", "vot2017"),
    "table3": Experiment(
        "table3",
        "Variations of GradNet, trained by the same budget",
        (*_TRAINING, *_TRACKING),
        needs=("data", "root"),
        numbers={"steps": (60, 5000), "limit": (60, 0)},
        plots=False,
    ),
    "figure1": _of_pairs("Absolute gradient over the exemplar", (6, 12), 1),
    "figure2": Experiment(
        "figure2",
        "Distance error while training, accuracy while testing",
        ("workdirs", *_TRACKING),
        needs=("workdirs", "root"),
        numbers={"points": (3, 50), "limit": (60, 0)},
    ),
    "figure4": _of_pairs(
        "Weight ratio between gradient and feature", (48, 1000), 2, needs=("checkpoint",)
    ),
    "figure6": _benchmark("Precision and success on OTB-2015", "otb100"),
    "figure7": _benchmark("Precision and success on TC-128", "tc128"),
    "figure8": _benchmark("Precision and success on LaSOT", "lasot"),
    "figure10": _of_pairs("Initial and optimal score maps", (5, 8), 2),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What an experiment is asked for; see the flags of the same names."""

    experiment: str
    output: Path
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # To be written down.
    dataset: Optional[Dataset] = None
    dataset_flags: tuple[str, ...] = ()  # For another command.
    pairs: int = 0
    iterations: int = 0
    steps: int = 0
    points: int = 0
    limit: int = 0
    seed: int = 1
    checkpoint: tuple[str, ...] = (EMBEDDED,)
    data: tuple[str, ...] = ()
    workdirs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()
    init: str = EMBEDDED
    preset: str = "short"
    train_flag: tuple[str, ...] = ()
    baseline_flag: tuple[str, ...] = ()
    tracker_preset: str = "reference"
    jobs: int = 1
    base_rate: float = 0.0
    target: float = 0.05

    @property
    def sequences(self) -> Dataset:
        """The data set of an experiment that needs one."""
        assert self.dataset is not None
        return self.dataset
