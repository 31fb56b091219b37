"""Faults put into a recorded feed, and what its handler's books must then be."""

import random
from collections.abc import Sequence
from typing import Any, Literal

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
