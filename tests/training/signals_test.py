"""SIGTERM and Ctrl-C end a training between two steps."""

import os
import signal
import threading

import pytest

from gradnet_tf.training.signals import StopRequest


@pytest.fixture(autouse=True)
def same_handlers_afterwards():
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted(number):
    with StopRequest() as stop:
        assert not stop.requested and stop.name is None
        os.kill(os.getpid(), number)
        assert stop.requested and stop.name == number.name
    assert stop.requested


def test_sigterm_may_come_many_times_and_the_first_name_stays():
    with StopRequest() as stop:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert stop.name == "SIGTERM"


@pytest.fixture
def default_handler():
    """What Python starts with, unless it runs in the background, where Ctrl-C is ignored."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


def test_a_second_ctrl_c_interrupts_at_once(default_handler):
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        os.kill(os.getpid(), signal.SIGINT)


def test_handlers_of_the_caller_come_back():
    calls = []
    old = signal.signal(signal.SIGTERM, lambda *_: calls.append(1))
    try:
        with pytest.raises(KeyError), StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            raise KeyError
        assert stop.requested and not calls
        os.kill(os.getpid(), signal.SIGTERM)
        assert calls == [1]
    finally:
        signal.signal(signal.SIGTERM, old)


def test_another_thread_goes_on_without(caplog):
    requested = []

    def work():
        with StopRequest() as stop:
            requested.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert requested == [False]
    assert "main thread" in caplog.text
