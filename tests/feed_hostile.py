"""Messages as no venue should send them: refused, and nothing has changed."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from bookflow.errors import InputError
from bookflow.feeds.handler import Handler
from bookflow.feeds.orders import Orders

_VALUE = re.compile(rb'(?<=:)\s*("[^"]*"|-?[0-9][0-9.eE+-]*|\[[^\[\]]*\])')
_VALUES = (
    b"NaN",
    b"1e999",
    b"-1",
    b'"NaN"',
    b'"1e999"',
    b"null",
    b"{}",
    b'"\xff"',
    b"[[[]]]",
    b'""',
)


def state(handler: Handler) -> Any:
    """All that a message could change."""
    return (
        handler.needs_snapshot,
        [
            (
                book.symbol,
                book.live,
                book.status,
                book.sequence,
                list(book.waiting),
                book.text.text(1, 1 << 20),
                book.text.text(2, 1 << 20),
                {
                    name: [(key, repr(order)) for key, order in value.items()]
                    if isinstance(value, Orders)
                    else repr(value)
                    for name, value in book.memory.items()
                },
            )
            for book in handler._books.values()
        ],
    )


def hurt(message: bytes) -> Iterator[bytes]:
    """Cut, nested, and with each of its values replaced."""
    yield from (message[:n] for n in range(0, len(message), 11))
    yield from (b"[" * 10_000, b"\xff" + message, b"{}", b"[]", b"1", b"null", b'""')
    for found in _VALUE.finditer(message):
        for value in _VALUES:
            yield message[: found.start()] + value + message[found.end() :]


def check_unchanged(made: Callable[[], Handler], message: dict[str, Any]) -> int:
    """How many hurt messages were refused; none of them may have left a trace."""
    text = json.dumps(message, separators=(",", ":")).encode()
    refused = 0
    handler = made()
    before = state(handler)
    for one in hurt(text):
        try:
            handler.feed(one, 10)
        except InputError:
            refused += 1
            assert state(handler) == before, one
        else:
            handler = made()
    return refused
