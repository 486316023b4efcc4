"""Plans a run: which tasks there are, which are finished, and whether the output fits them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from absl import logging

from gradnet_tf.datasets.sequences import Dataset, part
from gradnet_tf.eval.results import formats
from gradnet_tf.eval.results.marks import FAILED
from gradnet_tf.eval.results.store import Store
from gradnet_tf.eval.running import provenance, start_frames
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.running.tasks import Task, TaskResult, read_finished
from gradnet_tf.eval.trackers import sources
from gradnet_tf.eval.trackers.registry import TrackerSpec


class Plan(NamedTuple):
    """What is to be done, and what has been done and came of it."""

    tasks: list[Task]
    finished: list[tuple[Task, TaskResult]]


def result_name(spec: TrackerSpec, protocol: Protocol, layout: str) -> str:
    """Returns the name of results, with the clock's rate where no folder tells it."""
    if protocol.fps is not None and layout != formats.VOT:
        return f"{spec.name}@{protocol.fps:g}fps"
    return spec.name


def make_plan(
    dataset: Dataset,
    specs: Sequence[TrackerSpec],
    protocol: Protocol,
    output: Path,
    *,
    shard: tuple[int, int] = (1, 1),
    jobs: int = 1,
    batch: int = 1,
    force: bool = False,
    keep_other_code: bool = False,
) -> Plan:
    """Looks at what there is, and writes the provenance of what is to come.

    Trackers have different names. The shard (i, n) is every n-th sequence from the i-th on, counted
    from 1; `jobs` processes with `batch` sequences side by side are for the record. Finished
    sequences are done again if `force`, those of other code unless `keep_other_code`.

    Raises:
        ImportError: If a tracker needs something that is not installed.
        OSError: If something cannot be read or written.
        ValueError: If a tracker cannot be used, or the output holds something else.
    """
    environment = provenance.describe_environment(jobs, batch)
    sequences = [part(sequence, end=protocol.limit) for sequence in dataset.sequences]
    names = [sequence.name for sequence in sequences]
    listed = {*names, *(problem.sequence for problem in dataset.problems)}
    prepared = []
    for spec in specs:
        name = result_name(spec, protocol, dataset.layout)
        root = output / dataset.title / name
        if dataset.layout == formats.VOT:
            root /= formats.EXPERIMENTS[protocol.name]
        record = provenance.make_provenance(spec, name, protocol, dataset, environment)
        code = sources.read_code(spec)
        identity = provenance.make_identity(record, code.digest)
        store = Store(root, dataset.layout, dataset.origin, identity, code.modules)
        other = store.check_conflicts(listed, force=force, keep_other_code=keep_other_code)
        prepared.append((spec, name, store, record, other))
    plan = Plan([], [])
    for spec, name, store, record, other in prepared:
        keep = keep_other_code and bool(other)
        if other:
            logging.warning(
                "%s: %d of the finished sequences were tracked by %s%s",
                *(name, len(other), next(iter(other.values()))),
                " and are kept" if keep else ": they are done again (--keep_other_code keeps them)",
            )
        store.write_provenance(record, keep_other_code=keep)
        if start_frames.is_split(dataset):
            # What could not be used was recorded under the name of the whole sequence, which none
            # of its segments clears when it is finished.
            for whole in {start_frames.source(sequence.name) for sequence in sequences}:
                (store.root / FAILED / f"{whole}.txt").unlink(missing_ok=True)
        for problem in dataset.problems:
            store.fail(problem.sequence, problem.detail)
        for sequence in sequences[shard[0] - 1 :: shard[1]]:
            data = provenance.hash_data(sequence, protocol)
            stamp = store.stamp(sequence.name)
            task = Task(spec, name, sequence, protocol, store, data, environment, stamp)
            flaw: Optional[str] = ""
            if not force:
                flaw = store.find_flaw(
                    sequence.name, len(sequence.frames), data, keep_other_code=keep
                )
            if flaw is None:
                plan.finished.append((task, read_finished(task)))
                continue
            if flaw and sequence.name not in other:
                logging.warning("%s, %s is done again: %s", name, sequence.name, flaw)
            plan.tasks.append(task)
    return plan
