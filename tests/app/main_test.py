"""Tests of gradnet_tf.app as a command, where Gradio need not be installed."""

import importlib.util
import sys

import pytest
from absl import flags

from gradnet_tf.app import __main__ as main


def test_a_video_that_is_not_there_is_one_line(capsys):
    assert main.run(flags.FlagValues(), ["no_such.mp4"]) == 1
    assert capsys.readouterr().err.startswith("error: there is no folder or file 'no_such.mp4'")


def test_a_second_argument_is_refused(capsys):
    assert main.run(flags.FlagValues(), ["a.mp4", "b.mp4"]) == 1
    assert "unexpected argument 'b.mp4'" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("gradio") is not None, reason="Gradio is installed")
def test_without_gradio_one_sentence_says_how_to_install_it(capsys):
    assert main.run(flags.FlagValues()) == 1
    error = capsys.readouterr().err
    if sys.version_info >= (3, 10):
        assert "pip install gradnet_tf[app]" in error
    else:
        assert "Python 3.10" in error
    assert error.count("\n") == 1
