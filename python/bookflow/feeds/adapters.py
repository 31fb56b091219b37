"""What ccxt.pro and cryptofeed hand to a user's code, as events. Neither is needed here.

    async for ...:
        orderbook = await exchange.watch_order_book("BTC/USDT")
        pipeline.run(from_ccxt_book(orderbook, instrument))

Both keep the books themselves, so every book is a depth row, the whole top: nothing has to be
remembered between two of them, and one that was left out does no harm to the next. What these
libraries do about losses is theirs: whether something is missing cannot be seen from here, which is
what the handlers of the venues are for.

Decimals, integers and text are taken exactly. Of a float the shortest decimal that it stands for is
taken; if that is finer than the unit (0.30000000000000004), it is an error. ccxt gives text instead
of floats with ``exchange.number = str``.
"""

import math
import time as clock
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bookflow._core import TextBook
from bookflow._depth import Depth
from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds.handler import nanoseconds
from bookflow.feeds.rows import Rows
from bookflow.words import Action, Flag, Side

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = [
    "from_ccxt_book",
    "from_ccxt_trades",
    "from_cryptofeed_book",
    "from_cryptofeed_ticker",
    "from_cryptofeed_trade",
]

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL, None: Side.NONE, "": Side.NONE}


def from_ccxt_book(
    orderbook: Mapping[str, Any],
    instrument: "Instrument",
    *,
    received: int | None = None,
    levels: int = 10,
) -> Events:
    """One depth row of what `watch_order_book` or `fetch_order_book` returned.

    Parameters
    ----------
    orderbook
        ``bids`` and ``asks`` of ``[price, amount]``, and ``timestamp`` in ms, or None.
    instrument
        The units of its numbers.
    received
        When it came, ns since the epoch; None: now.
    levels
        Levels of a side, at most; the same for all books of a pipeline.
    """
    source = "ccxt"
    sides = [_rows(orderbook, name, source) for name in ("bids", "asks")]
    pairs = [[tuple(level[:2]) for level in side] for side in sides]
    venue = _milliseconds(orderbook.get("timestamp"), source)
    return _book(pairs, instrument, received, venue, levels, source)


def from_ccxt_trades(
    trades: Iterable[Mapping[str, Any]], instrument: "Instrument", *, received: int | None = None
) -> Events:
    """The prints that `watch_trades` or `fetch_trades` returned, in their order.

    ``side`` is the taker's, or None. By default (``newUpdates``) `watch_trades` returns a print
    once; of those with one id in the same list only the first is taken.
    """
    source = "ccxt"
    rows, seen, repeated = [], set(), 0
    for trade in trades:
        if not isinstance(trade, Mapping):
            raise InputError("is no trade of ccxt", source=source, row=len(rows), value=trade)
        name = trade.get("id")
        if name is not None and name in seen:
            repeated += 1
            continue
        seen.add(name)
        venue = _milliseconds(trade.get("timestamp"), source)
        rows.append((trade.get("price"), trade.get("amount"), trade.get("side"), venue))
    events = _prints(rows, instrument, received, source)
    if repeated:
        events._counts["repeated_prints"] = repeated
    return events


def from_cryptofeed_book(
    book: Any, receipt_timestamp: float, instrument: "Instrument", *, levels: int = 10
) -> Events:
    """One depth row of what cryptofeed's L2_BOOK callback gets: the object and the time.

    Its ``book.bids`` and ``book.asks`` are sizes by price; ``delta`` is not needed.
    """
    source = "cryptofeed"
    pairs = []
    for name in ("bids", "asks"):
        side = getattr(getattr(book, "book", None), name, None)
        if side is None:
            raise InputError("is no OrderBook of cryptofeed", source=source, field=name)
        pairs.append([(price, side[price]) for price in side])
    received, venue = _seconds(receipt_timestamp, source), _seconds(book.timestamp, source)
    return _book(pairs, instrument, received, venue, levels, source)


def from_cryptofeed_trade(trade: Any, receipt_timestamp: float, instrument: "Instrument") -> Events:
    """The print that cryptofeed's TRADES callback gets; ``side`` is the taker's."""
    source = "cryptofeed"
    row = (trade.price, trade.amount, trade.side, _seconds(trade.timestamp, source))
    return _prints([row], instrument, _seconds(receipt_timestamp, source), source)


def from_cryptofeed_ticker(
    ticker: Any,
    receipt_timestamp: float,
    instrument: "Instrument",
    *,
    size: Decimal | str | int,
) -> Events:
    """One depth row of one level of what cryptofeed's TICKER callback gets.

    A ticker has prices and no sizes: both sides get `size`, so that mid and spread can be computed
    and nothing that needs sizes should be.
    """
    source = "cryptofeed"
    pairs = [[] if price is None else [(price, size)] for price in (ticker.bid, ticker.ask)]
    received, venue = _seconds(receipt_timestamp, source), _seconds(ticker.timestamp, source)
    return _book(pairs, instrument, received, venue, 1, source)


