"""What trading costs, as the prints tell it."""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from math import sqrt

from .tape import Reading, Tape, trade_tape
from .trade_sign import known, rule_of
from .units import COLUMN_UNITS, Units
from .window import parse_window, ratio, total
from .words import NAN


def effective_spread_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "row",
    weight: str = "trade",
    sign: str = "aggressor",
) -> float:
    rule = rule_of(sign)
    paid, weights = [], []
    for w, recorded in tape.prints(parse_window(window), at):
        one = recorded.print
        touch = tape.touch_before(recorded)
        if not one.in_flow or not rule(tape, recorded) or not known(touch):
            continue
        share = one.size if weight == "volume" else 1
        paid.append((w, rule(tape, recorded) * (2 * one.price - sum(touch)) * share))
        weights.append((w, share))
    return ratio(total(paid) * units.price, total(weights))


def roll_spread_at(
    tape: Tape, at: Reading, units: Units, *, window: str | None = "session"
) -> float:
    ends = sorted(tape.restarts)

    def session(k: int) -> int:
        """How many sessions had ended before print k of the flow."""
        return bisect_right(ends, tape.recorded[k].key.event - 1)

    prices = [one.price for one in tape.flow]
    inside = [r.flow_before for _, r in tape.prints(parse_window(window), at) if r.print.in_flow]
    pairs = [
        (prices[k] - prices[k - 1], prices[k - 1] - prices[k - 2])
        for k in inside
        if k >= 2 and session(k) == session(k - 2)
    ]
    n = len(pairs)
    if n < 2:
        return NAN
    sums = [sum(x * y for x, y in pairs), sum(x for x, _ in pairs), sum(y for _, y in pairs)]
    covariance = (Fraction(sums[0]) - Fraction(sums[1] * sums[2], n)) / (n - 1)
    return 2 * sqrt(-covariance) * float(units.price) if covariance < 0 else NAN


def effective_spread(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    weight: str = "trade",
    sign: str = "aggressor",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The mean of 2 D (p - m): D the print's sign, m the mid before it; in price units.

    NaN without a print that has both.

    A buy at the ask of 100 / 104 pays the whole spread, a sell at the mid nothing:

    >>> touch = {"bid_price": [100, 100], "ask_price": [104, 104]}
    >>> effective_spread([104, 102], [1, 3], [1, 2], **touch, window=None)
    [4.0, 2.0]
    >>> effective_spread([104, 102], [1, 3], [1, 2], **touch, window=None, weight="volume")
    [4.0, 1.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        effective_spread_at(tape, row, COLUMN_UNITS, window=window, weight=weight, sign=sign)
        for row in rows
    ]


def roll_spread(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    window: str | None = "session",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """2 sqrt(-cov(dp_t, dp_t-1)) over successive prints, in price units.

    NaN under two pairs of changes, and where the covariance is not negative.

    Prices 0, 1, 0, 1 change by 1, -1, 1: the pairs (-1, 1), (1, -1) have a covariance of -2.

    >>> roll_spread([100, 101, 100, 101], [1, 1, 1, 1])[-1] == 2 * sqrt(2)
    True
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [roll_spread_at(tape, row, COLUMN_UNITS, window=window) for row in rows]
