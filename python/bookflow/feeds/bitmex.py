"""BitMEX's stream: books of levels by id, prints, and quotes to compare with.

``orderBookL2`` and ``orderBookL2_25`` begin with a partial, which is the whole book; inserts,
updates and deletes before it are passed over. Updates and deletes carry no price: an id's price is
that of its insert. A message is an atomic event of each of its symbols.

There are no sequence numbers and no checksums: a loss cannot be noticed for certain and the book is
UNVERIFIABLE. What shows a loss all the same is a gap ("unknown_id"): an id that is updated or
deleted and is not there, or inserted and is. The book then waits for the partial of a new
subscription.

Quotes and books are two streams that are not in step: each quote is looked for, in order, among the
touches that the book went through.

Rules: the venue's page on its websocket, and recordings.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from bookflow._core import Instrument
from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Handler, Message, Truth, decoder, iso_nanoseconds
from bookflow.words import Flag, Side

__all__ = ["Bitmex"]

_RAW: Final[Any] = msgspec.Raw
_NULL: Final = _RAW(b"null")
_SIDES: Final = {"Buy": Side.BID, "Sell": Side.ASK, "": Side.NONE}
_ACTIONS: Final = ("partial", "insert", "update", "delete")


class _Said(msgspec.Struct):
    table: str = ""
    action: str = ""
    data: _RAW = _RAW(b"[]")


class _Level(msgspec.Struct):
    symbol: str
    id: int
    side: str
    size: _RAW = _RAW(b"0")
    price: _RAW = _NULL
    timestamp: str | None = None


class _Print(msgspec.Struct):
    symbol: str
    timestamp: str
    price: _RAW
    size: _RAW
    side: str = ""
    name: str = msgspec.field(name="trdMatchID", default="")
    kind: str = msgspec.field(name="trdType", default="Regular")


class _Quote(msgspec.Struct):
    symbol: str
    bid: _RAW = msgspec.field(name="bidPrice", default=_NULL)
    bid_size: _RAW = msgspec.field(name="bidSize", default=_NULL)
    ask: _RAW = msgspec.field(name="askPrice", default=_NULL)
    ask_size: _RAW = msgspec.field(name="askSize", default=_NULL)


class Bitmex(Handler):
    """Books and prints of BitMEX's public stream. Messages as received: their numbers are no text.

    Prints that are not executed in the book ("Referential") are off the book. The prints of a
    partial were there before the subscription and are not taken.
    """

    venue: ClassVar[str] = "bitmex"
    verifiable: ClassVar[bool] = False

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._said, self._levels, self._prints, self._quotes = (
            decoder(kind) for kind in (_Said, list[_Level], list[_Print], list[_Quote])
        )

    def _chosen(self, symbol: str, levels: Sequence[Any], price: int, size: int) -> Instrument:
        made = super()._chosen(symbol, levels, price, size)
        unit = made.price_unit
        # Sizes are whole numbers, contracts or units of the currency, and may be very large.
        return Instrument(symbol, price_unit=unit, tick=None, size_unit="1", id=made.id)

    def _message(self, message: Message) -> None:
        if isinstance(message, Mapping):
            rule = "has numbers that are no text: give the message as received"
            raise InputError(rule, field="message")
        said = self._said(message)
        data = bytes(said.data)
        if said.table and said.action not in _ACTIONS:
            raise InputError("is no action", field="action", value=said.action)
        if said.table in ("orderBookL2", "orderBookL2_25"):
            levels: dict[str, list[_Level]] = {}
            for level in self._levels(data):
                levels.setdefault(level.symbol, []).append(level)
            for changes in [self._change(*one, said) for one in levels.items()]:
                changes()
        elif said.table == "trade":
            self._printed(said.action, self._prints(data))
        elif said.table == "quote":
            self._quoted(self._quotes(data))
        else:
            self._unknown(said.table)

    # -- the book --------------------------------------------------------------------------------

    def _change(self, symbol: str, levels: list[_Level], said: _Said) -> Any:
        """What the message does to a symbol's book, when all of it was looked at."""
        whole = said.action == "partial"
        if whole or said.action == "insert":
            first = [(_price(level), bytes(level.size)) for level in levels]
            book = self._book(symbol, first)
        else:
            book = self._book(symbol)
        at = max((iso_nanoseconds(one.timestamp) for one in levels if one.timestamp), default=NONE)
        if book is None:
            return lambda: None
        if book.memory.setdefault("table", said.table) != said.table:
            return lambda: self._unknown(said.table)  # one of the two is enough
        ids = {} if whole else book.memory.get("ids", {})
        sides: dict[Side, list[tuple[bytes, bytes]]] = {Side.BID: [], Side.ASK: []}
        prices: dict[int, tuple[Side, bytes]] = {}
        known = True
        for level in levels:
            side, old = _SIDES[level.side], ids.get(level.id)
            if (old is None) != (said.action in ("partial", "insert")):
                known = False
                continue
            price = _price(level) if old is None else old[1]
            if old is not None and old[0] != side:  # it went to the other side
                sides[old[0]].append((price, b"0"))
            size = b"0" if said.action == "delete" else bytes(level.size)
            sides[side].append((price, size))
            prices[level.id] = (side, price)
        for levels_of in sides.values():
            book.text.units(levels_of)

        def apply() -> None:
            self._stamp(at)
            if whole:
                self._snapshot(book, sides[Side.BID], sides[Side.ASK])
                book.memory["ids"] = prices
            elif not book.live:
                self._await(book)
                return
            elif not known:
                self._lost(book, "unknown_id")
                return
            else:
                self._changes(book, sides[Side.BID], sides[Side.ASK])
                if said.action == "delete":
                    for one in prices:
                        del ids[one]
                else:
                    ids.update(prices)
            if self._truth:
                self._touches(book).append(book.text.quotes)

        return apply

    # -- prints ----------------------------------------------------------------------------------

    def _printed(self, action: str, prints: list[_Print]) -> None:
        rows: list[tuple[Book, _Print, int, Side]] = []
        for one in prints:
            book = self._book(one.symbol, [(bytes(one.price), bytes(one.size))])
            if book is not None:
                book.text.units([(bytes(one.price), bytes(one.size))])
                rows.append((book, one, iso_nanoseconds(one.timestamp), _SIDES[one.side]))
        for book, one, at, aggressor in rows:
            if one.name and self._repeated(book, one.name):
                continue
            if action == "partial":
                self.counts["prints_before"] += 1
                continue
            self._stamp(at)
            flags = int(Flag.OFF_BOOK) if one.kind == "Referential" else 0
            self._trade(book, bytes(one.price), bytes(one.size), aggressor, flags=flags)

    # -- quotes ----------------------------------------------------------------------------------

    def _touches(self, book: Book) -> Any:
        touches: list[Any] = book.memory.setdefault("touches", [])
        return touches

    def _quoted(self, quotes: list[_Quote]) -> None:
        if not self._truth:
            self.counts["other: quote"] += len(quotes)
            return
        for quote in quotes:
            levels = [
                (bytes(price), bytes(size))
                for price, size in ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size))
                if bytes(price) != b"null"
            ]
            book = self._book(quote.symbol, levels)
            if book is None or len(levels) < 2:
                continue
            prices, sizes = book.text.units(levels)
            touch = (int(prices[0]), int(sizes[0]), int(prices[1]), int(sizes[1]))
            book.memory.setdefault("quotes", []).append(touch)

    def finish(self) -> None:
        for book in self._books.values():
            touches, start = self._touches(book), 0
            for quote in book.memory.pop("quotes", []):
                self.truths.setdefault("quote", Truth(needed=0.98))
                try:
                    start = touches.index(quote, start)
                    self._check("quote", quote, quote, book.symbol)
                except ValueError:
                    self._check("quote", None, quote, f"{book.symbol}, among the touches")


def _price(level: _Level) -> bytes:
    if bytes(level.price) == b"null":
        raise InputError("is not there", field="price")
    return bytes(level.price)
