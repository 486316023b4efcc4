"""Evaluation of trackers.

    python -m gradnet_tf.eval COMMAND --flag=value ...

COMMAND --help tells a command's flags. Without a command, --boxes=FILE --truth=FILE is "boxes".
"""

from __future__ import annotations

import importlib
import sys

from absl import flags

from gradnet_tf import command_line

# Name: module, what it does. A module is imported when its command is given: most of them need
# no TensorFlow. Each has define_flags(values) and run(values, arguments) -> exit status.
COMMANDS = {
    "run": ("gradnet_tf.eval.commands.run", "run trackers on a data set"),
    "report": ("gradnet_tf.eval.commands.report", "tables, plots and a page of results"),
    "verify": ("gradnet_tf.eval.commands.verify", "compare results with numbers stored earlier"),
    "paper": ("gradnet_tf.eval.commands.paper", "repeat an experiment of the paper"),
    "list": ("gradnet_tf.eval.commands.listing", "what a data set on disk holds"),
    "boxes": ("gradnet_tf.eval.commands.boxes", "compare a file of boxes with the ground truth"),
}
BAD_ARGUMENTS = 2  # Exit status.


def main() -> None:
    """Runs the command on `sys.argv`."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in command_line.HELP:
        command_line.exit_with_usage(__doc__, COMMANDS, BAD_ARGUMENTS)
    command = "boxes" if arguments[0].startswith("-") else arguments.pop(0)
    module = importlib.import_module(command_line.choose(command, COMMANDS, BAD_ARGUMENTS))
    sys.argv = [f"gradnet_tf.eval {command}", *arguments]
    if any(argument in command_line.HELP for argument in arguments):
        # absl would tell the flags that this module defines, and it has none.
        module.define_flags(flags.FLAGS)
        ours = sorted(n for n in flags.FLAGS.flags_by_module_dict() if n.startswith("gradnet_tf."))
        print("\n\n".join([(module.__doc__ or "").strip(), *map(flags.FLAGS.module_help, ours)]))
        sys.exit(0)
    command_line.main(module.define_flags, module.run, status=BAD_ARGUMENTS)


if __name__ == "__main__":
    main()
