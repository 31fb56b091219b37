"""Threads that start at once."""

import threading
from collections.abc import Callable
from typing import Any


def together(n: int, work: Callable[[int], Any]) -> list[Any]:
    """What n threads that start at once return or raise."""
    results: list[Any] = [None] * n
    start = threading.Barrier(n)

    def one(i: int) -> None:
        start.wait()
        try:
            results[i] = work(i)
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
