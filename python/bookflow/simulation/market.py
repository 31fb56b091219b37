"""What traders do: arrivals become orders in a small book of the simulator's own.

The loop is plain Python over lists, a block of arrivals at a time. It keeps a size per price (so
that the best prices move by stepping over empty ones), a first-in-first-out queue per price, and
a list of all live orders to choose cancellations from. Dead orders stay in their queue until they
come to its head. An order that is re-priced is a new *slot* with the old order's id, so that a
dead entry can never be taken for a live one.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bookflow.events import Action, Side
from bookflow.simulation.arrivals import Arrivals
from bookflow.simulation.draws import Draws, Floats, Integers

OPENING = 400
"""Orders in the opening snapshot."""

_BLOCK = 1 << 16
# A draw of `kind` below the first is a market order, below the second an order re-priced; then
# come cancellations, the more the more orders there are, which holds the book near 700 of them.
_MARKET, _REPRICE = 0.07, 0.11
_CANCEL_PER_ORDER = 0.445 / 700
_FEWEST = 12  # orders a side keeps: below, its traders only add
_PARTIAL = 0.2  # of the cancellations
_PULL, _MOST_PULL = 0.15, 0.42  # how a market order's side leans towards the fair price
_ADD, _CANCELLED, _DELETED, _MODIFIED, _EXECUTED = (
    int(a) for a in (Action.ADD, Action.CANCEL, Action.DELETE, Action.MODIFY, Action.EXECUTE)
)
_BID, _ASK = int(Side.BID), int(Side.ASK)


def _table(weights: list[tuple[int, int]]) -> Integers:
    values, counts = zip(*weights, strict=True)
    return np.repeat(np.array(values, dtype=np.int64), counts)


# Ticks behind the best place an order may take: most near the touch, a long tail behind.
_DISTANCE = _table([(k, 4000 // (k + 3)) for k in range(1, 41)] + [(0, 900)])
# Mostly round lots, with odd ones between.
_ORDER_SIZE = _table([(100, 50), (200, 14), (300, 7), (500, 6), (1000, 2), (40, 6), (63, 5)])
_TRADE_SIZE = _table([(100, 40), (200, 16), (300, 9), (25, 8), (60, 6), (500, 5), (1, 3), (800, 2)])


@dataclass(frozen=True, slots=True)
class Tape:
    """Rows in order: what happened, to which order, how much, and by which arrival."""

    action: Integers
    order_id: Integers
    side: Integers
    ticks: Integers
    size: Integers
    arrival: Integers


class Market:
    """The simulator's book and its record of what happened."""

    def __init__(self, ladder: int, middle: int) -> None:
        self.size_at = [0] * ladder
        self.queues: dict[int, deque[int]] = {}
        self.bid, self.ask = middle - 1, middle + 1
        self.orders = {_BID: 0, _ASK: 0}
        self.live: list[int] = []
        self.place: list[int] = []  # of a slot in `live`
        self.slot_id: list[int] = []
        self.slot_side: list[int] = []
        self.slot_ticks: list[int] = []
        self.slot_size: list[int] = []
        self.ids = 0

    def add(self, side: int, ticks: int, size: int, order_id: int) -> int:
        """Puts an order at the back of its queue; its slot."""
        slot = len(self.slot_id)
        self.slot_id.append(order_id)
        self.slot_side.append(side)
        self.slot_ticks.append(ticks)
        self.slot_size.append(size)
        self.place.append(len(self.live))
        self.live.append(slot)
        self.orders[side] += 1
        self.size_at[ticks] += size
        queue = self.queues.get(ticks)
        if queue is None:
            self.queues[ticks] = deque((slot,))
        else:
            queue.append(slot)
        if side == _BID:
            if ticks > self.bid:
                self.bid = ticks
        elif ticks < self.ask:
            self.ask = ticks
        return slot

    def remove(self, slot: int) -> None:
        """Takes a live order out; its queue entry stays behind, dead."""
        side, ticks = self.slot_side[slot], self.slot_ticks[slot]
        last = self.live.pop()
        if last != slot:
            self.live[self.place[slot]] = last
            self.place[last] = self.place[slot]
        self.orders[side] -= 1
        left = self.size_at[ticks] - self.slot_size[slot]
        self.size_at[ticks] = left
        self.slot_size[slot] = 0
        if left == 0:
            self.queues[ticks].clear()
            size_at = self.size_at
            if side == _BID:
                if ticks == self.bid:
                    while not size_at[ticks]:
                        ticks -= 1
                    self.bid = ticks
            elif ticks == self.ask:
                while not size_at[ticks]:
                    ticks += 1
                self.ask = ticks

    def allowed(self, side: int, low: int, distance: int) -> int:
        """Where a trader may rest who thinks that the fair price lies between low and low + 1."""
        if side == _BID:
            return min(low - distance, self.ask - 1)
        return max(low + 1 + distance, self.bid + 1)

    def first_in_queue(self, ticks: int) -> int:
        """The oldest live order at a price that has one."""
        queue, slot_size = self.queues[ticks], self.slot_size
        while not slot_size[queue[0]]:
            queue.popleft()
        return queue[0]


