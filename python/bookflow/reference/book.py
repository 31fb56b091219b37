"""Plain books: dicts and lists, no structure worth a comment, so that they can be believed.

Both count feed faults by name and otherwise carry on as the action table says. `crossed` is
counted when an atomic event ends crossed and the one before it did not, `gap` per GAP flag.
"""

from collections import Counter
from typing import Any, NamedTuple

from .event import Event, event_of
from .words import NONE, Action, Flag, Side

BOOK_SIDES = (Side.BID, Side.ASK)
ORDER_ACTIONS = {Action.ADD, Action.CANCEL, Action.DELETE, Action.MODIFY, Action.EXECUTE}


class Level(NamedTuple):
    """One price of one side: its total size and, where orders are known, how many they are."""

    price: int
    size: int
    orders: int


class Order(NamedTuple):
    """A resting order."""

    side: int
    price: int
    size: int


class Best(NamedTuple):
    """The four best numbers; an empty side is (NONE, 0)."""

    bid_price: int
    bid_size: int
    ask_price: int
    ask_size: int


class ContentHash:
    """The splitmix64 finalizer over a sequence of integers.

    >>> hex(ContentHash().add(0).value)    # splitmix64's first number from the seed 0
    '0xe220a8397b1dcdaf'
    """

    def __init__(self) -> None:
        self.value = 0x9E3779B97F4A7C15

    def add(self, x: int) -> "ContentHash":
        mask = 2**64 - 1
        z = (self.value ^ x) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        self.value = z ^ (z >> 31)
        return self


class _Book:
    """What both books can be asked, given the sizes at each price of each side."""

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self._was_crossed = False

    def levels(self, side: int) -> list[Level]:
        """The side's levels, best first."""
        raise NotImplementedError

    def best(self) -> Best:
        """The best price and size of each side."""
        bids, asks = self.depth(1)
        bid = bids[0] if bids else Level(NONE, 0, 0)
        ask = asks[0] if asks else Level(NONE, 0, 0)
        return Best(bid.price, bid.size, ask.price, ask.size)

    def depth(self, n: int) -> tuple[list[Level], list[Level]]:
        """The best `n` levels of each side."""
        return self.levels(Side.BID)[:n], self.levels(Side.ASK)[:n]

    def is_crossed(self) -> bool:
        """Whether the best bid is above the best ask."""
        best = self.best()
        return best.bid_size > 0 and best.ask_size > 0 and best.bid_price > best.ask_price

    def uncrossed(self, counted: int) -> None:
        """It was uncrossed before the end of the atomic event: as many were crossed as before."""
        self.faults["crossed"] = counted
        self._was_crossed = False

    def named(self, event: Event) -> tuple[int, int] | None:
        """The side and price of the level, or resting order, that an event is about."""
        raise NotImplementedError

    def remove_first(self, side: int) -> tuple[int, int]:
        """Remove the first level or order of a side: its price and size."""
        raise NotImplementedError

    def count_faults_of(self, flags: int) -> None:
        """Count what only an event's flags tell: a gap, or a crossed book at a LAST."""
        if flags & Flag.GAP:
            self.faults["gap"] += 1
        if flags & Flag.LAST:
            crossed = self.is_crossed()
            if crossed and not self._was_crossed:
                self.faults["crossed"] += 1
            self._was_crossed = crossed


