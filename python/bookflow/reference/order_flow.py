"""Order flow imbalance: what each change of the quotes adds to demand and takes from supply."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from math import inf
from typing import Any

from .tape import Ladder, Moment, Reading, Tape, depth_tape, quote_tape
from .units import COLUMN_UNITS, Units
from .window import parse_window, total
from .words import NAN


def increment(before: Moment, after: Moment, level: int) -> int:
    """e_n at one level, 0 the best: equation (1) of `order_flow_imbalance`.

    A level that is not there is a price of -+infinity with size 0.
    """

    def at(side: Ladder, missing: float) -> tuple[float, int]:
        return side[level] if level < len(side) else (missing, 0)

    bid_price, bid_size = at(after.bids, -inf)
    ask_price, ask_size = at(after.asks, inf)
    old_bid_price, old_bid_size = at(before.bids, -inf)
    old_ask_price, old_ask_size = at(before.asks, inf)
    e = 0
    if bid_price >= old_bid_price:
        e += bid_size
    if bid_price <= old_bid_price:
        e -= old_bid_size
    if ask_price <= old_ask_price:
        e -= ask_size
    if ask_price >= old_ask_price:
        e += old_ask_size
    return e


def multi_level_order_flow_imbalance_at(
    tape: Tape, at: Reading, units: Units, *, levels: int = 5, window: str | None = "row"
) -> list[float]:
    over = parse_window(window)
    if not tape.seen_good(over, at):
        return [NAN] * levels
    changes = list(tape.changes(over, at))
    return [
        float(total((w, increment(before, after, m)) for w, before, after in changes) * units.size)
        for m in range(levels)
    ]


def order_flow_imbalance_at(
    tape: Tape, at: Reading, units: Units, *, window: str | None = "row"
) -> float:
    return multi_level_order_flow_imbalance_at(tape, at, units, levels=1, window=window)[0]


def normalised_order_flow_imbalance_at(
    tape: Tape, at: Reading, units: Units, *, levels: int = 5, window: str | None = "row"
) -> list[float]:
    over = parse_window(window)
    if not tape.seen_good(over, at):
        return [NAN] * levels

    def seen(moment: Moment) -> tuple[Ladder, Ladder]:
        return moment.bids[:levels], moment.asks[:levels]

    changes = [(w, a, b) for w, a, b in tape.changes(over, at) if seen(a) != seen(b)]
    n = total((w, 1) for w, _, _ in changes)
    if not n:
        return [0.0] * levels
    sizes = total((w, sum(q for side in seen(b) for _, q in side)) for w, _, b in changes)
    depth = sizes / (2 * n * levels)
    flows = (total((w, increment(a, b, m)) for w, a, b in changes) for m in range(levels))
    return [float(flow / depth) for flow in flows]


def log_size(size: int, lot: int) -> int:
    """log(1 + size / lot), rounded to 2^-40, in units of that.

    >>> log_size(0, 5), log_size(5, 5) / 2**40
    (0, 0.6931471805601177)
    """
    scaled = (1 + Decimal(size) / lot).ln() * 2**40
    return int(scaled.to_integral_value(ROUND_HALF_EVEN))


def multi_level_log_order_flow_imbalance_at(
    tape: Tape, at: Reading, units: Units, *, lot: Any, levels: int = 5, window: str | None = "row"
) -> list[float]:
    over = parse_window(window)
    if not tape.seen_good(over, at):
        return [NAN] * levels
    one = units.whole_size(lot, "lot")

    def damped(side: Ladder) -> Ladder:
        return tuple((price, log_size(size, one)) for price, size in side[:levels])

    def logs(moment: Moment) -> Moment:
        return replace(moment, bids=damped(moment.bids), asks=damped(moment.asks))

    changes = [(w, logs(before), logs(after)) for w, before, after in tape.changes(over, at)]
    return [
        float(total((w, increment(a, b, m)) for w, a, b in changes) / Fraction(2**40))
        for m in range(levels)
    ]


def log_order_flow_imbalance_at(
    tape: Tape, at: Reading, units: Units, *, lot: Any, window: str | None = "row"
) -> float:
    return multi_level_log_order_flow_imbalance_at(
        tape, at, units, lot=lot, levels=1, window=window
    )[0]


def gained(before: Ladder, after: Ladder, levels: int, sign: int) -> int:
    """What a side gained at the worse of its two best prices or better; `sign` is 1 for bids.

    A side of so many levels may go on behind its last one: what is not seen does not count.

    >>> gained(((102, 5), (101, 7), (100, 10)), ((100, 4),), 5, 1)
    -18
    """
    seen = [[(sign * price, size) for price, size in side[:levels]] for side in (before, after)]
    bound = min(side[0][0] for side in seen)
    bound = max([bound] + [side[-1][0] for side in seen if len(side) == levels])
    there, here = (sum(size for price, size in side if price >= bound) for side in seen)
    return here - there


def depth_conserving_order_flow_imbalance_at(
    tape: Tape, at: Reading, units: Units, *, levels: int = 10, window: str | None = "row"
) -> float:
    over = parse_window(window)
    if not tape.seen_good(over, at):
        return NAN

    def e(a: Moment, b: Moment) -> int:
        return gained(a.bids, b.bids, levels, 1) - gained(a.asks, b.asks, levels, -1)

    return float(total((w, e(a, b)) for w, a, b in tape.changes(over, at)) * units.size)


def order_flow_imbalance(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The sum over the window of the e_n between successive states of the best quotes:

    e_n = 1{Pb_n >= Pb_n-1} qb_n - 1{Pb_n <= Pb_n-1} qb_n-1
        - 1{Pa_n <= Pa_n-1} qa_n + 1{Pa_n >= Pa_n-1} qa_n-1                                (1)

    Source: Cont, Kukanov, Stoikov (2014), "The price impact of order book events". In size
    units (a pipeline: the instrument's size). All four inequalities are weak. A state with an
    empty side or bid > ask is skipped and the next is differenced against the last that was
    not. The first state, and the first after a gap, a snapshot, a CLEAR or a session's end, has
    e = 0. NaN before the first state.

    A bid of 10 that rises to 7 at a better price adds 7; an ask of 20 that retreats adds 20:

    >>> order_flow_imbalance([100, 101, 101], [10, 7, 7], [102, 102, 103], [20, 20, 50])
    [0.0, 7.0, 20.0]
    >>> order_flow_imbalance([100, 100], [10, 12], [101, 101], [5, 4], window=None)
    [0.0, 3.0]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [order_flow_imbalance_at(tape, row, COLUMN_UNITS, window=window) for row in rows]


def log_order_flow_imbalance(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    *,
    lot: int,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Equation (1) of `order_flow_imbalance` with log(1 + q / lot) for each size q; no unit.

    Every logarithm is rounded to 2^-40, so that sums are exact.

    A bid of 1 lot that grows to 3 adds log 4 - log 2 = log 2:

    >>> values = log_order_flow_imbalance([100, 100], [5, 15], [101, 101], [5, 5], lot=5)
    >>> [round(x, 9) for x in values]
    [0.0, 0.693147181]
    """
    tape, rows = quote_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        log_order_flow_imbalance_at(tape, row, COLUMN_UNITS, lot=lot, window=window) for row in rows
    ]


