"""What a fresh process needs: time to the first box, and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional

import numpy as np

import gradnet_tf

_PROGRAM = """
import json, re, resource, sys, time
def now():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime
marks = [now()]
import gradnet_tf
gradnet_tf.Tracker  # Loads TensorFlow.
marks.append(now())
settings = json.loads(sys.argv[1])
tracker = gradnet_tf.Tracker(settings["checkpoint"], **settings["options"])
marks.append(now())
tracker.init(settings["paths"][0], settings["boxes"])
marks.append(now())
tracker.update(settings["paths"][1])
marks.append(now())
for path in settings["paths"][2:]:
    tracker.update(path)
try:  # Linux counts the parent's memory into ru_maxrss of a process that it started.
    status = open("/proc/self/status").read()
    memory = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024
except OSError:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory *= 1 if sys.platform == "darwin" else 1024
print(json.dumps({"marks": marks, "memory": memory}))
"""
STEPS = ("import", "Tracker()", "init()", "first update()")


class FreshProcess(NamedTuple):
    """Tells what a process has needed that did nothing but track."""

    # Of each of `STEPS` to the first box, and of the "whole" process, which starts and ends Python
    # besides.
    seconds: dict[str, float]
    # Seconds of all cores in each of `STEPS`, which neighbours on the machine change less.
    processor: dict[str, float]
    memory: int  # Largest resident memory, bytes.


def measure(
    checkpoint: Optional[str],
    options: Mapping[str, Any],
    paths: Sequence[str],
    boxes,
    source: Optional[str] = None,
) -> FreshProcess:
    """Tracks through a few frames, two or more, in a process of its own.

    The checkpoint is the tracker's, None for the embedded one, and options are its arguments by
    name. Boxes, (x, y, width, height) or [k, 4], are those in the first frame. `source` is the
    folder of another checkout of this repository, whose code is to track; a ValueError if it is
    none.
    """
    folder = os.path.abspath(source or os.path.dirname(os.path.dirname(gradnet_tf.__file__)))
    if not os.path.isfile(os.path.join(folder, "gradnet_tf", "__init__.py")):
        raise ValueError(f"expected a checkout with the folder gradnet_tf, got {source!r}")
    checkpoint = os.path.abspath(checkpoint) if checkpoint else None
    settings = {"checkpoint": checkpoint, "options": dict(options), "paths": list(paths)}
    settings["boxes"] = np.asarray(boxes, float).tolist()
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(settings)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=folder,  # Python looks for modules there first.
    )
    whole = time.perf_counter() - start
    found = json.loads(result.stdout.splitlines()[-1])
    wall, processor = (dict(zip(STEPS, np.diff(column))) for column in zip(*found["marks"]))
    return FreshProcess({**wall, "whole": whole}, processor, found["memory"])


def medians(processes: Sequence[FreshProcess]) -> FreshProcess:
    """Takes the median of each number."""

    def each(dictionaries):
        return {
            name: float(np.median([values[name] for values in dictionaries]))
            for name in dictionaries[0]
        }

    seconds, processor, memory = zip(*processes)
    return FreshProcess(each(seconds), each(processor), int(np.median(memory)))
