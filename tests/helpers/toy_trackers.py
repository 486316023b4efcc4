"""Cheap trackers for tests of the evaluation, named as python:tests.helpers.toy_trackers:CLASS."""

import os
import signal
import time
from pathlib import Path

import numpy as np

KILL_ONCE = "GRADNET_TF_TEST_KILL_ONCE"  # Environment: file that `KilledOnce` makes.
LOG = "GRADNET_TF_TEST_LOG"  # Environment: file that `Slow` writes to.


class Drift:
    """Moves by `step` px a frame, and a little by what it sees."""

    def __init__(self, step=1.0):
        self.step = step

    def init(self, image, box):
        assert image.dtype == np.uint8 and image.ndim == 3 and len(box) == 4
        self.box = np.array(box)

    def update(self, image):
        self.box[:2] += self.step + float(image.mean()) / 1000
        return self.box


class Lost(Drift):
    """Answers with no box at all."""

    def update(self, image):
        return np.full(4, np.nan)


class Noisy(Drift):
    """Draws on NumPy's global random numbers, as many trackers do."""

    def update(self, image):
        return super().update(image) + np.random.normal(size=4)  # noqa: NPY002


class Failing(Drift):
    """Raises where the target is `y` px from the top at first; elsewhere it drifts."""

    def __init__(self, y):
        super().__init__()
        self.y = y

    def update(self, image):
        if self.box[1] == self.y:
            raise RuntimeError(f"nothing to be seen at {self.y}")
        return super().update(image)


class Exiting(Drift):
    """Ends the program, as a command line tool in a class would."""

    def update(self, image):
        raise SystemExit(0)


class Slow(Drift):
    """Takes its time, and notes in a file when it begins."""

    def __init__(self, seconds=0.05):
        super().__init__()
        self.seconds = seconds

    def init(self, image, box):
        super().init(image, box)
        with open(os.environ[LOG], "a") as file:
            file.write(f"{os.getpid()}\n")

    def update(self, image):
        time.sleep(self.seconds)
        return super().update(image)


class KilledOnce(Drift):
    """Kills its process at the `at`-th update, unless that was done before."""

    def __init__(self, at=3, by="SIGKILL"):
        super().__init__()
        self.at, self.by, self.count = at, by, 0

    def update(self, image):
        self.count += 1
        flag = Path(os.environ[KILL_ONCE])
        if self.count == self.at and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), getattr(signal, self.by))
        return super().update(image)
