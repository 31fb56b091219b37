"""Bitstamp's websocket: books by level or by order, prints.

A message is an atomic event; nothing is numbered, so a loss cannot be noticed and every book is
UNVERIFIABLE.

- *Levels*: ``diff_order_book`` sends sizes as they are now, 0 removes. The book they change is
  fetched (``/api/v2/order_book/PAIR``); what is not later than its ``microtimestamp`` is old.
  ``order_book`` sends the hundred best levels, each time all of them.
- *Orders*: ``live_orders`` creates, changes (what is left after a fill) and deletes orders; the
  book is fetched with ``?group=2``, which names each order. A marketable order is created before
  it is filled, so the book is crossed for a moment. A delete that never came leaves an order for
  ever. Whoever subscribes to ``order_book`` as well is told: a level that has more in ours than in
  two successive books of the venue's, and the same both times, holds a stale order.

Rules: "Live orders", "Live full order book" of the venue's websocket documentation, and recordings.
"""

from typing import Annotated, Any, ClassVar, Final, Literal
from urllib.parse import urlsplit

from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Message, Truth, decoder
from bookflow.feeds.orders import OrderHandler, price_units, size_units
from bookflow.words import Action, Side

__all__ = ["Bitstamp"]

_AGGRESSOR: Final = {0: Side.BID, 1: Side.ASK, None: Side.NONE}
_BOOKS: Final = ("diff_order_book", "order_book", "live_orders")

_Level = Annotated[list[str], msgspec.Meta(min_length=2, max_length=3)]
"""Price, size and in books by order the id."""


class _Message(msgspec.Struct):
    event: str
    channel: str = ""
    data: Any = None


class _Levels(msgspec.Struct):
    bids: list[_Level]
    asks: list[_Level]
    microtimestamp: str = "0"


class _Order(msgspec.Struct):
    order_type: Literal[0, 1]
    id: int
    price_str: str
    amount_str: str
    microtimestamp: str


class _Trade(msgspec.Struct):
    id: int
    price_str: str
    amount_str: str
    microtimestamp: str
    type: Literal[0, 1] | None = None


