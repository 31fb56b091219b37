"""Random market data, decoded from bytes: one draw a stream, and shrinking still works.

Streams break no field rule, but every rule of a good feed: ids come twice or never, cancels take
more than there is, sides and prices are not the order's, books cross, gaps open and messages are
cut into atomic events of any length.
"""

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import bookflow as bf
from bookflow.events import Action, Flag, Side, Status

NONE = bf.NONE
SECOND = 1_000_000_000
LEVELS = 3  # of depth rows

EFFORT = float(os.environ.get("BOOKFLOW_EFFORT", "1"))
"""How many times the usual number of examples a property is tried with."""


def effort(examples: int) -> settings:
    """So many examples, times BOOKFLOW_EFFORT; the same ones in every run unless that is raised."""
    return settings(
        max_examples=max(1, int(examples * EFFORT)),
        deadline=None,
        derandomize=EFFORT == 1,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def dice(size: int) -> st.SearchStrategy["Dice"]:
    """Enough bytes for a stream of up to `size` events."""
    # Of a drawn length: left to itself, Hypothesis draws a handful of bytes.
    lengths = st.sampled_from([9 * size * part // 8 for part in (8, 6, 4, 2, 1, 0)])
    return lengths.flatmap(lambda n: st.binary(min_size=n, max_size=n)).map(Dice)


class Dice:
    """Choices read off bytes; all zero when they have run out."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __repr__(self) -> str:
        return f"Dice({self._data!r})"

    @property
    def left(self) -> bool:
        return self._at < len(self._data)

    def below(self, n: int) -> int:
        """0 to n - 1; n up to 256."""
        value = self._data[self._at] if self.left else 0
        self._at += 1
        return value % n

    def pick(self, choices: Any) -> Any:
        return choices[self.below(len(choices))]

    def once_in(self, n: int) -> bool:
        """Never when the bytes have run out."""
        return self.below(n) == n - 1


@dataclass
class Stream:
    """Events as `push` takes them, and the depth row of each where rows are the book."""

    events: list[tuple[int, ...]] = field(default_factory=list)
    depth: list[tuple[list[int], ...]] | None = None

    def columns(self) -> dict[str, np.ndarray]:
        names = ("ts", "action", "side", "price", "size", "order_id", "flags")
        table = list(zip(*self.events, strict=True)) if self.events else [()] * len(names)
        return {
            name: np.array(values, bf.EVENT_DTYPE[name])
            for name, values in zip(names, table, strict=True)
        }

    def take(self, instrument: bf.Instrument) -> bf.Events:
        depth = None if self.depth is None else bf.Depth(*self.depth_arrays())
        return bf.Events(self.columns(), instrument, depth=depth)

    def depth_arrays(self) -> list[np.ndarray]:
        assert self.depth is not None
        return [
            np.array([row[i] for row in self.depth], np.int64).reshape(len(self.depth), LEVELS)
            for i in range(4)
        ]


Columns = dict[str, np.ndarray]
VALUES = (0.0, 1.0, -2.0, 2.5, 0.25, 7.0, float("nan"), -0.75, 1.0, 3.0)


def columns_of(
    feed: str, dice: Dice, most: int = 30, *, touch: bool = False, inputs: tuple[str, ...] = ()
) -> Columns:
    """What a calculator of this feed takes alone, with `ts`; quotes cross and lose their sides.

    `touch`: the best bid and ask before each print as well. `inputs`: of what takes values, which
    are often equal and now and then not known.
    """
    market = Market(dice, "depth")
    rows: list[tuple[Any, ...]] = []
    times: list[int] = []
    ts = market.start
    while dice.left and len(rows) < most:
        ts += dice.pick(market.steps)
        times.append(ts)
        if feed == "values":
            rows.append(tuple(dice.pick(VALUES) for _ in inputs))
        elif feed == "trades":
            rows.append((market.price(), market.size(), dice.below(3)))
        elif feed == "queues":
            row = []
            for _ in range(2):
                orders = dice.below(5)
                size = orders and orders - 1 + market.size()
                row.append((orders, size, NONE if dice.once_in(9) else dice.below(200)))
            rows.append(tuple(field for pair in zip(*row, strict=True) for field in pair))
        elif feed == "changes":
            cause = 1 + dice.below(4)
            comes = cause == 1 or (cause == 3 and dice.once_in(2))
            change = market.size() if comes else -market.size()
            rows.append((market.price(), change, 1 + dice.below(2), cause, dice.below(4)))
        else:
            rows.append(market.depth_row())
    if feed == "values":
        table = list(zip(*rows, strict=True)) if rows else [()] * len(inputs)
        columns = {n: np.array(c, np.float64) for n, c in zip(inputs, table, strict=True)}
    elif feed == "queues":
        table = list(zip(*rows, strict=True)) if rows else [()] * 6
        names = ("bid_orders", "ask_orders", "bid_size", "ask_size", "bid_age", "ask_age")
        columns = {n: np.array(c, np.int64) for n, c in zip(names, table, strict=True)}
    elif feed == "changes":
        table = list(zip(*rows, strict=True)) if rows else [()] * 5
        names = ("price", "change", "side", "cause", "touch")
        columns = {
            n: np.array(c, np.int64 if i < 2 else np.uint8)
            for i, (n, c) in enumerate(zip(names, table, strict=True))
        }
    elif feed == "trades":
        table = list(zip(*rows, strict=True)) if rows else [()] * 3
        types = {"price": np.int64, "size": np.int64, "side": np.uint8}
        columns = {n: np.array(c, t) for (n, t), c in zip(types.items(), table, strict=True)}
    else:
        names = ("bid_price", "bid_size", "ask_price", "ask_size")
        arrays = Stream(depth=rows).depth_arrays()
        columns = dict(zip(names, arrays, strict=True))
        if feed == "quotes":
            columns = {n: np.ascontiguousarray(c[:, 0]) for n, c in columns.items()}
    columns["ts"] = np.array(times, np.int64)
    if touch:
        best = [[side[0] for side in market.depth_row()[::2]] for _ in times]
        columns["bid_price"], columns["ask_price"] = (
            np.array(best, np.int64).reshape(-1, 2).T.copy()
        )
    return columns


@dataclass
class Market:
    """What streams are made of."""

    dice: Dice
    kind: str  # "orders" "levels" "quotes" "depth" "tape"
    base: int = 100  # the price about which everything happens
    start: int = 1_700_000_000 * SECOND
    steps: tuple[int, ...] = (0, 0, 0, 1, SECOND // 2, SECOND, 3 * SECOND, 11 * SECOND)
    broken: bool = True

    def price(self) -> int:
        return self.base - 4 + self.dice.below(9)

    def size(self) -> int:
        return 1 + self.dice.below(9)

    def stream(self, most: int) -> Stream:
        out = Stream(depth=[] if self.kind == "depth" else None)
        ts = self.start
        before = 0
        while self.dice.left and len(out.events) < most:
            ts += self.dice.pick(self.steps)
            action, side, price, size, order_id, flags = self.event(before)
            before = action
            out.events.append(
                (ts, int(action), int(side), price, size, order_id, int(flags | self.flags()))
            )
            if out.depth is not None:
                out.depth.append(self.depth_row())
        return out

    def flags(self) -> Flag:
        flags = Flag.LAST if not self.dice.once_in(4) else Flag(0)
        if self.dice.once_in(24):
            flags |= self.dice.pick((Flag.GAP, Flag.SNAPSHOT))
        return flags

    def event(self, before: int) -> tuple[Any, ...]:
        which = self.dice.below(16)
        if which == 15:
            return (Action.STATUS, Side.NONE, NONE, self.told(), 0, Flag(0))
        if which == 14:
            return (Action.CLEAR, self.dice.below(3), NONE, 0, 0, Flag(0))
        if which >= 11 or self.kind == "tape":
            return self.trade()
        if self.kind == "orders":
            return self.order(which, before)
        if self.kind == "depth":
            return (self.dice.pick((Action.QUOTE, Action.ADD)), 0, NONE, 0, 0, Flag(0))
        if self.kind == "quotes" or (self.kind == "levels" and which == 10):
            empty = self.dice.once_in(8)
            price, size = (NONE, 0) if empty else (self.price(), self.size())
            return (Action.QUOTE, 1 + self.dice.below(2), price, size, 0, Flag(0))
        size = 0 if which < 3 else self.size()
        return (Action.LEVEL, 1 + self.dice.below(2), self.price(), size, 0, Flag(0))

    def trade(self) -> tuple[Any, ...]:
        return (Action.TRADE, self.dice.below(3), self.price(), self.size(), 0, self.print_flags())

    def print_flags(self) -> Flag:
        if not self.dice.once_in(4):
            return Flag(0)
        flags = self.dice.pick((Flag.HIDDEN, Flag.HIDDEN, Flag.AUCTION, Flag.OFF_BOOK, Flag.BROKEN))
        if self.dice.once_in(4):
            flags |= Flag.HIDDEN
        return flags if self.broken else flags & ~Flag.BROKEN

    def told(self) -> int:
        bits = (
            Status(0),
            Status.HALTED,
            Status.AUCTION,
            Status.UNVERIFIABLE,
            Status.SNAPSHOT_PENDING,
            Status.UNVERIFIABLE | Status.ONE_SIDED,
        )
        return int(self.dice.pick(bits))

    def order(self, which: int, before: int) -> tuple[Any, ...]:
        """Ids 1 to 12: some are live, some never were."""
        order_id = 1 + self.dice.below(12)
        side, price, size = 1 + self.dice.below(2), self.price(), self.size()
        if which < 5:
            if before == Action.DELETE and self.dice.below(2):
                side = Side.NONE
            return (Action.ADD, side, price, size, order_id, Flag(0))
        # A side or a price that is not given is the order's own; one that is may be wrong.
        side = self.dice.pick((0, 0, side))
        price = self.dice.pick((NONE, NONE, price))
        if which == 5:
            return (Action.CANCEL, side, price, size, order_id, Flag.FILL)
        if which == 6:
            return (Action.DELETE, side, price, size, order_id, Flag(0))
        if which < 9:
            return (Action.MODIFY, side, price, size - 1, order_id, Flag(0))
        return (Action.EXECUTE, side, price, size, order_id, self.print_flags())

    def depth_row(self) -> tuple[list[int], ...]:
        """Up to LEVELS levels a side, missing ones behind; now and then crossed or locked."""
        middle = self.base - 1 + self.dice.below(3)
        gap = self.dice.pick((1, 1, 2, 3, 0, -1))
        bid_price, bid_size = self.side_of_depth(middle, -1)
        ask_price, ask_size = self.side_of_depth(middle + gap, 1)
        return bid_price, bid_size, ask_price, ask_size

    def side_of_depth(self, price: int, step: int) -> tuple[list[int], list[int]]:
        levels = LEVELS - self.dice.pick((0, 0, 0, 0, 1, 2, 3))
        prices, sizes = [NONE] * LEVELS, [0] * LEVELS
        for i in range(levels):
            prices[i], sizes[i] = price, self.size()
            price += step * (1 + self.dice.below(2))
        return prices, sizes
