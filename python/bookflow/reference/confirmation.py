"""Whether the volume says the same as the price."""

from collections.abc import Iterator, Sequence
from math import sqrt

from .tape import Reading, Tape, trade_tape
from .trade_sign import rule_of
from .units import COLUMN_UNITS, Units
from .window import parse_window
from .words import NAN


def samples(tape: Tape, at: Reading, window: str | None, sign: str) -> Iterator[tuple[int, int]]:
    """(signed size, price change) of each print of the flow in the window."""
    rule = rule_of(sign)
    for _, recorded in tape.prints(parse_window(window), at):
        if not recorded.print.in_flow or not recorded.flow_before:
            continue
        before, here = tape.recorded[recorded.flow_before - 1], recorded.key.event
        across = any(before.key.event <= start < here for start in tape.restarts)
        if (s := rule(tape, recorded)) and not across:
            yield s * recorded.print.size, recorded.print.price - before.print.price


def volume_confirmation_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    of: str = "correlation",
    window: str | None = "session",
    sign: str = "aggressor",
) -> float:
    pairs = list(samples(tape, at, window, sign))
    if of == "agreement":
        moved = [(x > 0) == (y > 0) for x, y in pairs if y]
        return (2 * sum(moved) - len(moved)) / len(moved) if moved else NAN
    n = len(pairs)
    sum_x, sum_y = sum(x for x, _ in pairs), sum(y for _, y in pairs)
    covariance = n * sum(x * y for x, y in pairs) - sum_x * sum_y
    var_x = n * sum(x * x for x, _ in pairs) - sum_x**2
    var_y = n * sum(y * y for _, y in pairs) - sum_y**2
    if not var_x or not var_y:
        return NAN
    return max(-1.0, min(1.0, covariance / (sqrt(var_x) * sqrt(var_y))))


def volume_confirmation(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    of: str = "correlation",
    window: str | None = "session",
    sign: str = "aggressor",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Signed volume against the price change from print to print, in [-1, 1].

    "correlation" is Pearson's over the prints of the window; "agreement" is (agreeing - opposed) /
    (agreeing + opposed) of the signs, without the prints that leave the price where it was.

    Three changes, of which one is opposed:

    >>> price, size, side = [100, 101, 99, 100], [1, 2, 4, 2], [1, 1, 2, 2]
    >>> volume_confirmation(price, size, side, of="agreement")
    [nan, 1.0, 1.0, 0.3333333333333333]
    >>> [round(x, 6) for x in volume_confirmation(price, size, side)]
    [nan, nan, 1.0, 0.755929]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        volume_confirmation_at(tape, row, COLUMN_UNITS, of=of, window=window, sign=sign)
        for row in rows
    ]
