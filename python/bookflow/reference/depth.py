"""How much rests in the book, and what it would cost to take it: read from the book at the row."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .reach import look
from .tape import Reading, Tape, depth_tape
from .units import COLUMN_UNITS, Units, exact
from .words import NAN

Columns = Sequence[Sequence[int]]


def cumulative_depth_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    levels: int = 5,
    side: str = "both",
    by: str = "level",
    within: float | None = None,
) -> float:
    seen = look(tape, at, units, levels, by, within)
    wanted = [s for s in ("bid", "ask") if side in (s, "both")]
    book = dict(zip(("bid", "ask"), tape.state(at), strict=True))
    if seen is None or not all(book[s] for s in wanted):
        return NAN
    near = {"bid": seen.bids, "ask": seen.asks}
    return float(sum(size for s in wanted for _, size in near[s]) * units.size)


def cumulative_depth(
    bid_price: Columns,
    bid_size: Columns,
    ask_price: Columns,
    ask_size: Columns,
    *,
    levels: int = 5,
    side: str = "both",
    by: str = "level",
    within: float | None = None,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The size at the best levels of a side or of both; by `ticks` or `bp`, near the mid alone.

    NaN where a side that is asked for is empty, or a distance has no mid to begin at; 0 where
    none rests that near.

    >>> book = [[100, 99, 97]], [[5, 6, 7]], [[101, 102, 104]], [[1, 2, 4]]
    >>> cumulative_depth(*book, levels=2), cumulative_depth(*book, levels=2, side="bid")
    ([14.0], [11.0])

    The mid is 100.5; 1.5 ticks from it are 99 and 102, which count, 97 and 104 do not:

    >>> cumulative_depth(*book, levels=3, by="ticks", within=1.5)
    [14.0]
    >>> cumulative_depth(*book, levels=3, by="bp", within=49)
    [0.0]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        cumulative_depth_at(tape, row, COLUMN_UNITS, levels=levels, side=side, by=by, within=within)
        for row in rows
    ]


def walk_the_book_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    amount: Any,
    side: str = "buy",
    by: str = "size",
    output: str = "average",
    levels: int = 5,
) -> float:
    unit = units.size if by == "size" else units.size * units.price
    rest = exact(amount) / unit
    if rest.denominator != 1:
        raise ValueError(f"amount={amount}: not a whole number of units {unit}")
    bids, asks = tape.state(at)
    if not bids and not asks:
        return NAN
    notional = size = Fraction()
    for price, there in (asks if side == "buy" else bids)[:levels]:
        if not rest:
            break
        if by == "notional" and price <= 0:
            return NAN
        worth = 1 if by == "size" else price
        taken = min(Fraction(there), rest / worth)
        notional += taken * price
        size += taken
        rest -= taken * worth
    if output == "unfilled":
        return float(rest * unit)
    if not size or (rest and output != "filled_average"):
        return NAN
    average = notional / size
    if output in ("average", "filled_average"):
        return float(average * units.price)
    if not (bids and asks):
        return NAN
    mid = Fraction(bids[0][0] + asks[0][0], 2)
    cost = average - mid if side == "buy" else mid - average
    if output == "cost_ticks":
        return float(cost / units.tick(bids[0][0]))
    return float(10_000 * cost / mid) if mid > 0 else NAN


def walk_the_book(
    bid_price: Columns,
    bid_size: Columns,
    ask_price: Columns,
    ask_size: Columns,
    *,
    amount: Any,
    side: str = "buy",
    by: str = "size",
    output: str = "average",
    levels: int = 5,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """What an order for the whole amount at once would pay (`buy`) or get (`sell`).

    `average` price; its distance from the mid, worse is positive, as `cost_ticks` or `cost_bp`;
    what is `unfilled`; the average of what is filled, `filled_average`. Average and cost are NaN
    while something is unfilled. By `notional` the amount is one of price x size, and the last
    level is taken to a fraction of a unit.

    Of 300 at 101, 200 at 102 and 500 at 104, 400 cost 101.25 on average, and 1200 are not there:

    >>> book = [[99]], [[1]], [[101, 102, 104]], [[300, 200, 500]]
    >>> walk_the_book(*book, amount=400), walk_the_book(*book, amount=1200)
    ([101.25], [nan])
    >>> walk_the_book(*book, amount=400, output="cost_ticks")
    [1.25]
    >>> walk_the_book(*book, amount=1200, output="unfilled")
    [200.0]
    >>> walk_the_book(*book, amount=1200, output="filled_average")
    [102.7]

    For 40500 there are 300 at 101 and 100 at 102:

    >>> walk_the_book(*book, amount=40500, by="notional")
    [101.25]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    settings = {"amount": amount, "side": side, "by": by, "output": output, "levels": levels}
    return [walk_the_book_at(tape, row, COLUMN_UNITS, **settings) for row in rows]
