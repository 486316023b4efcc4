"""The command `python -m gradnet_tf.bench`."""

import json
import subprocess
import sys

import pytest
from absl import flags

from gradnet_tf.bench import __main__ as bench
from gradnet_tf.bench import parts


def run(*arguments):
    values = flags.FlagValues()
    bench.define_flags(values)
    values(["bench", *arguments])
    return bench.measure(values)


def test_tables_numbers_and_picture(tmp_path, capsys):
    numbers, trace = (tmp_path / name for name in ("numbers.json", "trace"))
    results = run(
        *("--device=cpu", "--precisions=float32", "--width=160", "--height=120"),
        *("--frames=6", "--targets=2", "--nostartup", f"--json={numbers}"),
        f"--trace={trace}",
    )
    printed = capsys.readouterr().out
    assert json.loads(numbers.read_text()) == json.loads(json.dumps(results))
    assert list(trace.rglob("*.xplane.pb"))
    assert set(results["frame"]) == {"reference's way", "float32"}
    frame, end = results["frame"]["float32"], results["end to end"]["float32"]
    assert 0 < frame["median"] <= frame["high"]
    assert end["mean"] > frame["mean"]
    shares = results["parts"]["float32"]
    assert set(shares) == {*parts.PARTS, "rest"}
    assert sum(shares.values()) == pytest.approx(end["mean"])
    assert results["floors"]["float32"]["arithmetic"] > 0
    presets = results["presets"]["float32"]
    assert set(presets) == {"tuned", "fast"}
    assert all(each["end to end"]["mean"] > each["frame"]["mean"] for each in presets.values())
    (scale,) = results["targets"]
    assert scale["targets"] == 2
    assert scale["memory"] > 1e8
    assert "times the reference's way" in printed and "times tuned" in printed
    for text in ("of the floor", "fps end to end", "| features "):
        assert text in printed


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--precisions=float64"], "precisions must be of float32, .* got 'float64'"),
        (["--targets=1,two"], r"targets must be whole numbers, got \['1', 'two'\]"),
        (["--targets=0"], r"targets must be positive, got \[0\]"),
        (["--device=gpu"], "device must be cpu or auto: TensorFlow sees no GPU"),
        (["--checkpoint=/nowhere"], "/nowhere"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        run(*arguments)


def test_outputs_are_checked_before_anything_is_measured(tmp_path):
    with pytest.raises(OSError, match="there is no directory"):
        run(f"--json={tmp_path / 'missing' / 'numbers.json'}")


def test_the_binary_prints_errors():
    result = subprocess.run(
        [sys.executable, "-m", "gradnet_tf.bench", "--targets=x"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr.endswith("error: targets must be whole numbers, got ['x']\n")
    assert not result.stdout
