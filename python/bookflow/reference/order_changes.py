"""What orders do to the book, by its cause."""

from collections.abc import Sequence

from .tape import TRADED, Change, Reading, Tape, change_tape
from .units import COLUMN_UNITS, Units
from .window import parse_window, ratio, total
from .words import NAN, Side


def cause_of(change: Change) -> str:
    if change.cause == TRADED:
        return "traded"
    return "added" if change.size > 0 else "cancelled"


def cause_order_flow_imbalance_at(
    tape: Tape, at: Reading, units: Units, *, output: str = "added", window: str | None = "row"
) -> float:
    changes = tape.order_changes(parse_window(window), at)
    if changes is None:
        return NAN
    flows = [
        (w, c.size if c.side == Side.BID else -c.size)
        for w, c in changes
        if c.touch and cause_of(c) == output
    ]
    return float(total(flows) * units.size)


def cancel_rate_at(
    tape: Tape, at: Reading, units: Units, *, by: str = "size", window: str | None = "row"
) -> float:
    sums = {}
    changes = tape.order_changes(parse_window(window), at) or []
    for cause in ("cancelled", "added"):
        counted = [(w, c) for w, c in changes if cause_of(c) == cause]
        sums[cause] = total((w, 1 if by == "count" else abs(c.size)) for w, c in counted)
    return ratio(sums["cancelled"], sums["added"])


def order_to_trade_ratio_at(
    tape: Tape, at: Reading, units: Units, *, window: str | None = "row"
) -> float:
    changes = tape.order_changes(parse_window(window), at) or []
    traded = total((w, 1) for w, c in changes if c.cause == TRADED)
    return ratio(total((w, 1) for w, c in changes if c.cause != TRADED), traded)


def cause_order_flow_imbalance(
    price: Sequence[int],
    change: Sequence[int],
    side: Sequence[int],
    cause: Sequence[int],
    touch: Sequence[int],
    *,
    output: str = "added",
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The order flow imbalance of one cause: changes of size at the touch, bids less asks.

    5 join the best bid, 2 of them are cancelled, 3 of the best ask are bought; deeper is nothing:

    >>> columns = [100, 100, 101, 98], [5, -2, -3, 9], [1, 1, 2, 1], [1, 2, 4, 1], [3, 3, 3, 0]
    >>> [cause_order_flow_imbalance(*columns, output=o) for o in ("added", "cancelled", "traded")]
    [[5.0, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]]
    """
    tape, rows = change_tape(price, change, side, cause, touch, ts)
    return [
        cause_order_flow_imbalance_at(tape, row, COLUMN_UNITS, output=output, window=window)
        for row in rows
    ]


def cancel_rate(
    price: Sequence[int],
    change: Sequence[int],
    side: Sequence[int],
    cause: Sequence[int],
    touch: Sequence[int],
    *,
    by: str = "size",
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """What was cancelled over what was added; NaN where nothing was added.

    >>> cancel_rate([100, 100, 99], [5, -2, 3], [1] * 3, [1, 2, 3], [3, 3, 0], window=None)
    [0.0, 0.4, 0.25]
    """
    tape, rows = change_tape(price, change, side, cause, touch, ts)
    return [cancel_rate_at(tape, row, COLUMN_UNITS, by=by, window=window) for row in rows]


def order_to_trade_ratio(
    price: Sequence[int],
    change: Sequence[int],
    side: Sequence[int],
    cause: Sequence[int],
    touch: Sequence[int],
    *,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Orders added, cancelled and modified over executions; NaN without one.

    >>> order_to_trade_ratio([100] * 3, [5, -2, -1], [1] * 3, [1, 2, 4], [3] * 3, window=None)
    [nan, nan, 2.0]
    """
    tape, rows = change_tape(price, change, side, cause, touch, ts)
    return [order_to_trade_ratio_at(tape, row, COLUMN_UNITS, window=window) for row in rows]
