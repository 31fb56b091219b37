"""A line on stderr that counts events: only on long work, and only for someone who watches."""

import sys
import time
from typing import Self

_QUIET = 1.0  # seconds before the first line: short work shows none
_EVERY = 0.2


class Progress:
    """Counts what has been done and says so now and then.

    >>> with Progress("events") as progress:
    ...     progress.add(100_000)
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._done = 0
        self._begin = time.monotonic()
        self._next = self._begin + _QUIET
        self._shown = False

    def add(self, n: int) -> None:
        """`n` more are done."""
        self._done += n
        now = time.monotonic()
        if now >= self._next and sys.stderr.isatty():
            rate = self._done / (now - self._begin)
            print(f"\r{self._done:,} {self._what}, {rate:,.0f}/s ", end="", file=sys.stderr)
            sys.stderr.flush()
            self._next = now + _EVERY
            self._shown = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr)
