"""Stops a training between two steps when the system, or the user, asks for it."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Optional

from absl import logging


class StopRequest:
    """Notes SIGTERM, and the first SIGINT (Ctrl-C), instead of dying of them.

    A context manager. The loop asks `requested` after each step. A second SIGINT interrupts at
    once, as usual; leaving the block restores the handlers that were there before.

    Python allows handlers in the main thread only. In another one, nothing is caught.
    """

    def __init__(self) -> None:
        self._received: Optional[signal.Signals] = None
        self._old: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._received is not None

    @property
    def name(self) -> Optional[str]:
        """Name of the first signal that came, such as "SIGTERM"."""
        return self._received.name if self._received is not None else None

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
        self._received = self._received or signal.Signals(number)
        if number == signal.SIGINT:
            self._restore(signal.SIGINT)

    def _restore(self, number: signal.Signals) -> None:
        # None stands for a handler that was not set from Python, and cannot be set again.
        handler = self._old.pop(number, None)
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
