"""The progress line."""

import io

import numpy as np
import pytest

from gradnet_tf.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_it_shows_steps_and_numbers():
    file = Terminal()
    with Progress(100, 40, file=file) as progress:
        assert progress.enabled
        progress.update(
            10, loss=np.float32(0.123456), initial_loss=3, learning_rate=1e-4, gone=None
        )
    last = file.getvalue().split("\r")[-1]
    assert "50/100" in last and "step" in last
    assert "loss=0.1235, initial_loss=3, learning_rate=0.0001" in last and "gone" not in last


@pytest.mark.parametrize("enabled, shown", [(None, False), (False, False), (True, True)])
def test_it_is_off_where_there_is_no_terminal_unless_asked_for(enabled, shown):
    file = io.StringIO()
    with Progress(10, enabled=enabled, file=file) as progress:
        progress.update(loss=1.0)
        progress.write("a line")
        assert progress.enabled is shown
    assert bool(file.getvalue()) is shown


def test_a_line_stands_above_the_bar():
    file = Terminal()
    with Progress(10, file=file) as progress:
        progress.write("saved step 5")
    assert "saved step 5\n" in file.getvalue()


def test_steps_of_an_earlier_run_do_not_count_for_the_rate():
    with Progress(100, 90, file=Terminal()) as progress:
        progress.update(5)
        state = progress._bar.format_dict
    assert state["n"] == 95 and state["initial"] == 90
