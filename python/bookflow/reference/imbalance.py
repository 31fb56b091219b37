"""How the resting size is split between bid and ask: read from the book at the row."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import exp

from .reach import View, look
from .tape import Ladder, Reading, Tape, depth_tape, quote_tape
from .units import COLUMN_UNITS, Units, exact
from .window import ratio
from .words import NAN


def one_sided(bids: Ladder, asks: Ladder) -> float | None:
    """+1 with bids alone, -1 with asks alone, NaN with neither, None with both."""
    if bids and asks:
        return None
    return 1.0 if bids else -1.0 if asks else NAN


def queue_imbalance_at(tape: Tape, at: Reading, units: Units) -> float:
    bids, asks = tape.state(at)
    edge = one_sided(bids, asks)
    if edge is not None:
        return edge
    bid_size, ask_size = bids[0][1], asks[0][1]
    return float(Fraction(bid_size - ask_size, bid_size + ask_size))


def queue_share_at(tape: Tape, at: Reading, units: Units) -> float:
    bids, asks = tape.state(at)
    edge = one_sided(bids, asks)
    if edge is not None:
        return (edge + 1) / 2
    bid_size, ask_size = bids[0][1], asks[0][1]
    return float(Fraction(bid_size, bid_size + ask_size))


def multi_level_imbalance_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    levels: int = 5,
    weights: str = "uniform",
    decay: float = 0.5,
    by: str = "level",
    within: float | None = None,
) -> float:
    seen = look(tape, at, units, levels, by, within)
    if seen is None:
        return NAN
    edge = one_sided(seen.bids, seen.asks)
    if by == "level" and edge is not None:
        return edge
    if weights == "exponential":
        return _exponential(seen, by, decay)
    if weights == "inverse" and any(price == seen.mid for price, _ in seen.bids + seen.asks):
        return NAN
    weight_of: dict[str, Callable[[int, int], Fraction]] = {
        "uniform": lambda i, price: Fraction(1),
        "linear": lambda i, price: (
            Fraction(levels - i) if within is None else exact(within) - seen.away(price)
        ),
        "inverse": lambda i, price: 1 / seen.away(price),
    }
    bid, ask = (
        sum((weight_of[weights](i, p) * q for i, (p, q) in enumerate(side)), Fraction())
        for side in (seen.bids, seen.asks)
    )
    return ratio(bid - ask, bid + ask)


def _exponential(seen: View, by: str, decay: float) -> float:
    sums = []
    for side in (seen.bids, seen.asks):
        weighted = 0.0
        for i, (price, size) in enumerate(side):
            weighted += exp(-decay * (i if by == "level" else float(seen.away(price)))) * size
        sums.append(weighted)
    bid, ask = sums
    return (bid - ask) / (bid + ask) if bid + ask else NAN


def queue_imbalance(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """I = (qb - qa) / (qb + qa) at the best quotes, in [-1, 1].

    Source: Gould, Bonart (2016), "Queue imbalance as a one-tick-ahead price predictor". One
    side empty: +1 or -1; both: NaN.

    >>> queue_imbalance([100], [30], [101], [10])
    [0.5]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [queue_imbalance_at(tape, row, COLUMN_UNITS) for row in rows]


def queue_share(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """I = qb / (qb + qa) at the best quotes, in [0, 1].

    Source: Stoikov (2018), "The micro-price", whose imbalance this is; never to be mixed with
    `queue_imbalance`. One side empty: 1 or 0; both: NaN. The first row of his BAC example:

    >>> [round(x, 6) for x in queue_share([1433], [20], [1434], [471])]
    [0.040733]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [queue_share_at(tape, row, COLUMN_UNITS) for row in rows]


def multi_level_imbalance(
    bid_price: Sequence[Sequence[int]],
    bid_size: Sequence[Sequence[int]],
    ask_price: Sequence[Sequence[int]],
    ask_size: Sequence[Sequence[int]],
    *,
    levels: int = 5,
    weights: str = "uniform",
    decay: float = 0.5,
    by: str = "level",
    within: float | None = None,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """(sum w_i b_i - sum w_i a_i) / (sum w_i b_i + sum w_i a_i) over the best L levels.

    w_i, i from 0 at the best level: `uniform` 1, `linear` L - i, `exponential` e^(-decay i),
    `inverse` 1 / |p_i - mid|. Only populated levels are summed. One side empty: +1 or -1; both:
    NaN; `inverse` with a level at the mid (a locked book): NaN.

    Uniform, linear and inverse are exact and rounded once. The exponential is summed in floats,
    best level first, with the platform's exp: the core's agrees to L x 2^-50, absolute.

    >>> multi_level_imbalance([[100, 99]], [[10, 20]], [[101, 102]], [[5, 5]], levels=2)
    [0.5]
    >>> multi_level_imbalance([[100]], [[6]], [[102, 103]], [[1, 2]], weights="inverse")
    [0.5]

    By `ticks` or `bp` the levels with d = |p - mid| <= `within` count, d in ticks or basis points;
    `exponential` is e^(-decay d) then, `linear` within - d. NaN without a mid, or without weight.
    The mid is 101, the bid 1 tick from it, the asks 1 and 2, of weights 2, 2 and 1:

    >>> near = {"by": "ticks", "within": 3, "weights": "linear"}
    >>> multi_level_imbalance([[100]], [[6]], [[102, 103]], [[1, 2]], **near)
    [0.5]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        multi_level_imbalance_at(
            tape,
            row,
            COLUMN_UNITS,
            levels=levels,
            weights=weights,
            decay=decay,
            by=by,
            within=within,
        )
        for row in rows
    ]