def multi_level_order_flow_imbalance(
    bid_price: Sequence[Sequence[int]],
    bid_size: Sequence[Sequence[int]],
    ask_price: Sequence[Sequence[int]],
    ask_size: Sequence[Sequence[int]],
    *,
    levels: int = 5,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[list[float]]:
    """Equation (1) of `order_flow_imbalance` at each of the best levels: a vector.

    Source: Xu, Gould, Howison (2019), "Multi-level order-flow imbalance in a limit order book".
    Levels are compared index by index, so that a change of the best price shows at every level
    behind it. A level that is not there is a price of -infinity (bid) or +infinity (ask) with
    size 0. States are skipped, and first states are 0, as the best quotes decide.

    The paper's example: 7 lots bid inside the spread above levels of 10.

    >>> bids, sizes = [[100, 99, 98], [101, 100, 99]], [[10, 10, 10], [7, 10, 10]]
    >>> asks, offers = [[103, 104, 105]] * 2, [[10, 10, 10]] * 2
    >>> multi_level_order_flow_imbalance(bids, sizes, asks, offers, levels=3)
    [[0.0, 0.0, 0.0], [7.0, 10.0, 10.0]]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        multi_level_order_flow_imbalance_at(tape, row, COLUMN_UNITS, levels=levels, window=window)
        for row in rows
    ]


def normalised_order_flow_imbalance(
    bid_price: Sequence[Sequence[int]],
    bid_size: Sequence[Sequence[int]],
    ask_price: Sequence[Sequence[int]],
    ask_size: Sequence[Sequence[int]],
    *,
    levels: int = 5,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[list[float]]:
    """`multi_level_order_flow_imbalance` over the mean size of a level, OFI^m / Q; no unit.

    Q = (1/M) sum_m (1/(2 dN)) sum_n (q^{m,b}_n + q^{m,a}_n), over the dN changes of the M levels
    in the window; 0 where there is none.

    Source: Cont, Cucuringu, Zhang (2023), "Cross-impact of order flow imbalance in equity markets",
    equation (3).

    After the one change the four levels hold 7, 10, 10 and 13: Q is 10.

    >>> bids, sizes = [[100, 99], [101, 100]], [[10, 10], [7, 10]]
    >>> asks, offers = [[103, 104]] * 2, [[10, 13]] * 2
    >>> normalised_order_flow_imbalance(bids, sizes, asks, offers, levels=2)
    [[0.0, 0.0], [0.7, 1.0]]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        normalised_order_flow_imbalance_at(tape, row, COLUMN_UNITS, levels=levels, window=window)
        for row in rows
    ]


