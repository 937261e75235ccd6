"""Items made beside the work on them."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeAlias, TypeVar

Item = TypeVar("Item")

Entry: TypeAlias = tuple[bool, Item | BaseException | None]
"""Whether it is an item, and the item; at the end what ended the thread, if anything did."""

_POLL = 0.1

LONGEST_WAIT = 1.0
"""Seconds that closing waits for an item that is being made: its source, such as a pipe, may stay silent for long."""


class prefetch(Iterator[Item], Generic[Item]):  # called as a function
    """The same items, up to `depth` of them made in advance by a thread that starts at once, and ends when this
    iterator is closed or gone.
    """

    def __init__(self, items: Iterator[Item], depth: int) -> None:
        self._queue: Queue[Entry[Item]] = Queue(max(1, depth))
        self._closed = Event()
        given = (items, self._queue, self._closed)  # not this iterator, which could then not go
        self._worker = Thread(target=_make, args=given, name="zoo-feed", daemon=True)
        self._worker.start()

    def __next__(self) -> Item:
        if self._closed.is_set():
            raise StopIteration
        more, item = self._taken()
        if more:
            return item  # type: ignore[return-value]
        self.close()
        if isinstance(item, BaseException):
            raise item
        raise StopIteration

    def close(self) -> None:
        """Make no more items."""
        self._closed.set()
        self._worker.join(LONGEST_WAIT)

    def __del__(self) -> None:
        self._closed.set()

    def _taken(self) -> Entry[Item]:
        while True:
            try:
                return self._queue.get(timeout=_POLL)
            except Empty:
                if not self._worker.is_alive() and self._queue.empty():
                    raise RuntimeError("the thread that makes batches died") from None


def _make(items: Iterator[Item], queue: Queue[Entry[Item]], closed: Event) -> None:
    def put(entry: Entry[Item]) -> None:
        while not closed.is_set():
            try:
                queue.put(entry, timeout=_POLL)
                return
            except Full:
                continue

    try:
        for item in items:
            put((True, item))
            if closed.is_set():
                return
        put((False, None))
    except BaseException as error:  # whatever ends this thread is raised where the items are taken
        put((False, error))
