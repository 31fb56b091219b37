"""Counts and volumes of trades, and what they say of buyers against sellers.

Volume and the count of all trades include the prints that are no flow (auctions, off-book and,
with hidden="volume", hidden executions). A broken print takes its volume back. Trades of unknown
side are in volume, never in B or S. An empty window sums to 0.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .anchor import since
from .fills import trades
from .tape import Reading, Tape, trade_tape
from .trade_sign import rule_of
from .units import COLUMN_UNITS, Units
from .window import parse_window, ratio, total


def side_volumes(
    tape: Tape,
    at: Reading,
    sign: str,
    window: str | None,
    fills: str,
    anchor: int | str | None = None,
) -> tuple[Fraction, Fraction]:
    """(B, S): the volume in the window that buyers and sellers started, in size units."""
    rule = rule_of(sign, fills)
    prints = since(anchor, tape.prints(parse_window(window), at), at)
    flow = [(w, r) for w, r in prints if r.print.in_flow]
    signed = [(w, r.print.size, rule(tape, r)) for w, r in flow]
    buys = total((w, size) for w, size, s in signed if s > 0)
    sells = total((w, size) for w, size, s in signed if s < 0)
    return buys, sells


def trade_count_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    of: str = "both",
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
) -> float:
    over = parse_window(window)
    if of == "both":
        counted = trades(tape, over, at, fills, lambda one: one.counts)
        return float(total((t.weight, 1) for t in counted))
    wanted, rule = {"buy": 1, "sell": -1}[of], rule_of(sign, fills)
    flow = trades(tape, over, at, fills, lambda one: one.in_flow)
    return float(total((t.weight, 1) for t in flow if rule(tape, t.first) == wanted))


def volume_at(tape: Tape, at: Reading, units: Units, *, window: str | None = "row") -> float:
    prints = tape.prints(parse_window(window), at)
    return float(total((w, r.print.volume) for w, r in prints) * units.size)


def buy_volume_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
) -> float:
    return float(side_volumes(tape, at, sign, window, fills)[0] * units.size)


def sell_volume_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
) -> float:
    return float(side_volumes(tape, at, sign, window, fills)[1] * units.size)


def buy_sell_ratio_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
) -> float:
    return ratio(*side_volumes(tape, at, sign, window, fills))


def trade_flow_imbalance_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
) -> float:
    buys, sells = side_volumes(tape, at, sign, window, fills)
    return ratio(buys - sells, buys + sells)


def cumulative_volume_delta_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    window: str | None = "session",
    sign: str = "aggressor",
    fills: str = "each",
    anchor: int | str | None = None,
) -> float:
    buys, sells = side_volumes(tape, at, sign, window, fills, anchor)
    return float((buys - sells) * units.size)


def trade_count(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    of: str = "both",
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """How many trades: `both`, or those that a buyer (`buy`) or a seller (`sell`) started.

    >>> trade_count([100, 101, 101], [5, 6, 7], [1, 2, 0], window=None)
    [1.0, 2.0, 3.0]
    >>> trade_count([100, 101, 101], [5, 6, 7], [1, 2, 0], of="sell", window=None)
    [0.0, 1.0, 1.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        trade_count_at(tape, row, COLUMN_UNITS, of=of, window=window, sign=sign, fills=fills)
        for row in rows
    ]


def volume(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The volume traded, in size units (a pipeline: the instrument's size).

    >>> volume([100, 101, 101], [5, 6, 7], window="2trades")
    [5.0, 11.0, 13.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [volume_at(tape, row, COLUMN_UNITS, window=window) for row in rows]


def buy_volume(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """B: the volume buyers started, in size units (a pipeline: the instrument's size).

    >>> buy_volume([100, 101, 101], [5, 6, 7], [1, 2, 0])
    [5.0, 0.0, 0.0]
    >>> buy_volume([100, 101, 101], [5, 6, 7], sign="tick", window=None)
    [0.0, 6.0, 13.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        buy_volume_at(tape, row, COLUMN_UNITS, window=window, sign=sign, fills=fills)
        for row in rows
    ]


def sell_volume(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """S: the volume sellers started, in size units (a pipeline: the instrument's size).

    >>> sell_volume([100, 101, 101], [5, 6, 7], [1, 2, 0])
    [0.0, 6.0, 0.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        sell_volume_at(tape, row, COLUMN_UNITS, window=window, sign=sign, fills=fills)
        for row in rows
    ]


def buy_sell_ratio(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """B / S; NaN while S = 0.

    >>> buy_sell_ratio([100, 101, 101], [5, 10, 7], [1, 2, 0], window=None)
    [nan, 0.5, 0.5]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        buy_sell_ratio_at(tape, row, COLUMN_UNITS, window=window, sign=sign, fills=fills)
        for row in rows
    ]


def trade_flow_imbalance(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    window: str | None = "row",
    sign: str = "aggressor",
    fills: str = "each",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """TFI = (B - S) / (B + S), in [-1, 1]; NaN while B + S = 0.

    >>> trade_flow_imbalance([100, 101, 101], [30, 10, 7], [1, 2, 0], window=None)
    [1.0, 0.5, 0.5]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        trade_flow_imbalance_at(tape, row, COLUMN_UNITS, window=window, sign=sign, fills=fills)
        for row in rows
    ]


def cumulative_volume_delta(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    window: str | None = "session",
    sign: str = "aggressor",
    fills: str = "each",
    anchor: int | str | None = None,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """CVD = B - S since the session began, in size units (a pipeline: the instrument's size).

    It starts anew after `anchor` as well, a time of every day in UTC or one in ns.

    >>> cumulative_volume_delta([100, 101, 101], [30, 10, 7], [1, 2, 0])
    [30.0, 20.0, 20.0]
    >>> cumulative_volume_delta([100, 101, 101], [30, 10, 7], [1, 2, 1], ts=[6, 7, 8], anchor=7)
    [30.0, 20.0, 7.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    settings: dict[str, Any] = {"window": window, "sign": sign, "fills": fills, "anchor": anchor}
    return [cumulative_volume_delta_at(tape, row, COLUMN_UNITS, **settings) for row in rows]
