"""Money that changed hands."""

from collections.abc import Sequence
from math import fsum, sqrt

from .tape import Reading, Tape, trade_tape
from .trade_sign import rule_of
from .units import COLUMN_UNITS, Units
from .window import parse_window, total


def turnover_at(tape: Tape, at: Reading, units: Units, *, window: str | None = "row") -> float:
    prints = tape.prints(parse_window(window), at)
    value = total((w, r.print.price * r.print.volume) for w, r in prints)
    return float(value * units.price * units.size)


def signed_root_turnover_at(
    tape: Tape, at: Reading, units: Units, *, window: str | None = "row", sign: str = "aggressor"
) -> float:
    rule = rule_of(sign)
    flow = [(w, r) for w, r in tape.prints(parse_window(window), at) if r.print.in_flow]
    unit = units.price * units.size
    return fsum(
        w * rule(tape, r) * sqrt(r.print.price * r.print.size * unit)
        for w, r in flow
        if r.print.price > 0
    )


def turnover(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Sum of price times size.

    >>> turnover([100, 101], [2, 3], window=None)
    [200.0, 503.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [turnover_at(tape, row, COLUMN_UNITS, window=window) for row in rows]


def signed_root_turnover(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Sum of sign sqrt(price x size).

    >>> signed_root_turnover([100, 25], [4, 1], [1, 2], window=None)
    [20.0, 15.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        signed_root_turnover_at(tape, row, COLUMN_UNITS, window=window, sign=sign) for row in rows
    ]
