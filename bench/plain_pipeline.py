"""The pipeline of `amzn_day.py` in competent plain Python: what one would write without bookflow.

Incremental, integers, local names in the hot loop, no work for events that leave the top of the
book as it was. Not `bookflow.reference`, which recomputes everything from scratch.
"""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bookflow import NONE, Action, Events, Flag, Side

LEVELS = 5
FAR = -NONE  # where a missing ask stands

Ladder = tuple[list[int], list[int]]
"""Prices and sizes of the best levels; a missing one has size 0 and lies infinitely far."""


class State(NamedTuple):
    """What an atomic event did. `top` is None where the best levels are as they were."""

    ts: int
    prints: Sequence[tuple[int, int]]
    top: tuple[Ladder, Ladder] | None
    snapshot: bool


class Columns(NamedTuple):
    """An Events' columns as lists: plain Python is slowest on numpy's scalars."""

    ts: list[int]
    action: list[int]
    side: list[int]
    price: list[int]
    size: list[int]
    order_id: list[int]
    flags: list[int]
    depth: tuple[list[list[int]], ...] | None


def columns_of(events: Events) -> Columns:
    table = events.to_numpy()
    lists = (table[name].tolist() for name in Columns._fields[:-1])
    depth = events.depth
    blocks = (
        None if depth is None else tuple(block[:, :LEVELS].tolist() for block in depth.arrays())
    )
    return Columns(*lists, blocks)


def states_of_depth_rows(columns: Columns) -> Iterator[State]:
    """The book is given: one atomic event a row."""
    last: tuple[list[int], ...] | None = None
    no_prints: list[tuple[int, int]] = []
    events = zip(columns.ts, columns.action, columns.side, columns.size, strict=True)
    execute, ask = int(Action.EXECUTE), int(Side.ASK)
    for (ts, action, side, size), *row in zip(events, *columns.depth or (), strict=True):
        # Hidden executions are TRADE events: volume, but no flow.
        prints = [(size, 1 if side == ask else -1)] if action == execute else no_prints
        top = None
        if row != last:
            last = row
            bid_price, bid_size, ask_price, ask_size = row
            if ask_size[-1] == 0:
                ask_price = [FAR if price == NONE else price for price in ask_price]
            top = ((bid_price, bid_size), (ask_price, ask_size))
        yield State(ts, prints, top, False)


class _Side:
    """Sizes by price, and the prices sorted with the best at the end (asks are negated)."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.sizes: dict[int, int] = {}
        self.keys: list[int] = []

    def change(self, price: int, by: int) -> bool:
        """Whether one of the best levels changed."""
        key = self.sign * price
        size = self.sizes.get(key, 0) + by
        keys = self.keys
        if size == by:
            insort(keys, key)
        self.sizes[key] = size
        near = len(keys) < LEVELS or key >= keys[-LEVELS]
        if size == 0:
            del self.sizes[key]
            del keys[bisect_left(keys, key)]
        return near

    def top(self) -> Ladder:
        keys = self.keys[: -LEVELS - 1 : -1]
        prices = [self.sign * key for key in keys]
        sizes = [self.sizes[key] for key in keys]
        missing = LEVELS - len(keys)
        return prices + [-self.sign * FAR] * missing, sizes + [0] * missing


def states_of_orders(columns: Columns) -> Iterator[State]:
    """A book of orders by id, for sound streams: no unknown ids, every field given.

    Where an order stands in its queue is not kept: no feature here asks.
    """
    orders: dict[int, tuple[_Side, int, int]] = {}
    sides = {int(Side.BID): _Side(1), int(Side.ASK): _Side(-1)}
    add, cancel, delete = int(Action.ADD), int(Action.CANCEL), int(Action.DELETE)
    modify, execute, clear = int(Action.MODIFY), int(Action.EXECUTE), int(Action.CLEAR)
    last, in_snapshot = int(Flag.LAST), int(Flag.SNAPSHOT)
    prints: list[tuple[int, int]] = []
    changed = snapshot = False
    for ts, action, which, price, size, order_id, flags in zip(*columns[:-1], strict=True):
        if action == add:
            side = sides[which]
            orders[order_id] = (side, price, size)
            changed |= side.change(price, size)
        elif action in (cancel, execute, delete):
            side, price, left = orders[order_id]
            taken = left if action == delete else size
            if taken == left:
                del orders[order_id]
            else:
                orders[order_id] = (side, price, left - taken)
            changed |= side.change(price, -taken)
            if action == execute:
                prints.append((size, -side.sign))
        elif action == modify:
            side, old_price, left = orders[order_id]
            orders[order_id] = (side, price, size)
            changed |= side.change(old_price, -left)
            changed |= side.change(price, size)
        elif action == clear:
            orders.clear()
            sides = {int(Side.BID): _Side(1), int(Side.ASK): _Side(-1)}
            changed = True
        if flags & in_snapshot:
            snapshot = True
        if flags & last:
            top = (sides[1].top(), sides[2].top()) if changed else None
            yield State(ts, prints, top, snapshot)
            prints = []
            changed = snapshot = False


def features(states: Iterator[State], span: int, bucket: int, n_buckets: int) -> list[list[float]]:
    """OFI at each of five levels, queue imbalance and VPIN, a row for every multiple of `span`."""
    rows: list[list[float]] = []
    flow = [0] * LEVELS
    last: tuple[Ladder, Ladder] | None = None
    ready = False
    bid_size = ask_size = 0

    filled = net = total = 0
    buckets: deque[int] = deque()
    point: int | None = None
    fresh = False
    ts = 0

    def write() -> None:
        both = bid_size + ask_size
        full = len(buckets) == n_buckets
        rows.append(
            [
                *([float(e) for e in flow] if ready else [math.nan] * LEVELS),
                (bid_size - ask_size) / both if both else math.nan,
                total / (n_buckets * bucket) if full else math.nan,
            ]
        )
        flow[:] = [0] * LEVELS

    for ts, prints, top, snapshot in states:
        if point is not None:
            while point < ts:
                write()
                point += span
                fresh = False
        for size, sign in prints:
            filled += size
            net += sign * size
            while filled >= bucket:
                filled -= bucket
                imbalance = abs(net - sign * filled)
                net = sign * filled
                total += imbalance
                buckets.append(imbalance)
                if len(buckets) > n_buckets:
                    total -= buckets.popleft()
        if top is not None:
            (bid_prices, bid_sizes), (ask_prices, ask_sizes) = top
            bid_size, ask_size = bid_sizes[0], ask_sizes[0]
            if bid_size and ask_size and bid_prices[0] <= ask_prices[0]:
                if last is not None and not snapshot:
                    (old_bids, old_bid_sizes), (old_asks, old_ask_sizes) = last
                    for level in range(LEVELS):
                        bid, old_bid = bid_prices[level], old_bids[level]
                        ask, old_ask = ask_prices[level], old_asks[level]
                        e = 0
                        if bid >= old_bid:
                            e += bid_sizes[level]
                        if bid <= old_bid:
                            e -= old_bid_sizes[level]
                        if ask <= old_ask:
                            e -= ask_sizes[level]
                        if ask >= old_ask:
                            e += old_ask_sizes[level]
                        flow[level] += e
                last = top
                ready = True
        if snapshot:
            continue
        if point is None:
            point = -(-ts // span) * span
        fresh = True
    if fresh:
        write()
    return rows
