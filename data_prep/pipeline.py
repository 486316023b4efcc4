"""A source of raw videos becomes a data set: shards of track records and ``dataset.json``.

The shards are made by a pipeline of Apache Beam (see `runner`). What it works on and what it finds
go through files in the output (see `layout`): the pipeline itself stays small however large the
source is, and a run that was stopped is continued. A cluster's workers must see the folders of
source and output under the same names as this process.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Optional

import tensorflow as tf
from absl import logging
from tqdm.auto import tqdm

from gradnet_tf import settings
from gradnet_tf.data import description
from gradnet_tf.data_prep import curate, layout, planning, runner, statistics
from gradnet_tf.datasets import SOURCES
from gradnet_tf.datasets.tracks import SPLITS, TRAIN
from gradnet_tf.files import locks, storage
from gradnet_tf.settings import Range, constant

_POLL_SECONDS = 0.5
_LISTED = 10  # shards in a message
_COUNT = Range(lambda v: v is None or v >= 1, "at least 1")


@dataclasses.dataclass(frozen=True)
class PrepConfig:
    """What to prepare, and how; each field says what it is for.

    Raises:
        ValueError: If a value is out of its range.
    """

    source: str = constant(
        dataclasses.MISSING, "What kind of data set it is.", tuple(sorted(SOURCES))
    )
    root: str = constant(dataclasses.MISSING, "Folder of the raw data.")
    output: str = constant(
        dataclasses.MISSING,
        "Folder for shards and dataset.json; if it was begun before, the rest is made.",
    )
    split: str = constant(
        TRAIN,
        "The benchmark's training set, or all: also what it keeps for validation and tests.",
        SPLITS,
    )
    shards: Optional[int] = constant(
        None, "Shards; by default their number goes with that of the frames.", _COUNT
    )
    jobs: Optional[int] = constant(
        None, "Processes of the local runner; by default one for each core.", _COUNT
    )
    beam_options: str = constant(
        "",
        'Options of Apache Beam, such as "--runner=FlinkRunner --parallelism=64"; without '
        "--runner the work is done on this machine.",
    )
    quality: int = constant(
        curate.JPEG_QUALITY,
        "JPEG quality of the crops.",
        Range(range(1, 101).__contains__, "1 to 100"),
    )
    limit_tracks: Optional[int] = constant(None, "Take the first tracks only, for a trial.", _COUNT)

    def __post_init__(self):
        settings.check(self)


def prepare(config: PrepConfig, progress: bool = False) -> description.Description:
    """Makes a data set, or goes on with one that was begun, also where the source has moved.

    Returns:
        What ``dataset.json`` says, which is written last.

    Raises:
        ImportError: If Apache Beam is not installed.
        ValueError: If nothing in the source is usable, options contradict each other or those that
            the output was begun with.
        OSError: If something cannot be read or written, or another process prepares the same
            output.
        runner.PipelineError: If Apache Beam reports a failure.
    """
    pipeline = runner.make_pipeline(config.beam_options, config.jobs)  # Finds wrong options.
    output = config.output if "://" in config.output else os.path.abspath(config.output)
    options: dict[str, Any] = {
        "source": config.source,
        "root": os.path.abspath(os.path.expanduser(config.root)),
        "split": config.split,
        "quality": config.quality,
        "limit_tracks": config.limit_tracks,
    }
    if config.shards is not None:
        options["shards"] = config.shards
    _check_output(output)
    planning.check_options(output, options)
    read = SOURCES[config.source]
    reading = read(options["root"], progress=progress, split=config.split)
    tracks = reading.tracks[: config.limit_tracks]
    options["shards"] = planning.number_of_shards(tracks, config.shards)
    options["annotations"] = planning.digest(tracks)
    with storage.naming("make the folder", output):
        tf.io.gfile.makedirs(os.path.join(output, layout.FOLDER))
    # Keeps other processes on this machine from preparing the same output.
    is_local = "://" not in output
    folder = os.path.join(output, layout.FOLDER)
    with locks.locked(folder) if is_local else contextlib.nullcontext():
        planning.check_options(output, options, tracks)
        layout.clean(output)
        frames = planning.write(output, tracks, options)
        count = len(frames)
        todo = [n for n in range(count) if layout.finished_summary(output, n, count) is None]
        if todo:
            logging.info("%d of %d shards are to be made", len(todo), len(frames))
            with _watching(output, frames, todo, progress):
                runner.run(pipeline, output, todo)
        return _finish(output, options, reading.flaws, len(frames))


def _check_output(output: str) -> None:
    """Tells before the source is read whether the folder can be made; makes nothing."""
    if "://" in output:
        return
    place = output
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise NotADirectoryError(f"cannot write to {output}: {place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write to {output}: the folder {place} is not writable")


@contextlib.contextmanager
def _watching(
    output: str, frames: Sequence[int], todo: Sequence[int], progress: bool
) -> Iterator[None]:
    """Shows the frames of finished shards while the block runs; Beam itself tells nothing."""
    if not progress:
        yield
        return
    over = threading.Event()
    with tqdm(total=sum(frames), unit="frame", desc="cutting") as bar:
        left = set(todo)

        def look() -> None:
            for number in todo:
                if number in left and tf.io.gfile.exists(layout.summary_path(output, number)):
                    left.remove(number)
            bar.update(sum(frames) - sum(frames[number] for number in left) - bar.n)
            bar.set_postfix_str(f"{len(frames) - len(left)} of {len(frames)} shards")

        def watch() -> None:
            while not over.wait(_POLL_SECONDS):
                with contextlib.suppress(tf.errors.OpError):  # A network that comes back.
                    look()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with contextlib.suppress(tf.errors.OpError):
                look()


def _finish(
    output: str, options: dict[str, Any], problems: Sequence[Any], count: int
) -> description.Description:
    """Puts the summaries of all shards together and writes ``dataset.json``."""
    found = [layout.finished_summary(output, number, count) for number in range(count)]
    summaries = [summary for summary in found if summary is not None]
    if len(summaries) < count:
        missing = [number for number, summary in enumerate(found) if summary is None]
        listed = ", ".join(map(str, missing[:_LISTED]))
        raise runner.PipelineError(
            f"{len(missing)} of {count} shards are not finished ({listed}); "
            "the same command continues"
        )
    kinds = collections.Counter(problem.kind for problem in problems)
    listed_problems = [flaw._asdict() for flaw in problems[: description.MAX_LISTED_PROBLEMS]]
    for summary in summaries:
        kinds.update(summary["problems"])
        listed_problems.extend(summary["problem_list"])
    counts = {
        "videos": len({video for summary in summaries for video in summary["videos"]}),
        "tracks": sum(summary["tracks"] for summary in summaries),
        "frames": sum(summary["frames"] for summary in summaries),
    }
    if not counts["frames"]:
        first = f", first: {listed_problems[0]}" if listed_problems else ""
        raise ValueError(
            f"nothing usable in {options['root']}: none of the frames of its tracks could be cut; "
            f"{sum(kinds.values())} problems{first}"
        )
    exemplar, instance = (
        statistics.describe(
            statistics.total(statistics.from_json(part[name]) for part in summaries)
        )
        for name in ("exemplar", "instance")
    )
    made = description.Description(
        source=options["source"],
        root=options["root"],
        options={k: v for k, v in options.items() if k not in ("source", "root")},
        counts=counts,
        problems=dict(sorted(kinds.items())),
        problem_list=listed_problems,
        exemplar=exemplar,
        instance=instance,
        shards=[
            description.Shard(
                **{key: summary[key] for key in ("name", "tracks", "frames", "bytes", "sha256")}
            )
            for summary in summaries
        ],
    )
    description.save(made, output)
    for number in range(count):
        with contextlib.suppress(tf.errors.OpError):
            tf.io.gfile.remove(layout.plan_path(output, number))
    return made
