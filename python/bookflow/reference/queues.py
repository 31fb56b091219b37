"""The orders that make up the touch."""

from collections.abc import Sequence
from fractions import Fraction

from .tape import Reading, Resting, Tape, queue_tape
from .units import COLUMN_UNITS, Units
from .window import ratio
from .words import NAN

SECOND = 10**9
SIDES = {"bid": (0,), "ask": (1,), "both": (0, 1)}


def resting(tape: Tape, at: Reading, of: str) -> list[Resting]:
    """The orders at the best price of one side or of both; none where they are not known."""
    queues = tape.queues(at)
    return [order for side in SIDES[of] for order in queues[side]] if queues else []


def order_count_imbalance_at(tape: Tape, at: Reading, units: Units) -> float:
    bids, asks = len(resting(tape, at, "bid")), len(resting(tape, at, "ask"))
    return ratio(Fraction(bids - asks), Fraction(bids + asks))


def mean_order_size_at(tape: Tape, at: Reading, units: Units, *, of: str = "both") -> float:
    sizes = [order.size for order in resting(tape, at, of)]
    known = [size for size in sizes if size is not None]
    return ratio(sum(known) * units.size, Fraction(len(known))) if known == sizes else NAN


def touch_age_at(
    tape: Tape, at: Reading, units: Units, *, weight: str = "order", of: str = "both"
) -> float:
    ages, weights = 0, 0
    for order in resting(tape, at, of):
        if order.birth is None or (order.size is None and weight == "size"):
            return NAN
        weighs = order.size if weight == "size" and order.size is not None else 1
        ages += weighs * (at.now.ts - order.birth)
        weights += weighs
    return ratio(Fraction(ages, SECOND), Fraction(weights))


def order_count_imbalance(
    bid_orders: Sequence[int],
    ask_orders: Sequence[int],
    bid_size: Sequence[int] | None = None,
    ask_size: Sequence[int] | None = None,
    bid_age: Sequence[int] | None = None,
    ask_age: Sequence[int] | None = None,
    *,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The imbalance of the numbers of orders at the touch, (nb - na) / (nb + na).

    >>> order_count_imbalance([3, 1, 2, 0], [1, 3, 0, 0])
    [0.5, -0.5, 1.0, nan]
    """
    tape, rows = queue_tape(bid_orders, ask_orders, bid_size, ask_size, bid_age, ask_age, ts)
    return [order_count_imbalance_at(tape, row, COLUMN_UNITS) for row in rows]


def mean_order_size(
    bid_orders: Sequence[int],
    ask_orders: Sequence[int],
    bid_size: Sequence[int] | None = None,
    ask_size: Sequence[int] | None = None,
    bid_age: Sequence[int] | None = None,
    ask_age: Sequence[int] | None = None,
    *,
    of: str = "both",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The mean size of the orders at the touch.

    3 orders of 12 in all at the bid, 1 of 8 at the ask:

    >>> [mean_order_size([3], [1], [12], [8], of=of) for of in ("bid", "ask", "both")]
    [[4.0], [8.0], [5.0]]
    """
    tape, rows = queue_tape(bid_orders, ask_orders, bid_size, ask_size, bid_age, ask_age, ts)
    return [mean_order_size_at(tape, row, COLUMN_UNITS, of=of) for row in rows]


def touch_age(
    bid_orders: Sequence[int],
    ask_orders: Sequence[int],
    bid_size: Sequence[int] | None = None,
    ask_size: Sequence[int] | None = None,
    bid_age: Sequence[int] | None = None,
    ask_age: Sequence[int] | None = None,
    *,
    weight: str = "order",
    of: str = "both",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The mean age in seconds of the orders at the touch.

    3 orders of 2 s in the mean at the bid, 1 of 10 s at the ask, and 4 and 6 in size:

    >>> columns = [3], [1], [4], [6], [2 * 10**9], [10 * 10**9]
    >>> touch_age(*columns), touch_age(*columns, weight="size"), touch_age(*columns, of="ask")
    ([4.0], [6.8], [10.0])
    """
    tape, rows = queue_tape(bid_orders, ask_orders, bid_size, ask_size, bid_age, ask_age, ts)
    return [touch_age_at(tape, row, COLUMN_UNITS, weight=weight, of=of) for row in rows]
