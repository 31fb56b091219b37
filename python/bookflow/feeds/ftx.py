"""FTX's websocket, of which there are only recordings: books with checksums, trades, tickers.

A message is an atomic event. ``orderbook`` begins with a ``partial`` of 100 levels a side; after
each ``update`` the unsigned CRC-32 over the text of the best 100 levels, bid and ask in turn and
joined by colons, must be the message's. The venue sent numbers as JSON's, written as the shortest
text of a double (``33.0``, ``1e-05``), and summed that very text: it is kept as it was sent. There
are no sequence numbers: a checksum that differs is a gap, and the book waits for the ``partial`` of
a new subscription.

A ``ticker`` comes just before the ``orderbook`` message of the same ``time``, and is compared with
the book after that. ``side`` is the taker's; liquidations are counted and are prints as others are.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Handler, Message, decoder, iso_nanoseconds, nanoseconds
from bookflow.words import Side

__all__ = ["FTX"]

_Number: Final[Any] = msgspec.Raw  # a JSON number as it was written

_AGGRESSOR: Final = {"buy": Side.BID, "sell": Side.ASK}
_DEPTH: Final = 100


class _Envelope(msgspec.Struct):
    type: str
    channel: str = ""
    market: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Levels(msgspec.Struct):
    bids: list[tuple[_Number, _Number]]
    asks: list[tuple[_Number, _Number]]
    time: _Number
    checksum: int


class _Print(msgspec.Struct):
    id: int
    price: _Number
    size: _Number
    side: str
    time: str
    liquidation: bool = False


class _Ticker(msgspec.Struct):
    time: _Number
    bid: _Number = _Number(b"null")
    ask: _Number = _Number(b"null")
    bidSize: _Number = _Number(b"null")  # noqa: N815 - as the venue names it
    askSize: _Number = _Number(b"null")  # noqa: N815


class FTX(Handler):
    """Books and trades of FTX. Messages are taken as text only: decoded ones have lost theirs."""

    venue: ClassVar[str] = "ftx"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._decode = decoder(_Envelope)
        self._levels = decoder(_Levels)
        self._prints = decoder(list[_Print])
        self._tickers = decoder(_Ticker)

    def _message(self, message: Message) -> None:
        said = self._decode(message)
        data = bytes(said.data)
        if said.type not in ("partial", "update"):
            self._unknown(said.type)
        elif said.channel == "orderbook":
            self._of_book(said.market, said.type, self._levels(data))
        elif said.channel == "trades":
            self._of_prints(said.market, self._prints(data))
        elif said.channel == "ticker":
            self._of_ticker(said.market, self._tickers(data))
        else:
            self._unknown(said.channel)

    def _of_book(self, market: str, kind: str, at: _Levels) -> None:
        bids, asks = _texts(at.bids), _texts(at.asks)
        book = self._book(market, [*bids, *asks])
        if book is None:
            return
        self._stamp(nanoseconds(bytes(at.time)))
        before = len(self._rows)
        if kind == "partial":
            self._snapshot(book, bids, asks)
        elif book.live:
            self._changes(book, bids, asks)
        else:
            book.text.units([*bids, *asks])
            self._await(book)
            return
        time, touch = book.memory.pop("ticker", (None, ()))
        if not self._crc_holds(book, "alternating", _DEPTH, at.checksum):
            self._rows.drop(before)
            self._lost(book, "checksum")
        elif time == self._venue:
            self._claim(book, *touch)

    def _of_prints(self, market: str, prints: Sequence[_Print]) -> None:
        book = self._book(market, [(bytes(p.price), bytes(p.size)) for p in prints])
        if book is None:
            return
        seen = last = book.memory.get("print", -1)
        for p in prints:
            if p.id <= seen:
                self.counts["repeated_prints"] += 1
                continue
            last = max(last, p.id)
            self._stamp(iso_nanoseconds(p.time))
            self._trade(book, bytes(p.price), bytes(p.size), _AGGRESSOR[p.side])
            self.counts["liquidations"] += p.liquidation
        book.memory["print"] = last

    def _of_ticker(self, market: str, at: _Ticker) -> None:
        self._unknown("ticker")
        sides = [(bytes(at.bid), bytes(at.bidSize)), (bytes(at.ask), bytes(at.askSize))]
        said = [side for side in sides if b"null" not in side]
        book = self._book(market, said)
        if book is not None:
            book.text.units(said)
            touch = [text for side in sides for text in (side if side in said else (None, None))]
            book.memory["ticker"] = (nanoseconds(bytes(at.time)), touch)


def _texts(levels: Sequence[tuple[Any, Any]]) -> list[tuple[bytes, bytes]]:
    texts = [(bytes(price), bytes(size)) for price, size in levels]
    if any(text[:1] == b'"' for level in texts for text in level):
        raise InputError("must be a JSON number", field="levels")
    return texts
