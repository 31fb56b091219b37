"""What was fitted on past data, applied to the stream."""

from bisect import bisect_left
from collections.abc import Sequence

from .order_flow import normalised_order_flow_imbalance_at
from .tape import Reading, Tape, depth_tape, quote_tape
from .units import COLUMN_UNITS, Units
from .words import NAN


def microprice_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    edges: Sequence[float],
    adjustment: Sequence[float | None],
) -> float:
    bids, asks = tape.state(at)
    if not (bids and asks):
        return NAN
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    ticks = (ask - bid) / units.tick(bid)
    share = bid_size / (bid_size + ask_size)
    buckets = len(edges) - 1
    known = 0 < ticks <= len(adjustment) // buckets and ticks.denominator == 1
    if not known or not edges[0] <= share <= edges[-1]:
        return NAN
    bucket = bisect_left(edges[1:-1], share)
    moves = adjustment[int(ticks - 1) * buckets + bucket]
    if moves is None:
        return NAN
    return ((bid + ask) / 2 + moves * float(units.tick(bid))) * float(units.price)


def integrated_order_flow_imbalance_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    weights: Sequence[float],
    window: str | None = "row",
) -> float:
    levels = len(weights)
    each = normalised_order_flow_imbalance_at(tape, at, units, levels=levels, window=window)
    return sum(w * x for w, x in zip(weights, each, strict=True))


def microprice(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    edges: Sequence[float],
    adjustment: Sequence[float | None],
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The mid and what it is expected to move by; NaN outside the states that are known.

    A heavy bid, three quarters of both queues, is worth .2 ticks here:

    >>> microprice([100], [30], [101], [10], edges=[0, 0.5, 1], adjustment=[-0.2, 0.2])
    [100.7]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        microprice_at(tape, row, COLUMN_UNITS, edges=edges, adjustment=adjustment) for row in rows
    ]


def integrated_order_flow_imbalance(
    bid_price: Sequence[Sequence[int]],
    bid_size: Sequence[Sequence[int]],
    ask_price: Sequence[Sequence[int]],
    ask_size: Sequence[Sequence[int]],
    *,
    weights: Sequence[float],
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Sum of weight x OFI / Q over the levels.

    Ten more at the bid, over a mean queue of 20 a side:

    >>> columns = ([[100], [100]], [[10], [20]], [[101], [101]], [[20], [20]])
    >>> integrated_order_flow_imbalance(*columns, weights=[1.0])
    [0.0, 0.5]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        integrated_order_flow_imbalance_at(tape, row, COLUMN_UNITS, weights=weights, window=window)
        for row in rows
    ]
