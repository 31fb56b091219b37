"""Kraken's websockets: books with a checksum in every message, single orders (v2), and trades.

A message is an atomic event: all of its levels or orders are applied, zeros removed, the rest cut
to the subscribed depth, and then the CRC-32 over the text of the ten best levels must be the
message's: asks, then bids, prices and sizes as they were sent, without points and leading zeros.
``level3`` sums every order of those levels in the order of its queue. There are no sequence
numbers: a checksum that differs is a gap, and the book waits for the snapshot of a new
subscription.

v1 (lists) names the depth in every message, and its snapshot has no checksum. v2 (objects) tells
the depth when it confirms a subscription; where neither that nor our own message is in the
recording, it is the smallest that the snapshot fits in.

A new order joins the back of its queue; a changed one keeps its place unless its price changes or
its size grows. What falls out of the depth is not told, and comes again as new.

Prints of v2 are numbered: those of the first ``snapshot`` were before the subscription
("old_prints"), later ones are written if they were missed. The side is the taker's.

Rules: "Book checksum" (v1 and v2) and "L3 checksum" in the venue's documentation.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import (
    Book,
    Handler,
    Message,
    OrderChange,
    decoder,
    iso_nanoseconds,
    nanoseconds,
)
from bookflow.words import Side

__all__ = ["Kraken"]

_Raw: Final[Any] = msgspec.Raw  # JSON as it was written
_field: Final = msgspec.field

_AGGRESSOR: Final = {"b": Side.BID, "s": Side.ASK, "buy": Side.BID, "sell": Side.ASK}
_DEPTH: Final = 10
_DEPTHS: Final = (10, 25, 100, 500, 1_000)


class _Subscription(msgspec.Struct):
    channel: str = ""
    symbol: str | list[str] = ""
    depth: int = _DEPTH


class _Said(msgspec.Struct):
    """Of v2; v1 has such messages for `event` only."""

    channel: str = ""
    type: str = ""
    event: str = ""
    method: str = ""
    data: _Raw = _Raw(b"[]")
    result: _Subscription | None = None
    params: _Subscription | None = None


class _Level(msgspec.Struct):
    price: _Raw
    size: _Raw = _field(name="qty")


class _Order(msgspec.Struct):
    id: str = _field(name="order_id")
    price: _Raw = _field(name="limit_price", default=_Raw(b"0"))
    size: _Raw = _field(name="order_qty", default=_Raw(b"0"))
    time: str = _field(name="timestamp", default="")
    event: str = "add"


class _Levels(msgspec.Struct):
    symbol: str
    checksum: int
    bids: list[_Level] = []  # noqa: RUF012 - msgspec copies it
    asks: list[_Level] = []  # noqa: RUF012
    timestamp: str = ""


class _Orders(msgspec.Struct):
    symbol: str
    checksum: int
    bids: list[_Order] = []  # noqa: RUF012
    asks: list[_Order] = []  # noqa: RUF012
    timestamp: str = ""


class _Print(msgspec.Struct):
    symbol: str
    side: str
    price: _Raw
    size: _Raw = _field(name="qty")
    number: int = _field(name="trade_id")
    time: str = _field(name="timestamp")


class _Known(NamedTuple):
    """What is remembered of an order that the venue names by a text."""

    number: int
    rank: int
    price: int
    size: int


class Kraken(Handler):
    """Books and trades of Kraken's public websocket."""

    venue: ClassVar[str] = "kraken"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._decode = decoder(list[Any])
        self._said = decoder(_Said)
        self._book_items = decoder(list[_Levels])
        self._order_items = decoder(list[_Orders])
        self._print_items = decoder(list[_Print])
        self._depths: dict[tuple[str, str], int] = {}
        self._arrivals = 0

    def sent(self, message: Message) -> None:
        said = self._said(message)
        if said.method == "subscribe" and said.params is not None:
            self._subscribed(said.params)

    def _subscribed(self, to: _Subscription) -> None:
        if not 0 < to.depth <= _DEPTHS[-1]:
            raise InputError(f"must be from 1 to {_DEPTHS[-1]}", field="depth", value=to.depth)
        for symbol in (to.symbol,) if isinstance(to.symbol, str) else to.symbol:
            self._depths[to.channel, symbol] = to.depth

    def _message(self, message: Message) -> None:
        first = message[:1] if isinstance(message, str | bytes) else ""
        if isinstance(message, Mapping) or first in ("{", b"{"):
            self._object(self._said(message))
            return
        data = self._decode(message)
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

    # -- v2 --------------------------------------------------------------------------------------

    def _object(self, said: _Said) -> None:
        data = bytes(said.data)
        if said.method == "subscribe" and said.result is not None:
            self._subscribed(said.result)
        if said.channel in ("book", "level3") and said.type not in ("snapshot", "update"):
            raise InputError("must be snapshot or update", field="type", value=said.type)
        if said.channel == "book":
            self._of_levels(said.type == "snapshot", _one(self._book_items(data)))
        elif said.channel == "level3":
            self._of_orders(said.type == "snapshot", _one(self._order_items(data)))
        elif said.channel == "trade":
            self._of_prints(said.type == "snapshot", self._print_items(data))
        elif kind := said.channel or said.event or said.method:
            self._unknown(kind)
        else:
            raise InputError("is no message of the venue", field="message", value=data)

    def _of(self, channel: str, symbol: str, levels: Sequence[Any]) -> Book | None:
        book = self._book(symbol, levels)
        if book is None or book.memory.setdefault("books", channel) == channel:
            return book
        self._unknown(f"{channel} {symbol}")
        return None

    def _depth(self, book: Book, channel: str, prices: int) -> None:
        """How deep the book is, at its snapshot."""
        fitting = next((depth for depth in _DEPTHS if depth >= prices), prices)
        book.memory["depth"] = self._depths.get((channel, book.symbol), fitting)

    def _of_levels(self, whole: bool, at: _Levels) -> None:
        bids, asks = (
            [(_text(x.price), _text(x.size)) for x in side] for side in (at.bids, at.asks)
        )
        book = self._of("book", at.symbol, [*bids, *asks])
        if book is None:
            return
        self._stamp(iso_nanoseconds(at.timestamp) if at.timestamp else NONE)
        before = len(self._rows)
        if whole:
            self._snapshot(book, bids, asks)
            self._depth(book, "book", max(len(bids), len(asks)))
        elif book.live:
            self._changes(book, bids, asks, depth=book.memory["depth"])
        else:
            book.text.units([*bids, *asks])
            self._await(book)
            return
        if not self._crc_holds(book, "digits", _DEPTH, at.checksum):
            self._rows.drop(before)
            self._lost(book, "checksum")

    def _of_orders(self, whole: bool, at: _Orders) -> None:
        orders = [*at.bids, *at.asks]
        texts = [(_text(o.price), _text(o.size)) for o in orders]
        book = self._of("level3", at.symbol, texts)
        if book is None:
            return
        units = list(zip(*(column.tolist() for column in book.text.units(texts)), strict=True))
        times = [at.timestamp] if at.timestamp else [o.time for o in orders if o.time]
        self._stamp(max((iso_nanoseconds(time) for time in times), default=NONE))
        for order in orders:
            if order.event not in ("add", "modify", "delete"):
                raise InputError("must be add, modify or delete", field="event", value=order.event)
        if not whole and not book.live:
            self._await(book)
            return
        if whole:
            self._depth(
                book, "level3", max(len({_text(o.price) for o in s}) for s in (at.bids, at.asks))
            )
        before = len(self._rows)
        sides = [Side.BID] * len(at.bids) + [Side.ASK] * len(at.asks)
        changes = self._ranked(book, list(zip(sides, orders, texts, units, strict=True)))
        self._orders(book, changes, whole=whole, depth=book.memory["depth"])
        ids = book.memory["ids"]
        if len(ids) > 2 * len(book.known) + 1_000:
            book.memory["ids"] = {t: one for t, one in ids.items() if one.number in book.known}
        if not self._crc_holds(book, "digits", _DEPTH, at.checksum, orders=True):
            self._rows.drop(before)
            self._lost(book, "checksum")

    def _ranked(self, book: Book, orders: Sequence[Any]) -> Iterator[OrderChange]:
        """The changes with the numbers of their orders, and their places in the queue."""
        ids: dict[str, _Known] = book.memory.setdefault("ids", {})
        for side, order, (price, size), (at, units) in orders:
            self._arrivals += 1
            known = ids.get(order.id)
            number = self._arrivals if known is None else known.number
            if order.event == "delete":
                yield OrderChange(side, number, 0, price, "0")
                continue
            stays = (
                known is not None
                and order.event == "modify"
                and known.price == at
                and units <= known.size
            )
            rank = known.rank if known is not None and stays else self._arrivals
            ids[order.id] = _Known(number, rank, at, units)
            yield OrderChange(side, number, rank, price, size)

    def _of_prints(self, old: bool, prints: Sequence[_Print]) -> None:
        newest: dict[str, int] = {}
        for p in sorted(prints, key=lambda p: p.number):
            price, size = _text(p.price), _text(p.size)
            book = self._book(p.symbol, [(price, size)])
            if book is None:
                continue
            seen = book.memory.get("print")
            if seen is not None and p.number <= seen:
                self.counts["repeated_prints"] += 1
                continue
            newest[p.symbol] = p.number
            self._stamp(iso_nanoseconds(p.time))
            if old and seen is None:
                book.text.units([(price, size)])
                self.counts["old_prints"] += 1
            else:
                self._trade(book, price, size, _AGGRESSOR[p.side])
        for symbol, number in newest.items():
            self._books[symbol].memory["print"] = number


def _one(items: list[Any]) -> Any:
    if len(items) != 1:
        raise InputError("must hold one book", field="data", value=len(items))
    return items[0]


def _text(number: Any) -> bytes:
    """A number as it was written, in quotes or not."""
    text = bytes(number)
    return text[1:-1] if text[:1] == b'"' else text
