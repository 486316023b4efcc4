"""Tests of gradnet_tf.bench.device; command_test has the flags that are refused."""

import pytest

from gradnet_tf.bench import device
from gradnet_tf.tracking import precision


def test_precisions_are_those_that_the_device_has():
    assert device.choose_precisions([], "gpu") == ("float32", "float16", "bfloat16")
    found = device.choose_precisions([], "cpu")
    assert found[0] == "float32" and all(map(precision.processor_has, found))
    assert device.choose_precisions(["int8"], "cpu") == ("int8",)
    with pytest.raises(ValueError, match="int8 runs on the processor only, got device gpu"):
        device.choose_precisions(["int8"], "gpu")


def test_numbers_of_targets():
    assert device.read_targets(["1", "8"]) == (1, 8)
    assert device.read_targets([]) == ()
