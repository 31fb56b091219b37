"""Binance's streams, spot and futures: differences of a book that is fetched, prints, quotes.

A message ``depthUpdate`` is an atomic event with the sizes as they are now; it covers the updates
``U`` to ``u``. The book they change is fetched (``/depth?limit=1000``) while messages are kept.

- *Spot* (no ``pu``): what ends at or before the snapshot's ``lastUpdateId`` or the last ``u`` is
  old and passed over; the next must begin at or before the update that is due (an overlap is
  legal). A later ``U`` is a gap, and ``U`` - last ``u`` - 1 updates are lost.
- *Futures* (USD-M and COIN-M, with ``pu``): the first message after the snapshot covers its
  ``lastUpdateId`` or follows it, and then ``pu`` must be the ``u`` before. Numbers are shared by
  many symbols, so how many were lost is not known.

After a gap messages are kept again until a snapshot that they follow; one that is older than they
are is counted ("old_snapshots") and the book goes on waiting. COIN-M sizes are contracts.

Levels outside the snapshot are not known until they change. While the touch is outside, the book is
UNVERIFIABLE ("outside_snapshot" counts how often that began): fetch another one.

Rules: "How to manage a local order book correctly" in the venue's documentation of each market.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal
from urllib.parse import parse_qs, urlsplit

from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Handler, Message, Truth, decoder
from bookflow.words import Action, Flag, Side, Status

__all__ = ["Binance"]

# A snapshot of as many levels was cut there.
_LIMITS: Final = frozenset({5, 10, 20, 50, 100, 500, 1_000, 5_000})

_Levels = list[tuple[str, str]]


class _Depth(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    sent: int = msgspec.field(name="E")
    first: int = msgspec.field(name="U")
    last: int = msgspec.field(name="u")
    bids: _Levels = msgspec.field(name="b")
    asks: _Levels = msgspec.field(name="a")
    time: int | None = msgspec.field(name="T", default=None)
    before: int | None = msgspec.field(name="pu", default=None)

    @property
    def stamp(self) -> int:
        return _time(self.sent if self.time is None else self.time)


class _Snapshot(msgspec.Struct):
    last: int = msgspec.field(name="lastUpdateId")
    bids: _Levels
    asks: _Levels
    symbol: str | None = None
    time: int | None = msgspec.field(name="T", default=None)


class _Quote(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    number: int = msgspec.field(name="u")
    bid: str = msgspec.field(name="b")
    bid_size: str = msgspec.field(name="B")
    ask: str = msgspec.field(name="a")
    ask_size: str = msgspec.field(name="A")
    time: int | None = msgspec.field(name="T", default=None)


class _Trade(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    time: int = msgspec.field(name="T")
    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")
    number: int | None = msgspec.field(name="t", default=None)
    aggregate: int | None = msgspec.field(name="a", default=None)
    kind: str = msgspec.field(name="X", default="MARKET")


class Binance(Handler):
    """Books, prints and best quotes of Binance's public streams, combined or raw.

    One handler for the streams of one market: spot and futures have the same symbols.

    Parameters
    ----------
    prints
        "trade" or "aggTrade". Both tell of the same prints: by default a symbol's first message
        decides, and the other's are counted ("other: aggTrade") and not taken.
    quotes
        Take ``bookTicker`` as the book, which then has one level a side, and not the differences.
        Its losses cannot be noticed: the book is unverifiable.
    symbols, instruments, time, truth
        As every `Handler`.

    Notes
    -----
    Print numbers are consecutive: what comes again is dropped ("repeated_prints"), what is left out
    counted ("lost_prints"). Prints of the insurance fund and of deleveraging (``X``) are off the
    book. Liquidation orders (``forceOrder``) are counted only: their prints come as prints.
    """

    venue: ClassVar[str] = "binance"

    def __init__(
        self,
        *args: Any,
        prints: Literal["trade", "aggTrade"] | None = None,
        quotes: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        if prints not in (None, "trade", "aggTrade"):
            raise InputError('must be "trade" or "aggTrade"', field="prints", value=prints)
        self._prints = prints
        self._quotes = quotes
        self._decode = decoder(dict[str, Any])
        self._depth, self._whole, self._quote, self._trade_of = (
            decoder(kind) for kind in (_Depth, _Snapshot, _Quote, _Trade)
        )

    def answer(self, url: str, message: Message, received: int | None = None) -> Events:
        if urlsplit(url).path.endswith("/depth"):
            return super().answer(url, message, received)
        return self._events(received, lambda: self._unknown("answer"))

    def _symbol_of(self, url: str) -> str | None:
        return parse_qs(urlsplit(url).query).get("symbol", [None])[0]

    def _message(self, message: Message) -> None:
        said = self._decode(message)
        stream = str(said.get("stream", "")).partition("@")[2].partition("@")[0]
        data = said.get("data", said)
        if not isinstance(data, Mapping):
            self._unknown(stream)
            return
        kind = data.get("e")
        if kind == "depthUpdate" and stream in ("", "depth"):
            self._difference(self._depth(data))
        elif kind in ("trade", "aggTrade"):
            self._print(kind, self._trade_of(data))
        elif kind == "bookTicker" or (kind is None and data.keys() >= {"u", "b", "a"}):
            self._best(self._quote(data))
        elif "lastUpdateId" in data and "data" not in said:
            self._fetched(data, None)  # a recorder wrote its snapshot among the messages
        else:
            self._unknown(stream or str(kind))

    # -- the book --------------------------------------------------------------------------------

    def _difference(self, change: _Depth) -> None:
        _require(0 <= change.first <= change.last, "U must be 0 to u", "U", change.first)
        at = change.stamp
        if self._quotes:
            self._unknown("depthUpdate")
            return
        book = self._book(change.symbol, [*change.bids, *change.asks])
        if book is not None:
            self._stamp(at)
            self._apply(book, change)

    def _apply(self, book: Book, change: _Depth) -> None:
        last = book.sequence
        if last is None:
            self._keep(book, change)
        elif _old(change, last, book.memory["first"]):
            self.counts["old"] += 1
        elif _follows(change, last, book.memory["first"]):
            before = len(self._rows)
            self._changes(book, change.bids, change.asks)
            if len(self._rows) > before:
                self._range(book)
            book.sequence, book.memory["first"] = change.last, False
            self._due(book, change.last)
        else:
            self._keep(book, change, change.first - last - 1 if change.before is None else None)

    def _range(self, book: Book) -> None:
        """Whether the touch, as the last row has it, is inside what the snapshot told of."""
        low, high = book.memory["range"]
        bid, _, ask, _ = book.text.quotes
        outside = (low is not None and not low <= bid) or (
            high is not None and not NONE < ask <= high
        )
        if outside == bool(book.status):
            return
        book.status = int(Status.UNVERIFIABLE) if outside else 0
        self.counts["outside_snapshot"] += outside
        self._rows.join()
        self._rows.add(Action.STATUS, size=book.status)
        self._rows.end()

    def _keep(self, book: Book, change: _Depth, lost: int | None = None) -> None:
        """Until the snapshot comes; its numbers are looked at now, while it can be refused."""
        book.text.units(change.bids)
        book.text.units(change.asks)
        if book.live:
            self._lost(book, "sequence", lost)
        elif not book.pending:
            self._await(book)
        book.waiting.append(change)

    def _fetched(self, message: Message, symbol: str | None) -> None:
        whole = self._whole(message)
        last = whole.last
        _require(last >= 0, "must not be negative", "lastUpdateId", last)
        symbol = symbol or whole.symbol or self._only()
        if self._quotes:
            return
        book = self._book(symbol, [*whole.bids, *whole.asks])
        if book is None:
            return
        kept = [change for change in book.waiting if not _old(change, last, first=True)]
        if last < (book.sequence or 0) or (kept and not _follows(kept[0], last, first=True)):
            self.counts["old_snapshots"] += 1
            return
        if whole.time is not None:
            self._stamp(_time(whole.time))
        elif len(kept) < len(book.waiting):  # spot's has no stamp: it is as late as what it holds
            self._stamp(book.waiting[len(book.waiting) - len(kept) - 1].stamp)
        self._snapshot(book, whole.bids, whole.asks)
        book.sequence, book.memory["first"] = last, True
        sides = (whole.bids, whole.asks)
        book.memory["range"] = [
            int(book.text.units(side[-1:])[0][0]) if len(side) in _LIMITS else None
            for side in sides
        ]
        self._range(book)
        book.waiting.clear()
        for change in kept:
            self._stamp(change.stamp)
            self._apply(book, change)

    def _only(self) -> str:
        """The symbol of a snapshot that does not say it: the one that waits for it."""
        waiting = self.needs_snapshot or tuple(self._books)
        rule = "does not say of which symbol it is: give it, `snapshot(message, symbol=...)`"
        _require(len(waiting) == 1, rule, "symbol", ", ".join(waiting))
        return waiting[0]

    # -- prints ----------------------------------------------------------------------------------

    def _print(self, kind: str, trade: _Trade) -> None:
        number = trade.number if kind == "trade" else trade.aggregate
        if number is None:
            raise InputError("a print without a number", field="message")
        at = _time(trade.time)
        book = self._book(trade.symbol, [(trade.price, trade.size)])
        if book is None:
            return
        taken, last = book.memory.get("prints", (self._prints or kind, None))
        if kind != taken:
            self._unknown(kind)
        elif last is not None and number <= last:
            self.counts["repeated_prints"] += 1
        else:
            self._stamp(at)
            off = 0 if trade.kind == "MARKET" else int(Flag.OFF_BOOK)
            self._trade(
                book,
                trade.price,
                trade.size,
                Side.ASK if trade.buyer_is_maker else Side.BID,
                flags=off,
            )
            if last is not None and number > last + 1:
                self.counts["lost_prints"] += number - last - 1
            book.memory["prints"] = (taken, number)

    # -- best quotes -----------------------------------------------------------------------------

    def _best(self, quote: _Quote) -> None:
        at = NONE if quote.time is None else _time(quote.time)
        book = self._book(quote.symbol, [(quote.bid, quote.bid_size), (quote.ask, quote.ask_size)])
        if book is None:
            return
        touch = (*_side(book, quote.bid, quote.bid_size), *_side(book, quote.ask, quote.ask_size))
        if self._quotes:
            self._stamp(at)
            self._level_one(book, quote.number, touch)
        elif self._truth:
            self._compare(book, quote.number, touch)

    def _level_one(self, book: Book, number: int, touch: Sequence[int]) -> None:
        if book.live and number < (book.sequence or 0):
            self.counts["old"] += 1
            return
        self._at(book)
        book.status |= Status.UNVERIFIABLE
        flags = 0 if book.live else int(Flag.SNAPSHOT)
        if flags:
            self._begin(book)
        for side, price, size in ((Side.BID, *touch[:2]), (Side.ASK, *touch[2:])):
            self._rows.add(Action.QUOTE, side, price, size, flags=flags)
        self._rows.end()
        book.sequence = number

    # The book after a message is the quote with the largest number up to the message's. Which one
    # that is, is known when a later quote has come: quotes and differences are two streams.

    def _due(self, book: Book, number: int) -> None:
        if not self._truth:
            return
        quotes = book.memory.setdefault("quotes", deque())
        while len(quotes) > 1 and quotes[1][0] <= number:
            quotes.popleft()
        due = (number, book.text.quotes, bool(book.status))
        if len(quotes) > 1:
            self._settle(book, due)
        else:
            book.memory.setdefault("due", deque()).append(due)

    def _compare(self, book: Book, number: int, touch: tuple[int, ...]) -> None:
        quotes, due = (book.memory.setdefault(name, deque()) for name in ("quotes", "due"))
        while due and due[0][0] < number:
            self._settle(book, due.popleft())
        if due:
            quotes.clear()  # this one is nearer to what is due
        quotes.append((number, touch))

    def _settle(self, book: Book, due: tuple[int, tuple[int, ...], bool]) -> None:
        number, ours, outside = due
        quotes = book.memory.get("quotes")
        if not quotes or quotes[0][0] > number:
            return
        what = "best quote"
        if outside and ours != quotes[0][1]:
            what = "best quote outside the snapshot"  # where ours cannot be known
            self.truths.setdefault(what, Truth(needed=0.0))
        self._check(what, ours, quotes[0][1], f"{book.symbol}, update {number}")

    def finish(self) -> None:
        for book in self._books.values():
            for due in book.memory.pop("due", ()):
                self._settle(book, due)


def _old(change: _Depth, last: int, first: bool) -> bool:
    if change.before is None:
        return bool(change.last <= last)
    return bool(change.last < last if first else change.last == last)


def _follows(change: _Depth, last: int, first: bool) -> bool:
    if change.before is None:
        return bool(change.first <= last + 1)
    return bool(change.before == last or (first and change.first <= last))


def _side(book: Book, price: str, size: str) -> tuple[int, int]:
    prices, sizes = book.text.units([(price, size)])
    return (int(prices[0]), int(sizes[0])) if sizes[0] else (NONE, 0)


def _time(stamp: int) -> int:
    """Milliseconds, or microseconds where they were asked for, as ns."""
    if 10**12 <= stamp < 10**13:
        return stamp * 1_000_000
    if 10**15 <= stamp < 10**16:
        return stamp * 1_000
    raise InputError("is neither milliseconds nor microseconds since 1970", field="T", value=stamp)


def _require(true: bool, rule: str, field: str, value: object) -> None:
    if not true:
        raise InputError(rule, field=field, value=value)
