"""Kraken's websocket (v1): books with a checksum in every message, and trades.

A message is an atomic event: all of its levels are applied, zeros removed, the rest cut to the
subscribed depth, and then the CRC-32 over the text of the ten best levels must be the message's.
There are no sequence numbers: a checksum that differs is a gap, and the book waits for the snapshot
of a new subscription.
"""

from typing import Any, ClassVar

from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.feeds.handler import Book, Handler, Message, decoder, nanoseconds
from bookflow.words import Side

__all__ = ["Kraken"]

_AGGRESSOR = {"b": Side.BID, "s": Side.ASK}


class Kraken(Handler):
    """Books and trades of Kraken's public websocket."""

    venue: ClassVar[str] = "kraken"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._decode = decoder(list[Any] | dict[str, Any])

    def _message(self, message: Message) -> None:
        data = self._decode(message)
        if isinstance(data, dict):
            self._unknown(str(data.get("event")))
            return
        if len(data) < 4 or not isinstance(data[-1], str) or not isinstance(data[-2], str):
            raise InputError("is no message of the venue", field="message", value=message)
        channel, symbol = data[-2], data[-1]
        kind, _, depth = channel.partition("-")
        if kind == "book" and depth.isdigit():
            self._levels(symbol, data[1:-2], int(depth))
        elif kind == "trade":
            self._prints(symbol, data[1])
        else:
            self._unknown(channel)

    def _levels(self, symbol: str, parts: list[Any], depth: int) -> None:
        said: dict[str, Any] = {}
        for part in parts:
            said |= part
        whole = "as" in said or "bs" in said
        bids = said.get("bs" if whole else "b", [])
        asks = said.get("as" if whole else "a", [])
        book = self._book(symbol, [*bids, *asks])
        if book is None:
            return
        self._stamp(max((nanoseconds(level[2]) for level in (*bids, *asks)), default=NONE))
        if whole:
            self._snapshot(book, bids, asks)
        elif book.live:
            before = len(self._rows)
            self._changes(book, bids, asks, depth=depth)
            if not self._agrees(book, said.get("c")):
                self._rows.drop(before)
                self._lost(book, "checksum")
        else:
            self._await(book)

    def _agrees(self, book: Book, checksum: Any) -> bool:
        if checksum is None:
            return True
        ours = book.text.checksum("digits", 10)
        return self._check("checksum", str(ours), str(checksum), book.symbol)

    def _prints(self, symbol: str, prints: list[Any]) -> None:
        book = self._book(symbol, prints)
        if book is None:
            return
        for price, size, time, side, *_ in prints:
            self._stamp(nanoseconds(time))
            self._trade(book, price, size, _AGGRESSOR[side])