def open_market(draws: Draws, ladder: int, middle: int) -> Market:
    """A market with its opening orders, half of them on each side."""
    market = Market(ladder, middle)
    # The first order of a side sets its best price, so that both are real from the start.
    distances = [0, 0, *draws.pick(_DISTANCE, OPENING - 2).tolist()]
    sizes = draws.pick(_ORDER_SIZE, OPENING).tolist()
    for order, (distance, size) in enumerate(zip(distances, sizes, strict=True), start=1):
        if order % 2:
            market.add(_BID, middle - 1 - distance, size, order)
        else:
            market.add(_ASK, middle + 1 + distance, size, order)
    market.ids = OPENING
    return market


def trade(draws: Draws, market: Market, arrivals: Arrivals, fair: Floats, rows: int) -> Tape:
    """Lets traders act until `rows` rows are written. `fair` is in ticks, one an arrival."""
    parts = []
    have = 0
    for part in _blocks(draws, market, arrivals, fair):
        parts.append(part)
        have += part.shape[1]
        if have >= rows:
            break
    # A last market order that is cut short simply was a smaller one.
    action, slot, size, arrival = np.concatenate(parts, axis=1)[:, :rows]
    return Tape(
        action=action,
        order_id=np.array(market.slot_id, dtype=np.int64)[slot],
        side=np.array(market.slot_side, dtype=np.int64)[slot],
        ticks=np.array(market.slot_ticks, dtype=np.int64)[slot],
        size=size,
        arrival=arrival,
    )


def _blocks(draws: Draws, market: Market, arrivals: Arrivals, fair: Floats) -> Iterator[Integers]:
    """Rows of action, slot, size and arrival."""
    for first in range(0, len(arrivals), _BLOCK):
        part = slice(first, first + _BLOCK)
        n = len(arrivals.kind[part])
        actions, slots, sizes, ends = _act(
            market,
            arrivals.kind[part].tolist(),
            arrivals.sign[part].tolist(),
            fair[part].tolist(),
            np.floor(fair[part]).astype(np.int64).tolist(),
            draws.uniform(n).tolist(),
            draws.uniform(n).tolist(),
            draws.pick(_DISTANCE, n).tolist(),
            draws.pick(_ORDER_SIZE, n).tolist(),
            draws.pick(_TRADE_SIZE, n).tolist(),
        )
        arrival = first + np.repeat(np.arange(n), np.diff(np.array(ends), prepend=0))
        yield np.array([actions, slots, sizes, arrival], dtype=np.int64)


def _act(
    market: Market,
    kinds: list[float],
    signs: list[float],
    fairs: list[float],
    lows: list[int],
    sides: list[float],
    picks: list[float],
    distances: list[int],
    order_sizes: list[int],
    trade_sizes: list[int],
) -> tuple[list[int], list[int], list[int], list[int]]:
    """The hot loop: action, slot and size of each row, and where each arrival's rows end."""
    actions: list[int] = []
    slots: list[int] = []
    sizes: list[int] = []
    ends: list[int] = []
    add, remove, first_in_queue = market.add, market.remove, market.first_in_queue
    live, orders = market.live, market.orders
    slot_size, slot_side, slot_ticks = market.slot_size, market.slot_side, market.slot_ticks
    for kind, sign, fair, low, side_draw, pick, distance, order_size, trade_size in zip(
        kinds, signs, fairs, lows, sides, picks, distances, order_sizes, trade_sizes, strict=True
    ):
        side = _BID if side_draw < 0.5 else _ASK
        if kind < _MARKET:
            pull = (fair - 0.5 * (market.bid + market.ask)) * _PULL
            pull = min(max(pull, -_MOST_PULL), _MOST_PULL)
            side = _ASK if sign < 0.5 + pull else _BID  # the side that a market order takes from
            left = trade_size
            while left and orders[side] > _FEWEST:
                slot = first_in_queue(market.ask if side == _ASK else market.bid)
                size = slot_size[slot]
                if size <= left:
                    remove(slot)
                else:
                    size = left
                    slot_size[slot] -= size
                    market.size_at[slot_ticks[slot]] -= size
                left -= size
                actions.append(_EXECUTED)
                slots.append(slot)
                sizes.append(size)
            if left < trade_size:
                ends.append(len(actions))
                continue
        elif kind < _REPRICE + _CANCEL_PER_ORDER * len(live):
            at = pick * len(live)
            slot = live[int(at)]
            if orders[slot_side[slot]] > _FEWEST:
                size = slot_size[slot]
                if kind < _REPRICE:
                    side = slot_side[slot]
                    old = slot_ticks[slot]
                    ticks = market.allowed(side, low, distance)
                    if ticks != old:
                        remove(slot)
                        slot = add(side, ticks, size, market.slot_id[slot])
                    elif size > 1:
                        size -= size // 2
                        market.size_at[old] -= slot_size[slot] - size
                        slot_size[slot] = size
                    actions.append(_MODIFIED)
                elif size > 1 and at % 1.0 < _PARTIAL:
                    size //= 2
                    slot_size[slot] -= size
                    market.size_at[slot_ticks[slot]] -= size
                    actions.append(_CANCELLED)
                else:
                    remove(slot)
                    actions.append(_DELETED)
                slots.append(slot)
                sizes.append(size)
                ends.append(len(actions))
                continue
            side = slot_side[slot]
        market.ids += 1
        actions.append(_ADD)
        slots.append(add(side, market.allowed(side, low, distance), order_size, market.ids))
        sizes.append(order_size)
        ends.append(len(actions))
    return actions, slots, sizes, ends
