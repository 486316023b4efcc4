"""How commands end: one line and an exit status."""

import os
import signal
import subprocess
import sys

import pytest

from gradnet_tf import command_line
from gradnet_tf.files.interrupts import Interrupts


def raising(error):
    def body():
        raise error

    return body


def test_a_body_gives_the_status_and_none_stands_for_success():
    assert command_line.finish(lambda: None) == 0
    assert command_line.finish(lambda: 3) == 3


@pytest.mark.parametrize("error", [ValueError, OSError, ImportError])
def test_an_error_is_told_in_one_line(error, capsys):
    assert command_line.finish(raising(error("no such\n  file")), status=2) == 2
    assert capsys.readouterr().err == "error: no such file\n"


def test_other_errors_are_raised_unless_they_are_expected(capsys):
    with pytest.raises(ZeroDivisionError):
        command_line.finish(raising(ZeroDivisionError("by zero")))
    expected = (ArithmeticError,)
    assert command_line.finish(raising(ZeroDivisionError("by zero")), errors=expected) == 1
    assert capsys.readouterr().err == "error: by zero\n"


def test_ctrl_c_gives_130(capsys):
    assert command_line.finish(raising(KeyboardInterrupt()), stopped="stopped; go on") == 130
    assert capsys.readouterr().err == "stopped; go on\n"


def test_a_signal_gives_128_and_its_number(capsys):
    def body():
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the signal has not come")

    before = signal.getsignal(signal.SIGTERM)
    interrupts = Interrupts()
    try:
        assert command_line.finish(body, interrupts=interrupts) == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
    assert interrupts.received == signal.SIGTERM
    assert capsys.readouterr().err == "interrupted by SIGTERM\n"


def test_arguments_besides_flags_are_refused():
    command_line.refuse([])
    with pytest.raises(ValueError, match="unexpected argument 'x'"):
        command_line.refuse(["x", "y"])


SCRIPT = """
from absl import flags
from gradnet_tf import command_line

def run(values, arguments):
    return command_line.finish(lambda: command_line.refuse(arguments) or values.number)

command_line.main(lambda: flags.DEFINE_integer("number", 0, "A number."), run, status=7)
"""


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (["--number=5"], 5, ""),
        (["--number=many"], 7, "error: flag --number=many"),
        (["--digit=5"], 7, "error: Unknown command line flag 'digit'"),
        (["5"], 1, "error: unexpected argument '5'"),
    ],
)
def test_main_parses_flags_and_exits(arguments, status, error):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert done.stderr.startswith(error) and done.stderr.count("\n") == bool(error)