class OrderBook(_Book):
    """Orders by id, and at each price the queue of ids in the order of arrival.

    >>> book = OrderBook()
    >>> for order_id, price, size in ((1, 100, 5), (2, 100, 7), (3, 99, 1)):
    ...     book.apply((0, Action.ADD, Side.BID, price, size, order_id))
    >>> book.apply((0, Action.EXECUTE, Side.BID, NONE, 4, 1))
    >>> book.best().bid_size, book.queue_position(2)
    (8, (1, 1))
    >>> book.apply((0, Action.MODIFY, Side.BID, NONE, 2, 1))   # larger: to the back
    >>> book.queue(Side.BID, 100), book.queue_position(1)
    ([2, 1], (1, 7))
    >>> book.apply((0, Action.CANCEL, Side.NONE, NONE, 9, 3))
    >>> dict(book.faults)
    {'over_cancel': 1}
    """

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[int, Order] = {}
        self._queues: dict[int, dict[int, list[int]]] = {side: {} for side in BOOK_SIDES}
        self._deleted_side: int = Side.NONE
        self.now: int = NONE
        """The time of the present atomic event, for who wants births."""
        self.births: dict[int, int] = {}
        """When each order joined its queue."""

    def levels(self, side: int) -> list[Level]:
        queues = self._queues[side]
        return [
            Level(price, sum(self.orders[i].size for i in queues[price]), len(queues[price]))
            for price in sorted(queues, reverse=side == Side.BID)
        ]

    def queue(self, side: int, price: int) -> list[int]:
        """The ids resting at a price, first in the queue first."""
        return list(self._queues[side].get(price, []))

    def queue_position(self, order_id: int) -> tuple[int, int] | None:
        """How many orders, and how much size, stand before this one; None if it is unknown."""
        order = self.orders.get(order_id)
        if order is None:
            return None
        queue = self._queues[order.side][order.price]
        ahead = queue[: queue.index(order_id)]
        return len(ahead), sum(self.orders[i].size for i in ahead)

    def content_hash(self) -> int:
        """The content in 64 bits: levels best first, then each queue's (id, size)."""
        content = ContentHash()
        for side in BOOK_SIDES:
            levels = self.levels(side)
            content.add(side).add(len(levels))
            for level in levels:
                content.add(level.price).add(level.size).add(level.orders)
                for order_id in self._queues[side][level.price]:
                    content.add(order_id).add(self.orders[order_id].size)
        return content.value

    def apply(self, source: Any) -> None:
        """Apply one event; what cannot be applied is counted and leaves the book as it was."""
        event = event_of(source)
        deleted_side, self._deleted_side = self._deleted_side, Side.NONE
        if event.action == Action.ADD:
            self._add(event, deleted_side)
        elif event.action == Action.CLEAR:
            self._clear(event.side)
        elif event.action in (Action.CANCEL, Action.DELETE, Action.EXECUTE, Action.MODIFY):
            self._change(event)
        self.count_faults_of(event.flags)

    def named(self, event: Event) -> tuple[int, int] | None:
        order = self.orders.get(event.order_id)
        if order is None or event.action not in ORDER_ACTIONS:
            return None
        return order.side, order.price

    def remove_first(self, side: int) -> tuple[int, int]:
        price = self.levels(side)[0].price
        first = self.queue(side, price)[0]
        size = self.orders[first].size
        self._remove(first)
        return price, size

    def _add(self, event: Event, deleted_side: int) -> None:
        if event.order_id in self.orders:
            self.faults["duplicate_id"] += 1
            return
        # An ITCH replace: the new order takes the side of the one just deleted.
        side = event.side or deleted_side
        if not side:
            self.faults["unknown_side"] += 1
            return
        self._append(event.order_id, Order(side, event.price, event.size))

    def _change(self, event: Event) -> None:
        order = self.orders.get(event.order_id)
        if order is None:
            self.faults["unknown_id"] += 1
            complete = event.side and event.price != NONE and event.size > 0
            if event.action == Action.MODIFY and complete:
                self._append(event.order_id, Order(event.side, event.price, event.size))
            return
        if event.side and event.side != order.side:
            self.faults["side_mismatch"] += 1
        if event.action == Action.MODIFY:
            self._modify(event, order)
            return
        removes = event.action != Action.EXECUTE
        if removes and event.price != NONE and event.price != order.price:
            self.faults["price_mismatch"] += 1
        if event.action == Action.DELETE:
            self._deleted_side = order.side
            self._remove(event.order_id)
            return
        if event.size > order.size:
            self.faults["over_cancel"] += 1
        if event.size >= order.size:
            self._remove(event.order_id)
        else:
            self.orders[event.order_id] = order._replace(size=order.size - event.size)

    def _modify(self, event: Event, order: Order) -> None:
        price = order.price if event.price == NONE else event.price
        if event.size == 0:
            self._remove(event.order_id)
        elif price == order.price and event.size <= order.size:
            self.orders[event.order_id] = order._replace(size=event.size)
        else:
            self._remove(event.order_id)
            self._append(event.order_id, Order(order.side, price, event.size))

    def _append(self, order_id: int, order: Order) -> None:
        self.orders[order_id] = order
        self.births[order_id] = self.now
        self._queues[order.side].setdefault(order.price, []).append(order_id)

    def _remove(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        queue = self._queues[order.side][order.price]
        queue.remove(order_id)
        if not queue:
            del self._queues[order.side][order.price]

    def _clear(self, side: int) -> None:
        for order_id, order in list(self.orders.items()):
            if side in (Side.NONE, order.side):
                self._remove(order_id)


class LevelBook(_Book):
    """The size at each price of each side.

    >>> book = LevelBook()
    >>> book.apply((0, Action.LEVEL, Side.BID, 100, 5))
    >>> book.apply((0, Action.LEVEL, Side.BID, 99, 4))
    >>> book.apply((0, Action.QUOTE, Side.ASK, 102, 3))
    >>> book.apply((0, Action.LEVEL, Side.BID, 100, 0))
    >>> book.best()
    Best(bid_price=99, bid_size=4, ask_price=102, ask_size=3)
    """

    def __init__(self) -> None:
        super().__init__()
        self._sizes: dict[int, dict[int, int]] = {side: {} for side in BOOK_SIDES}

    def levels(self, side: int) -> list[Level]:
        sizes = self._sizes[side]
        return [Level(price, sizes[price], 0) for price in sorted(sizes, reverse=side == Side.BID)]

    def content_hash(self) -> int:
        """The content in 64 bits: levels best first."""
        content = ContentHash()
        for side in BOOK_SIDES:
            levels = self.levels(side)
            content.add(side).add(len(levels))
            for level in levels:
                content.add(level.price).add(level.size)
        return content.value

    def apply(self, source: Any) -> None:
        """Apply one event; removing a level that is not there is normal on level feeds."""
        event = event_of(source)
        if event.action == Action.LEVEL:
            self._set(event.side, event.price, event.size)
        elif event.action == Action.QUOTE:
            self._sizes[event.side].clear()
            if event.price != NONE:
                self._set(event.side, event.price, event.size)
        elif event.action == Action.CLEAR:
            for side in BOOK_SIDES:
                if event.side in (Side.NONE, side):
                    self._sizes[side].clear()
        self.count_faults_of(event.flags)

    def named(self, event: Event) -> tuple[int, int] | None:
        if event.action not in (Action.LEVEL, Action.QUOTE) or event.price == NONE:
            return None
        return event.side, event.price

    def remove_first(self, side: int) -> tuple[int, int]:
        first = self.levels(side)[0]
        self._set(side, first.price, 0)
        return first.price, first.size

    def replace(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
        """Make the book exactly these (price, size) levels: what a depth row does."""
        for side, levels in zip(BOOK_SIDES, (bids, asks), strict=True):
            self._sizes[side] = dict(levels)

    def _set(self, side: int, price: int, size: int) -> None:
        if size:
            self._sizes[side][price] = size
        else:
            self._sizes[side].pop(price, None)
