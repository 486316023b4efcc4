"""`python -m gradnet_tf.eval`: commands, and what they load."""

import os
import subprocess
import sys
from pathlib import Path

from gradnet_tf.eval import __main__ as main

ROOT = Path(__file__).resolve().parents[2]


def call(*arguments, code=None):
    command = [sys.executable, *(("-c", code) if code else ("-m", "gradnet_tf.eval")), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_boxes_is_the_default(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("1,2,3,4\n5,6,7,8\n")
    both = [call(*first, f"--boxes={path}", f"--truth={path}") for first in ((), ("boxes",))]
    assert [done.returncode for done in both] == [0, 0]
    assert "frames              2 (0 without truth)" in both[0].stdout
    assert both[0].stdout == both[1].stdout


def test_bad_command_lines():
    for arguments in ((), ("walk",), ("run", "--nothing=3"), ("list", "--root=x")):
        done = call(*arguments)
        assert done.returncode == main.BAD_ARGUMENTS, arguments
        assert "Traceback" not in done.stderr and done.stderr, arguments
    assert "no command 'walk'; there are run, report" in call("walk").stderr
    assert call("--help").stdout.startswith("Evaluation of trackers.")


def test_help_of_a_command_shows_its_flags():
    done = call("run", "--help")
    assert done.returncode == 0
    assert "--realtime_fps" in done.stdout and "--shard" in done.stdout


def test_list_and_run_do_not_load_tensorflow():
    code = (
        "import sys; from gradnet_tf.eval.commands import listing, run; "
        "from gradnet_tf.eval.results import tracker_results; "
        "from gradnet_tf.eval.trackers import registry; "
        "registry.parse_tracker('gradnet,preset=tuned,window_influence=0.3'); "
        "print([n for n in ('tensorflow', 'cv2', 'matplotlib') if n in sys.modules])"
    )
    assert call(code=code).stdout.strip() == "[]"
    done = call("list")
    assert done.returncode == 0 and "otb100" in done.stdout.split()
