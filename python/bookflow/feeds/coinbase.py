"""Coinbase's websockets: books by order and by level, prints.

- *full* (Exchange): every message of a product has the next ``sequence``; a later one is a gap of
  exactly the numbers between. Messages are kept while the book is fetched (``/book?level=3``); what
  is not later than its ``sequence`` is old. ``received`` never touches the book; ``open`` adds what
  rests; ``match`` executes the *maker's* order, whose side it names; ``done`` and ``change`` of an
  order that never rested are legal. A message is an atomic event.
- *level2* (Exchange): a snapshot, then sizes as they are now. Nothing is numbered: UNVERIFIABLE.
  Prints are from ``matches``, numbered by ``trade_id``.
- *l2_data*, *market_trades* (Advanced Trade): ``sequence_num`` numbers a connection's messages of
  all channels; a later one is a gap in every book, which waits for the snapshot of a new
  subscription.

Rules: the venue's documentation of the Exchange's websocket channels and of Advanced Trade's.
"""

from typing import Any, ClassVar, Final, Literal

from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Message, Truth, decoder, iso_nanoseconds
from bookflow.feeds.orders import OrderHandler, price_units, size_units
from bookflow.words import Action, Side, Status

__all__ = ["Coinbase"]

_SIDE: Final = {"buy": Side.BID, "sell": Side.ASK, "bid": Side.BID, "offer": Side.ASK}
_OTHER: Final = {Side.BID: Side.ASK, Side.ASK: Side.BID}

_Side = Literal["buy", "sell"]


class _Numbered(msgspec.Struct):
    product_id: str
    sequence: int
    time: str


class _Open(_Numbered):
    order_id: str
    side: _Side
    price: str
    remaining_size: str


class _Done(_Numbered):
    order_id: str


class _Change(_Numbered):
    order_id: str
    new_size: str | None = None
    new_price: str | None = None
    price: str | None = None


class _Match(_Numbered):
    trade_id: int
    maker_order_id: str
    side: _Side
    price: str
    size: str


class _Orders(msgspec.Struct):
    sequence: int
    bids: list[tuple[str, str, str]]
    asks: list[tuple[str, str, str]]


class _Whole(msgspec.Struct):
    product_id: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class _Changes(msgspec.Struct):
    product_id: str
    changes: list[tuple[_Side, str, str]]
    time: str


class _Ticker(msgspec.Struct):
    product_id: str
    best_bid: str
    best_ask: str
    best_bid_size: str | None = None
    best_ask_size: str | None = None


class _Level(msgspec.Struct):
    side: Literal["bid", "offer"]
    price_level: str
    new_quantity: str


class _LevelEvent(msgspec.Struct):
    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[_Level]


class _Levels(msgspec.Struct):
    sequence_num: int
    timestamp: str
    events: list[_LevelEvent]


class _Trade(msgspec.Struct):
    trade_id: str
    product_id: str
    price: str
    size: str
    side: Literal["BUY", "SELL"]
    time: str


class _TradeEvent(msgspec.Struct):
    type: str
    trades: list[_Trade]


class _Trades(msgspec.Struct):
    sequence_num: int
    events: list[_TradeEvent]


class _Other(msgspec.Struct):
    sequence_num: int


_KINDS: Final = {
    "received": _Numbered,
    "open": _Open,
    "done": _Done,
    "change": _Change,
    "match": _Match,
    "last_match": _Match,
    "snapshot": _Whole,
    "l2update": _Changes,
    "ticker": _Ticker,
    "l2_data": _Levels,
    "market_trades": _Trades,
}


