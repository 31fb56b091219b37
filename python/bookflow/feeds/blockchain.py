"""Blockchain.com's websocket: books by level or by order, prints.

``seqnum`` numbers a connection's messages of all channels, from 0; a later one is a gap of exactly
the numbers between, in every book, which waits for the snapshot of a new subscription. A message is
an atomic event: a snapshot, or what is there now, where ``qty`` 0 removes. A level's count of
orders (``num``) is not kept. A book may be empty, and its snapshot too.

Rules: the venue's websocket documentation and recordings.
"""

from typing import Any, ClassVar, Final, Literal

from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Message, iso_nanoseconds, literal_decoder
from bookflow.feeds.orders import OrderHandler, price_units, size_units
from bookflow.words import Action, Side

__all__ = ["Blockchain"]

_RAW: Final[Any] = msgspec.Raw
_AGGRESSOR: Final = {"buy": Side.BID, "sell": Side.ASK}


class _Message(msgspec.Struct):
    seqnum: int
    event: str
    channel: str = ""


class _Level(msgspec.Struct):
    px: _RAW
    qty: _RAW
    id: str = ""


class _Levels(msgspec.Struct):
    seqnum: int
    event: str
    channel: Literal["l2", "l3"]
    symbol: str
    bids: list[_Level]
    asks: list[_Level]


class _Trade(msgspec.Struct):
    seqnum: int
    symbol: str
    timestamp: str
    side: Literal["buy", "sell"]
    qty: _RAW
    price: _RAW
    trade_id: str = ""


class Blockchain(OrderHandler):
    """Books and prints of Blockchain.com's public channels ``l2``, ``l3`` and ``trades``.

    One handler for one connection. A symbol's first channel of ``l2`` and ``l3`` makes its book,
    the other is counted ("other: l3").
    """

    venue: ClassVar[str] = "blockchain"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._decode, self._levels_of, self._trade_of = (
            literal_decoder(kind) for kind in (_Message, _Levels, _Trade)
        )
        self._empty: set[str] = set()
        """Symbols whose snapshot was empty: there are no digits yet to choose units by."""

    def _message(self, message: Message) -> None:
        head = self._decode(message)
        if head.channel in ("l2", "l3") and head.event in ("snapshot", "updated"):
            self._levels(self._levels_of(message))
        elif head.channel == "trades" and head.event == "updated":
            self._print(self._trade_of(message))
        elif self._connection(head.seqnum):
            self._unknown(head.event)

    def _disconnect(self) -> None:
        self._empty.clear()
        super()._disconnect()

    def _levels(self, said: _Levels) -> None:
        bids, asks = (
            [(bytes(one.px), bytes(one.qty), one.id) for one in side]
            for side in (said.bids, said.asks)
        )
        book = self._book(said.symbol, [*bids, *asks])
        if book is not None:
            book.text.units([*bids, *asks])
        if not self._connection(said.seqnum):
            return
        if book is None:
            if said.event == "snapshot":
                self._empty.add(said.symbol)
            return
        taken = book.memory.setdefault("channel", said.channel)
        if said.channel != taken:
            self._unknown(said.channel)
            return
        if said.symbol in self._empty and not book.live:
            self._begun(book, [], [])
        self._empty.discard(said.symbol)
        if said.event == "snapshot":
            self._begun(book, bids, asks)
        elif not book.live:
            self._await(book)
        elif said.channel == "l2":
            self._changes(book, bids, asks)
        else:
            before = len(self._rows)
            for side, levels in ((Side.BID, bids), (Side.ASK, asks)):
                for level in levels:
                    self._order(book, side, *level)
            self._rows.as_one(before)

    def _begun(self, book: Book, bids: Any, asks: Any) -> None:
        if book.memory["channel"] == "l2":
            self._snapshot(book, bids, asks)
        else:
            self._whole(book, bids, asks)

    def _order(self, book: Book, side: Side, price: bytes, size: bytes, key: str) -> None:
        order = self._resting(book).get(key)
        left = size_units(book, size)
        if order is None and left:
            self._add(book, key, side, price, size)
        elif order is not None and left and price_units(book, price) != order.price:
            order.price, order.size = price_units(book, price), left
            self._order_row(book, Action.MODIFY, order)
        elif left:
            self._resize(book, key, left)
        else:
            self._remove(book, key)

    def _print(self, trade: _Trade) -> None:
        at = iso_nanoseconds(trade.timestamp)
        level = (bytes(trade.price), bytes(trade.qty))
        book = self._book(trade.symbol, [level])
        if book is not None:
            book.text.units([level])
        if not self._connection(trade.seqnum) or book is None:
            return
        if trade.trade_id and self._repeated(book, trade.trade_id):
            return
        self._stamp(at)
        self._trade(book, *level, _AGGRESSOR[trade.side])
