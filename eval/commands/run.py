r"""Runs trackers on a benchmark and writes their results.

    python -m gradnet_tf.eval run --dataset=otb100 --root=OTB --output=results \
        --tracker=gradnet --tracker="plain SiamFC=gradnet,template_influence=0" \
        --tracker=opencv:csrt --tracker=static

A tracker is gradnet[:CHECKPOINT][,setting=value...], opencv:csrt|kcf|mil, static or
python:MODULE:CLASS[,argument=value...]; NAME= before it says how its results are called. They go to
OUTPUT/DATASET/NAME in the benchmark's own format. With --starts=5 each sequence is run from five of
its frames on (see `temporal`), with --limit=60 for at most 60 frames. With --batch=4 four sequences
go side by side in one compiled step (see `batched`).

The run can be stopped at any time: the same command goes on where it was. What is finished is
checked, and done again if a file is damaged, or if the code that makes boxes has changed since
(unless --keep_other_code is given). Several processes may share an output: each takes sequences
that no other one has. A sequence that fails is recorded in .failed/, and the others go on; the exit
status is 1 then, 2 for bad arguments.
"""

from __future__ import annotations

import dataclasses
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
from absl import flags

from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.commands import listing
from gradnet_tf.eval.results import provenance, submission
from gradnet_tf.eval.running import batched, planning, protocols, realtime, runner, start_frames
from gradnet_tf.eval.running.progress import Progress
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.trackers import registry
from gradnet_tf.files import disk

OK, FAILED, BAD_ARGUMENTS = 0, 1, 2  # Exit statuses.
# Runs of each sequence, by the benchmarks' rules.
_SUPERVISED_REPETITIONS = 15
_GOT10K_REPETITIONS = 3


class _Stopped(BaseException):
    """SIGINT or SIGTERM came."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    listing.define_flags(values)
    flags.DEFINE_multi_string("tracker", ["gradnet"], "Tracker, see above; repeatable.", **here)
    flags.DEFINE_string("output", None, "Folder of results.", **here)
    flags.DEFINE_enum(
        "protocol",
        None,
        protocols.PROTOCOLS,
        "How sequences are run; by default as the benchmark does. realtime: under a simulated "
        "clock, where late frames repeat the last box.",
        **here,
    )
    flags.DEFINE_float(
        "realtime_fps", None, f"Of the clock; by default {realtime.DEFAULT_FPS:g}.", **here
    )
    flags.DEFINE_integer(
        "repetitions",
        None,
        "Runs of each sequence at most; by default as the benchmark says. Three equal ones end it.",
        1,
        **here,
    )
    flags.DEFINE_integer("limit", None, "Frames of a sequence (of a start) at most.", 2, **here)
    flags.DEFINE_string("shard", "1/1", "I/N: do the I-th of N parts, I from 1.", **here)
    flags.DEFINE_integer("jobs", 1, "Processes.", 1, **here)
    flags.DEFINE_integer(
        "batch",
        1,
        "Sequences side by side in one compiled step, in each process; for gradnet trackers and "
        "--protocol=ope. The time of a frame is its share of the step then.",
        1,
        **here,
    )
    flags.DEFINE_enum(
        "on_bad_frame",
        protocols.STOP,
        protocols.BAD_FRAMES,
        "At a frame that cannot be read: fail the sequence, or repeat the last box.",
        **here,
    )
    flags.DEFINE_bool("force", False, "Do again what is finished.", **here)
    flags.DEFINE_bool(
        "keep_other_code",
        False,
        "Count what other code has finished (before an edit of the tracker) as finished. Reports "
        "call such results mixed.",
        **here,
    )
    flags.DEFINE_bool("list", False, "Only tell what the data set holds.", **here)


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Runs as the flags say.

    Args:
        values: Parsed flags of `define_flags`.
        arguments: What stood on the command line besides flags; anything is an error.

    Returns:
        The exit status: 0; 1 if a sequence failed or results cannot be written; 2, after one line
        "error: ..." on stderr, if nothing can be done as asked; 128 and the signal's number if it
        was stopped.
    """
    if values.list:
        return listing.run(values, arguments)
    try:
        with _signals():
            return _run(values, arguments)
    except _Stopped as stopped:
        print("stopped; the same command goes on", file=sys.stderr)
        return 128 + stopped.number