# -- what they share -------------------------------------------------------------------------------


def _rows(orderbook: Any, name: str, source: str) -> Sequence[Any]:
    side = orderbook.get(name) if isinstance(orderbook, Mapping) else None
    if not isinstance(side, Sequence) or isinstance(side, str | bytes):
        raise InputError("is no order book of ccxt", source=source, field=name, value=side)
    for row, level in enumerate(side):
        if not isinstance(level, Sequence) or isinstance(level, str | bytes) or len(level) < 2:
            raise InputError("is no level", source=source, row=row, field=name, value=level)
    return side


def _book(
    sides: Sequence[Sequence[tuple[Any, ...]]],
    instrument: "Instrument",
    received: int | None,
    venue: int,
    levels: int,
    source: str,
) -> Events:
    if levels < 1:
        raise InputError("must be at least 1", field="levels", value=levels)
    arrays: list[NDArray[np.int64]] = []
    for side, sign in zip(sides, (-1, 1), strict=True):
        prices, sizes = _units(side, instrument, source)
        there = np.flatnonzero(sizes)
        best = there[np.argsort(sign * prices[there], kind="stable")][:levels]
        for values, absent in ((prices, NONE), (sizes, 0)):
            row = np.full((1, levels), absent)
            row[0, : len(best)] = values[best]
            arrays.append(row)
    columns = {
        "ts": np.array([clock.time_ns() if received is None else received]),
        "ts_venue": np.array([venue]),
        "action": np.array([Action.QUOTE], np.uint8),
        "side": np.zeros(1, np.uint8),
        "price": np.array([NONE]),
        "size": np.zeros(1, np.int64),
        "flags": np.array([Flag.LAST], np.uint16),
        "instrument": np.array([int(instrument.id)], np.uint32),
    }
    events = Events(columns, instrument, depth=Depth(*arrays), source=source)
    events.check()
    return events


def _prints(
    prints: Sequence[tuple[Any, Any, Any, int]],
    instrument: "Instrument",
    received: int | None,
    source: str,
) -> Events:
    now = clock.time_ns() if received is None else received
    prices, sizes = _units([(price, size) for price, size, _, _ in prints], instrument, source)
    rows = Rows()
    for i, (_, _, side, venue) in enumerate(prints):
        word = side.lower() if isinstance(side, str) else side
        if not isinstance(word, str | None) or word not in _SIDES:
            raise InputError("must be buy or sell", source=source, row=i, field="side", value=side)
        rows.at(now, venue, int(instrument.id))
        rows.add(Action.TRADE, _SIDES[word], int(prices[i]), int(sizes[i]))
        rows.end()
    events = Events(rows.take(), instrument, source=source)
    events.check()
    return events


def _units(
    levels: Sequence[tuple[Any, ...]], instrument: "Instrument", source: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    texts = [
        (_text(price, "price", row, source), _text(size, "size", row, source))
        for row, (price, size) in enumerate(levels)
    ]
    try:
        return TextBook(instrument).units(texts)
    except InputError as error:
        raise InputError(
            error.rule, source=source, row=error.row, field=error.field, value=error.value
        ) from None


def _text(number: Any, what: str, row: int, source: str) -> str:
    if isinstance(number, str):
        return number
    if isinstance(number, Decimal | int | float) and not isinstance(number, bool):
        if math.isfinite(number):
            return repr(float(number)) if isinstance(number, float) else str(number)
        raise InputError("is not finite", source=source, row=row, field=what, value=number)
    raise InputError("is no number", source=source, row=row, field=what, value=number)


def _milliseconds(stamp: Any, source: str) -> int:
    """ns since the epoch of a whole number of ms."""
    if stamp is None:
        return NONE
    if isinstance(stamp, bool) or not isinstance(stamp, int) or not 10**12 <= stamp < 10**13:
        rule = "is not milliseconds since 1970"
        raise InputError(rule, source=source, field="timestamp", value=stamp)
    return stamp * 1_000_000


def _seconds(stamp: Any, source: str) -> int:
    """ns since the epoch of seconds with decimals."""
    if stamp is None:
        return NONE
    is_number = isinstance(stamp, int | float | Decimal) and not isinstance(stamp, bool)
    if not is_number or not 10**9 <= stamp < 4 * 10**9:  # NaN is not either
        rule = "is not seconds since 1970"
        raise InputError(rule, source=source, field="timestamp", value=stamp)
    return nanoseconds(str(stamp))
