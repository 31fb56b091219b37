"""How large trades are."""

from collections.abc import Sequence
from typing import Any

from .tape import Reading, Tape, trade_tape
from .units import COLUMN_UNITS, Units
from .window import parse_window, ratio, total


def mean_trade_size_at(
    tape: Tape, at: Reading, units: Units, *, window: str | None = "row"
) -> float:
    trades = [(w, r.print.size) for w, r in tape.prints(parse_window(window), at) if r.print.counts]
    return ratio(total(trades) * units.size, total((w, 1) for w, _ in trades))


def large_trade_share_at(
    tape: Tape, at: Reading, units: Units, *, least: Any, window: str | None = "row"
) -> float:
    smallest = units.whole_size(least, "least")
    trades = [(w, r.print.size) for w, r in tape.prints(parse_window(window), at) if r.print.counts]
    return ratio(total((w, size) for w, size in trades if size >= smallest), total(trades))


def mean_trade_size(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Volume over the number of trades, in size units (a pipeline: the instrument's size).

    NaN without a trade.

    >>> mean_trade_size([100, 101, 101], [5, 6, 1], window=None)
    [5.0, 5.5, 4.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [mean_trade_size_at(tape, row, COLUMN_UNITS, window=window) for row in rows]


def large_trade_share(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    least: int,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The share of the volume that trades of at least `least` make, in [0, 1].

    NaN without volume.

    >>> large_trade_share([100, 101, 101], [5, 3, 8], least=5, window=None)
    [1.0, 0.625, 0.8125]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [
        large_trade_share_at(tape, row, COLUMN_UNITS, least=least, window=window) for row in rows
    ]
