"""Items made beside the work on them."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

_POLL = 0.1


def prefetch(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """The same items, up to `depth` of them made in advance by a thread, which ends when this iterator is closed."""
    queue: Queue[tuple[bool, Item | BaseException | None]] = Queue(max(1, depth))
    closed = Event()

    def put(entry: tuple[bool, Item | BaseException | None]) -> None:
        while not closed.is_set():
            try:
                queue.put(entry, timeout=_POLL)
                return
            except Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put((True, item))
                if closed.is_set():
                    return
            put((False, None))
        except BaseException as error:  # whatever ends this thread is raised where the items are taken
            put((False, error))

    worker = Thread(target=work, name="zoo-feed", daemon=True)
    worker.start()
    try:
        while True:
            more, item = _take(queue, worker)
            if not more:
                if isinstance(item, BaseException):
                    raise item
                return
            yield item  # type: ignore[misc]
    finally:
        closed.set()
        worker.join()


def _take(
    queue: Queue[tuple[bool, Item | BaseException | None]], worker: Thread
) -> tuple[bool, Item | BaseException | None]:
    while True:
        try:
            return queue.get(timeout=_POLL)
        except Empty:
            if not worker.is_alive() and queue.empty():
                raise RuntimeError("the thread that makes batches died") from None
