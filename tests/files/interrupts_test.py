"""SIGTERM, SIGHUP and Ctrl-C become an exception, or a request to stop between two steps."""

import os
import signal
import threading

import pytest

from gradnet_tf.files import interrupts
from gradnet_tf.files.interrupts import Interrupts, StopRequest

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def default_handlers():
    """Those of a program that was started by a shell, whatever pytest was started by."""
    old = {number: signal.getsignal(number) for number in NUMBERS}
    for number in NUMBERS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in old.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_raises_and_is_told(number):
    with Interrupts() as stop:
        stop.check()
        with pytest.raises(KeyboardInterrupt, match=number.name):
            signal.raise_signal(number)
        assert (stop.received, stop.exit_status) == (number, 128 + number)
        with pytest.raises(KeyboardInterrupt, match=number.name):
            stop.check()
    for number in NUMBERS:  # The process is about to end.
        signal.raise_signal(number)


def test_without_a_signal_all_is_as_it_was():
    before = [signal.getsignal(number) for number in NUMBERS]
    with Interrupts():
        assert [signal.getsignal(number) for number in NUMBERS] != before
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_signals_soon_after_are_the_same(monkeypatch):
    with Interrupts() as stop:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        monkeypatch.setattr(interrupts, "_ONCE", -1.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.received == signal.SIGTERM


def test_ignored_signals_stay_ignored():
    """As under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interrupts() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert stop.received is None
        assert stop.exit_status == 130
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_other_threads_catch_nothing():
    found = []

    def work():
        with Interrupts():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


@pytest.fixture
def same_handlers_afterwards():
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.usefixtures("same_handlers_afterwards")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted(number):
    with StopRequest() as stop:
        assert not stop.requested and stop.received is None
        os.kill(os.getpid(), number)
        assert stop.requested and stop.received == number
    assert stop.requested


@pytest.mark.usefixtures("same_handlers_afterwards")
def test_sigterm_may_come_many_times_and_the_first_name_stays():
    with StopRequest() as stop:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert stop.received == signal.SIGTERM


@pytest.fixture
def default_handler():
    """What Python starts with, unless it runs in the background, where Ctrl-C is ignored."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


@pytest.mark.usefixtures("same_handlers_afterwards")
def test_a_second_ctrl_c_interrupts_at_once(default_handler):
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("same_handlers_afterwards")
def test_a_signal_calls_what_stops(default_handler):
    calls = []
    with StopRequest(lambda: calls.append(1)):
        assert not calls
        os.kill(os.getpid(), signal.SIGTERM)
    assert calls == [1]


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


@pytest.mark.usefixtures("same_handlers_afterwards")
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
