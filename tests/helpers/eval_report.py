"""Small sequences and results on which reports are made; the numbers can be worked out by hand."""

import numpy as np
from absl import flags
from PIL import Image

from gradnet_tf.datasets.sequences import Dataset, Sequence
from gradnet_tf.eval.metrics import supervised
from gradnet_tf.eval.results import formats
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.scoring.evaluate import evaluate
from gradnet_tf.eval.scoring.summary import TrackerRuns

WIDTH, HEIGHT = 64, 48
EVIL = '</script><b>&"_$x|'  # A name that needs escaping everywhere.
# IoU of a box of 20 x 20 px that is moved by so many px in x.
SHIFTS = {0: 1.0, 4: 16 / 24, 10: 10 / 30, 20: 0.0}


def truth(frames):
    return np.tile([10.0, 12.0, 20.0, 20.0], (frames, 1))


def shifted(frames, shift):
    """Boxes that lie `shift` px to the right of the truth, but for the first."""
    boxes = truth(frames)
    boxes[1:, 0] += shift
    return boxes


def write_frames(folder, frames, seed=0):
    """Writes noisy frames; returns their names."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    names = []
    for number in range(1, frames + 1):
        names.append(str(folder / f"{number:04d}.png"))
        pixels = rng.integers(0, 255, (HEIGHT // 4, WIDTH // 4, 3), np.uint8)
        Image.fromarray(pixels).resize((WIDTH, HEIGHT)).save(names[-1])
    return tuple(names)


def make_dataset(folder, lengths, attributes=None, **changes):
    """A data set of sequences named A, B, ... of so many frames each."""
    sequences = []
    for place, frames in enumerate(lengths):
        name = chr(ord("A") + place)
        sequences.append(
            Sequence(
                name,
                write_frames(folder / name / "img", frames, place),
                truth(frames),
                attributes=tuple(attributes[place]) if attributes else (),
                resolution=(WIDTH, HEIGHT),
            )
        )
    settings = {
        "name": "folder",
        "title": "Small",
        "root": str(folder),
        "convention": "otb",
        "layout": "otb",
        "protocol": "ope",
        "sequences": tuple(sequences),
    }
    return Dataset(**{**settings, **changes})


def make_run(sequence, boxes, seconds=0.1, codes=None, repetition=1):
    """A result in which the initialisation takes 1 s and each other frame `seconds`."""
    times = np.full(len(boxes), float(seconds))
    times[0] = 1.0
    decode = np.full(len(boxes), 0.02)
    return SequenceResult(sequence, boxes, times, decode, 0.5, codes, repetition)


def supervised_run(name, frames, failure=None, shift=0.0):
    """A run that fails in a frame and starts again five frames later; else `shift` px off."""
    codes = np.zeros(frames, np.int64)
    codes[0] = supervised.FrameCode.INIT
    if failure is not None:
        codes[failure] = supervised.FrameCode.FAILED
        codes[failure + 1 : failure + 5] = supervised.FrameCode.SKIPPED
        codes[failure + 5] = supervised.FrameCode.INIT
    boxes = shifted(frames, shift)
    boxes[codes != supervised.FrameCode.TRACKED] = np.nan
    return make_run(name, boxes, codes=codes)


def make_tracker(name, dataset, shifts, **options):
    """A tracker whose boxes are off by so many px in each sequence."""
    runs = [
        [make_run(s.name, shifted(len(s.frames), shift), **options)]
        for s, shift in zip(dataset.sequences, shifts)
    ]
    return TrackerRuns(name, runs, {"hardware": {"processor": "abacus"}})


def make_evaluation(folder, convention="otb"):
    """Two trackers on three sequences with attributes."""
    dataset = make_dataset(folder, (11, 21, 6), [("OCC", "SV"), ("OCC",), ("FM",)])
    trackers = [
        make_tracker(EVIL, dataset, (4, 20, 10), seconds=0.01),
        make_tracker("good", dataset, (0, 4, 10)),
    ]
    return evaluate(dataset, trackers, convention, samples=200)


def write_otb(root, lengths):
    """Writes a folder that the reader "folder" takes: sequences A, B, ..., 1-based truth."""
    for place, frames in enumerate(lengths):
        name = chr(ord("A") + place)
        write_frames(root / name / "img", frames, place)
        text = formats.encode_boxes("otb", 1, truth(frames))
        (root / name / "groundtruth_rect.txt").write_bytes(text)
    return root


def write_results(root, title, tracker, boxes, seconds=0.1):
    """Writes results as other people have them: OTB text files and times."""
    folder = root / title / tracker
    (folder / "times").mkdir(parents=True, exist_ok=True)
    for name, rows in boxes.items():
        (folder / f"{name}.txt").write_bytes(formats.encode_boxes("otb", 1, rows))
        times = formats.encode_times([np.full(len(rows), seconds)])
        (folder / "times" / f"{name}_time.txt").write_bytes(times)
    return root


def write_two_trackers(root, title, lengths):
    """Results on `write_otb`: of "one", which is right, and of "two", which is 4 px off."""
    for name, shift in (("one", 0), ("two", 4)):
        boxes = {s: shifted(n, shift) for s, n in zip("AB", lengths)}
        write_results(root, title, name, boxes)
    return root


def call(command, *arguments):
    """Runs a command of gradnet_tf.eval with its flags; returns the exit status."""
    values = flags.FlagValues()
    command.define_flags(values)
    rest = values(["command", *map(str, arguments)])
    return command.run(values, rest[1:])
