"""Where trades took place: the last price, the average and the distance between them."""

import math
from collections.abc import Sequence
from fractions import Fraction

from .anchor import since
from .tape import Reading, Tape, trade_tape
from .units import COLUMN_UNITS, Units
from .window import parse_window, total
from .words import NAN


def last_print(tape: Tape, at: Reading) -> int | None:
    """The price of the last print that counts, in price units."""
    for moment in reversed(tape.moments[: at.end]):
        for recorded in reversed(moment.prints):
            if recorded.print.counts:
                return recorded.print.price
    return None


def average(
    tape: Tape, at: Reading, window: str | None, anchor: int | str | None = None
) -> Fraction | None:
    """Notional / volume over the window, in price units; None unless the volume is positive."""
    prints = since(anchor, tape.prints(parse_window(window), at), at)
    notional = total((w, r.print.volume * r.print.price) for w, r in prints)
    traded = total((w, r.print.volume) for w, r in prints)
    return notional / traded if traded > 0 else None


def last_price_at(tape: Tape, at: Reading, units: Units) -> float:
    last = last_print(tape, at)
    return NAN if last is None else float(last * units.price)


def vwap_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "session",
    anchor: int | str | None = None,
) -> float:
    mean = average(tape, at, window, anchor)
    return NAN if mean is None else float(mean * units.price)


def vwap_deviation_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "session",
    output: str = "relative",
    anchor: int | str | None = None,
) -> float:
    last, mean = last_print(tape, at), average(tape, at, window, anchor)
    if last is None or mean is None:
        return NAN
    if output == "absolute":
        return float((last - mean) * units.price)
    if output == "sd":
        return in_deviations(tape, at, window, anchor, last, mean)
    relative = float((last - mean) / mean) if mean else NAN
    return 10_000 * relative if output == "bp" else relative


def in_deviations(
    tape: Tape,
    at: Reading,
    window: str | None,
    anchor: int | str | None,
    last: int,
    mean: Fraction,
) -> float:
    """(last - mean) / sd, as two whole numbers over the same volume, each rounded once."""
    if parse_window(window).kind == "ew":
        return NAN
    prints = [r.print for _, r in since(anchor, tape.prints(parse_window(window), at), at)]
    traded = sum(one.volume for one in prints)
    square = Fraction(sum(one.volume * one.price**2 for one in prints), traded)
    variance = (square - mean**2) * traded**2
    return float((last - mean) * traded) / math.sqrt(variance) if variance > 0 else NAN


def last_price(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The price of the last trade, in price units (a pipeline: price).

    Prints in volume count, flow or not; broken ones do not. It stands until a reset, across
    sessions. NaN before the first.

    >>> last_price([100, 101], [5, 6])
    [100.0, 101.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [last_price_at(tape, row, COLUMN_UNITS) for row in rows]


def vwap(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    window: str | None = "session",
    anchor: int | str | None = None,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """sum(price x size) / sum(size) over the window, in price units (a pipeline: price).

    A broken print is subtracted from both sums. NaN while the volume is not positive.

    After `anchor`, a time of every day in UTC or one in ns, the sums start anew.

    >>> vwap([100, 104], [3, 1])
    [100.0, 101.0]
    >>> vwap([100, 104], [3, 1], ts=[2 * 10**9, 2 * 10**9 + 1], anchor="00:00:02")
    [100.0, 104.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [vwap_at(tape, row, COLUMN_UNITS, window=window, anchor=anchor) for row in rows]


def vwap_deviation(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    window: str | None = "session",
    output: str = "relative",
    anchor: int | str | None = None,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """(p - VWAP) / VWAP with p the last trade's price: a fraction, not basis points.

    NaN where the VWAP is NaN or 0.

    >>> vwap_deviation([100, 140], [3, 1])    # VWAP 110
    [0.0, 0.2727272727272727]

    `output="absolute"` is p - VWAP in price, `"bp"` 10,000 times the fraction, `"sd"` that many
    volume-weighted standard deviations: NaN where they are 0, and over a half-life.

    >>> vwap_deviation([100, 104], [3, 1], output="absolute")    # VWAP 101
    [0.0, 3.0]
    >>> vwap_deviation([97, 107], [1, 1], output="sd")    # VWAP 102, sd 5
    [nan, 1.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [
        vwap_deviation_at(tape, row, COLUMN_UNITS, window=window, output=output, anchor=anchor)
        for row in rows
    ]
