"""Signals that end a command: as an exception, so that it cleans up, or as a request to stop."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any, Callable, Optional

from absl import logging

# `timeout` and some schedulers send a signal to the process and to its group, so it comes twice.
_ONCE = 1.0  # seconds

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # SIGHUP is not everywhere.


class Interrupts:
    """Raises `KeyboardInterrupt` where the program is when one of the signals comes.

    A context manager around all that a command does. What follows within a second of a signal
    counts as the same, and after the block it is ignored. Signals that the caller ignores (`nohup`)
    or handles stay as they are. Outside the main thread, where Python allows no handlers, nothing
    is caught. `received` is the first signal that came, or None.
    """

    def __init__(self) -> None:
        self.received: Optional[signal.Signals] = None
        self._last = float("-inf")
        self._old: dict[signal.Signals, Any] = {}

    @property
    def exit_status(self) -> int:
        """What shells give for a process that ends by the signal; SIGINT if none has come."""
        return 128 + (self.received or signal.SIGINT)

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in [signal.Signals[name] for name in _NAMES if hasattr(signal, name)]:
                if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                    self._old[number] = signal.signal(number, self._raise)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            # After a signal the process is about to end; a second one shall not change how.
            signal.signal(number, signal.SIG_IGN if self.received else handler)
        self._old.clear()

    def check(self) -> None:
        """Raises `KeyboardInterrupt` if a signal has come.

        Python drops what a handler raises while it is inside a finalizer, for example.
        """
        if self.received:
            raise KeyboardInterrupt(self.received.name)

    def _raise(self, number: int, frame: Optional[FrameType]) -> None:
        self.received = self.received or signal.Signals(number)
        now = time.monotonic()
        if now - self._last > _ONCE:
            self._last = now
            raise KeyboardInterrupt(self.received.name)


class StopRequest:
    """Notes SIGTERM, and the first SIGINT (Ctrl-C), instead of dying of them.

    A context manager around a loop that asks `requested` after each step. A second SIGINT
    interrupts at once, as usual; leaving the block restores the handlers that were there before.
    Outside the main thread nothing is caught. `received` is the first signal that came, or None.
    `stop` is called with the first signal, wherever the program is: it may take no locks.
    """

    def __init__(self, stop: Callable[[], None] = lambda: None) -> None:
        self.received: Optional[signal.Signals] = None
        self._stop = stop
        self._old: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.received is not None

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is not threading.main_thread():
            logging.warning("signals cannot be caught outside the main thread")
            return self
        for number in (signal.SIGTERM, signal.SIGINT):
            self._old[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number in list(self._old):
            self._restore(number)

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        # Nothing more than this: the code that was interrupted may hold the log's locks.
        self.received = self.received or signal.Signals(number)
        self._stop()
        if number == signal.SIGINT:
            self._restore(signal.SIGINT)

    def _restore(self, number: signal.Signals) -> None:
        # None stands for a handler that was not set from Python, and cannot be set again.
        handler = self._old.pop(number, None)
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
