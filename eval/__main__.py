"""Evaluation of trackers.

    python -m gradnet_tf.eval COMMAND --flag=value ...

COMMAND --help tells a command's flags. Without a command, --boxes=FILE --truth=FILE is "boxes".
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Optional

from absl import app, flags

# Name: module, what it does. A module is imported when its command is given: most of them need
# no TensorFlow. Each has define_flags(values) and run(values, arguments) -> exit status.
COMMANDS = {
    "run": ("gradnet_tf.eval.commands.run", "run trackers on a data set"),
    "report": ("gradnet_tf.eval.commands.report", "tables, plots and a page of results"),
    "verify": ("gradnet_tf.eval.commands.verify", "compare results with numbers stored earlier"),
    "paper": ("gradnet_tf.eval.commands.paper", "repeat an experiment of the paper"),
    "list": ("gradnet_tf.eval.commands.listing", "what a data set on disk holds"),
    "boxes": ("gradnet_tf.eval.commands.boxes", "compare a file of boxes with one of true boxes"),
}
DEFAULT = "boxes"
BAD_ARGUMENTS = 2  # Exit status.
_HELP = ("--help", "-help", "--helpshort", "--helpfull", "-h", "-?")


def split_command(arguments: Sequence[str]) -> tuple[Optional[str], list[str]]:
    """Takes the command off the arguments.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The command, None where help or nothing was asked for, and the other arguments.

    Raises:
        ValueError: If there is no such command.
    """
    arguments = list(arguments)
    if not arguments or arguments[0] in _HELP:
        return None, arguments
    if arguments[0].startswith("-"):
        return DEFAULT, arguments
    if arguments[0] not in COMMANDS:
        raise ValueError(f"there is no command {arguments[0]!r}; there are {', '.join(COMMANDS)}")
    return arguments[0], arguments[1:]


def usage() -> str:
    """What is printed where no command is given."""
    lines = [f"  {name:8}{text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join((__doc__.rstrip(), "", "commands:", *lines))


def main() -> None:
    """Runs the command on `sys.argv`."""
    # Read when a command loads TensorFlow.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        command, arguments = split_command(sys.argv[1:])
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(BAD_ARGUMENTS)
    if command is None:
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else BAD_ARGUMENTS)
    module = importlib.import_module(COMMANDS[command][0])
    module.define_flags(flags.FLAGS)
    app.run(
        lambda argv: sys.exit(module.run(flags.FLAGS, argv[1:])),
        argv=[f"gradnet_tf.eval {command}", *arguments],
        flags_parser=lambda argv: _parse_flags(argv, module),
    )


def _parse_flags(argv: Sequence[str], module: ModuleType) -> list[str]:
    # absl would tell the flags that this module defines, and it has none.
    if any(argument in _HELP for argument in argv[1:]):
        ours = [
            name for name in flags.FLAGS.flags_by_module_dict() if name.startswith("gradnet_tf.")
        ]
        help_texts = [flags.FLAGS.module_help(name) for name in sorted(ours)]
        print("\n\n".join([module.__doc__.strip(), *help_texts]))
        sys.exit(0)
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        sys.exit(BAD_ARGUMENTS)


if __name__ == "__main__":
    main()
