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

_PROGRAM = """
import json, re, resource, sys, time
start = time.perf_counter()
import gradnet_tf
imported = time.perf_counter()
settings = json.loads(sys.argv[1])
tracker = gradnet_tf.Tracker(settings["checkpoint"], **settings["options"])
made = time.perf_counter()
tracker.init(settings["paths"][0], settings["boxes"])
started = time.perf_counter()
tracker.update(settings["paths"][1])
tracked = time.perf_counter()
for path in settings["paths"][2:]:
    tracker.update(path)
try:  # Linux counts the parent's memory into ru_maxrss of a process that it started.
    status = open("/proc/self/status").read()
    memory = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024
except OSError:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory *= 1 if sys.platform == "darwin" else 1024
print(json.dumps({
    "seconds": {
        "import": imported - start,
        "Tracker()": made - imported,
        "init()": started - made,
        "first update()": tracked - started,
    },
    "memory": memory,
}))
"""


class FreshProcess(NamedTuple):
    """Tells what a process has needed that did nothing but track.

    Attributes:
        seconds: Of each step to the first box, by name, and of the "whole" process, which starts
            and ends Python besides.
        memory: Largest resident memory, bytes.
    """

    seconds: dict[str, float]
    memory: int


def measure(
    checkpoint: Optional[str], options: Mapping[str, Any], paths: Sequence[str], boxes
) -> FreshProcess:
    """Tracks through a few frames, two or more, in a process of its own.

    Args:
        checkpoint: Of the tracker, None for the embedded one.
        options: Arguments of the `Tracker` by name.
        paths: Of the frames.
        boxes: (x, y, width, height) in the first one, or [k, 4].
    """
    settings = {"checkpoint": checkpoint, "options": dict(options), "paths": list(paths)}
    settings["boxes"] = np.asarray(boxes, float).tolist()
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(settings)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    whole = time.perf_counter() - start
    found = json.loads(result.stdout.splitlines()[-1])
    return FreshProcess({**found["seconds"], "whole": whole}, found["memory"])
