"""Bybit's streams: books by update number (v5), books by level id (before), and prints.

*v5*, ``orderbook.N``: a message is an atomic event. A snapshot replaces the book, whenever it comes
(after a restart of the service with ``u`` = 1). The ``u`` of a delta is that of the message before
plus 1: the same one again is passed over, any other is a gap, and the difference says how many
messages were lost. The book then waits for the snapshot of a new subscription.

*Before*, ``orderBookL2_25``: a snapshot, then deltas of deleted, updated and inserted levels by id.
``cross_seq`` rises, but not by 1: a loss cannot be noticed for certain and the book is
UNVERIFIABLE. What shows a loss all the same is a gap: a delta that goes back, a level deleted or
updated that is not there, a level inserted that is.

One handler for one category (spot, linear, inverse): they have the same symbols.

Rules: "Orderbook" and "Trade" of the public websocket in the venue's documentation; the older
stream by a recording.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Handler, Message, decoder, nanoseconds
from bookflow.words import Flag, Side, Status

__all__ = ["Bybit"]

_RAW: Final[Any] = msgspec.Raw
_SIDES: Final = {"Buy": Side.BID, "Sell": Side.ASK}


class _Said(msgspec.Struct):
    topic: str = ""
    type: str = ""
    data: _RAW = _RAW(b"null")
    ts: int = 0
    cts: int = 0
    cross_seq: str = ""
    timestamp_e6: str = ""
    op: str = ""


class _Book(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    number: int = msgspec.field(name="u")
    bids: list[tuple[str, str]] = msgspec.field(name="b")
    asks: list[tuple[str, str]] = msgspec.field(name="a")


class _Print(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    time: int = msgspec.field(name="T")
    side: str = msgspec.field(name="S")
    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="v")
    id: str = msgspec.field(name="i")
    is_block: bool = msgspec.field(name="BT", default=False)


class _OldPrint(msgspec.Struct):
    symbol: str
    time: str = msgspec.field(name="trade_time_ms")
    side: str
    price: str
    size: _RAW
    id: str = msgspec.field(name="trade_id")
    is_block: bool = False


class _Level(msgspec.Struct):
    symbol: str
    id: str
    side: str
    price: str
    size: _RAW = _RAW(b"0")


class _Delta(msgspec.Struct):
    delete: list[_Level] = msgspec.field(default_factory=list)
    update: list[_Level] = msgspec.field(default_factory=list)
    insert: list[_Level] = msgspec.field(default_factory=list)


class _Whole(msgspec.Struct):
    order_book: list[_Level]


class Bybit(Handler):
    """Books and prints of Bybit's public streams, v5 and the one before.

    Of several depths of a symbol the first that comes is taken. Block trades are off the book.
    """

    venue: ClassVar[str] = "bybit"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._said, self._level_book, self._prints, self._old_prints = (
            decoder(kind) for kind in (_Said, _Book, list[_Print], list[_OldPrint])
        )
        self._delta, self._whole = decoder(_Delta), decoder(_Whole | list[_Level])

    def _message(self, message: Message) -> None:
        if isinstance(message, Mapping):
            if str(message.get("topic")).startswith(("orderBook", "trade")):
                rule = "has numbers that are no text: give the message as received"
                raise InputError(rule, field="message")
            message = msgspec.json.encode(message)
        said = self._said(message)
        data = bytes(said.data)
        kind = said.topic.partition(".")[0]
        if kind == "orderbook" and said.type in ("snapshot", "delta"):
            self._numbered(said, self._level_book(data))
        elif kind in ("orderBookL2_25", "orderBook_200") and said.type in ("snapshot", "delta"):
            self._by_id(said, data)
        elif kind == "publicTrade":
            self._printed(self._prints(data))
        elif kind == "trade":
            self._printed(self._old_prints(data))
        else:
            self._unknown(kind or said.op)

    # -- v5 --------------------------------------------------------------------------------------

    def _numbered(self, said: _Said, change: _Book) -> None:
        if change.number < 1:
            raise InputError("must be at least 1", field="u", value=change.number)
        at = _time(said.cts or said.ts)
        book = self._book(change.symbol, [*change.bids, *change.asks])
        if book is None:
            return
        if book.memory.setdefault("topic", said.topic) != said.topic:
            self._unknown(said.topic)
            return
        self._stamp(at)
        number, last = change.number, book.sequence
        if said.type == "snapshot":
            self._snapshot(book, change.bids, change.asks)
            book.sequence = number
        elif last is None:
            self._await(book)
        elif number == last:
            self.counts["old"] += 1
        elif number == last + 1:
            self._changes(book, change.bids, change.asks)
            book.sequence = number
        else:
            self._lost(book, "sequence", number - last - 1 if number > last else None)

    # -- before ----------------------------------------------------------------------------------

    def _by_id(self, said: _Said, data: bytes) -> None:
        symbol, number = said.topic.rpartition(".")[2], int(said.cross_seq)
        at = nanoseconds(said.timestamp_e6, 6)
        if said.type == "snapshot":
            whole = self._whole(data)
            levels = whole if isinstance(whole, list) else whole.order_book
            gone, kept = [], levels
        else:
            delta = self._delta(data)
            gone, kept = delta.delete, [*delta.update, *delta.insert]
        sides: dict[Side, list[tuple[str, bytes]]] = {Side.BID: [], Side.ASK: []}
        for level in gone:
            sides[_SIDES[level.side]].append((level.price, b"0"))
        for level in kept:
            sides[_SIDES[level.side]].append((level.price, bytes(level.size)))
        bids, asks = sides[Side.BID], sides[Side.ASK]
        book = self._book(symbol, [*bids, *asks])
        if book is None:
            return
        book.status |= Status.UNVERIFIABLE
        self._stamp(at)
        if said.type == "snapshot":
            self._snapshot(book, bids, asks)
            book.memory["ids"] = {level.id for level in levels}
        elif book.sequence is None:
            self._await(book)
            return
        elif number == book.sequence:
            self.counts["old"] += 1
        elif number < book.sequence:
            self._lost(book, "sequence")
            return
        elif not self._known(book, delta):
            self._lost(book, "unknown_id")
            return
        else:
            self._changes(book, bids, asks)
            ids = book.memory["ids"]
            ids.difference_update(level.id for level in delta.delete)
            ids.update(level.id for level in delta.insert)
        book.sequence = number

    def _known(self, book: Book, delta: _Delta) -> bool:
        """Whether the levels are there, and those inserted are not."""
        ids = book.memory["ids"]
        gone = {level.id for level in delta.delete}
        return (
            gone <= ids
            and ids.issuperset(level.id for level in delta.update)
            and not any(level.id in ids and level.id not in gone for level in delta.insert)
        )

    # -- prints ----------------------------------------------------------------------------------

    def _printed(self, prints: list[Any]) -> None:
        rows = []
        for one in prints:
            price, size = one.price, one.size if isinstance(one.size, str) else bytes(one.size)
            book = self._book(one.symbol, [(price, size)])
            if book is None:
                continue
            book.text.units([(price, size)])
            flags = int(Flag.OFF_BOOK) if one.is_block else 0
            rows.append((_time(int(one.time)), book, price, size, _SIDES[one.side], flags, one.id))
        for at, book, price, size, aggressor, flags, name in rows:
            self._stamp(at)
            if not self._repeated(book, name):
                self._trade(book, price, size, aggressor, flags=flags)


def _time(stamp: int) -> int:
    if 10**12 <= stamp < 10**13:
        return stamp * 1_000_000
    raise InputError("is not milliseconds since 1970", field="ts", value=stamp)
