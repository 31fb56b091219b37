"""OKX's websockets: v5 as it is, and v3 of recordings (OKEx and OKCoin, raw deflate).

A message is an atomic event. A book begins with a ``snapshot`` (v3: ``partial``).

- *Sequence* (v5, ``books``, ``books-l2-tbt``, ``books50-l2-tbt``): the snapshot has ``prevSeqId``
  -1; then each ``prevSeqId`` must be the ``seqId`` before. One that equals its own ``seqId``, with
  empty sides, keeps the connection alive; a ``seqId`` below its ``prevSeqId`` is a reset by the
  venue. Neither is a loss. Anything else is a gap, and the book waits for the snapshot of a new
  subscription. The numbers are not consecutive: how much was lost is not known.
- *Checksum*: the signed CRC-32 of the best 25 levels, bid and ask in turn, joined by colons. Since
  June 2026 v5 sends 0, which is not compared. v3 and old v5 have no sequence, only this.
- A message with neither makes the book UNVERIFIABLE.

``books5`` and ``bbo-tbt`` send all that they show each time: a loss mends itself. They are books of
their own where nothing else is subscribed, and else are compared with the book at the same
``seqId``.

``side`` is the taker's; ``trades`` joins the fills of one taker at one price, ``trades-all`` does
not (the channel that comes first is taken). Sizes of contracts are numbers of contracts.

Rules: "Order book channel" and "Checksum" in the venue's documentation.
"""

import zlib
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from bookflow._optional import need
from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import (
    Book,
    Handler,
    Message,
    decoder,
    iso_nanoseconds,
    nanoseconds,
)
from bookflow.words import Side, Status

__all__ = ["OKX"]

_field: Final = need("msgspec", "io").field

_AGGRESSOR: Final = {"buy": Side.BID, "sell": Side.ASK}
_LARGEST: Final = 1 << 24
"""Bytes of a message that was inflated."""
_DEPTH: Final = 25
_VIEWS: Final = frozenset({"books5", "bbo-tbt", "depth5"})
_BOOKS: Final = _VIEWS | {"books", "books-l2-tbt", "books50-l2-tbt", "depth", "depth_l2_tbt"}
_PRINTS: Final = frozenset({"trades", "trades-all", "trade"})


class _Argument(msgspec.Struct):
    channel: str
    symbol: str | None = _field(name="instId", default=None)


class _Envelope(msgspec.Struct):
    event: str | None = None
    arg: _Argument | None = None
    table: str | None = None
    action: str | None = None
    data: list[dict[str, Any]] = []  # noqa: RUF012 - msgspec copies it


class _Levels(msgspec.Struct):
    bids: list[list[str]]
    asks: list[list[str]]
    ts: str | None = None
    timestamp: str | None = None
    instrument_id: str | None = None
    checksum: int | None = None
    seqId: int | None = None  # noqa: N815 - as the venue names it
    prevSeqId: int | None = None  # noqa: N815


class _Print(msgspec.Struct):
    side: str
    px: str | None = None
    price: str | None = None
    sz: str | None = None
    size: str | None = None
    qty: str | None = None
    ts: str | None = None
    timestamp: str | None = None
    tradeId: str | None = None  # noqa: N815
    trade_id: str | None = None
    instrument_id: str | None = None


