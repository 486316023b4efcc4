"""Runs an iterator some items ahead in a background thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import Any

_END = object()


class _Failure:
    def __init__(self, error: BaseException):
        self.error = error


class _Worker:
    """The thread's side. It knows nothing of the iterator, so that this can be collected."""

    def __init__(self, items: Generator, depth: int):
        self.results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.free = threading.Semaphore(depth)
        self.stopped = threading.Event()
        self._items = items

    def run(self) -> None:
        try:
            # The place is taken before the item is made: never more than `depth` are alive here.
            while self._wait_for_place():
                item: Any = next(self._items, _END)
                self.results.put(item)
                if item is _END:
                    break
        except BaseException as error:
            self.results.put(_Failure(error))
        finally:
            self._items.close()

    def _wait_for_place(self) -> bool:
        self.free.acquire()
        return not self.stopped.is_set()


class Prefetcher:
    """Iterator over the items of a generator that runs in a thread of its own.

    What the generator raises is raised here, after the items before it. The thread ends with the
    generator, with `close`, or when this iterator is no longer referred to; the generator is
    closed in its own thread.

    Args:
        items: The generator.
        depth: How many items may be ready and waiting, at least 1.
    """

    def __init__(self, items: Generator, depth: int):
        self._worker = _Worker(items, depth)
        self._thread = threading.Thread(
            target=self._worker.run, name="gradnet_tf-prefetch", daemon=True
        )
        self._finished = False
        self._thread.start()

    def __iter__(self) -> Prefetcher:
        return self

    def __next__(self) -> Any:
        if self._finished:
            raise StopIteration
        item = self._worker.results.get()
        self._worker.free.release()
        if item is not _END and not isinstance(item, _Failure):
            return item
        self._finished = True
        self._thread.join()
        raise item.error if isinstance(item, _Failure) else StopIteration

    def close(self) -> None:
        """Ends the thread, after the item that it is at (waits 5 seconds at most for that)."""
        self._finished = True
        self._worker.stopped.set()
        self._worker.free.release()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def __del__(self) -> None:
        worker = getattr(self, "_worker", None)
        if worker is not None:
            worker.stopped.set()
            worker.free.release()
