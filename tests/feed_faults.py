"""Faults put into a recorded feed, and what its handler's books must then be."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest

from bookflow.errors import InputError
from bookflow.feeds.handler import Handler

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
    """Sequence number and levels of each book that its handler calls good."""
    return {
        symbol: (
            book.sequence,
            (tuple(book.text.text(1, depth)), tuple(book.text.text(2, depth))),
        )
        for symbol, book in handler._books.items()
        if book.live
    }


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
) -> Handler:
    """A run with faults: whatever book it calls good was one of the run without, at its sequence.

    `snapshot` writes the venue's message for a book as it was in that run: each gap is mended.
    """
    history = history_of(make(), messages, depth)
    known = {(symbol, book) for books in history for symbol, book in books.items()}
    hurt = make()
    for i in faulty(messages, fault, share, seed=1):
        hurt.feed(*messages[i])
        assert live_books(hurt, depth).items() <= known
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
