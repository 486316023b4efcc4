r"""Compares checkpoints and constants on OTB-like sequences, from several starting frames.

    python -m gradnet_tf.eval.compare --root=OTB --limit=300 --starts=1 \
        --tracker=ours --tracker="plain:checkpoint=DIR" --tracker="ours, no update:update=none"

ROOT holds sequences as OTB has them (`img/`, `groundtruth_rect.txt`, 1-based). A tracker is a name
and, after a colon, settings separated by commas: `checkpoint=` (without it, the weights that come
with gradnet_tf), `preset=`, and constants of `TrackerConfig`. Prints a table of success AUC (21
thresholds) and precision at 20 px, and frames a second. With several starts, evenly spread over
each sequence, every run goes on for at most `limit` frames (temporal robustness evaluation, Wu et
al., OTB); a sequence counts as the mean of its runs.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
from absl import app, flags
from tqdm import tqdm

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Read when TensorFlow is loaded, just below.

from gradnet_tf import files, folder  # noqa: E402
from gradnet_tf.eval import metrics, trackers  # noqa: E402
from gradnet_tf.tracking.tracker import Tracker  # noqa: E402

TRUTH = "groundtruth_rect.txt"


@dataclasses.dataclass(frozen=True)
class TestSequence:
    """One annotated sequence.

    Attributes:
      name: name of its folder.
      frames: image files.
      boxes: float64 [n, 4], (x, y, width, height), 0-based px.
    """

    __test__ = False  # Nothing for pytest.

    name: str
    frames: list[Path]
    boxes: np.ndarray


@dataclasses.dataclass(frozen=True)
class Run:
    """One tracker on one sequence from one frame on.

    Attributes:
      tracker: its name.
      sequence: name of the sequence.
      start: number of the first frame, from 0.
      frames: how many were tracked, the first included.
      success: success AUC.
      precision: precision at 20 px.
      seconds: time of tracking, without the first frame.
    """

    tracker: str
    sequence: str
    start: int
    frames: int
    success: float
    precision: float
    seconds: float


def read_sequences(root: Path, names: Optional[Sequence[str]] = None) -> list[TestSequence]:
    """Reads the sequences in a folder, all or the named ones.

    Raises:
      OSError: something cannot be read.
      ValueError: there is none, or one has other numbers of frames and boxes.
    """
    folders = sorted(path.parent for path in root.glob(f"*/{TRUTH}"))
    if names is not None:
        missing = sorted(set(names) - {path.name for path in folders})
        if missing:
            raise ValueError(f"{root} has no sequence {', '.join(missing)}")
        folders = [path for path in folders if path.name in names]
    if not folders:
        raise ValueError(f"no sequence in {root}: expected folders with img/ and {TRUTH}")
    sequences = []
    for path in folders:
        boxes = metrics.load_boxes(path / TRUTH) - [1.0, 1.0, 0.0, 0.0]
        frames, missing_frames = folder.list_frames(path)
        if missing_frames or len(frames) != len(boxes):
            raise ValueError(
                f"{path}: {len(frames)} frames ({len(missing_frames)} missing) for {len(boxes)} "
                "boxes; one box a frame is needed"
            )
        sequences.append(TestSequence(path.name, frames, boxes))
    return sequences


def segments(count: int, starts: int, limit: Optional[int]) -> list[tuple[int, int]]:
    """First frame and end of each run, starts evenly spread over `count` frames."""
    firsts = [count * index // starts for index in range(starts)]
    return [(first, min(count, first + (limit or count))) for first in firsts]


def parse_tracker(text: str) -> tuple[str, dict[str, Any]]:
    """Name and settings of a tracker as given on the command line.

    Raises:
      ValueError: if a setting is no `name=value`, or unknown.
    """
    name, _, rest = text.partition(":")
    parts = [part for part in rest.split(",") if part]
    try:
        return name, trackers.gradnet_settings(parts, ("checkpoint", "preset"))
    except ValueError as error:
        raise ValueError(f"tracker {text!r}: {error}") from None


def measure(name: str, tracker: Tracker, sequence: TestSequence, first: int, end: int) -> Run:
    """Runs a tracker on a part of a sequence."""
    run = tracker.track(sequence.frames[first:end], sequence.boxes[first])
    truth = sequence.boxes[first:end]
    return Run(
        tracker=name,
        sequence=sequence.name,
        start=first,
        frames=end - first,
        success=metrics.success_auc(metrics.overlap_ratio(run.boxes, truth)),
        precision=metrics.precision(metrics.center_error(run.boxes, truth)),
        seconds=float(np.nansum(run.seconds[1:])),
    )


def table(runs: Sequence[Run]) -> str:
    """A Markdown table: trackers in columns, sequences in rows, means below."""
    trackers = list(dict.fromkeys(run.tracker for run in runs))
    sequences = list(dict.fromkeys(run.sequence for run in runs))

    def mean(tracker, sequence, field):
        values = [
            getattr(run, field)
            for run in runs
            if run.tracker == tracker and run.sequence == sequence
        ]
        return float(np.mean(values))

    def row(label, texts):
        return f"| {label} | {' | '.join(texts)} |"

    lines = [row("success AUC", trackers), row("---", ["---:"] * len(trackers))]
    for sequence in sequences:
        lines.append(row(sequence, [f"{mean(t, sequence, 'success'):.3f}" for t in trackers]))
    for label, field, form in (
        ("mean", "success", "{:.3f}"),
        ("precision at 20 px, mean", "precision", "{:.3f}"),
    ):
        means = [np.mean([mean(t, s, field) for s in sequences]) for t in trackers]
        lines.append(row(f"**{label}**", [form.format(value) for value in means]))
    rates = []
    for tracker in trackers:
        own = [run for run in runs if run.tracker == tracker]
        seconds = sum(run.seconds for run in own)
        rates.append(f"{sum(run.frames - 1 for run in own) / seconds:.1f}" if seconds else "")
    lines.append(row("frames a second", rates))
    return "\n".join(lines)


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    here = dict(flag_values=values)
    flags.DEFINE_string("root", None, "Folder of sequences.", required=True, **here)
    flags.DEFINE_multi_string("tracker", ["ours"], "NAME[:setting=value,...]; repeatable.", **here)
    flags.DEFINE_list("sequences", None, "Names of sequences, instead of all.", **here)
    flags.DEFINE_integer("starts", 1, "Starting frames of each sequence.", 1, **here)
    flags.DEFINE_integer("limit", None, "Frames of a run at most.", 2, **here)
    flags.DEFINE_string("output", None, "JSON file of all runs.", **here)


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Compares as the flags say.

    Args:
      values: parsed flags of `define_flags`.
      arguments: what stood on the command line besides flags; anything is an error.

    Returns:
      The exit status: 0, or 1 after one line "error: ..." on stderr.
    """
    try:
        if arguments:
            raise ValueError(f"unexpected argument {arguments[0]!r}; values are given by flags")
        parsed = [parse_tracker(text) for text in values.tracker]
        if values.output:
            files.check_target(values.output)
        sequences = read_sequences(Path(values.root), values.sequences)
        made = [(name, trackers.make_gradnet(settings)) for name, settings in parsed]
        jobs = [
            (name, tracker, sequence, first, end)
            for sequence in sequences
            for first, end in segments(len(sequence.frames), values.starts, values.limit)
            for name, tracker in made
        ]
        runs = [measure(*job) for job in tqdm(jobs, unit="run")]
        if values.output:
            content = json.dumps([dataclasses.asdict(each) for each in runs], indent=1)
            files.write_bytes(values.output, content.encode())
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(runs))
    return 0


def main() -> None:
    """Runs the command on `sys.argv`."""
    define_flags()
    app.run(lambda argv: sys.exit(run(flags.FLAGS, argv[1:])))


if __name__ == "__main__":
    main()