class OKX(Handler):
    """Books and trades of OKX's public websockets, of OKEx's and OKCoin's too."""

    venue: ClassVar[str] = "okx"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._decode = decoder(_Envelope)
        self._levels = decoder(list[_Levels])
        self._prints = decoder(list[_Print])

    def _message(self, message: Message) -> None:
        if message in ("pong", b"pong"):
            self._unknown("pong")
            return
        if isinstance(message, bytes) and message[:1] != b"{":
            message = _inflated(message)
        said = self._decode(message)
        if said.event is not None:
            self._unknown(said.event)
            return
        if said.arg is not None:
            channel, symbol = said.arg.channel, said.arg.symbol
        else:
            channel, symbol = (said.table or "").rpartition("/")[2], None
        if channel in _BOOKS:
            if len(said.data) != 1:
                raise InputError("must hold one book", field="data", value=len(said.data))
            self._of_book(channel, symbol, said.action, self._levels(said.data)[0])
        elif channel in _PRINTS:
            self._of_prints(channel, symbol, self._prints(said.data))
        else:
            self._unknown(channel)

    def _of_book(self, channel: str, symbol: str | None, action: str | None, at: _Levels) -> None:
        book = self._book(symbol or _named(at), [*at.bids, *at.asks])
        if book is None:
            return
        self._stamp(_time(at))
        if book.memory.setdefault("books", channel) != channel:
            self._compare(book, channel, at)
        elif channel in _VIEWS:
            earlier = _time(at) < book.memory.get("shown", NONE)
            if earlier and (at.seqId or 0) < (book.sequence or 0):
                self.counts["old"] += 1
                return
            self._view(book, at.bids, at.asks)
            book.sequence, book.memory["shown"] = at.seqId, _time(at)
        elif action in ("snapshot", "partial"):
            before = len(self._rows)
            self._snapshot(book, at.bids, at.asks)
            self._applied(book, at, before)
        elif action == "update":
            self._update(book, at)
        else:
            raise InputError("must be snapshot or update", field="action", value=action)

    def _update(self, book: Book, at: _Levels) -> None:
        if not book.live:
            book.text.units([*at.bids, *at.asks])
            self._await(book)
        elif at.seqId is not None and at.prevSeqId != book.sequence:
            book.text.units([*at.bids, *at.asks])
            self._lost(book, "sequence")
        else:
            if at.seqId is not None and at.seqId < (book.sequence or 0):
                self.counts["resets"] += 1
            before = len(self._rows)
            self._changes(book, at.bids, at.asks)
            self._applied(book, at, before)

    def _applied(self, book: Book, at: _Levels, before: int) -> None:
        """What follows the levels of a message: its checksum and its number."""
        book.sequence = at.seqId
        if at.checksum and not self._crc_holds(book, "alternating", _DEPTH, at.checksum):
            self._rows.drop(before)
            self._lost(book, "checksum")
        elif at.seqId is None and not at.checksum:
            self._set_status(book, Status.UNVERIFIABLE)

    def _compare(self, book: Book, channel: str, at: _Levels) -> None:
        """A channel of the touch beside that of the book."""
        self._unknown(channel)
        if book.live and at.seqId is not None and at.seqId == book.sequence:
            bid, ask = (side[0] if side else (None, None) for side in (at.bids, at.asks))
            self._claim(book, *bid[:2], *ask[:2])

    def _of_prints(self, channel: str, symbol: str | None, prints: Sequence[_Print]) -> None:
        last: dict[str, int] = {}
        for p in prints:
            price, size = p.px or p.price, p.sz or p.size or p.qty
            book = self._book(symbol or _named(p), [(price, size)])
            if book is None:
                continue
            if book.memory.setdefault("trades", channel) != channel:
                self._unknown(channel)
                continue
            number = int(p.tradeId or p.trade_id or "")
            if number <= last.get(book.symbol, book.memory.get("print", -1)):
                self.counts["repeated_prints"] += 1
                continue
            last[book.symbol] = number
            self._stamp(_time(p))
            self._trade(book, price or "", size or "", _AGGRESSOR[p.side])
        for name, number in last.items():
            self._books[name].memory["print"] = number


def _named(item: Any) -> str:
    if not item.instrument_id:
        raise InputError("is missing", field="instrument_id")
    return str(item.instrument_id)


def _time(item: Any) -> int:
    if item.ts is not None:
        return nanoseconds(item.ts, 3)
    return iso_nanoseconds(item.timestamp or "")


def _inflated(data: bytes) -> bytes:
    stream = zlib.decompressobj(-15)
    try:
        text = stream.decompress(data, _LARGEST)
    except zlib.error as error:
        raise InputError(f"is no raw deflate: {error}", field="message", value=data) from None
    if not stream.eof:
        rule = f"is cut, or holds more than {_LARGEST} bytes"
        raise InputError(rule, field="message", value=data[:100])
    return text
