"""Deribit's subscriptions: books, prints, and the quotes and greeks of its tickers.

- ``book.X.raw`` or ``.100ms``: a snapshot with ``change_id``, then changes whose ``prev_change_id``
  must be the last one. Else it is a gap, how large is not known (ids are shared by all
  instruments), and the book waits for the snapshot of a new subscription. A message is an atomic
  event of levels that are new, changed or deleted. Books may be empty on a side, or on both.
- ``book.X.GROUP.DEPTH.INTERVAL``: the best levels, each time all of them. Nothing joins one to the
  next: UNVERIFIABLE.
- ``trades``: ``direction`` is the taker's, ``trade_seq`` is consecutive by instrument.
- ``ticker`` and ``quote`` state the touch after all changes up to their ``timestamp``.

Rules: the venue's API documentation and recordings.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Handler, Message, literal_decoder
from bookflow.words import Flag, Side, Status

__all__ = ["Deribit", "greeks"]

_RAW: Final[Any] = msgspec.Raw
_AGGRESSOR: Final = {"buy": Side.BID, "sell": Side.ASK}

_Level = tuple[Literal["new", "change", "delete"], _RAW, _RAW]


class _Params(msgspec.Struct):
    channel: str
    data: _RAW


class _Message(msgspec.Struct):
    method: str = ""
    params: _RAW = _RAW(b"null")


class _Changes(msgspec.Struct):
    type: Literal["snapshot", "change"]
    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[_Level]
    asks: list[_Level]
    prev_change_id: int | None = None


class _View(msgspec.Struct):
    timestamp: int
    instrument_name: str
    bids: list[tuple[_RAW, _RAW]]
    asks: list[tuple[_RAW, _RAW]]


class _Trade(msgspec.Struct):
    trade_seq: int
    timestamp: int
    instrument_name: str
    direction: Literal["buy", "sell"]
    price: _RAW
    amount: _RAW
    liquidation: str | None = None
    block_trade_id: str | None = None
    combo_trade_id: str | float | None = None


class _Quote(msgspec.Struct):
    timestamp: int
    instrument_name: str
    best_bid_price: _RAW
    best_bid_amount: _RAW
    best_ask_price: _RAW
    best_ask_amount: _RAW
    state: str = "open"


class Deribit(Handler):
    """Books and prints of Deribit's public channels, futures and options.

    Notes
    -----
    Block trades, and legs of combos that traded in a book of their own, are OFF_BOOK. Liquidations
    trade in the book as others do and are counted ("liquidations"). Prints that come again are
    dropped ("repeated_prints"), those left out counted ("lost_prints"). A ticker's state that is
    not "open" makes its book HALTED. Greeks of options: `greeks`.
    """

    venue: ClassVar[str] = "deribit"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        kinds: Sequence[Any] = (_Message, _Params, _Changes, _View, list[_Trade], _Quote)
        decoders = [literal_decoder(kind) for kind in kinds]
        self._decode, self._params, self._changes_of, self._view_of = decoders[:4]
        self._trades_of, self._quote_of = decoders[4:]
        self._empty: dict[str, int] = {}
        """The change_id of empty snapshots: there are no digits yet to choose units by."""

    def _disconnect(self) -> None:
        self._empty.clear()
        super()._disconnect()

    def _message(self, message: Message) -> None:
        said = self._decode(message)
        if said.method != "subscription":
            self._unknown(said.method or "result")
            return
        params = self._params(bytes(said.params))
        kind, *names = params.channel.split(".")
        data = bytes(params.data)
        if kind == "book" and len(names) == 2:
            self._book_changes(self._changes_of(data))
        elif kind == "book":
            self._whole_view(self._view_of(data))
        elif kind == "trades":
            self._prints(self._trades_of(data))
        elif kind in ("ticker", "incremental_ticker", "quote"):
            self._best(kind, data)
        else:
            self._unknown(kind)

    # -- books -----------------------------------------------------------------------------------

    def _book_changes(self, said: _Changes) -> None:
        bids, asks = (
            [
                (_text(price), "0" if action == "delete" else _text(size))
                for action, price, size in side
            ]
            for side in (said.bids, said.asks)
        )
        whole = said.type == "snapshot"
        at = _time(said.timestamp)
        book = self._book(said.instrument_name, [*bids, *asks])
        if book is None:
            if whole:
                self._empty[said.instrument_name] = said.change_id
            return
        book.text.units([*bids, *asks])
        self._settle(book, at)
        self._stamp(at)
        if book.symbol in self._empty and not whole:
            self._snapshot(book, [], [])
            book.sequence = self._empty[book.symbol]
        self._empty.pop(book.symbol, None)
        if whole:
            self._snapshot(book, bids, asks)
        elif not book.live:
            self._await(book)
            return
        elif said.change_id <= (book.sequence or 0):
            self.counts["old"] += 1
            return
        elif said.prev_change_id != book.sequence:
            self._lost(book, "change_id")
            return
        else:
            self._changes(book, bids, asks)
        book.sequence = said.change_id

    def _whole_view(self, said: _View) -> None:
        bids, asks = (
            [(_text(price), _text(size)) for price, size in side] for side in (said.bids, said.asks)
        )
        at = _time(said.timestamp)
        book = self._book(said.instrument_name, [*bids, *asks])
        if book is None:
            return
        if book.sequence is not None:
            self._unknown("book by groups")
            return
        book.text.units([*bids, *asks])
        self._stamp(at)
        book.status |= Status.UNVERIFIABLE
        self._view(book, bids, asks)

    # -- prints ----------------------------------------------------------------------------------

    def _prints(self, trades: list[_Trade]) -> None:
        told = []
        for trade in trades:
            level = (_text(trade.price), _text(trade.amount))
            book = self._book(trade.instrument_name, [level])
            if book is not None:
                book.text.units([level])
                told.append((_time(trade.timestamp), book, level, trade))
        for at, book, level, trade in told:
            last = book.memory.get("print", trade.trade_seq - 1)
            if trade.trade_seq <= last:
                self.counts["repeated_prints"] += 1
                continue
            if trade.trade_seq > last + 1:
                self.counts["lost_prints"] += trade.trade_seq - last - 1
            book.memory["print"] = trade.trade_seq
            elsewhere = trade.block_trade_id is not None or trade.combo_trade_id is not None
            if trade.liquidation is not None and trade.liquidation != "none":
                self.counts["liquidations"] += 1
            self._stamp(at)
            flags = int(Flag.OFF_BOOK) if elsewhere else 0
            self._trade(book, *level, _AGGRESSOR[trade.direction], flags=flags)

    # -- quotes ----------------------------------------------------------------------------------

    def _best(self, kind: str, data: bytes) -> None:
        if kind == "incremental_ticker":
            self._unknown(kind)  # says only what has changed
            return
        said = self._quote_of(data)
        at = _time(said.timestamp)
        sides = [
            (_text(said.best_bid_price), _text(said.best_bid_amount)),
            (_text(said.best_ask_price), _text(said.best_ask_amount)),
        ]
        book = self._book(said.instrument_name)
        if book is None or not book.live:
            return
        touch = [value for side in sides for value in _touch(book, *side)]
        self._stamp(at)
        if kind == "ticker":
            self._set_status(book, 0 if said.state == "open" else int(Status.HALTED))
        if self._truth:
            book.memory.setdefault("quotes", deque()).append((at, kind, touch))

    def _settle(self, book: Book, now: int) -> None:
        """Compares the quotes of before `now`, of which all changes have come."""
        quotes = book.memory.get("quotes", ())
        while quotes and quotes[0][0] < now:
            at, kind, touch = quotes.popleft()
            if book.live:
                self._check(kind, list(book.text.quotes), touch, f"{book.symbol} at {at}")

    def finish(self) -> None:
        for book in self._books.values():
            self._settle(book, 1 << 63)


def greeks(
    path: str | PathLike[str], symbols: Iterable[str] | None = None
) -> Iterator[dict[str, Any]]:
    """What each ticker of an option in a recording says, one flat dict each.

    ``ts`` (received) and ``ts_venue`` in ns, ``symbol``, prices, implied volatilities in percent,
    open interest, and the greeks by name. They are model values of the venue: floats.
    """
    from bookflow.feeds.recording import lines

    decode = msgspec.json.decode
    wanted = None if symbols is None else frozenset(symbols)
    for line in lines(Path(path)):
        if line.kind != "message" or b'"greeks"' not in line.text:
            continue
        try:
            said = decode(line.text)["params"]["data"]
            found = {name: said.get(name) for name in _OPTION} | dict(said["greeks"])
            found = {
                "ts": line.received,
                "ts_venue": _time(said["timestamp"]),
                "symbol": said["instrument_name"],
            } | found
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError) as error:
            rule = f"is no ticker of an option: {error}"
            raise InputError(rule, source=Path(path).name, row=line.number) from None
        if wanted is None or found["symbol"] in wanted:
            yield found


_OPTION: Final = (
    "best_bid_price",
    "best_ask_price",
    "mark_price",
    "mark_iv",
    "bid_iv",
    "ask_iv",
    "underlying_price",
    "index_price",
    "open_interest",
)


def _text(raw: Any) -> str:
    return bytes(raw).decode()


def _touch(book: Book, price: str, size: str) -> tuple[int, int]:
    """A side's best level; 0 or null is none."""
    if "null" in (price, size):
        return (NONE, 0)
    prices, sizes = book.text.units([(price, size)])
    return (int(prices[0]), int(sizes[0])) if sizes[0] else (NONE, 0)


def _time(stamp: int) -> int:
    if not 0 <= stamp < 10**13:
        raise InputError("is no time in milliseconds", field="timestamp", value=stamp)
    return stamp * 1_000_000
