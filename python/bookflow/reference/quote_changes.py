"""How often the touch changes."""

from collections.abc import Sequence
from typing import Any

from .tape import Moment, Reading, Tape, quote_tape
from .units import COLUMN_UNITS, Units
from .volatility import twice_mid
from .window import parse_window, total
from .words import NAN


def _watched(moment: Moment, of: str) -> Any:
    """What must differ from the state before."""
    if of == "mid":
        return twice_mid(moment)
    bid, ask = moment.bids[0], moment.asks[0]
    return (bid, ask) if of == "any" else (bid[0], ask[0])


def quote_change_count_at(
    tape: Tape, at: Reading, units: Units, *, of: str = "any", window: str | None = "row"
) -> float:
    over = parse_window(window)
    if not tape.seen_good(over, at):
        return NAN
    changes = tape.changes(over, at)
    return float(total((w, int(_watched(a, of) != _watched(b, of))) for w, a, b in changes))


def quote_change_count(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    of: str = "any",
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """How many good states differ from the one before: in `any` number, a `price`, or the `mid`.

    NaN before the first good state, 0 without a change.

    A size changes, then both prices with the mid as it was, then one price:

    >>> quotes = [100, 100, 99, 100], [1, 2, 2, 2], [102, 102, 103, 103], [1, 1, 1, 1]
    >>> quote_change_count(*quotes, window=None)
    [0.0, 1.0, 2.0, 3.0]
    >>> quote_change_count(*quotes, of="price", window=None)
    [0.0, 0.0, 1.0, 2.0]
    >>> quote_change_count(*quotes, of="mid", window=None)
    [0.0, 0.0, 0.0, 1.0]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [quote_change_count_at(tape, row, COLUMN_UNITS, of=of, window=window) for row in rows]
