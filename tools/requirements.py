"""Prints what gradnet_tf, as installed here, requires on another version of Python.

    python tools/requirements.py 3.12 dev

One requirement a line, without environment markers, for ``pip install -r``. The Makefile builds
the environment of the current TensorFlow from it, so that setup.py stays the only list.
"""

from __future__ import annotations

import sys
from importlib import metadata

from packaging.requirements import Requirement


def requirements(python: str, extra: str) -> list[str]:
    """Returns the requirements on Python `python`, those of `extra` included."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": extra}
    chosen = []
    for line in metadata.requires("gradnet_tf") or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            requirement.marker = None
            chosen.append(str(requirement))
    return chosen


if __name__ == "__main__":
    print("\n".join(requirements(*sys.argv[1:])))
