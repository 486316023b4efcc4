"""Prints what gradnet_tf, as installed here, requires on another version of Python.

    python tools/requirements.py --python=3.12 --extra=dev

One requirement a line, without environment markers, for ``pip install -r``. The Makefile builds
the environment of the current TensorFlow from it, so that setup.py stays the only list.
"""

from __future__ import annotations

import argparse
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


def main() -> None:
    """Reads the two options and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="version of Python, such as 3.12")
    parser.add_argument("--extra", default="", help="extra to include, such as dev")
    arguments = parser.parse_args()
    print("\n".join(requirements(arguments.python, arguments.extra)))


if __name__ == "__main__":
    main()
