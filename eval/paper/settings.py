"""The experiments, what each of them needs, and what the command line asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

from absl import flags

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.commands import listing
from gradnet_tf.files import disk
from gradnet_tf.tracking import config

SCALES = ("small", "full")
EMBEDDED = "embedded"

# What the flags of a number mean; 0 is "all" where there is such a thing.
COUNTS = {
    "pairs": "Pairs of an exemplar and a search region.",
    "iterations": "Most iterations of gradient descent.",
    "steps": "Steps of each training.",
    "points": "Most checkpoints of a training that are tracked with; 0: all.",
    "limit": "Most frames of a sequence that are tracked; 0: all.",
}
_SEQUENCES = ("root", "dataset", "sequences", "dataset_option", "starts")
_PAIRS = ("data", "root", "dataset", "sequences", "dataset_option", "seed")
_TRACKING = (*_SEQUENCES, "tracker_preset", "jobs")
_RESULTS = ("results", "trackers", *_SEQUENCES)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table or figure of the paper.

    Attributes:
        module: Of this package, with `run(settings) -> output.Document`.
        title: What it shows.
        takes: The flags that mean something for it.
        needs: Those of them without which it cannot be.
        counts: Numbers by scale, (small, full).
        checkpoints: Least and largest number of checkpoints; the first one has a default.
        plots: Whether matplotlib is needed.
        dataset: Default of --dataset.
    """

    module: str
    title: str
    takes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    counts: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    checkpoints: tuple[int, int] = (0, 0)
    plots: bool = True
    dataset: str = "folder"


def _benchmark(title: str, dataset: str) -> Experiment:
    needs = ("results", "root")
    plots = dataset != "vot2017"
    return Experiment("benchmarks", title, _RESULTS, needs, plots=plots, dataset=dataset)


EXPERIMENTS = {
    "table1": Experiment(
        "table1",
        "Iterations of plain gradient descent that SiamFC's template needs",
        (*_PAIRS, "base_rate", "target"),
        counts={"pairs": (8, 100), "iterations": (2000, 20000)},
        checkpoints=(1, 1),
        plots=False,
    ),
    "table2": _benchmark("Accuracy, robustness and EAO on VOT2017", "vot2017"),
    "table3": Experiment(
        "table3",
        "Variations of GradNet, trained by the same budget",
        ("data", "init", "seed", "preset", "train_flag", "baseline_flag", *_TRACKING),
        needs=("data", "root"),
        counts={"steps": (60, 5000), "limit": (60, 0)},
        plots=False,
    ),
    "figure1": Experiment(
        "figure1",
        "Absolute gradient over the exemplar",
        _PAIRS,
        counts={"pairs": (6, 12)},
        checkpoints=(1, 1),
    ),
    "figure2": Experiment(
        "figure2",
        "Distance error while training, accuracy while testing",
        ("workdirs", *_TRACKING),
        needs=("workdirs", "root"),
        counts={"points": (3, 50), "limit": (60, 0)},
    ),
    "figure4": Experiment(
        "figure4",
        "Weight ratio between gradient and feature",
        _PAIRS,
        needs=("checkpoint",),
        counts={"pairs": (48, 1000)},
        checkpoints=(1, 2),
    ),
    "figure6": _benchmark("Precision and success on OTB-2015", "otb100"),
    "figure7": _benchmark("Precision and success on TC-128", "tc128"),
    "figure8": _benchmark("Precision and success on LaSOT", "lasot"),
    "figure10": Experiment(
        "figure10",
        "Initial and optimal score maps",
        _PAIRS,
        counts={"pairs": (5, 8)},
        checkpoints=(1, 2),
    ),
}


