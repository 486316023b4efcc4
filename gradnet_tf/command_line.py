"""Runs the body of a command and ends it as a shell expects: one line, and an exit status.

Each command has `define_flags(values)` and `run(values, arguments) -> exit status`. Its `run` hands
the work to `finish`, and its module ends with `main(define_flags, run)`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Optional

from absl import app, flags

from gradnet_tf.files.interrupts import Interrupts

# What a user can put right: the message says how, and a traceback would only hide it.
EXPECTED = (ImportError, OSError, ValueError)
# Of the types of a configuration's fields.
_DEFINE = {
    "bool": flags.DEFINE_boolean,
    "int": flags.DEFINE_integer,
    "float": flags.DEFINE_float,
    "str": flags.DEFINE_string,
}
flags.disclaim_key_flags()  # --help tells what `define_field` defines among the command's own.
# What asks for help instead of a command.
HELP = ("--help", "-help", "--helpshort", "--helpfull", "-h", "-?")


def finish(
    body: Callable[[], Optional[int]],
    *,
    status: int = 1,
    errors: tuple[type[Exception], ...] = EXPECTED,
    interrupts: Optional[Interrupts] = None,
    stopped: Optional[str] = None,
) -> int:
    """Runs a command's body and turns its errors and signals into a line and an exit status.

    SIGINT, SIGTERM and SIGHUP raise `KeyboardInterrupt` in the body, unless it or the caller
    handles them.

    Args:
        body: Does the work and returns the exit status; None stands for 0.
        status: The exit status after an error.
        errors: What is told in one line, "error: ..." on stderr. Other exceptions are raised.
        interrupts: The body's own, where it asks in between whether a signal came.
        stopped: What is told when a signal ends the command, such as how to go on; by default
            "interrupted by" the signal.

    Returns:
        The body's exit status, `status` after an error, or 128 and the signal's number (130 where
        none is known).
    """
    with interrupts or Interrupts() as caught:
        try:
            return body() or 0
        except errors as error:
            return fail(error, status)
        except KeyboardInterrupt:
            by = f" by {caught.received.name}" if caught.received else ""
            tell(stopped or f"interrupted{by}")
            return caught.exit_status


def fail(error: object, status: int = 1) -> int:
    """Tells an error in one line on stderr, and returns the exit status."""
    tell("error: " + " ".join(str(error).split()))
    return status


def tell(text: str) -> None:
    """Prints to stderr, of which nothing may be left when the terminal is closed (SIGHUP)."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def exit_with_usage(
    text: Optional[str], commands: Mapping[str, tuple[str, str]], status: int
) -> NoReturn:
    """Prints the help of a program with several commands (name: module, what it does), and exits.

    `text` is its docstring; the exit status is `status` if nothing was asked for, not even help.
    """
    is_asked = len(sys.argv) > 1
    width = max(map(len, commands)) + 2
    lines = [f"  {name:{width}}{what}" for name, (_, what) in commands.items()]
    usage = "\n".join(((text or "").rstrip(), "", "commands:", *lines))
    print(usage, file=sys.stdout if is_asked else sys.stderr)
    sys.exit(0 if is_asked else status)


def choose(name: str, commands: Mapping[str, tuple[str, str]], status: int) -> str:
    """Returns the module of a command; exits with `status` if there is no such command."""
    if name not in commands:
        known = ", ".join(commands)
        sys.exit(fail(f"there is no command {name!r}; there are {known}", status))
    return commands[name][0]


def define_field(
    field: dataclasses.Field, default: Any, values: flags.FlagValues, note: str = ""
) -> None:
    """Defines the flag of a field that `settings.constant` made.

    Args:
        field: The field of a configuration; numbers, texts, choices and what is on or off.
        default: Of the flag, which must be given if it is `dataclasses.MISSING`.
        values: Where to define it.
        note: What its help says besides.
    """
    kind = re.sub(r"Optional\[(.*)\]", r"\1", str(field.type))
    is_required = default is dataclasses.MISSING
    options: dict[str, Any] = {"flag_values": values, "required": is_required}
    options |= {"default": None if is_required else default, "help": field.metadata["help"] + note}
    choices = field.metadata["valid"]
    if kind == "str" and choices:
        flags.DEFINE_enum(field.name, enum_values=choices, **options)
    else:
        _DEFINE[kind](field.name, **options)


def refuse(arguments: Sequence[str]) -> None:
    """Raises a ValueError if something stands on the command line besides flags."""
    if arguments:
        raise ValueError(f"unexpected argument {arguments[0]!r}; every value is given by a flag")


def flags_alone(
    work: Callable[[flags.FlagValues], Any], **options: Any
) -> Callable[[flags.FlagValues, Sequence[str]], int]:
    """Makes the `run` of a command that takes nothing but flags, with options of `finish`.

    `work` does what the parsed flags say. An int that it returns is the exit status, else 0.
    """

    def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
        def body() -> int:
            refuse(arguments)
            result = work(values)
            return result if isinstance(result, int) else 0

        return finish(body, **options)

    return run


def parse_flags(argv: Sequence[str], status: int = 1) -> list[str]:
    """Parses absl's flags; a bad one ends the process with one line and the exit status."""
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        sys.exit(fail(error, status))


def main(
    define_flags: Callable[[], Any],
    run: Callable[[flags.FlagValues, Sequence[str]], int],
    *,
    status: int = 1,
) -> None:
    """Runs a command on `sys.argv` and exits, with `status` after a bad flag.

    `define_flags` defines the command's flags. `run` is called with them, parsed, and with what
    stands besides them, and returns the exit status.
    """
    # TensorFlow reads it when it is loaded.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    define_flags()
    app.run(
        lambda argv: sys.exit(run(flags.FLAGS, argv[1:])),
        flags_parser=lambda argv: parse_flags(argv, status),
    )
