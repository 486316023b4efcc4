"""The command `gradnet`, which is also `python -m gradnet_tf`.

    gradnet COMMAND --flag=value ...

COMMAND --help tells a command's flags.
"""

from __future__ import annotations

import runpy
import sys

from gradnet_tf import command_line

# Name: module, what it does. `gradnet NAME` is `python -m MODULE`; nothing else is imported.
COMMANDS = {
    "track": ("gradnet_tf.track", "tracks targets through a video, a folder or a camera's stream"),
    "app": ("gradnet_tf.app", "opens a page to draw boxes on a video and track them"),
    "convert": ("gradnet_tf.convert", "converts checkpoints from and to the authors' format"),
    "train": ("gradnet_tf.train", "trains the tracker on prepared data"),
    "prepare": ("gradnet_tf.data_prep", "cuts raw videos into training data"),
    "eval": ("gradnet_tf.eval", "runs trackers on benchmarks and measures them"),
    "export": ("gradnet_tf.export", "writes the tracker for programs without gradnet_tf"),
    "bench": ("gradnet_tf.bench", "measures the speed on this machine"),
}
BAD_ARGUMENTS = 2  # Exit status.


def main() -> None:
    """Runs the command on `sys.argv`."""
    if not sys.argv[1:] or sys.argv[1] in command_line.HELP:
        command_line.exit_with_usage(__doc__, COMMANDS, BAD_ARGUMENTS)
    module = command_line.choose(sys.argv.pop(1), COMMANDS, BAD_ARGUMENTS)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
