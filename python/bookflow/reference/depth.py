"""How much rests in the book, and what it would cost to take it: read from the book at the row."""

from collections.abc import Sequence

from .reach import look
from .tape import Reading, Tape, depth_tape
from .units import COLUMN_UNITS, Units
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
