"""The best quotes and the prices made of them: read from the book at the row, no window."""

from collections.abc import Sequence
from fractions import Fraction

from .tape import Reading, Tape, quote_tape
from .units import COLUMN_UNITS, Units
from .words import NAN


def touch_at(tape: Tape, at: Reading, units: Units, *, of: str) -> float:
    side, number = of.split("_")
    ladder = dict(zip(("bid", "ask"), tape.state(at), strict=True))[side]
    if not ladder:
        return NAN
    price, size = ladder[0]
    return float({"price": price * units.price, "size": size * units.size}[number])


def mid_at(tape: Tape, at: Reading, units: Units) -> float:
    bids, asks = tape.state(at)
    if not (bids and asks):
        return NAN
    return float(Fraction(bids[0][0] + asks[0][0], 2) * units.price)


def spread_at(tape: Tape, at: Reading, units: Units, *, unit: str = "ticks") -> float:
    bids, asks = tape.state(at)
    if not (bids and asks):
        return NAN
    bid, ask = bids[0][0], asks[0][0]
    if unit == "bp":
        return float(Fraction(20_000 * (ask - bid), bid + ask)) if bid + ask else NAN
    return float((ask - bid) * {"price": units.price, "ticks": 1 / units.tick(bid)}[unit])


def weighted_mid_at(tape: Tape, at: Reading, units: Units) -> float:
    bids, asks = tape.state(at)
    if not (bids and asks):
        return NAN
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    return float(Fraction(bid_size * ask + ask_size * bid, bid_size + ask_size) * units.price)


def touch(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    of: str,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """One of the four best numbers: `bid_price`, `bid_size`, `ask_price` or `ask_size`.

    In price units or size units (a pipeline: price, the instrument's size). NaN when the side
    is empty, its size included: an absent quote has none.

    >>> touch([100], [10], [102], [20], of="ask_size")
    [20.0]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [touch_at(tape, row, COLUMN_UNITS, of=of) for row in rows]


def mid(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The middle of the best quotes, (Pb + Pa) / 2.

    In price units (a pipeline: price). NaN when a side is empty; a crossed book gives its plain
    value.

    >>> mid([100], [10], [103], [20])
    [101.5]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [mid_at(tape, row, COLUMN_UNITS) for row in rows]


def spread(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    unit: str = "ticks",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Best ask less best bid: in `ticks`, in `price`, or in `bp`, 10^4 (Pa - Pb) / mid.

    Over columns a tick is one price unit. With a tick schedule the step is the one at the bid.
    NaN when a side is empty, in `bp` also when Pb + Pa = 0; negative when the book is crossed.

    >>> spread([9999], [1], [10001], [1]), spread([9999], [1], [10001], [1], unit="bp")
    ([2.0], [2.0])
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [spread_at(tape, row, COLUMN_UNITS, unit=unit) for row in rows]


def weighted_mid(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """I Pa + (1 - I) Pb with I = qb / (qb + qa), the queue share.

    Source: Stoikov (2018), "The micro-price", where it is the benchmark. In price units (a
    pipeline: price). NaN when a side is empty. The first row of the author's BAC example, in
    cents:

    >>> [round(x, 4) for x in weighted_mid([1433], [20], [1434], [471])]
    [1433.0407]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [weighted_mid_at(tape, row, COLUMN_UNITS) for row in rows]
