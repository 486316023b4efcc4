"""The benchmark of the training step."""

import json

import pytest
from absl import flags

from gradnet_tf.bench import training as bench


def run(*arguments):
    values = flags.FlagValues()
    bench.define_flags(values)
    values(["bench", *arguments])
    return bench.measure(values)


def test_rows_and_ratios(tmp_path, capsys):
    numbers = tmp_path / "numbers.json"
    results = run("--steps=1", "--precisions=float32,mixed_bfloat16", f"--json={numbers}")
    assert json.loads(numbers.read_text()) == results
    assert list(results) == [
        "reference's way, three runs",
        "preset short, from images, float32",
        "preset short, kept features, float32",
        "preset tracking, 3 updates, kept features, float32",
        "preset short, from images, mixed_bfloat16",
        "preset short, kept features, mixed_bfloat16",
        "preset tracking, 3 updates, kept features, mixed_bfloat16",
        "one step, float32",
        "one step, mixed_bfloat16",
    ]
    reference = results["reference's way, three runs"]
    assert reference["ratio"] == 1
    for row in results.values():
        assert row["ratio"] == pytest.approx(reference["median"] / row["median"])
        short = results["preset short, from images, float32"]["median"]
        assert row["ratio_to_short"] == pytest.approx(short / row["median"])
    printed = capsys.readouterr().out
    ratio = results["one step, float32"]["ratio"]
    assert f"one step, float32: {ratio:.2f} times the reference's way" in printed
    assert "(goal: 2.5)" in printed
    for name in ("float32", "mixed_bfloat16"):
        ratio = results[f"preset short, kept features, {name}"]["ratio_to_short"]
        line = f"kept features, {name}: {ratio:.2f} times preset short, from images, float32"
        assert f"{line} (goal: 3), by the processor's time" in printed


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="precision must be"):
        run("--precisions=float8")
    with pytest.raises(ValueError, match="precisions is empty"):
        run("--precisions=")
    with pytest.raises(OSError, match="there is no directory"):
        run(f"--json={tmp_path / 'missing' / 'numbers.json'}")
