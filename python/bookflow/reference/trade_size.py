"""How large trades are."""

from collections.abc import Sequence
from typing import Any

from .fills import trades
from .tape import Reading, Tape, trade_tape
from .units import COLUMN_UNITS, Units, exact
from .window import parse_window, ratio, total
from .words import NAN


def mean_trade_size_at(
    tape: Tape, at: Reading, units: Units, *, window: str | None = "row", fills: str = "each"
) -> float:
    counted = trades(tape, parse_window(window), at, fills, lambda one: one.counts)
    return ratio(
        total((t.weight, t.size) for t in counted) * units.size,
        total((t.weight, 1) for t in counted),
    )


def large_trade_share_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    least: Any,
    window: str | None = "row",
    fills: str = "each",
) -> float:
    smallest = units.whole_size(least, "least")
    counted = trades(tape, parse_window(window), at, fills, lambda one: one.counts)
    sizes = [(t.weight, t.size) for t in counted]
    return ratio(total((w, size) for w, size in sizes if size >= smallest), total(sizes))


def trade_size_quantile_at(
    tape: Tape, at: Reading, units: Units, *, q: float = 0.5, trades: int = 100
) -> float:
    prints = tape.prints(parse_window("session"), at)
    last = [r.print.size for _, r in prints if r.print.counts][-trades:]
    if len(last) < trades:
        return NAN
    least = exact(q) * trades
    return float(next(v for n, v in enumerate(sorted(last), 1) if n >= least) * units.size)


def mean_trade_size(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    fills: str = "each",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Volume over the number of trades, in size units (a pipeline: the instrument's size).

    NaN without a trade.

    >>> mean_trade_size([100, 101, 101], [5, 6, 1], window=None)
    [5.0, 5.5, 4.0]
    >>> columns = {"side": [1, 1, 2], "ts": [7, 7, 7], "fills": "aggressor"}
    >>> mean_trade_size([100, 101, 101], [5, 6, 1], window=None, **columns)
    [5.0, 11.0, 6.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [mean_trade_size_at(tape, row, COLUMN_UNITS, window=window, fills=fills) for row in rows]


def large_trade_share(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    least: int,
    window: str | None = "row",
    fills: str = "each",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The share of the volume that trades of at least `least` make, in [0, 1].

    NaN without volume.

    >>> large_trade_share([100, 101, 101], [5, 3, 8], least=5, window=None)
    [1.0, 0.625, 0.8125]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [
        large_trade_share_at(tape, row, COLUMN_UNITS, least=least, window=window, fills=fills)
        for row in rows
    ]


def trade_size_quantile(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    q: float = 0.5,
    trades: int = 100,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The smallest size x with #{v <= x} / n >= q among the last n trades, in size units.

    Source: Hyndman, Fan (1996), "Sample quantiles in statistical packages", definition 1. NaN until
    the session has n trades.

    >>> trade_size_quantile([100] * 5, [5, 1, 4, 2, 2], q=0.5, trades=4)
    [nan, nan, nan, 2.0, 2.0]
    >>> trade_size_quantile([100] * 5, [5, 1, 4, 2, 2], q=0.75, trades=4)[3:]
    [4.0, 2.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [trade_size_quantile_at(tape, row, COLUMN_UNITS, q=q, trades=trades) for row in rows]
