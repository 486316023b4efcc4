r"""Runs trackers on a benchmark and writes their results.

    python -m gradnet_tf.eval run --dataset=otb100 --root=OTB --output=results \
        --tracker=gradnet --tracker="plain SiamFC=gradnet,template_influence=0" \
        --tracker=opencv:csrt --tracker=static

A tracker is gradnet[:CHECKPOINT][,setting=value...], opencv:csrt|kcf|mil, static or
python:MODULE:CLASS[,argument=value...]; NAME= before it says how its results are called. They go to
OUTPUT/DATASET/NAME in the benchmark's own format. With --starts=5 each sequence is run from five of
its frames on, with --limit=60 for at most 60 frames. With --batch=4 four sequences go side by side
in one compiled step; docs/evaluation.md says what times mean then.

The run can be stopped at any time: the same command goes on where it was. What is finished is
checked, and done again if a file is damaged, or if the code that makes boxes has changed since
(unless --keep_other_code is given). Several processes may share an output: each takes sequences
that no other one has. A sequence that fails is recorded in .failed/, and the others go on; the exit
status is 1 then, 2 for bad arguments.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Optional, Union

import numpy as np
from absl import flags

from gradnet_tf import command_line
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.commands import listing
from gradnet_tf.eval.results import submission
from gradnet_tf.eval.running import planning, protocols, provenance, realtime, runner, start_frames
from gradnet_tf.eval.running.progress import Progress
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.running.tasks import FramesDone, Task, TaskResult
from gradnet_tf.eval.trackers import registry
from gradnet_tf.files import disk

OK, FAILED, BAD_ARGUMENTS = 0, 1, 2  # Exit statuses.
# Runs of each sequence, by the benchmarks' rules.
_SUPERVISED_REPETITIONS = 15
_REPETITIONS = {"got10k": 3}  # By layout, once through.


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    listing.define_flags(values)
    flags.DEFINE_multi_string("tracker", ["gradnet"], "Tracker, see above; repeatable.", **here)
    flags.DEFINE_string("output", None, "Folder of results.", **here)
    text = (
        "How sequences are run; by default as the benchmark does. realtime: under a simulated "
        "clock, where late frames repeat the last box."
    )
    flags.DEFINE_enum("protocol", None, protocols.PROTOCOLS, text, **here)
    text = f"Frames a second of the simulated clock; by default {realtime.DEFAULT_FPS:g}."
    flags.DEFINE_float("realtime_fps", None, text, **here)
    text = "Runs of a sequence at most, by default as the benchmark says; three equal ones end it."
    flags.DEFINE_integer("repetitions", None, text, 1, **here)
    flags.DEFINE_integer("limit", None, "Frames of a sequence (of a start) at most.", 2, **here)
    flags.DEFINE_string("shard", "1/1", "I/N: do the I-th of N parts, I from 1.", **here)
    flags.DEFINE_integer("jobs", 1, "Processes.", 1, **here)
    text = (
        "Sequences side by side in one compiled step, in each process; for gradnet trackers and "
        "--protocol=ope. The time of a frame is its share of the step then."
    )
    flags.DEFINE_integer("batch", 1, text, 1, **here)
    text = "At a frame that cannot be read: fail the sequence, or repeat the last box."
    flags.DEFINE_enum("on_bad_frame", protocols.STOP, protocols.BAD_FRAMES, text, **here)
    flags.DEFINE_bool("force", False, "Do again what is finished.", **here)
    text = (
        "Count what other code has finished (before an edit of the tracker) as finished. Reports "
        "call such results mixed."
    )
    flags.DEFINE_bool("keep_other_code", False, text, **here)


def _run(values: flags.FlagValues) -> int:
    dataset = listing.open_flagged(values)
    if not values.output:
        raise ValueError("--output is missing: a folder for the results")
    shard = parse_shard(values.shard)
    specs = registry.parse_trackers(values.tracker)
    names = ("protocol", "realtime_fps", "repetitions", "limit", "on_bad_frame")
    protocol = choose_protocol(dataset, *(values[name].value for name in names))
    runner.check_batch(values.batch, specs, protocol)
    plan = planning.make_plan(
        dataset,
        specs,
        protocol,
        Path(disk.local_path(values.output)),
        shard=shard,
        jobs=values.jobs,
        batch=values.batch,
        force=values.force,
        keep_other_code=values.keep_other_code,
    )
    try:
        return _do(plan, dataset, protocol, values)
    except (OSError, ValueError) as error:
        return command_line.fail(error, FAILED)


run = command_line.flags_alone(
    _run, status=BAD_ARGUMENTS, stopped="stopped; the same command goes on"
)


def _do(plan: planning.Plan, dataset: Dataset, protocol: Protocol, values: flags.FlagValues) -> int:
    for remark in dataset.remarks:
        print(f"passed over: {remark}", file=sys.stderr)
    for sequence, detail in dataset.problems:
        print(f"{sequence} is left out: {detail}", file=sys.stderr)
    done = list(plan.finished)
    try:
        if plan.tasks:
            _track(plan, min(values.jobs, len(plan.tasks)), values.batch, done)
    finally:
        for line in _summary_lines(dataset, done):
            print(line)
    is_whole = protocol.limit is None and not start_frames.is_split(dataset)
    if dataset.name in submission.DATASETS and is_whole:
        for root in sorted({task.store.root for task, _ in done}):
            print(submission.write_if_complete(root, dataset))
    return FAILED if dataset.problems or any(result.error for _, result in done) else OK


def _track(plan: planning.Plan, jobs: int, batch: int, done: list[tuple[Task, TaskResult]]) -> None:
    frames = sum(len(task.sequence.frames) for task in plan.tasks)
    with Progress(len(plan.tasks), frames) as progress:

        def tell(task: Task, news: Union[FramesDone, TaskResult]) -> None:
            if isinstance(news, FramesDone):
                progress.advance(task.name, task.sequence.name, *dataclasses.astuple(news))
            else:
                done.append((task, news))
                progress.finish(task.name, task.sequence.name, news.score, news.error)

        threads = max(1, provenance.count_cores() // jobs)
        runner.run_tasks(plan.tasks, tell, jobs, threads, batch)


def choose_protocol(
    dataset: Dataset,
    name: Optional[str] = None,
    fps: Optional[float] = None,
    repetitions: Optional[int] = None,
    limit: Optional[int] = None,
    on_bad_frame: str = protocols.STOP,
) -> Protocol:
    """Returns the data set's own protocol, with what is asked for otherwise.

    By default 15 supervised runs of a sequence (VOT), 3 on GOT-10k, else 1. `realtime` resets the
    tracker where the data set's own protocol does. Raises a ValueError for wishes that contradict
    each other or the data set, or are out of their range.
    """
    chosen = name or dataset.protocol
    is_realtime = chosen == protocols.REALTIME
    if fps is not None and not is_realtime:
        raise ValueError("--realtime_fps is for --protocol=realtime")
    resets = (dataset.protocol if is_realtime else chosen) == protocols.SUPERVISED
    if resets and start_frames.is_split(dataset):
        raise ValueError(
            "--starts is for runs without resets: supervised ones start again by themselves; "
            "give --protocol=ope, or leave --starts out"
        )
    if resets and dataset.layout != "vot":
        raise ValueError(f"{dataset.name} has no files for supervised results; VOT's sets have")
    if repetitions is None:
        usual = _SUPERVISED_REPETITIONS if resets else _REPETITIONS.get(dataset.layout, 1)
        repetitions = 1 if is_realtime else usual
    elif repetitions > 1 and dataset.layout == "otb":
        raise ValueError(f"{dataset.name} has files for one run of a sequence, not {repetitions}")
    elif repetitions > submission.REPETITIONS and dataset.name == submission.DATASET:
        raise ValueError(
            f"--repetitions={repetitions}: GOT-10k's server takes {submission.REPETITIONS} at most"
        )
    if is_realtime and fps is None:
        fps = realtime.DEFAULT_FPS
    return Protocol(chosen, resets, repetitions, fps=fps, limit=limit, on_bad_frame=on_bad_frame)


def parse_shard(text: str) -> tuple[int, int]:
    """Reads I/N; raises a ValueError if it is something else, or I is not in 1 to N."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--shard must be I/N with I from 1 to N, got {text!r}")
    return int(match[1]), int(match[2])