def describe_count(name: str) -> str:
    """What a number of `COUNTS` means, and its values by scale, for the help."""
    values = [
        f"{title} {', '.join(str(number or 'all') for number in experiment.counts[name])}"
        for title, experiment in EXPERIMENTS.items()
        if name in experiment.counts
    ]
    return f"{COUNTS[name]} By --scale (small, full): {'; '.join(values)}."


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the command line asks for; see the flags of the same names.

    Attributes:
        name: Of the experiment.
        experiment: What it needs.
        counts: The numbers that it has, by name; 0 is "all".
        texts: Its other flags as they were given or by default, to be written down.
    """

    name: str
    experiment: Experiment
    output: Path
    scale: str
    seed: int
    counts: Mapping[str, int]
    checkpoints: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    dataset: Optional[Dataset] = None
    dataset_flags: tuple[str, ...] = ()
    workdirs: tuple[Path, ...] = ()
    results: tuple[str, ...] = ()
    trackers: Optional[tuple[str, ...]] = None
    init: str = EMBEDDED
    preset: str = "short"
    train_flags: tuple[str, ...] = ()
    baseline_flags: tuple[str, ...] = ()
    tracker_preset: str = "reference"
    jobs: int = 1
    base_rate: float = 0.0
    target: float = 0.05

    @property
    def limit(self) -> Optional[int]:
        """Frames of a sequence; None for all."""
        return self.counts["limit"] or None

    def parameters(self) -> dict[str, object]:
        """What the numbers depend on besides weights, software and hardware."""
        found: dict[str, object] = {"experiment": self.name, "scale": self.scale}
        found.update({name: value or "all" for name, value in self.counts.items()})
        for name in self.experiment.takes:
            if name == "dataset_option" or (name == "dataset" and self.dataset is None):
                continue
            value = {
                "root": self.dataset.root if self.dataset else "",
                "dataset": self.dataset.name if self.dataset else "",
                "sequences": [s.name for s in self.dataset.sequences] if self.dataset else "",
                "train_flag": self.train_flags,
                "baseline_flag": self.baseline_flags,
            }.get(name, getattr(self, name, ""))
            if value not in ("", (), None):
                found[name] = value
        return found


def parse(values: flags.FlagValues, arguments: Sequence[str] = ()) -> Settings:
    """Checks the flags before any work.

    Raises:
        ImportError: Matplotlib is needed and missing.
        OSError: If the output cannot be written, or the data set cannot be read.
        ValueError: If a flag is missing or wrong, or means nothing for this experiment.
    """
    if arguments:
        raise ValueError(f"unexpected argument {arguments[0]!r}; everything is given by flags")
    if not values.experiment:
        known = ", ".join(EXPERIMENTS)
        raise ValueError(f"--experiment is missing: one of {known}")
    name, experiment = values.experiment, EXPERIMENTS[values.experiment]
    for flag in ("output", *experiment.needs):
        if not values[flag].value:
            raise ValueError(f"--{flag} is missing; --experiment={name} needs it")
    _check_meaning(values, name, experiment)
    least, most = experiment.checkpoints
    checkpoints = tuple(values.checkpoint) or (EMBEDDED,) * least
    if len(checkpoints) > most:
        raise ValueError(f"--experiment={name} takes {most} --checkpoint, got {len(checkpoints)}")
    if "pairs" in experiment.counts and bool(values.data) == bool(values.root):
        raise ValueError(
            f"--experiment={name} needs pairs: give --data (records) or --root (sequences), and "
            "not both"
        )
    if not values.target < 1:
        raise ValueError(f"--target must be below 1, got {values.target}")
    if experiment.plots:
        from gradnet_tf.eval.report import plots

        plots.check_available()
    if "tracker_preset" in experiment.takes:
        _check_tracker_preset(values.tracker_preset)
    dataset, dataset_flags = None, ()
    if values.root:
        values.set_default("dataset", experiment.dataset)
        dataset = listing.open_flagged(values)
        dataset_flags = _dataset_flags(values)
    output = Path(disk.local_path(values.output))
    if output.exists() and not output.is_dir():
        raise NotADirectoryError(f"--output {output} is a file; a folder is needed")
    disk.check_target(output / ".paper" if output.is_dir() else output)
    return Settings(
        name=name,
        experiment=experiment,
        output=output,
        scale=values.scale,
        seed=values.seed,
        counts={
            count: by_scale[SCALES.index(values.scale)]
            if values[count].value is None
            else values[count].value
            for count, by_scale in experiment.counts.items()
        },
        checkpoints=checkpoints,
        data=tuple(values.data or ()),
        dataset=dataset,
        dataset_flags=dataset_flags,
        workdirs=tuple(Path(disk.local_path(path)) for path in values.workdirs or ()),
        results=tuple(values.results or ()),
        trackers=tuple(values.trackers) if values.trackers else None,
        init=values.init,
        preset=values.preset,
        train_flags=tuple(values.train_flag),
        baseline_flags=tuple(values.baseline_flag),
        tracker_preset=values.tracker_preset,
        jobs=values.jobs,
        base_rate=values.base_rate,
        target=values.target,
    )


def _check_meaning(values: flags.FlagValues, name: str, experiment: Experiment) -> None:
    usual = {"experiment", "output", "scale"}
    known = {*usual, *experiment.takes, *experiment.counts}
    known |= {"checkpoint"} if experiment.checkpoints[1] else set()
    own = {flag for one in EXPERIMENTS.values() for flag in (*one.takes, *one.counts)}
    for flag in sorted({*own, "checkpoint"} - known):
        if values[flag].present:
            raise ValueError(f"--{flag} means nothing for --experiment={name}")


def _check_tracker_preset(name: str) -> None:
    try:
        config.preset(name)
    except ValueError as error:
        raise ValueError(f"--tracker_preset: {error}") from None


def _dataset_flags(values: flags.FlagValues) -> tuple[str, ...]:
    """The data set, as another command takes it."""
    found = [f"--dataset={values.dataset}", f"--root={values.root}"]
    if values.sequences:
        found.append(f"--sequences={','.join(values.sequences)}")
    if values.starts > 1:
        found.append(f"--starts={values.starts}")
    return (*found, *(f"--dataset_option={text}" for text in values.dataset_option))
