"""How fast the book's depth grows away from the mid, and to which side it leans."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import log, log1p
from typing import Any

from .reach import look
from .tape import Ladder, Reading, Tape, depth_tape
from .units import COLUMN_UNITS, Units
from .words import NAN

Columns = Sequence[Sequence[int]]


def _slope(side: Ladder, mid: Fraction, lot: int) -> float:
    """Of one side. v_{i+1}/v_i - 1 is ln(1 + added / so far) / v_i."""
    size = side[0][1]
    if size <= lot:
        return NAN
    v = log(Fraction(size, lot))
    total = v / float(abs(side[0][0] / mid - 1))
    for (before, _), (price, more) in pairwise(side):
        growth = log1p(Fraction(more, size))
        total += growth / v / float(abs(Fraction(price, before) - 1))
        size += more
        v = log(Fraction(size, lot))
    return total / len(side)


def book_slope_at(
    tape: Tape, at: Reading, units: Units, *, lot: Any, levels: int = 5, side: str = "both"
) -> float:
    bids, asks = (ladder[:levels] for ladder in tape.state(at))
    if not (bids and asks) or bids[0][0] >= asks[0][0] or bids[-1][0] <= 0:
        return NAN
    mid = Fraction(bids[0][0] + asks[0][0], 2)
    unit = units.whole_size(lot, "lot")
    slopes = [_slope(ladder, mid, unit) for ladder in (bids, asks)]
    return {"bid": slopes[0], "ask": slopes[1], "both": sum(slopes) / 2}[side]


def book_skew_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    levels: int = 5,
    by: str = "level",
    within: float | None = None,
) -> float:
    seen = look(tape, at, units, levels, by, within)
    if seen is None or not (seen.bids and seen.asks):
        return NAN
    bid, ask = (sum(size for _, size in side) for side in (seen.bids, seen.asks))
    return log(Fraction(bid, ask))


def book_slope(
    bid_price: Columns,
    bid_size: Columns,
    ask_price: Columns,
    ask_size: Columns,
    *,
    lot: Any,
    levels: int = 5,
    side: str = "both",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """(1/N) (v_1 / |p_1/p_0 - 1| + sum (v_{i+1}/v_i - 1) / |p_{i+1}/p_i - 1|) of N levels.

    v_i is the logarithm of the size of the best i levels in lots, p_0 the mid; `both` is the mean
    of the two sides. Source: Naes, Skjeltorp (2006), "Order book characteristics and the
    volume-volatility relation".

    The mid is 100. At 101, 1 % off, 8 lots are asked, at 103.02, 2 % on, 56 more: 64 is 8
    squared, so that v doubles, and (ln 8 / .01 + 1 / .02) / 2 is their slope:

    >>> book = [[9900]], [[2]], [[10100, 10302]], [[8, 56]]
    >>> [round(x, 6) for x in book_slope(*book, lot=1, side="ask")]
    [128.972077]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        book_slope_at(tape, row, COLUMN_UNITS, lot=lot, levels=levels, side=side) for row in rows
    ]


def book_skew(
    bid_price: Columns,
    bid_size: Columns,
    ask_price: Columns,
    ask_size: Columns,
    *,
    levels: int = 5,
    by: str = "level",
    within: float | None = None,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """ln B - ln A of the sizes bid and asked at the best levels, or near the mid.

    NaN where one of them is nothing.

    >>> [round(x, 6) for x in book_skew([[100, 99]], [[10, 10]], [[101, 102]], [[6, 4]])]
    [0.693147]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        book_skew_at(tape, row, COLUMN_UNITS, levels=levels, by=by, within=within) for row in rows
    ]