def _run(values: flags.FlagValues, arguments: Sequence[str]) -> int:
    try:
        dataset = listing.open_flagged(values, arguments)
        if not values.output:
            raise ValueError("--output is missing: a folder for the results")
        shard = parse_shard(values.shard)
        specs = registry.parse_trackers(values.tracker)
        protocol = choose_protocol(
            dataset,
            values.protocol,
            values.realtime_fps,
            values.repetitions,
            values.limit,
            values.on_bad_frame,
        )
        batched.check(values.batch, specs, protocol)
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
    except (ImportError, OSError, ValueError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return BAD_ARGUMENTS
    for remark in dataset.remarks:
        print(f"passed over: {remark}", file=sys.stderr)
    for tracker, sequence, detail in plan.problems:
        print(f"{tracker}, {sequence}: {detail}", file=sys.stderr)
    summary = _Summary(dataset)
    for task, outcome in plan.finished:
        summary.add(task, outcome)
    try:
        _track(plan, values.jobs, values.batch, summary)
    except OSError as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return FAILED
    finally:
        for line in summary.lines():
            print(line)
    is_whole = protocol.limit is None and not start_frames.is_split(dataset)
    if dataset.name in submission.DATASETS and is_whole:
        for root in sorted({task.store.root for task in summary.tasks}):
            try:
                print(submission.write_if_complete(root, dataset))
            except (OSError, ValueError) as error:
                print("error: " + " ".join(str(error).split()), file=sys.stderr)
                return FAILED
    return FAILED if summary.failed or plan.problems else OK


def _track(plan: planning.Plan, jobs: int, batch: int, summary: _Summary) -> None:
    if not plan.tasks:
        return
    jobs = min(jobs, len(plan.tasks))
    frames = sum(len(task.sequence.frames) for task in plan.tasks)
    with Progress(len(plan.tasks), frames) as progress:

        def tell(task: runner.Task, news: Union[runner.Frames, runner.Outcome]) -> None:
            if isinstance(news, runner.Frames):
                progress.begin(task.name, task.sequence.name)
                progress.advance(news.count, news.tracked, news.seconds, news.score)
            else:
                summary.add(task, news)
                progress.finish(task.name, task.sequence.name, news.score, news.error)

        threads = max(1, provenance.count_cores() // jobs)
        if batch > 1:
            batched.run_tasks(plan.tasks, tell, batch, jobs, threads)
        else:
            runner.run_tasks(plan.tasks, tell, jobs, threads)


def choose_protocol(
    dataset: Dataset,
    name: Optional[str] = None,
    fps: Optional[float] = None,
    repetitions: Optional[int] = None,
    limit: Optional[int] = None,
    on_bad_frame: str = protocols.STOP,
) -> Protocol:
    """The protocol of a data set, with what is asked for otherwise.

    Args:
        dataset: Its own protocol is the default.
        name: One of `protocols.PROTOCOLS`; realtime resets the tracker where the data set's own
            does.
        fps: Of the simulated clock.
        repetitions: Runs of a sequence at most; by default 15 supervised ones (VOT), 3 on GOT-10k,
            else 1.
        limit: Frames of a sequence at most.
        on_bad_frame: See `Protocol`.

    Raises:
        ValueError: If the wishes contradict each other or the data set, or a value is out of its
            range.
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
    withheld = [sequence.name for sequence in dataset.sequences if sequence.withheld]
    if resets and withheld:
        raise ValueError(
            f"{dataset.name} cannot be run supervised: the truth of {withheld[0]} is withheld"
        )
    if resets and dataset.layout != "vot":
        raise ValueError(f"{dataset.name} has no files for supervised results; VOT's sets have")
    if repetitions is None:
        repetitions = 1
        if resets and not is_realtime:
            repetitions = _SUPERVISED_REPETITIONS
        elif dataset.layout == "got10k" and not is_realtime:
            repetitions = _GOT10K_REPETITIONS
    elif repetitions > 1 and dataset.layout == "otb":
        raise ValueError(f"{dataset.name} has files for one run of a sequence, not {repetitions}")
    elif repetitions > submission.REPETITIONS and dataset.name == submission.DATASET:
        raise ValueError(
            f"--repetitions={repetitions}: GOT-10k's server takes {submission.REPETITIONS} at most"
        )
    if is_realtime:
        fps = realtime.DEFAULT_FPS if fps is None else fps
    return Protocol(
        name=chosen,
        resets=resets,
        repetitions=repetitions,
        fps=fps,
        limit=limit,
        on_bad_frame=on_bad_frame,
    )


def parse_shard(text: str) -> tuple[int, int]:
    """Reads I/N.

    Raises:
        ValueError: If it is something else, or I is not in 1 to N.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--shard must be I/N with I from 1 to N, got {text!r}")
    return int(match[1]), int(match[2])


@dataclasses.dataclass
class _Summary:
    """What came of everything, for the last lines."""

    dataset: Dataset
    tasks: list[runner.Task] = dataclasses.field(default_factory=list)
    outcomes: list[runner.Outcome] = dataclasses.field(default_factory=list)

    def add(self, task: runner.Task, outcome: runner.Outcome) -> None:
        self.tasks.append(task)
        self.outcomes.append(outcome)

    @property
    def failed(self) -> bool:
        return any(outcome.error is not None for outcome in self.outcomes)

    def lines(self) -> Iterator[str]:
        for root in dict.fromkeys(task.store.root for task in self.tasks):
            yield self._line(root)

    def _line(self, root: Path) -> str:
        own = [(t, o) for t, o in zip(self.tasks, self.outcomes) if t.store.root == root]
        good = [outcome for _, outcome in own if outcome.error is None]
        done = [task.sequence for task, outcome in own if outcome.error is None]
        parts = [dataclasses.replace(self.dataset, sequences=tuple(done)).coverage]
        before = sum(outcome.finished_before for outcome in good)
        other = sum(outcome.other_code for outcome in good)
        notes = [f"{before} finished before"] * bool(before)
        notes += [f"{other} of them by other code"] * bool(other)
        parts[0] += f" ({', '.join(notes)})" if notes else ""
        parts += [f"{len(own) - len(good)} failed, see {root}/.failed"] * (len(own) > len(good))
        held = sum(outcome.held for outcome in good)
        parts += [f"{held} unreadable frames held"] * bool(held)
        scores = [outcome.score for outcome in good if not np.isnan(outcome.score)]
        parts += [f"success AUC {np.mean(scores):.3f}"] if scores else []
        seconds = sum(outcome.seconds for outcome in good)
        frames = sum(outcome.frames for outcome in good)
        batches = sorted({outcome.batch for outcome in good})
        together = f" (--batch={' and '.join(map(str, batches))})" if batches != [1] else ""
        parts += [f"{frames / seconds:.1f} frames a second{together}"] if seconds else []
        return f"{own[0][0].name}: {', '.join(parts)}; {root}"


class _signals:  # noqa: N801
    """Turns SIGINT and SIGTERM into `_Stopped` during the block, in the main thread."""

    def __enter__(self) -> None:
        self._old: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                # What is ignored, as under nohup, stays so.
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._old[number] = signal.signal(number, self._stop)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @staticmethod
    def _stop(number: int, frame: Any) -> None:
        raise _Stopped(number)
