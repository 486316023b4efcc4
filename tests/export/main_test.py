"""The command `python -m gradnet_tf.export`."""

import json

import pytest
from absl import flags

from gradnet_tf.export import __main__ as command


@pytest.fixture
def run(capsys):
    """Runs the command in this process; gives its status, stdout and stderr."""

    def run(*arguments):
        values = flags.FlagValues()
        command.define_flags(values)
        rest = values(["export", *arguments])
        return command.run(values, rest[1:]), *capsys.readouterr()

    return run


def test_writes_what_the_flags_say(run, tmp_path):
    pytest.importorskip("onnx", reason="needs onnx, which the extra onnx installs")
    output = tmp_path / "model"
    assert run("--format=onnx", f"--output={output}", "--preset=paper") == (
        0,
        f"wrote: {output}\n",
        "",
    )
    description = json.loads((output / "tracker.json").read_text())
    assert description["config"]["response_mix"] == "template"
    assert description["variant"] == "full"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--output=model"], "--format is missing"),
        (["--format=onnx"], "--output is missing"),
        (["--format=onnx", "--output=model", "more"], "unexpected argument 'more'"),
        (["--format=onnx", "--output=model", "--checkpoint=none"], "none: no such checkpoint"),
    ],
)
def test_errors_are_one_line(run, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("error: ") and err.count("\n") == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []
