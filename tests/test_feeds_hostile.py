"""Messages with a few bytes changed: taken, or refused with nothing changed."""

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from feed_faults import live_books
from venue_logs_updates import LOGS

from bookflow.errors import InputError
from bookflow.feeds import handler_of
from bookflow.feeds.handler import Handler
from bookflow.feeds.recording import Line, lines

BYTES = b'0123456789-.eE"[]{},:nft'


def give(handler: Handler, line: Line, text: bytes) -> None:
    if line.kind == "answer":
        handler.answer(line.url, text, line.received)
    else:
        handler.feed(text, line.received)


def state(handler: Handler) -> dict[str, Any]:
    waiting = {symbol: len(book.waiting) for symbol, book in handler._books.items()}
    return waiting | live_books(handler)


@pytest.mark.parametrize("venue", ["binance", "bitmex", "bybit"])
def test_bytes_that_were_changed(venue: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    LOGS[venue](path)
    said = [line for line in lines(path) if line.kind in ("message", "answer")]
    chance = random.Random(1)
    refused = 0
    for _ in range(150):
        handler = handler_of(venue, truth=True)
        for line in said:
            text = bytearray(line.text)
            for _ in range(chance.choice((1, 1, 2, 5))):
                i = chance.randrange(len(text))
                text[i] = chance.choice((text[i] ^ 1 << chance.randrange(8), chance.choice(BYTES)))
            before = state(handler)
            try:
                give(handler, line, bytes(text))
            except InputError:
                refused += 1
                after = state(handler)
                assert {symbol: after[symbol] for symbol in before} == before
                # As it was sent; what came before may have chosen units too coarse for it.
                with suppress(InputError):
                    give(handler, line, line.text)
    assert refused > 100
