"""Books in competent plain Python: a dict of sizes and a sorted list of prices, best at its end.

They are a competitor, and they write the truth beside real recordings.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any

from bookflow import NONE

Row = tuple[int, int, int, int]


class PlainLevels:
    """Sizes at prices; asks are kept by their negated price."""

    def __init__(self) -> None:
        self.sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.keys: tuple[list[int], list[int]] = ([], [])

    def set(self, side: int, price: int, size: int) -> None:
        s = side - 1
        key = -price if s else price
        sizes = self.sizes[s]
        if size:
            if key not in sizes:
                insort(self.keys[s], key)
            sizes[key] = size
        elif key in sizes:
            del sizes[key]
            keys = self.keys[s]
            del keys[bisect_left(keys, key)]

    def get(self, side: int, price: int) -> int:
        s = side - 1
        return self.sizes[s].get(-price if s else price, 0)

    def quotes(self) -> Row:
        bids, asks = self.keys
        bid, bid_size = (bids[-1], self.sizes[0][bids[-1]]) if bids else (NONE, 0)
        ask, ask_size = (-asks[-1], self.sizes[1][asks[-1]]) if asks else (NONE, 0)
        return bid, bid_size, ask, ask_size

    def replay(self, rows: Iterable[tuple[int, int, int]]) -> list[Row]:
        """Rows of (side, price, size); the best quotes after each."""
        out = []
        for side, price, size in rows:
            self.set(side, price, size)
            out.append(self.quotes())
        return out


class PlainOrders:
    """Orders by id; the queue at a price is the order in which a dict was filled."""

    def __init__(self) -> None:
        self.levels = PlainLevels()
        self.orders: dict[int, list[int]] = {}

    def change(self, side: int, price: int, by: int) -> int:
        size = self.levels.get(side, price) + by
        self.levels.set(side, price, size)
        return size

    def replay(self, rows: Iterable[tuple[Any, ...]]) -> list[Row]:
        """Rows of (action, side, price, size, order_id), of sound streams."""
        orders, out = self.orders, []
        for action, side, price, size, order_id in rows:
            if action == 1:
                orders[order_id] = [side, price, size]
                self.change(side, price, size)
            else:
                order = orders[order_id]
                taken = order[2] if action == 3 else size
                order[2] -= taken
                if not order[2]:
                    del orders[order_id]
                self.change(order[0], order[1], -taken)
            out.append(self.levels.quotes())
        return out