def _summary_lines(dataset: Dataset, done: Sequence[tuple[Task, TaskResult]]) -> Iterator[str]:
    """Sums up what came of everything, a line for each tracker."""
    for root in dict.fromkeys(task.store.root for task, _ in done):
        own = [(task, result) for task, result in done if task.store.root == root]
        good = [result for _, result in own if result.error is None]
        sequences = tuple(task.sequence for task, result in own if result.error is None)
        parts = [dataclasses.replace(dataset, sequences=sequences).coverage]
        before = sum(result.finished_before for result in good)
        other = sum(result.other_code for result in good)
        notes = [f"{before} finished before"] * bool(before)
        notes += [f"{other} of them by other code"] * bool(other)
        parts[0] += f" ({', '.join(notes)})" if notes else ""
        parts += [f"{len(own) - len(good)} failed, see {root}/.failed"] * (len(own) > len(good))
        held = sum(result.held for result in good)
        parts += [f"{held} unreadable frames held"] * bool(held)
        scores = [result.score for result in good if not np.isnan(result.score)]
        parts += [f"success AUC {np.mean(scores):.3f}"] if scores else []
        seconds = sum(result.seconds for result in good)
        frames = sum(result.frames for result in good)
        batches = sorted({result.batch for result in good})
        together = f" (--batch={' and '.join(map(str, batches))})" if batches != [1] else ""
        parts += [f"{frames / seconds:.1f} frames a second{together}"] if seconds else []
        yield f"{own[0][0].name}: {', '.join(parts)}; {root}"
