"""SIGTERM, SIGHUP and Ctrl-C become an exception."""

import os
import signal
import threading

import pytest

from gradnet_tf.files import interrupts
from gradnet_tf.files.interrupts import Interrupts

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
