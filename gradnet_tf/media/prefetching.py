"""Runs an iterator some items ahead in a background thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import Any, Optional


class Prefetcher:
    """Iterator over the items of a generator that runs in a thread of its own.

    So many items as `depth` says, at least 1, may be ready and waiting. What the generator raises
    is raised here, after the items before it. The thread ends with the generator, with `close`, or
    when this iterator is no longer referred to; the generator is closed in its own thread.
    """

    def __init__(self, items: Generator, depth: int):
        self._results: queue.SimpleQueue[tuple[Any, Optional[BaseException]]] = queue.SimpleQueue()
        self._free = threading.Semaphore(depth)
        self._stopped = threading.Event()
        self._finished = False
        self._thread = threading.Thread(
            target=_work,
            args=(items, self._results, self._free, self._stopped),
            name="gradnet_tf-prefetch",
            daemon=True,
        )
        self._thread.start()

    def __iter__(self) -> Prefetcher:
        return self

    def __next__(self) -> Any:
        if self._finished:
            raise StopIteration
        item, error = self._results.get()
        self._free.release()
        if error is None:
            return item
        self._finished = True
        self._thread.join()
        raise error

    def close(self) -> None:
        """Ends the thread, after the item that it is at (waits 5 seconds at most for that)."""
        self._finished = True
        self._stop()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def __del__(self) -> None:
        self._stop()

    def _stop(self) -> None:
        self._stopped.set()
        self._free.release()


def _work(items, results, free, stopped):
    """Makes items in the thread; it knows no `Prefetcher`, so that this can be collected."""
    try:
        # The place is taken before the item is made: never more than `depth` are alive here.
        while free.acquire() and not stopped.is_set():
            results.put((next(items), None))
    except BaseException as error:  # StopIteration at the end.
        results.put((None, error))
    finally:
        items.close()