class Bitstamp(OrderHandler):
    """Books and prints of Bitstamp's public channels.

    Parameters
    ----------
    book
        "diff_order_book", "order_book" or "live_orders": which channel makes the book, by default
        the one of a symbol's first message; the others are counted ("other: order_book").
    stale
        What is done about orders by ``live_orders`` that are found to be stale: "gap", the book has
        lost something and waits for a snapshot; "remove", they are deleted.
    symbols, instruments, time, truth
        As every `Handler`; a symbol is the channel's last word, such as "btcusd".

    Notes
    -----
    Counted: "stale_levels", "stale_orders", "unknown_orders" (changed or deleted, but never seen),
    "repeated_prints".
    """

    venue: ClassVar[str] = "bitstamp"
    verifiable: ClassVar[bool] = False

    def __init__(
        self,
        *args: Any,
        book: Literal["diff_order_book", "order_book", "live_orders"] | None = None,
        stale: Literal["gap", "remove"] = "gap",
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        if book is not None and book not in _BOOKS:
            rule = 'must be "diff_order_book", "order_book" or "live_orders"'
            raise InputError(rule, field="book", value=book)
        if stale not in ("gap", "remove"):
            raise InputError('must be "gap" or "remove"', field="stale", value=stale)
        self._channel = book
        self._stale = stale
        self._decode, self._levels_of, self._order_of, self._trade_of = (
            decoder(kind) for kind in (_Message, _Levels, _Order, _Trade)
        )

    def answer(self, url: str, message: Message, received: int | None = None) -> Events:
        if "/order_book/" in urlsplit(url).path:
            return super().answer(url, message, received)
        return self._events(received, lambda: self._unknown("answer"))

    def _symbol_of(self, url: str) -> str | None:
        return urlsplit(url).path.strip("/").rpartition("/")[2]

    def _message(self, message: Message) -> None:
        said = self._decode(message)
        kind, _, symbol = said.channel.rpartition("_")
        if kind in ("diff_order_book", "order_book") and said.event == "data":
            self._levels(kind, symbol, self._levels_of(said.data))
        elif kind == "live_orders" and said.event.startswith("order_"):
            self._order(said.event, symbol, self._order_of(said.data))
        elif kind == "live_trades" and said.event == "trade":
            self._print(symbol, self._trade_of(said.data))
        else:
            self._unknown(said.event)

    def _fetched(self, message: Message, symbol: str | None) -> None:
        whole = self._levels_of(message)
        at = _time(whole.microtimestamp)
        levels = [*whole.bids, *whole.asks]
        if symbol is None:
            raise InputError("does not say of which symbol it is: give it", field="symbol")
        book = self._book(symbol, levels)
        if book is None:
            return
        book.text.units(levels)
        orders = all(len(level) == 3 for level in levels)
        for _, _, key in levels if orders else ():
            _id(key)
        kind = book.memory.setdefault(
            "channel", self._channel or ("live_orders" if orders else "diff_order_book")
        )
        if kind == "order_book" or (kind == "live_orders" and not orders):
            self._unknown("snapshot")
            return
        waiting = list(book.waiting)
        full = len(waiting) == book.waiting.maxlen  # and so earlier ones may have gone
        if (book.live and at < (book.sequence or 0)) or (full and at < waiting[0][0]):
            self.counts["old_snapshots"] += 1
            return
        self._stamp(at * 1_000 if at else NONE)
        if kind == "live_orders":
            sides = [
                [(price, size, _id(key)) for price, size, key in side]
                for side in (whole.bids, whole.asks)
            ]
            self._whole(book, *sides)
        else:
            self._snapshot(book, whole.bids, whole.asks)
        book.sequence = at
        book.memory.pop("excess", None)
        book.waiting.clear()
        for said in waiting:
            if kind == "live_orders" and said[0] < at:
                self.counts["old"] += 1  # to change an order back would cost it its place
            else:
                self._apply(book, *said)

    # -- books -----------------------------------------------------------------------------------

    def _takes(self, book: Book, kind: str) -> bool:
        """Whether this channel makes the book."""
        taken = book.memory.setdefault("channel", self._channel or kind)
        if kind != taken:
            self._unknown(kind)
        return bool(kind == taken)

    def _levels(self, kind: str, symbol: str, said: _Levels) -> None:
        at = _time(said.microtimestamp)
        book = self._book(symbol, [*said.bids, *said.asks])
        if book is None:
            return
        book.text.units([*said.bids, *said.asks])
        self._stamp(at * 1_000 if at else NONE)
        if kind == "order_book" and book.memory.get("channel") == "live_orders":
            self._compare(book, said)
        elif not self._takes(book, kind):
            return
        elif kind == "order_book":
            self._view(book, said.bids, said.asks)
        else:
            self._apply_or_keep(book, at, said)

    def _order(self, event: str, symbol: str, said: _Order) -> None:
        at = _time(said.microtimestamp)
        book = self._book(symbol, [(said.price_str, said.amount_str)])
        if book is None:
            return
        book.text.units([(said.price_str, said.amount_str)])
        _id(said.id)
        if self._takes(book, "live_orders"):
            self._apply_or_keep(book, at, event, said)

    def _apply_or_keep(self, book: Book, at: int, *said: Any) -> None:
        if book.live:
            self._apply(book, at, *said)
            return
        if not book.pending:
            self._stamp(at * 1_000 if at else NONE)
            self._await(book)
        book.waiting.append((at, *said))

    def _apply(self, book: Book, at: int, *said: Any) -> None:
        if book.memory["channel"] == "diff_order_book":
            if at <= (book.sequence or 0):
                self.counts["old"] += 1
                return
            book.sequence = at
            self._stamp(at * 1_000 if at else NONE)
            self._changes(book, said[0].bids, said[0].asks)
            return
        self._stamp(at * 1_000 if at else NONE)
        book.sequence = max(at, book.sequence or 0)  # an older snapshot is not taken any more
        event, order = said
        side = Side.BID if order.order_type == 0 else Side.ASK
        if event == "order_created":
            self._add(book, order.id, side, order.price_str, order.amount_str)
        elif event == "order_changed":
            self._resize(book, order.id, size_units(book, order.amount_str), filled=True)
        elif event == "order_deleted":
            left = size_units(book, order.amount_str)
            if left:
                self._remove(book, order.id)
            else:
                self._resize(book, order.id, 0, filled=True)
        else:
            self._unknown(event)

    # -- stale orders ----------------------------------------------------------------------------

    def _compare(self, book: Book, said: _Levels) -> None:
        """Our orders with the venue's best levels, where both are to be seen."""
        if not book.live:
            return
        excess: dict[tuple[int, int], int] = {}
        differ = 0
        for side, levels in ((Side.BID, said.bids), (Side.ASK, said.asks)):
            if not levels:
                continue
            theirs = {price_units(book, price): size_units(book, size) for price, size in levels}
            ours = self._resting(book).levels(side)
            last = list(theirs)[-1]
            for price, size in ours.items():
                inside = price >= last if side == Side.BID else price <= last
                if inside and size > theirs.get(price, 0):
                    excess[side, price] = size - theirs.get(price, 0)
            differ += sum(ours.get(price) != size for price, size in theirs.items())
            differ += sum(place not in theirs for s, place in excess if s == side)
        if self._truth:
            self.truths.setdefault("venue's levels", Truth(needed=0.0))
            self.truths.setdefault("nothing too much", Truth(needed=0.0))
            self._check("nothing too much", f"{len(excess)} levels", "0 levels", book.symbol)
            self._check("venue's levels", f"{differ} differ", "0 differ", book.symbol)
        before = book.memory.get("excess", {})
        book.memory["excess"] = excess
        stale = {place: size for place, size in excess.items() if before.get(place) == size}
        if stale:
            self.counts["stale_levels"] += len(stale)
            if self._stale == "gap":
                self._lost(book, "stale_orders")
                book.memory["excess"] = {}
            else:
                self._clean(book, stale)

    def _clean(self, book: Book, stale: dict[tuple[int, int], int]) -> None:
        """Deletes the oldest orders of these levels that are not more than what is too much."""
        orders = self._resting(book)
        self._at(book)
        before = len(self._rows)
        for key, order in list(orders.items()):
            place = (order.side, order.price)
            if order.size <= stale.get(place, 0):
                stale[place] -= order.size
                orders.remove(key)
                self.counts["stale_orders"] += 1
                self._rows.add(Action.DELETE, order.side, order.price, order.size, order.number)
        if len(self._rows) > before:
            self._rows.end()

    # -- prints ----------------------------------------------------------------------------------

    def _print(self, symbol: str, trade: _Trade) -> None:
        at = _time(trade.microtimestamp)
        book = self._book(symbol, [(trade.price_str, trade.amount_str)])
        if book is None:
            return
        book.text.units([(trade.price_str, trade.amount_str)])
        if self._repeated(book, trade.id):
            return
        self._stamp(at * 1_000 if at else NONE)
        self._trade(book, trade.price_str, trade.amount_str, _AGGRESSOR[trade.type])


def _time(text: str) -> int:
    """Microseconds, as ASCII digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise InputError("is no time in microseconds", field="microtimestamp", value=text)
    return int(text)


def _id(key: int | str) -> int:
    number = int(key)
    if not 0 < number < 1 << 64:
        raise InputError("is no order id", field="id", value=key)
    return number