def depth_conserving_order_flow_imbalance(
    bid_price: Sequence[Sequence[int]],
    bid_size: Sequence[Sequence[int]],
    ask_price: Sequence[Sequence[int]],
    ask_size: Sequence[Sequence[int]],
    *,
    levels: int = 10,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Order flow imbalance over every price that the touch moves over, in size units.

    e = B(p) - B'(p) - A(q) + A'(q): what the bids at p = min(Pb, Pb') or better gained, minus the
    same of the asks at q = max(Pa, Pa') or better. One order changes it by equation (1) of
    `order_flow_imbalance`.

    Orders of 5 and 7 above a bid of 10 add 12, not 5; a sweep that leaves 4 of the 10 takes 18:

    >>> bids = [[100, -(2**63), -(2**63)], [102, 101, 100], [100, -(2**63), -(2**63)]]
    >>> sizes = [[10, 0, 0], [5, 7, 10], [4, 0, 0]]
    >>> asks, offers = [[105, 106, 107]] * 3, [[9, 9, 9]] * 3
    >>> depth_conserving_order_flow_imbalance(bids, sizes, asks, offers)
    [0.0, 12.0, -18.0]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        depth_conserving_order_flow_imbalance_at(
            tape, row, COLUMN_UNITS, levels=levels, window=window
        )
        for row in rows
    ]


def multi_level_log_order_flow_imbalance(
    bid_price: Sequence[Sequence[int]],
    bid_size: Sequence[Sequence[int]],
    ask_price: Sequence[Sequence[int]],
    ask_size: Sequence[Sequence[int]],
    *,
    lot: int,
    levels: int = 5,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[list[float]]:
    """`multi_level_order_flow_imbalance` of log(1 + q / lot) for each size q; no unit.

    Every logarithm is rounded to 2^-40, so that sums are exact; a missing level has log 1 = 0.

    The paper's example of the levels in lots of 1: a bid of 3 lots inside the spread adds log 4,
    and moves log 2 over the level behind it:

    >>> bids, sizes = [[100, 99], [101, 100]], [[1, 1], [3, 1]]
    >>> asks, offers = [[103, 104]] * 2, [[1, 1]] * 2
    >>> values = multi_level_log_order_flow_imbalance(bids, sizes, asks, offers, lot=1, levels=2)
    >>> [[round(x, 9) for x in row] for row in values]
    [[0.0, 0.0], [1.386294361, 0.693147181]]
    """
    tape, rows = depth_tape(bid_price, bid_size, ask_price, ask_size, ts)
    return [
        multi_level_log_order_flow_imbalance_at(
            tape, row, COLUMN_UNITS, lot=lot, levels=levels, window=window
        )
        for row in rows
    ]