class Coinbase(OrderHandler):
    """Books and prints of Coinbase's Exchange and Advanced Trade feeds.

    Parameters
    ----------
    book
        "level2", or "full": every order, whose snapshot is to be fetched.
    side
        Whose side a print of Advanced Trade's ``market_trades`` names: the "maker" or the "taker".
    symbols, instruments, time, truth
        As every `Handler`.

    Notes
    -----
    Prints that come again are dropped ("repeated_prints"), those left out counted ("lost_prints").
    """

    venue: ClassVar[str] = "coinbase"

    def __init__(
        self,
        *args: Any,
        book: Literal["level2", "full"] = "level2",
        side: Literal["maker", "taker"] = "maker",
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        if book not in ("level2", "full"):
            raise InputError('must be "level2" or "full"', field="book", value=book)
        if side not in ("maker", "taker"):
            raise InputError('must be "maker" or "taker"', field="side", value=side)
        self._full = book == "full"
        self._trade_side = side
        self._decode = decoder(dict[str, Any])
        self._kinds = {name: decoder(kind) for name, kind in _KINDS.items()}
        self._orders_of, self._other = decoder(_Orders), decoder(_Other)

    def _symbol_of(self, url: str) -> str | None:
        return url.partition("/products/")[2].partition("/")[0] or None

    def _message(self, message: Message) -> None:
        raw = self._decode(message)
        kind = str(raw.get("type", raw.get("channel")))
        decode = self._kinds.get(kind)
        if decode is not None:
            said = decode(raw)
            if "channel" in raw:
                self._advanced(said)
            elif isinstance(said, _Numbered):
                self._numbered(kind, said)
            elif kind == "ticker":
                self._best(said)
            else:
                self._level2(said)
            return
        if "sequence_num" in raw:
            self._connection(self._other(raw).sequence_num)
        self._unknown(kind)

    # -- order by order --------------------------------------------------------------------------

    def _numbered(self, kind: str, said: Any) -> None:
        at = iso_nanoseconds(said.time)
        levels = _levels(said)
        book = self._book(said.product_id, levels)
        if book is None:
            return
        book.text.units(levels)
        self._stamp(at)
        if self._full and kind != "last_match":
            self._next(book, said)
        elif kind == "match":
            self._match(book, said)
        elif kind == "last_match":
            book.memory.setdefault("print", said.trade_id)
            self.counts["last_match"] += 1
        else:
            self._unknown(kind)

    def _next(self, book: Book, said: Any) -> None:
        if book.live:
            last = book.sequence or 0
            if said.sequence <= last:
                self.counts["old"] += 1
                # A snapshot may be ahead of the channel: what it has of the book is no print yet.
                if isinstance(said, _Match) and said.trade_id > book.memory.get("print", 0):
                    self._match(book, said)
                return
            if said.sequence == last + 1:
                book.sequence = said.sequence
                self._apply(book, said)
                return
            self._lost(book, "sequence", said.sequence - last - 1)
        elif not book.pending:
            self._await(book)
        printed = isinstance(said, _Match)
        if printed:
            self._match(book, said)
        book.waiting.append((said, printed))

    def _apply(self, book: Book, said: Any, printed: bool = False) -> None:
        orders = self._resting(book)
        if isinstance(said, _Open):
            self._add(book, said.order_id, _SIDE[said.side], said.price, said.remaining_size)
        elif isinstance(said, _Match):
            self._execute(book, said, printed)
        elif isinstance(said, _Done):
            if said.order_id in orders:
                self._remove(book, said.order_id)
        elif isinstance(said, _Change) and (order := orders.get(said.order_id)) is not None:
            price = said.price if said.new_price is None else said.new_price
            size = None if said.new_size is None else size_units(book, said.new_size)
            if size == 0:
                self._remove(book, said.order_id)
            elif price is not None and price_units(book, price) != order.price:
                order.price = price_units(book, price)
                order.size = order.size if size is None else size
                self._order_row(book, Action.MODIFY, order)
            elif size is not None:
                self._resize(book, said.order_id, size)

    def _execute(self, book: Book, said: _Match, printed: bool) -> None:
        order = self._resting(book).get(said.maker_order_id)
        size = size_units(book, said.size)
        if order is None:
            self.counts["unknown_orders"] += 1
            if not printed:
                self._match(book, said)
            return
        if printed or not self._is_new(book, said.trade_id):
            self._resize(book, said.maker_order_id, max(order.size - size, 0), filled=True)
            return
        order.size = max(order.size - size, 0)
        if not order.size:
            self._resting(book).remove(said.maker_order_id)
        self._at(book)
        price = price_units(book, said.price)
        self._rows.add(Action.EXECUTE, order.side, price, size, order.number)
        self._rows.end()

    def _fetched(self, message: Message, symbol: str | None) -> None:
        whole = self._orders_of(message)
        if symbol is None:
            raise InputError("does not say of which symbol it is: give it", field="symbol")
        if not self._full:
            raise InputError('is of orders: the handler needs book="full"', field="snapshot")
        book = self._book(symbol, [*whole.bids, *whole.asks])
        if book is None:
            return
        book.text.units([*whole.bids, *whole.asks])
        first = book.waiting[0][0].sequence if book.waiting else whole.sequence
        if whole.sequence < (book.sequence or 0) or whole.sequence < first - 1:
            self.counts["old_snapshots"] += 1
            return
        waiting = list(book.waiting)
        book.waiting.clear()
        self._whole(book, whole.bids, whole.asks)
        book.sequence = whole.sequence
        for said, printed in waiting:
            self._stamp(iso_nanoseconds(said.time))
            if said.sequence <= (book.sequence or 0) and book.live:
                self.counts["old"] += 1
            elif book.live and said.sequence == (book.sequence or 0) + 1:
                book.sequence = said.sequence
                self._apply(book, said, printed)
            else:
                if book.live:
                    self._lost(book, "sequence", said.sequence - (book.sequence or 0) - 1)
                book.waiting.append((said, printed))

    # -- levels ----------------------------------------------------------------------------------

    def _level2(self, said: Any) -> None:
        if isinstance(said, _Whole):
            bids, asks = said.bids, said.asks
        else:
            self._stamp(iso_nanoseconds(said.time))
            bids, asks = (
                [(price, size) for name, price, size in said.changes if name == side]
                for side in ("buy", "sell")
            )
        if self._full:
            self._unknown("level2")
            return
        book = self._book(said.product_id, [*bids, *asks])
        if book is None:
            return
        book.text.units([*bids, *asks])
        book.status |= Status.UNVERIFIABLE
        if isinstance(said, _Whole):
            self._snapshot(book, bids, asks)
        elif book.live:
            self._changes(book, bids, asks)
        else:
            self._await(book)

    def _best(self, said: _Ticker) -> None:
        book = self._book(said.product_id)
        if book is not None and book.live and self._truth:
            # Sent with a print, and now and then before the change that the print made.
            self.truths.setdefault("best quote", Truth(needed=0.9))
            self._claim(book, said.best_bid, said.best_bid_size, said.best_ask, said.best_ask_size)

    # -- prints ----------------------------------------------------------------------------------

    def _match(self, book: Book, said: _Match) -> None:
        aggressor = _OTHER[_SIDE[said.side]]
        self._new_print(book, said.trade_id, said.price, said.size, aggressor)

    def _new_print(self, book: Book, number: int, price: str, size: str, side: int) -> None:
        if self._is_new(book, number):
            self._trade(book, price, size, side)

    def _is_new(self, book: Book, number: int) -> bool:
        """Whether this print is the first of its number; those left out are counted."""
        last = book.memory.get("print", number - 1)
        if number <= last:
            self.counts["repeated_prints"] += 1
            return False
        if number > last + 1:
            self.counts["lost_prints"] += number - last - 1
        book.memory["print"] = number
        return True

    # -- Advanced Trade --------------------------------------------------------------------------

    def _advanced(self, said: Any) -> None:
        if isinstance(said, _Trades):
            self._market_trades(said)
            return
        at = iso_nanoseconds(said.timestamp)
        events = []
        for event in said.events:
            bids, asks = (
                [(one.price_level, one.new_quantity) for one in event.updates if one.side == side]
                for side in ("bid", "offer")
            )
            book = self._book(event.product_id, [*bids, *asks])
            if book is not None:
                book.text.units([*bids, *asks])
                events.append((book, event.type, bids, asks))
        if not self._connection(said.sequence_num):
            return
        self._stamp(at)
        for book, kind, bids, asks in events:
            if kind == "snapshot":
                self._snapshot(book, bids, asks)
            elif book.live:
                self._changes(book, bids, asks)
            else:
                self._await(book)

    def _market_trades(self, said: _Trades) -> None:
        trades = []
        for trade in (one for event in said.events for one in event.trades):
            book = self._book(trade.product_id, [(trade.price, trade.size)])
            if book is not None:
                book.text.units([(trade.price, trade.size)])
                side = _SIDE[trade.side.lower()]
                side = _OTHER[side] if self._trade_side == "maker" else side
                number = int(trade.trade_id)
                trades.append((number, iso_nanoseconds(trade.time), book, trade, side))
        if not self._connection(said.sequence_num):
            return
        for number, at, book, trade, side in sorted(trades, key=lambda one: one[0]):
            self._stamp(at)
            self._new_print(book, number, trade.price, trade.size, side)


def _levels(said: Any) -> list[tuple[str, str]]:
    """The price and size that a message of one order names."""
    if isinstance(said, _Open):
        return [(said.price, said.remaining_size)]
    if isinstance(said, _Match):
        return [(said.price, said.size)]
    if isinstance(said, _Change):
        price = said.price if said.new_price is None else said.new_price
        if price is not None or said.new_size is not None:
            return [
                ("0" if price is None else price, "0" if said.new_size is None else said.new_size)
            ]
    return []
