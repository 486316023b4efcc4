"""The command `gradnet`: what it lists, and that it runs each command as `python -m` does."""

import importlib.util
import subprocess
import sys

import pytest

from gradnet_tf import __main__ as gradnet


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "gradnet_tf", *arguments], capture_output=True, text=True
    )


def test_help_lists_the_commands():
    asked, unasked = run("--help"), run()
    assert (asked.returncode, unasked.returncode) == (0, 2)
    assert asked.stdout == unasked.stderr
    for name, (_, text) in gradnet.COMMANDS.items():
        assert f"  {name} " in asked.stdout and f" {text}\n" in asked.stdout


def test_what_is_no_command():
    done = run("trakc")
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no command 'trakc'; there are track, ")


@pytest.mark.parametrize("name", gradnet.COMMANDS)
def test_every_command_is_a_module_that_runs(name):
    module = gradnet.COMMANDS[name][0]
    spec = importlib.util.find_spec(module)
    if spec.submodule_search_locations:
        assert importlib.util.find_spec(f"{module}.__main__")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["track", "--source=gone", "--box=1,2,3,4"], "there is no folder or file 'gone'"),
        (["eval", "boxes", "--boxes=gone"], "--truth is missing"),
        (["prepare", "--no_such_flag"], "Unknown command line flag 'no_such_flag'"),
    ],
)
def test_arguments_reach_the_command(arguments, message):
    done = run(*arguments)
    assert done.returncode in (1, 2)
    # TensorFlow 2.21 writes lines of its own while it is loaded.
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert message in error


def test_help_of_a_command_lists_its_flags():
    done = run("track", "--help")
    assert "--on_bad_frame" in done.stdout and "x,y,width,height" in done.stdout


def test_tensorflow_is_not_loaded_before_it_must():
    code = (
        "import sys; from gradnet_tf import __main__\n"
        "sys.argv = ['gradnet', 'track', '--source=gone', '--box=1,2,3,4']\n"
        "try: __main__.main()\n"
        "except SystemExit as error: assert error.code == 1\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
