"""Tests of gradnet_tf.files.storage: what of TensorFlow's errors is told."""

import pytest
import tensorflow as tf

from gradnet_tf.files import storage

IN_A_FUNCTION = """OSError: cannot read the exemplar: gone
Traceback (most recent call last):

  File "script_ops.py", line 270, in __call__
    ret = func(*args)

OSError: cannot read the exemplar: gone


\t [[{{node PyFuncStateless}}]] [Op:IteratorGetNext] name: """
IN_A_GRAPH = """Graph execution error:

Detected at node gradnet/conv defined at (most recent call last):
<stack traces unavailable>
OOM when allocating tensor with shape[8,127]
\t [[{{node gradnet/conv}}]] [Op:__inference_step_1]"""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a/b; No space left on device", "a/b; No space left on device"),
        (
            "{{function_node __wrapped__Get_device_CPU:0}} two\n\n lines [Op:Get] name: ",
            "two lines",
        ),
        (IN_A_FUNCTION, "OSError: cannot read the exemplar: gone"),
        (IN_A_GRAPH, "OOM when allocating tensor with shape[8,127]"),
        ("Graph execution error:", "UnknownError"),
        ("", "UnknownError"),
    ],
)
def test_the_reason_of_an_error_is_one_sentence(message, expected):
    assert storage.reason(tf.errors.UnknownError(None, None, message)) == expected
