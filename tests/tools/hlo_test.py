"""The compiled steps as HLO, written for JAX and run by it."""

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from tools import hlo, run_hlo


def export(folder, *arguments):
    values = flags.FlagValues()
    hlo.define_flags(values)
    values(["hlo", f"--output={folder}", "--width=64", "--height=48", *arguments])
    return hlo.export(values)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hlo")
    return export(folder, "--precisions=float32", "--targets=2", "--training=")[0]


def test_files_hold_the_step_and_its_arguments(written):
    assert written.name == "float32_002.hlo"
    assert written.stat().st_size > 100_000
    arrays = np.load(written.with_suffix(".npz"))
    size, count = int(arrays["state_size"]), len(arrays["bfloat16"])
    names = [name for name in arrays.files if name.startswith("arg_")]
    assert len(names) == count > size
    # A state goes in and comes out again, in the same places.
    for index in range(size):
        before, after = arrays[f"arg_{index:03d}"], arrays[f"out_{index:03d}"]
        assert before.shape == after.shape and before.dtype == after.dtype
    assert arrays[f"arg_{size:03d}"].dtype == np.uint8  # The frame's pixels.
    box = arrays[f"out_{int(arrays['box']):03d}"]
    assert box.shape == arrays["updated_box"].shape == (2, 4)
    assert not arrays["bfloat16"].any()
    assert int(arrays["frame_multiply_adds"]) == 3 * int(arrays["update_multiply_adds"])


def test_jax_gives_tensorflows_results(written, capsys):
    pytest.importorskip("jax", reason="needs jax, which gradnet_tf does not: pip install jax")

    arguments = [str(written.parent), "--check", "--frames=5", "--product=128"]
    assert run_hlo.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "float32_002 in float32: largest difference from TensorFlow" in printed
    assert "| float32 | 2 |" in printed


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return hlo.export_training(tmp_path_factory.mktemp("training"), "float32", batch=1)


def test_files_hold_the_training_step_and_what_it_replaces(trained):
    assert trained.name == "training_float32.hlo"
    arrays = np.load(trained.with_suffix(".npz"))
    loss = arrays[f"out_{int(arrays['loss']):03d}"]
    assert loss.shape == () and 0 < arrays["updated_loss"] < loss  # Adam's first step is large.
    outputs, arguments = arrays["replaced"].T
    # Each output after those of the step is a variable: weights, two slots of each, averages.
    own = sum(name.startswith("out_") for name in arrays.files)
    np.testing.assert_array_equal(np.sort(outputs), np.arange(own, own + len(outputs)))
    assert len(set(arguments)) == len(outputs) > 60
    assert arguments.min() >= 2  # Not the images.


def step_arrays(path, precision, **arrays):
    path.write_bytes(b"")
    np.savez(path.with_suffix(".npz"), precision=precision, **arrays)


def test_what_matters_most_is_run_first(tmp_path):
    for precision in ("bfloat16", "float32"):
        for targets in (1, 16, 64):
            name = f"{precision}_{targets:03d}.hlo"
            step_arrays(tmp_path / name, precision, targets=targets)
    step_arrays(tmp_path / "training_float32.hlo", "float32", loss=0)
    order = run_hlo.order(tmp_path, "cpu")
    assert [path.stem for path, _ in order] == [
        *("float32_001", "bfloat16_001", "training_float32"),
        *("float32_064", "bfloat16_064", "float32_016", "bfloat16_016"),
    ]
    order = run_hlo.order(tmp_path, "gpu")
    assert [(path.stem, name) for path, name in order[:5]] == [
        *(("float32_001", "float32"), ("float32_001", "TF32"), ("bfloat16_001", "bfloat16")),
        *(("training_float32", "float32"), ("training_float32", "TF32")),
    ]
    assert len(order) == 7 + 4


def test_without_time_the_rest_is_named(written, capsys):
    pytest.importorskip("jax", reason="needs jax, which gradnet_tf does not: pip install jax")

    assert run_hlo.main([str(written.parent), "--product=64", "--minutes=0"]) == 0
    printed = capsys.readouterr().out
    assert "Not measured, for want of time (0 minutes): float32_002 in float32" in printed


def test_the_tables_have_floors_by_the_rates_of_their_types():
    work = {"frame_multiply_adds": 300.0, "update_multiply_adds": 100.0}
    times = {"frame": 0.01, "update frame": 0.02, "transfer": 0.001, "targets": 2.0}
    frames = [{"precision": name, **work, **times} for name in ("float32", "TF32", "bfloat16")]
    rates = {"float32": 1e4, "TF32": 1e5, "bfloat16": 1e6}
    text = run_hlo.report([*frames, {"precision": "TF32", "step": 0.004}], rates)
    # Three regions, and a fifth of an update: that one in float32, or as a GPU does float32.
    assert "| float32 | 2 | 10.00 | 20.00 | 83.3 | 6.00 | 32.00 | 1.00 |" in text
    assert "| TF32 | 2 | 10.00 | 20.00 | 83.3 | 6.00 | 3.20 | 1.00 |" in text
    assert "| bfloat16 | 2 | 10.00 | 20.00 | 83.3 | 6.00 | 0.50 | 1.00 |" in text
    assert "| TF32 | 4.00 | 250.00 |" in text


def test_a_module_without_precisions_is_not_called_float32():
    assert run_hlo.full_float32("<precision DEFAULT>") == "<precision HIGHEST>"
    with pytest.raises(ValueError, match="names no precision"):
        run_hlo.full_float32("module")


def test_bfloat16_is_stored_as_its_bits():
    values = tf.constant([1.0, -2.5], tf.bfloat16)
    stored = hlo._storable(values.numpy())
    assert stored.dtype == np.uint16
    np.testing.assert_array_equal(stored.view(values.dtype.as_numpy_dtype), values.numpy())


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--targets=1,x"], "targets must be whole numbers"),
        (["--targets=0"], "targets must be positive"),
        (["--precisions=int8"], "int8' runs on the processor"),
    ],
)
def test_bad_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        export(tmp_path, *arguments)
