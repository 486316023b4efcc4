"""The compiled step as HLO, written for JAX and run by it."""

import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from tools import hlo


def export(folder, *arguments):
    values = flags.FlagValues()
    hlo.define_flags(values)
    values(["hlo", f"--output={folder}", "--width=64", "--height=48", *arguments])
    return hlo.export(values)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hlo")
    return export(folder, "--precisions=float32", "--targets=2")[0]


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
    from tools import run_hlo

    arguments = [str(written.parent), "--check", "--frames=5", "--product=128"]
    assert run_hlo.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "float32_002: largest difference from TensorFlow" in printed
    assert "| float32 | 2 |" in printed


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
