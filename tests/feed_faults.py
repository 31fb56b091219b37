"""Faults put into a recorded feed, and what its handler's books must then be."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest

from bookflow.errors import InputError
from bookflow.feeds.handler import Book, Handler

Fault = Literal["drop", "duplicate", "reorder"]
FAULTS: tuple[Fault, ...] = ("drop", "duplicate", "reorder")
SHARES = (0.0001, 0.001, 0.01, 0.05)

State = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


def faulty(messages: Sequence[Any], fault: Fault, share: float, seed: int) -> list[int]:
    """Positions of the messages as they come: `share` of them lost, sent twice or swapped."""
    chance = random.Random(seed)
    order: list[int] = []
    for i in range(len(messages)):
        hit = chance.random() < share
        if fault == "drop":
            order += [] if hit else [i]
        elif fault == "duplicate":
            order += [i, i] if hit else [i]
        elif hit and order:
            order.insert(len(order) - 1, i)
        else:
            order.append(i)
    return order


def live_books(handler: Handler, depth: int = 1 << 20) -> dict[str, tuple[int | None, State]]:
    """Sequence number and levels, or orders by queue, of each book that its handler calls good."""
    return {
        symbol: (book.sequence, (side_of(book, 1, depth), side_of(book, 2, depth)))
        for symbol, book in handler._books.items()
        if book.live
    }


def side_of(book: Book, side: int, depth: int) -> tuple[tuple[str, str], ...]:
    levels = book.text.text(side, depth)
    return tuple(levels or [order[1:] for order in book.orders.text(side, depth)])


Sent = tuple[bytes, int]
"""A message, and when it was received."""


def history_of(handler: Handler, messages: Sequence[Sent], depth: int) -> list[dict[str, Any]]:
    """`live_books` after each message."""
    out = []
    for message in messages:
        handler.feed(*message)
        out.append(live_books(handler, depth))
    return out


def hurt_run(
    make: Callable[[], Handler],
    messages: Sequence[Sent],
    fault: Fault,
    share: float,
    *,
    depth: int = 1 << 20,
    snapshot: Callable[[str, Any], bytes] | None = None,
    numbered: bool = False,
) -> Handler:
    """A run with faults: whatever book it calls good was one of the run without, at its sequence.

    `snapshot` writes the venue's message for a book as it was in that run: each gap is mended.
    Where all messages of a connection are `numbered`, a good book is that of the newest message.
    """
    history = history_of(make(), messages, depth)
    known = {(symbol, book) for books in history for symbol, book in books.items()}
    hurt = make()
    newest = 0
    for i in faulty(messages, fault, share, seed=1):
        hurt.feed(*messages[i])
        newest = max(newest, i)
        assert live_books(hurt, depth).items() <= (history[newest].items() if numbered else known)
        for symbol in hurt.needs_snapshot if snapshot else ():
            if symbol in history[i]:
                hurt.feed(snapshot(symbol, history[i][symbol]), messages[i][1])  # type: ignore[misc]
                assert live_books(hurt, depth)[symbol] == history[i][symbol]
    return hurt


HOSTILE = (
    b"",
    b"{",
    b"null",
    b"[1",
    b"NaN",
    b"\xff\xfe{}",
    b"[" * 50_000,
    b'{"data":1e999}',
    b'"x"',
)
NO_NUMBERS = (b"NaN", b"1e999", b"Infinity", b"x", b"", b"1_0", b"0x1", b"9" * 30)


def assert_refused(handler: Handler, message: bytes) -> None:
    """It is no message, and changes nothing."""
    before = live_books(handler), dict(handler._books), handler._now
    with pytest.raises(InputError, match=handler.venue):
        handler.feed(message, 1 << 60)
    assert (live_books(handler), dict(handler._books), handler._now) == before
