"""Bitget's websockets, v1 and v2: books with a checksum in every message, and trades.

A message is an atomic event. ``books`` begins with a ``snapshot``; after each ``update`` the signed
CRC-32 over the text of the best 25 levels, bid and ask in turn and joined by colons, must be the
message's: the text is as it was sent, "1.461E-9" included. There is no other way to notice a loss:
a checksum that differs is a gap, and the book waits for the snapshot of a new subscription. A
message whose checksum is 0 or missing makes the book UNVERIFIABLE.

``books1``, ``books5`` and ``books15`` send all that they show each time: a loss mends itself.

The first message of ``trade`` tells of prints before the subscription: they are left out
("old_prints"). After a new subscription those are written that were missed, where prints have an id
(v2). ``side`` is the taker's.

Rules: "Depth Channel" in the venue's documentation, whose v1 is gone.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from bookflow._optional import need
from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Handler, Message, decoder, nanoseconds
from bookflow.words import Side, Status

__all__ = ["Bitget"]

_field: Final = need("msgspec", "io").field

_AGGRESSOR: Final = {"buy": Side.BID, "sell": Side.ASK}
_DEPTH: Final = 25
_VIEWS: Final = frozenset({"books1", "books5", "books15"})


class _Argument(msgspec.Struct):
    channel: str
    symbol: str = _field(name="instId", default="")
    kind: str = _field(name="instType", default="")


class _Envelope(msgspec.Struct):
    event: str | None = None
    arg: _Argument | None = None
    action: str | None = None
    data: list[Any] = []  # noqa: RUF012 - msgspec copies it


class _Levels(msgspec.Struct):
    bids: list[list[str]]
    asks: list[list[str]]
    ts: str
    checksum: int = 0


class _Print(msgspec.Struct):
    ts: str
    price: str
    size: str
    side: str
    number: str | None = _field(name="tradeId", default=None)


class Bitget(Handler):
    """Books and trades of Bitget's public websockets, spot and futures.

    Symbols do not tell the market: one handler takes one of them, the first that comes of a symbol.
    """

    venue: ClassVar[str] = "bitget"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._decode = decoder(_Envelope)
        self._levels = decoder(list[_Levels])
        self._prints = decoder(list[_Print | list[str]])

    def _message(self, message: Message) -> None:
        if message in ("pong", b"pong"):
            self._unknown("pong")
            return
        said = self._decode(message)
        if said.event is not None:
            self._unknown(said.event)
        elif said.arg is None or not said.arg.symbol:
            raise InputError("is missing", field="arg.instId")
        elif said.arg.channel == "books" or said.arg.channel in _VIEWS:
            if len(said.data) != 1:
                raise InputError("must hold one book", field="data", value=len(said.data))
            self._of_book(said.arg, said.action, self._levels(said.data)[0])
        elif said.arg.channel == "trade":
            prints = self._prints(said.data)
            listed = [p if isinstance(p, _Print) else _Print(*p[:4]) for p in prints]  # v1: a list
            self._of_prints(said.arg, said.action, listed)
        else:
            self._unknown(said.arg.channel)

    def _of(self, arg: _Argument, levels: Sequence[Any]) -> Book | None:
        """The book of this market."""
        book = self._book(arg.symbol, levels)
        if (
            book is not None
            and book.memory.setdefault("kind", arg.kind.upper()) != arg.kind.upper()
        ):
            self._unknown(f"{arg.kind} {arg.symbol}")
            return None
        return book

    def _of_book(self, arg: _Argument, action: str | None, at: _Levels) -> None:
        book = self._of(arg, [*at.bids, *at.asks])
        if book is None:
            return
        if book.memory.setdefault("books", arg.channel) != arg.channel:
            self._unknown(arg.channel)
            return
        self._stamp(nanoseconds(at.ts, 3))
        if arg.channel in _VIEWS:
            self._view(book, at.bids, at.asks)
            return
        if action not in ("snapshot", "update"):
            raise InputError("must be snapshot or update", field="action", value=action)
        before = len(self._rows)
        if action == "snapshot":
            self._snapshot(book, at.bids, at.asks)
        elif book.live:
            self._changes(book, at.bids, at.asks)
        else:
            book.text.units([*at.bids, *at.asks])
            self._await(book)
            return
        if not at.checksum:
            self._set_status(book, Status.UNVERIFIABLE)
        elif not self._crc_holds(book, "alternating", _DEPTH, at.checksum):
            self._rows.drop(before)
            self._lost(book, "checksum")

    def _of_prints(self, arg: _Argument, action: str | None, prints: Sequence[_Print]) -> None:
        book = self._of(arg, [(p.price, p.size) for p in prints])
        if book is None:
            return
        seen = last = book.memory.get("print")
        for p in sorted(prints, key=lambda p: int(p.ts)):  # a snapshot begins with the newest
            number = None if p.number is None else int(p.number)
            if seen is not None and number is not None and number <= seen:
                self.counts["repeated_prints"] += 1
                continue
            last = number if last is None or number is None else max(last, number)
            self._stamp(nanoseconds(p.ts, 3))
            if action == "snapshot" and seen is None:
                book.text.units([(p.price, p.size)])
                self.counts["old_prints"] += 1
            else:
                self._trade(book, p.price, p.size, _AGGRESSOR[p.side])
        book.memory["print"] = last
