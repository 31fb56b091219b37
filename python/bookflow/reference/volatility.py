"""How far the mid has gone, up and down."""

from collections.abc import Sequence
from math import sqrt

from .tape import Moment, Reading, Tape, quote_tape
from .units import COLUMN_UNITS, Units
from .window import parse_window, total
from .words import NAN


def twice_mid(moment: Moment) -> int:
    return moment.bids[0][0] + moment.asks[0][0]


def realised_volatility_at(
    tape: Tape, at: Reading, units: Units, *, window: str | None = "row"
) -> float:
    over = parse_window(window)
    if not tape.seen_good(over, at):
        return NAN
    changes = tape.changes(over, at)
    squares = total((w, (twice_mid(b) - twice_mid(a)) ** 2) for w, a, b in changes)
    return sqrt(squares) / 2 * float(units.price)


def realised_volatility(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """sqrt(sum of squared changes of the mid) over the window, in price units.

    NaN before the first good state, 0 without a change.

    A mid that goes up 3 and then up 4 has gone 5:

    >>> realised_volatility([100, 103, 107], [1] * 3, [102, 105, 109], [1] * 3, window=None)
    [0.0, 3.0, 5.0]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [realised_volatility_at(tape, row, COLUMN_UNITS, window=window) for row in rows]
