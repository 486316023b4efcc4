"""Tests of gradnet_tf.bench.roofline."""

import pytest

from gradnet_tf.bench import roofline


def test_multiply_adds_of_the_search_features():
    """Those that the issue of this benchmark names: 8.16 G for three regions, 2.72 G for one."""
    assert roofline.features_work(3).multiply_adds == pytest.approx(8.16e9, rel=1e-3)
    assert roofline.features_work(1).multiply_adds == pytest.approx(2.72e9, rel=1e-3)


def test_multiplications_of_minimal_filtering():
    # conv1 as it is, conv2 by 15 tiles of 8 points along the rows, conv3 to conv5 by 7, 6 and 6
    # tiles of 6 points along both axes.
    expected = 123**2 * 11 * 11 * 3 * 96 + 15 * 8 * 57 * 5 * 48 * 256
    expected += 42**2 * 256 * 384 + 36**2 * 192 * (384 + 256)
    work = roofline.features_work(1)
    assert work.multiplications == expected
    assert roofline.features_work(3).multiplications == 3 * expected
    assert expected < work.multiply_adds / 2


def test_values_of_the_search_features():
    # Input and output of the first convolution, its kernel, ... of the sizes in the paper's table.
    activations = 255**2 * 3 + 123**2 * 96 + (123**2 + 61**2) * 96
    activations += 61**2 * 96 + 57**2 * 256 + (57**2 + 28**2) * 256
    activations += 28**2 * 256 + 26**2 * 384 + 26**2 * 384 + 24**2 * 384 + 24**2 * 384 + 22**2 * 256
    kernels = 11 * 11 * 3 * 96 + 5 * 5 * 48 * 256 + 3 * 3 * (256 * 384 + 192 * 384 + 192 * 256)
    assert roofline.features_work(1).values == activations + kernels
    assert roofline.features_work(3).values == 3 * activations + kernels


def test_floor_of_each_precision():
    rates = roofline.Rates({"float32": 1e11, "bfloat16": 4e11}, copied_bytes=1e10)
    full, half = roofline.floor(rates, "float32"), roofline.floor(rates, "bfloat16")
    assert full.arithmetic == pytest.approx(0.0816 + 0.0272 / 5, rel=1e-3)
    assert half.arithmetic == pytest.approx(0.0204 + 0.0272 / 5, rel=1e-3)
    values = roofline.features_work(3).values, roofline.features_work(1).values
    assert full.memory == pytest.approx(4 * (values[0] + values[1] / 5) / 1e10)
    assert half.memory == pytest.approx((2 * values[0] + 4 * values[1] / 5) / 1e10)
    assert full.minimal == pytest.approx(
        (1 / 5 + 3) * roofline.features_work(1).multiplications / 1e11
    )
    assert half.minimal is None
    assert roofline.floor(rates, "int8").arithmetic is None


def test_probes_measure_rates():
    functions = roofline.probes(["float32", "int8"], size=64)
    assert set(functions) == {"matrix product, float32", "copy"}
    for function in functions.values():
        function(0)
    seconds = {"matrix product, float32": [2.0, 1.0, 9.0], "copy": [4.0], "another": [1.0]}
    rates = roofline.rates(seconds, size=64)
    assert rates.multiply_adds == {"float32": 64**3 / 2}
    assert rates.copied_bytes == 2 * 2**27 / 4
